use std::collections::BTreeMap;

use super::once::{self, Kept};
use super::{
    Action, AuditEvent, ChainHash, Command, CursorKey, Digest, Entry, EventId, FailedCompare, IdempotencyKey, Key,
    KeyState, Namespace, NamespaceRecord, NamespaceState, Op, OpResult, Outcome, Receipt, ReceiptPlace, Tombstone, Txn,
    TxnOp, ValueType,
};
use crate::base::{LogId, LogIndex, Term, WallTime};

/// Receipts that one command lets go, at most. More than the one that it may add, so that none is left over for long.
const RECEIPTS_EXPIRED_MAX: usize = 8;

/// The state as a command finds it: everything before its place in the log, and nothing after.
pub trait View {
    /// How reading can fail; the transition itself cannot.
    type Error;

    /// A key's current entry or tombstone.
    fn key(&self, namespace: &Namespace, key: &Key) -> Result<Option<KeyState>, Self::Error>;
    /// The state that a revision made of a key, where history has it. The current one is the newest of it.
    fn key_at(&self, namespace: &Namespace, key: &Key, revision: LogId) -> Result<Option<KeyState>, Self::Error>;
    /// A namespace's current state or tombstone.
    fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceRecord>, Self::Error>;
    /// The time that the state knows. It never goes back.
    fn log_time(&self) -> WallTime;
    /// The hash of the last audit event, [`super::CHAIN_START`] before the first.
    fn audit_head(&self) -> ChainHash;
    /// The term of the last entry applied, of whatever kind.
    fn last_term(&self) -> Option<Term>;
    fn cursor_key(&self) -> Option<CursorKey>;
    /// What became of the request that a principal sent under this key.
    fn receipt(&self, principal: &str, key: &IdempotencyKey) -> Result<Option<Receipt>, Self::Error>;
    /// No receipt is older than this; `None` where there are none. See [`Effects::receipts_from`].
    fn receipts_from(&self) -> Option<WallTime>;
    /// The first `limit` receipts in the order of time; none is older than `from`.
    fn oldest_receipts(&self, from: WallTime, limit: usize) -> Result<Vec<ReceiptPlace>, Self::Error>;
}

/// What a log entry does: all of it together, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects {
    pub changes: Vec<Change>,
    /// To be appended to the audit, in this order.
    pub events: Vec<AuditEvent>,
    pub log_time: WallTime,
    /// What [`View::receipts_from`] is to be from here on.
    pub receipts_from: Option<WallTime>,
    /// Where the outcome is from: this entry's place, or an earlier one where the request is a repeat.
    pub revision: LogId,
    pub outcome: Outcome,
}

/// One change of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key's new state, the `n`th of its revision. The state that it replaces, where there is one, moves to history.
    Key {
        n: u32,
        state: KeyState,
        replaces: Option<LogId>,
    },
    /// A namespace's new state. Where its revision is new too, the state that it replaces, if there is one, moves to
    /// history; where only its entries were counted, nothing does.
    Namespace {
        record: NamespaceRecord,
        replaces: Option<LogId>,
    },
    /// A term that the log enters here: from this index on, until the next such row.
    Term {
        first: LogIndex,
        term: Term,
    },
    CursorKey(CursorKey),
    /// What became of a request is kept under its key.
    Receipt {
        principal: String,
        key: IdempotencyKey,
        receipt: Receipt,
    },
    /// A receipt is kept no longer.
    Forget(ReceiptPlace),
}

/// The effects of a command at its place in the log.
pub fn apply<V: View>(view: &V, at: LogId, command: &Command) -> Result<Effects, V::Error> {
    let log_time = command.stamp.max(view.log_time());
    let mut step = Step {
        view,
        at,
        command,
        effects: enter(view, at, log_time),
        audit_head: view.audit_head(),
        namespaces: BTreeMap::new(),
        keys: Vec::new(),
    };
    step.expire()?;
    let (revision, outcome) = step.once()?;
    Ok(step.finish(revision, outcome))
}

