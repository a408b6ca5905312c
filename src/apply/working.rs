use std::cell::RefCell;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::hash::row_hash;
use super::{ApplyEntry, ApplyPayload};
use crate::base::{GroupId, LogId, LogIndex, Term, WallTime};
use crate::host::{Batch, Direction, StoreError, StoreView};
use crate::keys::meta::{self, Summary};
use crate::keys::{audit, changes, config, dedup, history, lists, namespace_history, namespaces, terms};
use crate::model::{
    self, Applied, ChainHash, Change, CursorKey, Effects, IdempotencyKey, Key, KeyState, Namespace, NamespaceRecord,
    Receipt, ReceiptPlace, View,
};

/// The state while one batch is applied: the store, with the rows of the batch so far on top. Each entry sees what
/// those before it did.
pub(super) struct Working<'a> {
    group: GroupId,
    store_name: &'a str,
    store: &'a dyn StoreView,
    /// Every row read or written by this batch. Reads go through `&self`, as the model demands, and fill it.
    rows: RefCell<BTreeMap<Bytes, Cell>>,
    summary: Summary,
    membership: Option<(LogId, Bytes)>,
}

/// One row: as the store has it, and as the batch leaves it.
struct Cell {
    stored: Option<Bytes>,
    /// `None`: only read.
    written: Option<Option<Bytes>>,
}

/// What a batch comes to.
pub(super) struct Finished {
    pub batch: Batch,
    pub summary: Summary,
    /// The last membership among its entries.
    pub membership: Option<(LogId, Bytes)>,
}

