use std::sync::Arc;

use bytes::Bytes;

use super::audit::Position;
use super::meta::{self, Summary};
use super::{RowError, Steps, audit, config, history, lists, namespace_history, namespaces, terms};
use crate::base::limits::{ENTRY_JSON_BYTES, NAMESPACE_JSON_BYTES};
use crate::base::{GroupId, LogId, LogIndex, Term, WallTime, json_bytes};
use crate::host::{Direction, Row, StoreError, StoreView};
use crate::model::{
    AuditEvent, ChainHash, Entry, EventId, Key, KeyState, Namespace, NamespaceRecord, NamespaceState, ValueType,
};

/// Rows that a page of a list passes over, tombstones and others that do not belong in it, before it ends early. Some tens
/// of milliseconds.
pub(super) const PASSED_ROWS_MAX: usize = 20_000;

/// The state at one moment: all reads of one view agree, whatever is applied meanwhile. Reads are short and bounded.
pub struct StateView {
    pub(super) group: GroupId,
    store_name: String,
    view: Box<dyn StoreView>,
    summary: Summary,
}

/// Gives a view of the state as it is now, to readers that know nothing of who keeps it.
pub type Views = Arc<dyn Fn() -> Result<StateView, StoreError> + Send + Sync>;

/// Which entries a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection<'a> {
    pub namespace: &'a Namespace,
    /// What their keys begin with.
    pub prefix: &'a str,
    /// What their values are; `None`: anything.
    pub value_type: Option<ValueType>,
}

/// Part of a list of entries, in byte order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage {
    pub entries: Vec<Entry>,
    /// There may be further entries: behind this key, which need not be listed itself.
    pub next: Option<Key>,
}

/// Part of the list of namespaces, in byte order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespacePage {
    pub namespaces: Vec<NamespaceState>,
    /// There are further namespaces behind the last one.
    pub more: bool,
}

impl StateView {
    /// The state that `view` shows. `store_name` is for errors.
    pub fn new(group: GroupId, store_name: &str, view: Box<dyn StoreView>) -> Result<StateView, StoreError> {
        let row = view.get(&meta::summary_key(group))?;
        let summary = row.map_or(Ok(Summary::default()), |row| meta::decode_summary(&row));
        let summary = summary.map_err(|e| e.in_store(store_name))?;
        Ok(StateView { group, store_name: store_name.to_owned(), view, summary })
    }

    /// The store that it is of, as errors name it.
    pub fn store_name(&self) -> &str {
        &self.store_name
    }

    /// The last log entry that this state holds.
    pub fn applied(&self) -> Option<LogId> {
        self.summary.applied
    }

    /// The time that this state knows.
    pub fn log_time(&self) -> WallTime {
        self.summary.log_time
    }

    /// The sum of the hashes of all rows of all spaces but meta.
    pub fn state_hash(&self) -> u128 {
        self.summary.state_hash
    }

    /// The hash of the last audit event.
    pub fn audit_head(&self) -> ChainHash {
        self.summary.audit_head
    }

    /// How many audit events there have been.
    pub fn audit_events(&self) -> u64 {
        self.summary.audit_events
    }

    /// The replicated secret that authenticates cursors; `None` until the first leader has given one.
    pub fn cursor_key(&self) -> Option<[u8; 32]> {
        self.summary.cursor_key.map(|key| key.0)
    }

    /// A key's current entry.
    pub fn entry(&self, namespace: &Namespace, key: &Key) -> Result<Option<Entry>, StoreError> {
        Ok(self.key_state(namespace, key)?.and_then(KeyState::live))
    }

    /// A key's current entry or tombstone.
    pub fn key_state(&self, namespace: &Namespace, key: &Key) -> Result<Option<KeyState>, StoreError> {
        let row = self.view.get(&config::key(self.group, namespace, key))?;
        row.map(|row| config::decode(namespace.clone(), key.clone(), &row).map_err(|e| self.unreadable(e))).transpose()
    }

    /// A key's state as of the revision with this index, from what is kept of it.
    pub fn key_state_at(&self, namespace: &Namespace, key: &Key, at: LogIndex) -> Result<Option<KeyState>, StoreError> {
        match self.key_state(namespace, key)? {
            Some(state) if state.revision().index > at => self.superseded_at(namespace, key, at),
            state => Ok(state),
        }
    }