/// The effects of a log entry that is no command: a leader's blank entry or a membership.
pub fn apply_unchanged<V: View>(view: &V, at: LogId) -> Effects {
    enter(view, at, view.log_time())
}

/// What any log entry does: it may be the first of its term.
fn enter<V: View>(view: &V, at: LogId, log_time: WallTime) -> Effects {
    let last_term = view.last_term();
    assert!(last_term <= Some(at.term), "the log's term went back: {last_term:?} to {}", at.term);
    let is_new = last_term != Some(at.term);
    let changes = if is_new { vec![Change::Term { first: at.index, term: at.term }] } else { Vec::new() };
    let receipts_from = view.receipts_from();
    Effects { changes, events: Vec::new(), log_time, receipts_from, revision: at, outcome: Outcome::None }
}

/// One command being applied.
struct Step<'a, V> {
    view: &'a V,
    at: LogId,
    command: &'a Command,
    effects: Effects,
    audit_head: ChainHash,
    /// As this command leaves them so far: its changes of entries are counted here.
    namespaces: BTreeMap<Namespace, NamespaceChange>,
    /// Its changes of entries, each of another key.
    keys: Vec<Change>,
}

/// See [`Change::Namespace`].
struct NamespaceChange {
    record: NamespaceRecord,
    replaces: Option<LogId>,
}

