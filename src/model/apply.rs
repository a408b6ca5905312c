use super::{
    Action, AuditEvent, ChainHash, Command, CursorKey, Digest, Entry, EventId, Key, KeyState, Namespace,
    NamespaceRecord, NamespaceState, Op, Outcome, Tombstone, ValueType,
};
use crate::base::{LogId, LogIndex, Term, WallTime};

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
}

/// What a log entry does: all of it together, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects {
    pub changes: Vec<Change>,
    /// To be appended to the audit, in this order.
    pub events: Vec<AuditEvent>,
    pub log_time: WallTime,
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
}

/// The effects of a command at its place in the log.
pub fn apply<V: View>(view: &V, at: LogId, command: &Command) -> Result<Effects, V::Error> {
    let log_time = command.stamp.max(view.log_time());
    let mut step = Step { view, at, command, effects: enter(view, at, log_time), audit_head: view.audit_head() };
    let outcome = match &command.op {
        Op::Set { namespace, key, value, value_type } => step.set(namespace, key, value, *value_type)?,
        Op::Delete { namespace, key } => step.delete(namespace, key)?,
        Op::SetNamespace { namespace, description, owner } => step.set_namespace(namespace, description, owner)?,
        Op::DeleteNamespace { namespace } => step.delete_namespace(namespace)?,
        Op::Bootstrap { cursor_key } => step.bootstrap(*cursor_key),
        Op::Rollback { namespace, key, revision } => step.rollback(namespace, key, *revision)?,
    };
    Ok(Effects { outcome, ..step.effects })
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
    Effects { changes, events: Vec::new(), log_time, outcome: Outcome::None }
}

/// One command being applied.
struct Step<'a, V> {
    view: &'a V,
    at: LogId,
    command: &'a Command,
    effects: Effects,
    audit_head: ChainHash,
}

impl<V: View> Step<'_, V> {
    fn set(
        &mut self,
        namespace: &Namespace,
        key: &Key,
        value: &str,
        value_type: ValueType,
    ) -> Result<Outcome, V::Error> {
        let before = self.view.key(namespace, key)?;
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
        self.effects.changes.push(Change::Key { n: 0, state: KeyState::Live(entry.clone()), replaces });
        Ok(Outcome::Set { entry, created: before.is_none() })
    }

    fn delete(&mut self, namespace: &Namespace, key: &Key) -> Result<Outcome, V::Error> {
        let Some(KeyState::Live(before)) = self.view.key(namespace, key)? else {
            return Ok(Outcome::Absent);
        };
        let found = self.view.namespace(namespace)?.and_then(NamespaceRecord::live);
        let mut row = found.expect("a live entry has a namespace: it cannot go before it");
        row.entries = row.entries.checked_sub(1).expect("a namespace counts all its live entries");
        self.effects.changes.push(Change::Namespace { record: NamespaceRecord::Live(row), replaces: None });
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
        let replaces = Some(before.revision);
        self.effects.changes.push(Change::Key { n: 0, state: KeyState::Deleted(tombstone), replaces });
        Ok(Outcome::Deleted)
    }

    /// A set or a delete like any other: what was written since stays in history.
    fn rollback(&mut self, namespace: &Namespace, key: &Key, revision: LogId) -> Result<Outcome, V::Error> {
        match self.view.key_at(namespace, key, revision)? {
            Some(KeyState::Live(entry)) => self.set(namespace, key, &entry.value, entry.value_type),
            Some(KeyState::Deleted(_)) => self.delete(namespace, key),
            None => Ok(Outcome::NoSuchRevision),
        }
    }

    fn set_namespace(&mut self, namespace: &Namespace, description: &str, owner: &str) -> Result<Outcome, V::Error> {
        let before = self.view.namespace(namespace)?;
        let created = !matches!(before, Some(NamespaceRecord::Live(_)));
        let namespace = self.write_namespace(before, namespace, description, owner, 0);
        Ok(Outcome::NamespaceSet { namespace, created })
    }

    fn delete_namespace(&mut self, namespace: &Namespace) -> Result<Outcome, V::Error> {
        let Some(NamespaceRecord::Live(before)) = self.view.namespace(namespace)? else {
            return Ok(Outcome::Absent);
        };
        if before.entries > 0 {
            return Ok(Outcome::NamespaceNotEmpty);
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
        self.effects.changes.push(Change::Namespace { record, replaces: Some(before.revision) });
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
        match self.view.namespace(namespace)? {
            Some(NamespaceRecord::Live(mut row)) => {
                row.entries += 1;
                self.effects.changes.push(Change::Namespace { record: NamespaceRecord::Live(row), replaces: None });
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
        self.effects.changes.push(Change::Namespace { record: NamespaceRecord::Live(row.clone()), replaces });
        row
    }

    /// Appends the audit event of one effective change.
    fn record(&mut self, fact: Fact<'_>) {
        let n = u32::try_from(self.effects.events.len()).expect("a command makes at most a few events");
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