    /// Entries whose keys come after `after`: at most `limit`, and fewer where they would pass `bytes_max` of JSON (but at
    /// least one, where there is one), or where too many rows lie between them.
    pub fn list(
        &self,
        of: Selection<'_>,
        after: Option<&Key>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<ListPage, StoreError> {
        self.list_at(of, after, limit, bytes_max, LogIndex(u64::MAX))
    }

    /// As [`StateView::list`], of the state as it was at the revision with this index: so that all pages of one list
    /// show one revision.
    pub fn list_at(
        &self,
        of: Selection<'_>,
        after: Option<&Key>,
        limit: usize,
        bytes_max: usize,
        at: LogIndex,
    ) -> Result<ListPage, StoreError> {
        let mut steps = Steps::new(config::range(self.group, of.namespace, of.prefix, after));
        let (mut entries, mut bytes, mut passed): (Vec<Entry>, _, _) = (Vec::new(), 0, 0);
        loop {
            // One more than is missing: it tells whether there is more. And as many again as were passed over in vain.
            let rows = steps.next(&*self.view, (limit + 1 - entries.len()).max(passed))?;
            let Some((last, _)) = rows.last() else {
                return Ok(ListPage { entries, next: None });
            };
            for (row_key, row) in &rows {
                // A key that was never set has no row and one that was deleted keeps its tombstone: so the current
                // rows name every key that ever was.
                let listed = self.listed(row_key, row, at)?;
                let Some(entry) = listed.filter(|entry| of.value_type.is_none_or(|it| entry.value_type == it)) else {
                    passed += 1;
                    continue;
                };
                bytes += entry_bytes(&entry);
                if let Some(before) = entries.last()
                    && (entries.len() == limit || bytes > bytes_max)
                {
                    let next = Some(before.key.clone());
                    return Ok(ListPage { entries, next });
                }
                entries.push(entry);
            }
            if passed >= PASSED_ROWS_MAX {
                let (_, key) = config::decode_key(self.group, last).map_err(|e| self.unreadable(e))?;
                return Ok(ListPage { entries, next: Some(key) });
            }
        }
    }

    /// The entry that a row of the current state stands for at `at`.
    fn listed(&self, row_key: &[u8], row: &[u8], at: LogIndex) -> Result<Option<Entry>, StoreError> {
        let (namespace, key) = config::decode_key(self.group, row_key).map_err(|e| self.unreadable(e))?;
        let state = config::decode(namespace, key, row).map_err(|e| self.unreadable(e))?;
        if state.revision().index <= at {
            return Ok(state.live());
        }
        let (namespace, key) = match &state {
            KeyState::Live(entry) => (&entry.namespace, &entry.key),
            KeyState::Deleted(tombstone) => (&tombstone.namespace, &tombstone.key),
        };
        Ok(self.superseded_at(namespace, key, at)?.and_then(KeyState::live))
    }

    /// The newest superseded state of a key at the revision with this index.
    pub(super) fn superseded_at(
        &self,
        namespace: &Namespace,
        key: &Key,
        at: LogIndex,
    ) -> Result<Option<KeyState>, StoreError> {
        let mut range = history::range(self.group, namespace, key);
        if let Some(next) = at.0.checked_add(1) {
            range.end = history::key(self.group, namespace, key, LogIndex(next));
        }
        let row = self.view.scan(&range, 1, Direction::Backward)?.pop();
        let decode = |(_, row): Row| history::decode(namespace.clone(), key.clone(), &row);
        row.map(|row| decode(row).map_err(|e| self.unreadable(e))).transpose()
    }

    /// A namespace.
    pub fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceState>, StoreError> {
        let row = self.view.get(&namespaces::key(self.group, namespace))?;
        let record = row.map(|row| namespaces::decode(namespace.clone(), &row).map_err(|e| self.unreadable(e)));
        Ok(record.transpose()?.and_then(NamespaceRecord::live))
    }

    /// Namespaces that begin with `prefix` and come after `after`, as they were at the revision with this index: at most
    /// `limit`, and fewer where they would pass `bytes_max` of JSON (but at least one, where there is one). The count of
    /// a namespace's entries is of no particular revision.
    pub fn namespaces_at(
        &self,
        prefix: &str,
        after: Option<&Namespace>,
        limit: usize,
        bytes_max: usize,
        at: LogIndex,
    ) -> Result<NamespacePage, StoreError> {
        let mut steps = Steps::new(namespaces::range(self.group, prefix, after));
        let (mut namespaces, mut bytes) = (Vec::new(), 0);
        loop {
            let rows = steps.next(&*self.view, limit + 1 - namespaces.len())?;
            if rows.is_empty() {
                return Ok(NamespacePage { namespaces, more: false });
            }
            for (row_key, row) in &rows {
                let Some(namespace) = self.listed_namespace(row_key, row, at)? else { continue };
                bytes += namespace_bytes(&namespace);
                if namespaces.len() == limit || (bytes > bytes_max && !namespaces.is_empty()) {
                    return Ok(NamespacePage { namespaces, more: true });
                }
                namespaces.push(namespace);
            }
        }
    }

    /// The namespace that a row of the current state stands for at `at`.
    fn listed_namespace(&self, row_key: &[u8], row: &[u8], at: LogIndex) -> Result<Option<NamespaceState>, StoreError> {
        let path = namespaces::decode_key(self.group, row_key).map_err(|e| self.unreadable(e))?;
        let record = namespaces::decode(path, row).map_err(|e| self.unreadable(e))?;
        if record.revision().index <= at {
            return Ok(record.live());
        }
        let path = record.path();
        let mut range = namespace_history::range(self.group, path);
        if let Some(next) = at.0.checked_add(1) {
            range.end = namespace_history::key(self.group, path, LogIndex(next));
        }
        let row = self.view.scan(&range, 1, Direction::Backward)?.pop();
        let decode = |(_, row): Row| namespace_history::decode(path.clone(), &row);
        let record = row.map(|row| decode(row).map_err(|e| self.unreadable(e))).transpose()?;
        Ok(record.and_then(NamespaceRecord::live))
    }

    /// The revision that last changed the list of a namespace's entries, or the list of namespaces; `None` where nothing
    /// ever did.
    pub fn list_changed(&self, namespace: Option<&Namespace>) -> Result<Option<LogId>, StoreError> {
        let row = self.view.get(&lists::key(self.group, namespace))?;
        row.map(|row| lists::decode(&row).map_err(|e| self.unreadable(e))).transpose()
    }

    /// The term that the log has at a committed index; `None` beyond what is applied.
    pub fn term_at(&self, index: LogIndex) -> Result<Option<Term>, StoreError> {
        if self.applied().is_none_or(|applied| index > applied.index) {
            return Ok(None);
        }
        let row = self.view.scan(&terms::range_upto(self.group, index), 1, Direction::Backward)?.pop();
        row.map(|(_, row)| terms::decode(&row).map_err(|e| self.unreadable(e))).transpose()
    }

    /// At most `limit` audit events before `before`, newest first, of one namespace or of all.
    pub fn audit_before(
        &self,
        namespace: Option<&Namespace>,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        let before = before.map(audit::position);
        let Some(namespace) = namespace else {
            let rows = self.view.scan(&audit::range_before(self.group, before), limit, Direction::Backward)?;
            return rows.into_iter().map(|row| self.event(row)).collect();
        };
        let range = audit::namespace_range_before(self.group, namespace, before);
        let rows = self.view.scan(&range, limit, Direction::Backward)?;
        rows.iter().map(|(row_key, _)| self.indexed_event(row_key)).collect()
    }

    /// At most `limit` audit events after a position, oldest first.
    pub fn audit_after(&self, after: Option<Position>, limit: usize) -> Result<Vec<AuditEvent>, StoreError> {
        let rows = self.view.scan(&audit::range_after(self.group, after), limit, Direction::Forward)?;
        rows.into_iter().map(|row| self.event(row)).collect()
    }

    fn event(&self, (key, row): Row) -> Result<AuditEvent, StoreError> {
        let position = audit::decode_key(self.group, &key);
        position.and_then(|at| audit::decode(at, &row)).map_err(|e| self.unreadable(e))
    }

    fn indexed_event(&self, index_key: &[u8]) -> Result<AuditEvent, StoreError> {
        let (_, at) = audit::decode_namespace_key(self.group, index_key).map_err(|e| self.unreadable(e))?;
        let row = self.view.get(&audit::key(self.group, at))?.ok_or_else(|| StoreError {
            store: self.store_name.clone(),
            what: format!("the audit index names an event {}:{} that is not there", at.0, at.1),
        })?;
        audit::decode(at, &row).map_err(|e| self.unreadable(e))
    }

    /// What the state knows about itself.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The last membership applied, in Raft's encoding, and the entry that it came with.
    pub fn membership(&self) -> Result<Option<(LogId, Bytes)>, StoreError> {
        let row = self.view.get(&meta::membership_key(self.group))?;
        row.map(|row| meta::decode_membership(&row).map_err(|e| self.unreadable(e))).transpose()
    }

    /// The store's rows, as they are.
    pub fn raw(&self) -> &dyn StoreView {
        &*self.view
    }

    /// The store's rows, as they are.
    pub fn into_raw(self) -> Box<dyn StoreView> {
        self.view
    }

    pub(super) fn unreadable(&self, row: RowError) -> StoreError {
        row.in_store(&self.store_name)
    }
}

/// What an entry takes on a page, at most.
pub(super) fn entry_bytes(entry: &Entry) -> usize {
    let names = entry.namespace.as_str().len() + entry.key.as_str().len();
    ENTRY_JSON_BYTES + names + json_bytes(&entry.updated_by) + json_bytes(&entry.value)
}

/// The same for a namespace.
fn namespace_bytes(namespace: &NamespaceState) -> usize {
    NAMESPACE_JSON_BYTES
        + namespace.path.as_str().len()
        + json_bytes(&namespace.owner)
        + json_bytes(&namespace.description)
}