impl<V: View> Step<'_, V> {
    /// Lets go of the oldest receipts, where their time is over.
    fn expire(&mut self) -> Result<(), V::Error> {
        let now = self.effects.log_time;
        let Some(from) = self.effects.receipts_from.filter(|from| once::has_expired(*from, now)) else {
            return Ok(());
        };
        let mut oldest = self.view.oldest_receipts(from, RECEIPTS_EXPIRED_MAX + 1)?.into_iter().peekable();
        for _ in 0..RECEIPTS_EXPIRED_MAX {
            let Some(place) = oldest.next_if(|place| once::has_expired(place.at, now)) else { break };
            self.effects.changes.push(Change::Forget(place));
        }
        self.effects.receipts_from = oldest.peek().map(|place| place.at);
        Ok(())
    }

    /// Does what is asked, or tells again what came of it when it was done.
    fn once(&mut self) -> Result<(LogId, Outcome), V::Error> {
        let Some(once) = &self.command.write.once else {
            return Ok((self.at, self.decide()?));
        };
        let (principal, now) = (&self.command.actor, self.effects.log_time);
        if let Some(receipt) = self.view.receipt(principal, &once.key)? {
            if !once::has_expired(receipt.at, now) {
                if receipt.fingerprint != once.fingerprint {
                    return Ok((self.at, Outcome::IdempotencyMismatch));
                }
                let op = match &self.command.write.op {
                    // The request does not say what was set, but the revision that it made does.
                    Op::Rollback { namespace, key, .. } => {
                        match self.view.key_at(namespace, key, receipt.revision)?.and_then(KeyState::live) {
                            Some(Entry { namespace, key, value, value_type, .. }) => {
                                &Op::Set { namespace, key, value, value_type }
                            }
                            None => &self.command.write.op,
                        }
                    }
                    op => op,
                };
                return Ok((receipt.revision, receipt.outcome(op, principal)));
            }
            // Its time is over, and it was not its turn yet: its place goes with it.
            let (at, revision) = (receipt.at, receipt.revision);
            let place = ReceiptPlace { at, revision, principal: principal.clone(), key: once.key.clone() };
            self.effects.changes.push(Change::Forget(place));
        }
        let outcome = self.decide()?;
        if let Some(result) = Kept::of(&outcome) {
            let receipt = Receipt { fingerprint: once.fingerprint, revision: self.at, at: now, result };
            let (principal, key) = (principal.clone(), once.key.clone());
            self.effects.changes.push(Change::Receipt { principal, key, receipt });
            self.effects.receipts_from.get_or_insert(now);
        }
        Ok((self.at, outcome))
    }

    fn decide(&mut self) -> Result<Outcome, V::Error> {
        match &self.command.write.op {
            Op::Set { namespace, key, value, value_type } => {
                let before = self.view.key(namespace, key)?;
                let current = before.as_ref().and_then(live_revision);
                if !self.command.write.condition.holds(current) {
                    return Ok(Outcome::PreconditionFailed { current });
                }
                let (entry, created) = self.set(before, namespace, key, value, *value_type)?;
                Ok(Outcome::Set { entry, created })
            }
            Op::Delete { namespace, key } => {
                // What is absent is absent, whatever the condition (RFC 9110, section 13.2.1).
                let Some(KeyState::Live(before)) = self.view.key(namespace, key)? else {
                    return Ok(Outcome::Absent);
                };
                let current = Some(before.revision);
                if !self.command.write.condition.holds(current) {
                    return Ok(Outcome::PreconditionFailed { current });
                }
                self.delete(before)?;
                Ok(Outcome::Deleted)
            }
            Op::SetNamespace { namespace, description, owner } => self.set_namespace(namespace, description, owner),
            Op::DeleteNamespace { namespace } => self.delete_namespace(namespace),
            Op::Bootstrap { cursor_key } => Ok(self.bootstrap(*cursor_key)),
            Op::Txn(txn) => self.txn(txn),
            Op::Rollback { namespace, key, revision } => self.rollback(namespace, key, *revision),
        }
    }

    /// The effects so far, in an order that does not depend on how they came about.
    fn finish(self, revision: LogId, outcome: Outcome) -> Effects {
        let mut effects = Effects { revision, outcome, ..self.effects };
        let namespaces = self.namespaces.into_values();
        effects
            .changes
            .extend(namespaces.map(|NamespaceChange { record, replaces }| Change::Namespace { record, replaces }));
        effects.changes.extend(self.keys);
        effects
    }

    fn txn(&mut self, txn: &Txn) -> Result<Outcome, V::Error> {
        let mut failed = Vec::new();
        for (n, compare) in (0..).zip(txn.compare()) {
            let found = self.view.key(&compare.namespace, &compare.key)?;
            let current = found.as_ref().and_then(live_revision);
            if current != compare.revision {
                failed.push(FailedCompare { n, current });
            }
        }
        if !failed.is_empty() {
            return Ok(Outcome::CompareFailed { failed });
        }
        let mut results = Vec::with_capacity(txn.ops().len());
        for op in txn.ops() {
            // No operation changes the key of another, so that the view still has what is before it.
            results.push(match op {
                TxnOp::Set { namespace, key, value, value_type } => {
                    let before = self.view.key(namespace, key)?;
                    let (entry, _) = self.set(before, namespace, key, value, *value_type)?;
                    OpResult::Set { version: entry.version }
                }
                TxnOp::Delete { namespace, key } => match self.view.key(namespace, key)? {
                    Some(KeyState::Live(before)) => {
                        self.delete(before)?;
                        OpResult::Deleted
                    }
                    Some(KeyState::Deleted(_)) | None => OpResult::Absent,
                },
            });
        }
        Ok(Outcome::Txn { results })
    }

    fn set(
        &mut self,
        before: Option<KeyState>,
        namespace: &Namespace,
        key: &Key,
        value: &str,
        value_type: ValueType,
    ) -> Result<(Entry, bool), V::Error> {
        let replaces = before.as_ref().map(KeyState::revision);
        let before = before.and_then(KeyState::live);
        let now = self.effects.log_time;
        if before.is_none() {
            self.count_new_entry(namespace)?;
        }
        let entry = Entry {
            namespace: namespace.clone(),
            key: key.clone(),
            value: value.to_owned(),
            value_type,
            version: before.as_ref().map_or(1, |entry| entry.version + 1),
            revision: self.at,
            created_at: before.as_ref().map_or(now, |entry| entry.created_at),
            updated_at: now,
            updated_by: self.command.actor.clone(),
        };
        self.record(Fact {
            action: Action::ConfigSet,
            namespace,
            key: Some(key),
            old_digest: before.as_ref().map(|entry| Digest::of_value(entry.value_type, &entry.value)),
            new_digest: Some(Digest::of_value(value_type, value)),
            old_revision: before.as_ref().map(|entry| entry.revision),
        });
        self.change_key(KeyState::Live(entry.clone()), replaces);
        Ok((entry, before.is_none()))
    }

    fn delete(&mut self, before: Entry) -> Result<(), V::Error> {
        let Entry { namespace, key, .. } = &before;
        let found = self.namespace(namespace)?.and_then(NamespaceRecord::live);
        let mut row = found.expect("a live entry has a namespace: it cannot go before it");
        row.entries = row.entries.checked_sub(1).expect("a namespace counts all its live entries");
        self.change_namespace(NamespaceRecord::Live(row), None);
        let tombstone = Tombstone {
            namespace: namespace.clone(),
            key: key.clone(),
            revision: self.at,
            deleted_at: self.effects.log_time,
            deleted_by: self.command.actor.clone(),
        };
        self.record(Fact {
            action: Action::ConfigDelete,
            namespace,
            key: Some(key),
            old_digest: Some(Digest::of_value(before.value_type, &before.value)),
            new_digest: None,
            old_revision: Some(before.revision),
        });
        self.change_key(KeyState::Deleted(tombstone), Some(before.revision));
        Ok(())
    }

    /// A set or a delete like any other: what was written since stays in history.
    fn rollback(&mut self, namespace: &Namespace, key: &Key, revision: LogId) -> Result<Outcome, V::Error> {
        // What was never there was not, whatever the condition (RFC 9110, section 13.2.1).
        let Some(was) = self.view.key_at(namespace, key, revision)? else {
            return Ok(Outcome::NoSuchRevision);
        };
        let before = self.view.key(namespace, key)?;
        let current = before.as_ref().and_then(live_revision);
        if !self.command.write.condition.holds(current) {
            return Ok(Outcome::PreconditionFailed { current });
        }
        match (was, before) {
            (KeyState::Live(was), before) => {
                let (entry, created) = self.set(before, namespace, key, &was.value, was.value_type)?;
                Ok(Outcome::Set { entry, created })
            }
            (KeyState::Deleted(_), Some(KeyState::Live(before))) => {
                self.delete(before)?;
                Ok(Outcome::Deleted)
            }
            (KeyState::Deleted(_), Some(KeyState::Deleted(_)) | None) => Ok(Outcome::Absent),
        }
    }

    fn set_namespace(&mut self, namespace: &Namespace, description: &str, owner: &str) -> Result<Outcome, V::Error> {
        let before = self.namespace(namespace)?;
        let live = before.clone().and_then(NamespaceRecord::live);
        let current = live.as_ref().map(|row| row.revision);
        if !self.command.write.condition.holds(current) {
            return Ok(Outcome::PreconditionFailed { current });
        }
        let namespace = self.write_namespace(before, namespace, description, owner, 0);
        Ok(Outcome::NamespaceSet { namespace, created: live.is_none() })
    }

    fn delete_namespace(&mut self, namespace: &Namespace) -> Result<Outcome, V::Error> {
        let Some(NamespaceRecord::Live(before)) = self.namespace(namespace)? else {
            return Ok(Outcome::Absent);
        };
        if before.entries > 0 {
            return Ok(Outcome::NamespaceNotEmpty);
        }
        let current = Some(before.revision);
        if !self.command.write.condition.holds(current) {
            return Ok(Outcome::PreconditionFailed { current });
        }
        self.record(Fact {
            action: Action::NamespaceDelete,
            namespace,
            key: None,
            old_digest: Some(Digest::of_namespace(&before.description, &before.owner)),
            new_digest: None,
            old_revision: Some(before.revision),
        });
        let record = NamespaceRecord::Deleted { path: namespace.clone(), revision: self.at };
        self.change_namespace(record, Some(before.revision));
        Ok(Outcome::Deleted)
    }

    fn bootstrap(&mut self, cursor_key: CursorKey) -> Outcome {
        // Two leaders in a row may both have found none: the first one counts on every node.
        if self.view.cursor_key().is_none() {
            self.effects.changes.push(Change::CursorKey(cursor_key));
        }
        Outcome::None
    }

    /// One more live entry: its namespace comes into being with its first, owned by the author.
    fn count_new_entry(&mut self, namespace: &Namespace) -> Result<(), V::Error> {
        match self.namespace(namespace)? {
            Some(NamespaceRecord::Live(mut row)) => {
                row.entries += 1;
                self.change_namespace(NamespaceRecord::Live(row), None);
            }
            absent => {
                let owner = &self.command.actor;
                self.write_namespace(absent, namespace, "", owner, 1);
            }
        }
        Ok(())
    }

    fn write_namespace(
        &mut self,
        before: Option<NamespaceRecord>,
        namespace: &Namespace,
        description: &str,
        owner: &str,
        entries_added: u64,
    ) -> NamespaceState {
        let replaces = before.as_ref().map(NamespaceRecord::revision);
        let before = before.and_then(NamespaceRecord::live);
        let digest = |row: &NamespaceState| Digest::of_namespace(&row.description, &row.owner);
        let row = NamespaceState {
            path: namespace.clone(),
            description: description.to_owned(),
            owner: owner.to_owned(),
            created_at: before.as_ref().map_or(self.effects.log_time, |row| row.created_at),
            revision: self.at,
            entries: before.as_ref().map_or(0, |row| row.entries) + entries_added,
        };
        self.record(Fact {
            action: Action::NamespaceSet,
            namespace,
            key: None,
            old_digest: before.as_ref().map(digest),
            new_digest: Some(digest(&row)),
            old_revision: before.as_ref().map(|row| row.revision),
        });
        self.change_namespace(NamespaceRecord::Live(row.clone()), replaces);
        row
    }

    /// A namespace as this command leaves it so far.
    fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceRecord>, V::Error> {
        match self.namespaces.get(namespace) {
            Some(changed) => Ok(Some(changed.record.clone())),
            None => self.view.namespace(namespace),
        }
    }

    fn change_namespace(&mut self, record: NamespaceRecord, replaces: Option<LogId>) {
        let path = record.path().clone();
        // A namespace that this command made takes the place of what was before it, however many entries it counts.
        let replaces = self.namespaces.get(&path).and_then(|changed| changed.replaces).or(replaces);
        self.namespaces.insert(path, NamespaceChange { record, replaces });
    }

    fn change_key(&mut self, state: KeyState, replaces: Option<LogId>) {
        let n = u32::try_from(self.keys.len()).expect("a command changes at most some hundred keys");
        self.keys.push(Change::Key { n, state, replaces });
    }

    /// Appends the audit event of one effective change.
    fn record(&mut self, fact: Fact<'_>) {
        let n = u32::try_from(self.effects.events.len()).expect("a command makes at most two events a key");
        let mut event = AuditEvent {
            id: EventId { revision: self.at, n },
            timestamp: self.effects.log_time,
            action: fact.action,
            actor: self.command.actor.clone(),
            request_id: self.command.request_id.clone(),
            namespace: fact.namespace.clone(),
            key: fact.key.cloned(),
            old_digest: fact.old_digest,
            new_digest: fact.new_digest,
            old_revision: fact.old_revision,
            previous_hash: self.audit_head,
            hash: self.audit_head,
        };
        event.hash = event.chained_hash();
        self.audit_head = event.hash;
        self.effects.events.push(event);
    }
}

/// The revision of an entry that is there.
fn live_revision(state: &KeyState) -> Option<LogId> {
    match state {
        KeyState::Live(entry) => Some(entry.revision),
        KeyState::Deleted(_) => None,
    }
}

/// What an audit event says beyond who, when and where in the chain.
struct Fact<'a> {
    action: Action,
    namespace: &'a Namespace,
    key: Option<&'a Key>,
    old_digest: Option<Digest>,
    new_digest: Option<Digest>,
    old_revision: Option<LogId>,
}

#[cfg(test)]
mod tests;