impl<'a> Working<'a> {
    pub fn new(group: GroupId, store_name: &'a str, store: &'a dyn StoreView, summary: Summary) -> Working<'a> {
        Working { group, store_name, store, rows: RefCell::default(), summary, membership: None }
    }

    /// Applies the next entry of the log.
    pub fn apply(&mut self, entry: ApplyEntry) -> Result<Applied, StoreError> {
        let at = entry.id;
        let expected = self.summary.applied.map_or(LogIndex(0), |last| last.index.next());
        // Of all truths the first: an entry applied twice, or left out, is a state that no other node has.
        assert!(at.index == expected, "apply must go on at index {expected} and was given {at}");
        let effects = match &entry.payload {
            ApplyPayload::Command(command) => model::apply(self, at, command)?,
            ApplyPayload::Blank | ApplyPayload::Membership(_) => model::apply_unchanged(self, at),
        };
        let applied = self.absorb(at, effects)?;
        if let ApplyPayload::Membership(membership) = entry.payload {
            self.membership = Some((at, membership));
        }
        self.summary.applied = Some(at);
        Ok(applied)
    }

    /// The rows to commit, in the order of their keys, and the state in short behind them.
    pub fn finish(self) -> Finished {
        let Working { group, rows, mut summary, membership, .. } = self;
        let mut batch = Batch::default();
        for (key, cell) in rows.into_inner() {
            let Some(written) = cell.written else { continue };
            if let Some(stored) = &cell.stored {
                summary.state_hash = summary.state_hash.wrapping_sub(row_hash(&key, stored));
            }
            match written {
                Some(value) => {
                    summary.state_hash = summary.state_hash.wrapping_add(row_hash(&key, &value));
                    batch.put(key, value);
                }
                None if cell.stored.is_some() => batch.remove(key),
                None => {}
            }
        }
        if let Some((at, membership)) = &membership {
            batch.put(meta::membership_key(group), meta::encode_membership(*at, membership));
        }
        batch.put(meta::format_key(group), meta::format_value());
        batch.put(meta::summary_key(group), meta::encode_summary(&summary));
        Finished { batch, summary, membership }
    }

    /// Takes over what an entry does.
    fn absorb(&mut self, at: LogId, effects: Effects) -> Result<Applied, StoreError> {
        let group = self.group;
        for change in effects.changes {
            match change {
                Change::Key { n, state, replaces } => self.replace(n, &state, replaces)?,
                Change::Namespace { record, replaces } => self.replace_namespace(at, &record, replaces)?,
                Change::Term { first, term } => self.write_new(terms::key(group, first), terms::encode(term)),
                Change::CursorKey(key) => self.summary.cursor_key = Some(key),
                Change::Receipt { principal, key, receipt } => self.keep(principal, key, &receipt)?,
                Change::Forget(place) => self.forget(&place)?,
            }
        }
        for event in &effects.events {
            let at = audit::position(event.id);
            self.write_new(audit::key(group, at), audit::encode(event));
            self.write_new(audit::namespace_key(group, &event.namespace, at), audit::namespace_value());
            self.summary.audit_head = event.hash;
            self.summary.audit_events += 1;
        }
        self.summary.log_time = effects.log_time;
        self.summary.receipts_from = effects.receipts_from;
        Ok(Applied { revision: effects.revision, outcome: effects.outcome })
    }

    /// A key's new state takes the place of the old one, which moves to history as it is.
    fn replace(&mut self, n: u32, state: &KeyState, replaces: Option<LogId>) -> Result<(), StoreError> {
        let (namespace, key) = match state {
            KeyState::Live(entry) => (&entry.namespace, &entry.key),
            KeyState::Deleted(tombstone) => (&tombstone.namespace, &tombstone.key),
        };
        let row_key = config::key(self.group, namespace, key);
        if let Some(replaced) = replaces {
            let old = self.read(&row_key)?.expect("the model has just read the state that it replaces");
            self.write_new(history::key(self.group, namespace, key, replaced.index), old);
        }
        self.write_new(changes::key(self.group, state.revision().index, n), changes::encode(namespace, key));
        self.write(lists::key(self.group, Some(namespace)), Some(lists::encode(state.revision())))?;
        self.write(row_key, Some(config::encode(state)))
    }

    /// The same for a namespace; where it only counts its entries anew, nothing moves.
    fn replace_namespace(
        &mut self,
        at: LogId,
        record: &NamespaceRecord,
        replaces: Option<LogId>,
    ) -> Result<(), StoreError> {
        let row_key = namespaces::key(self.group, record.path());
        if record.revision() == at {
            self.write(lists::key(self.group, None), Some(lists::encode(at)))?;
        }
        if let Some(replaced) = replaces {
            let old = self.read(&row_key)?.expect("the model has just read the state that it replaces");
            self.write_new(namespace_history::key(self.group, record.path(), replaced.index), old);
        }
        self.write(row_key, Some(namespaces::encode(record)))
    }

    /// Keeps a receipt, with its place in the order of time.
    fn keep(&mut self, principal: String, key: IdempotencyKey, receipt: &Receipt) -> Result<(), StoreError> {
        self.write(dedup::key(self.group, &principal, &key), Some(dedup::encode(receipt)))?;
        let place = ReceiptPlace { at: receipt.at, revision: receipt.revision, principal, key };
        self.write_new(dedup::place_key(self.group, place.at, place.revision.index), dedup::encode_place(&place));
        Ok(())
    }

    fn forget(&mut self, place: &ReceiptPlace) -> Result<(), StoreError> {
        self.write(dedup::key(self.group, &place.principal, &place.key), None)?;
        self.write(dedup::place_key(self.group, place.at, place.revision.index), None)
    }

    fn read(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let mut rows = self.rows.borrow_mut();
        if let Some(cell) = rows.get(key) {
            return Ok(cell.written.as_ref().unwrap_or(&cell.stored).clone());
        }
        let stored = self.store.get(key)?;
        rows.insert(Bytes::copy_from_slice(key), Cell { stored: stored.clone(), written: None });
        Ok(stored)
    }

    /// A row as the batch has it so far, without taking it into the batch: a row that is not there yet may be written new.
    fn peek(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self.rows.borrow().get(key) {
            Some(cell) => Ok(cell.written.as_ref().unwrap_or(&cell.stored).clone()),
            None => self.store.get(key),
        }
    }

    fn write(&mut self, key: Bytes, value: Option<Bytes>) -> Result<(), StoreError> {
        self.read(&key)?;
        let cell = self.rows.get_mut().get_mut(&key).expect("a read leaves the row in the batch");
        cell.written = Some(value);
        Ok(())
    }

    /// Writes a row whose key holds the entry's own index, so that there cannot have been one before.
    fn write_new(&mut self, key: Bytes, value: Bytes) {
        let before = self.rows.get_mut().insert(key, Cell { stored: None, written: Some(Some(value)) });
        assert!(before.is_none(), "a row of one revision was written by another");
    }
}

impl View for Working<'_> {
    type Error = StoreError;

    fn key(&self, namespace: &Namespace, key: &Key) -> Result<Option<KeyState>, StoreError> {
        let Some(row) = self.read(&config::key(self.group, namespace, key))? else {
            return Ok(None);
        };
        let state = config::decode(namespace.clone(), key.clone(), &row);
        state.map(Some).map_err(|e| e.in_store(self.store_name))
    }

    fn key_at(&self, namespace: &Namespace, key: &Key, revision: LogId) -> Result<Option<KeyState>, StoreError> {
        if let Some(current) = self.key(namespace, key)?.filter(|state| state.revision() == revision) {
            return Ok(Some(current));
        }
        let row_key = history::key(self.group, namespace, key, revision.index);
        let Some(row) = self.peek(&row_key)? else {
            return Ok(None);
        };
        let state = history::decode(namespace.clone(), key.clone(), &row).map_err(|e| e.in_store(self.store_name))?;
        Ok(Some(state).filter(|state| state.revision() == revision))
    }

    fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceRecord>, StoreError> {
        let Some(row) = self.read(&namespaces::key(self.group, namespace))? else {
            return Ok(None);
        };
        let state = namespaces::decode(namespace.clone(), &row);
        state.map(Some).map_err(|e| e.in_store(self.store_name))
    }

    fn log_time(&self) -> WallTime {
        self.summary.log_time
    }

    fn audit_head(&self) -> ChainHash {
        self.summary.audit_head
    }

    fn last_term(&self) -> Option<Term> {
        self.summary.applied.map(|last| last.term)
    }

    fn cursor_key(&self) -> Option<CursorKey> {
        self.summary.cursor_key
    }

    fn receipt(&self, principal: &str, key: &IdempotencyKey) -> Result<Option<Receipt>, StoreError> {
        let row = self.read(&dedup::key(self.group, principal, key))?;
        row.map(|row| dedup::decode(&row).map_err(|e| e.in_store(self.store_name))).transpose()
    }

    fn receipts_from(&self) -> Option<WallTime> {
        self.summary.receipts_from
    }

    fn oldest_receipts(&self, from: WallTime, limit: usize) -> Result<Vec<ReceiptPlace>, StoreError> {
        let range = dedup::places_from(self.group, from);
        let rows = self.rows.borrow();
        let own = || {
            rows.range(range.start.clone()..range.end.clone())
                .filter_map(|(key, cell)| Some((key, cell.written.as_ref()?)))
        };
        // As many more as this batch took away.
        let removed = own().filter(|(_, written)| written.is_none()).count();
        let stored = self.store.scan(&range, limit + removed, Direction::Forward)?;
        let mut places: BTreeMap<Bytes, Bytes> = stored.into_iter().collect();
        for (key, written) in own() {
            match written {
                Some(value) => places.insert(key.clone(), value.clone()),
                None => places.remove(key),
            };
        }
        let places = places.iter().take(limit).map(|(key, value)| dedup::decode_place(self.group, key, value));
        places.map(|place| place.map_err(|e| e.in_store(self.store_name))).collect()
    }
}
