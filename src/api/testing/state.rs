use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use bytes::Bytes;

use super::LOG_TIME;
use crate::api::below::{AuditLog, BackupBytes, OpenedBackup, ReadView, State};
use crate::api::read::ReadError;
use crate::api::types::{
    ApplyStatus, AuditBreak, AuditEvent, AuditPage, AuditVerification, EventId, ListPage, NamespacePage,
};
use crate::base::{LogId, LogIndex, RequestId, Term, WallTime};
use crate::host::{BoxFuture, StoreError};
use crate::keys::{DiffPage, Difference, HistoryPage, Selection};
use crate::model::{
    self, Applied, CHAIN_START, ChainHash, Change, Command, CursorKey, Entry, IdempotencyKey, Key, KeyState, Namespace,
    NamespaceRecord, NamespaceState, Receipt, ReceiptPlace, View, Write,
};

/// The term in which everything is applied.
const TERM: u64 = 5;

/// State and audit in memory, by the real transition, applied in term 5 from index 1 on.
#[derive(Default)]
pub struct FakeState(Arc<Mutex<FakeRows>>);

#[derive(Clone, Default)]
struct FakeRows {
    index: u64,
    hash: u128,
    rows: Maps,
    /// The rows as of each index before this.
    past: Vec<Maps>,
    audit_head: Option<ChainHash>,
    log_time: Option<WallTime>,
    alarm: Option<String>,
    events: Vec<AuditEvent>,
    audit_broken: bool,
    broken: bool,
    waiting: Vec<Waker>,
}

#[derive(Clone, Default)]
struct Maps {
    keys: BTreeMap<(Namespace, Key), KeyState>,
    namespaces: BTreeMap<Namespace, NamespaceRecord>,
    receipts: BTreeMap<(String, IdempotencyKey), Receipt>,
    /// What last changed the list of a namespace's entries, or that of namespaces.
    lists: BTreeMap<Option<Namespace>, LogId>,
}

impl FakeState {
    pub fn applied(&self) -> Option<LogId> {
        self.0.lock().unwrap().applied()
    }

    pub fn set_hash(&self, hash: u128) {
        self.0.lock().unwrap().hash = hash;
    }

    /// The state is found damaged, or no longer.
    pub fn set_alarm(&self, alarm: Option<&str>) {
        self.0.lock().unwrap().alarm = alarm.map(str::to_owned);
    }

    /// The log time of what is applied from now on.
    pub fn set_log_time(&self, time: WallTime) {
        self.0.lock().unwrap().log_time = Some(time);
    }

    /// All reads fail from now on.
    pub fn break_store(&self) {
        self.0.lock().unwrap().broken = true;
    }

    /// The last event is found altered.
    pub fn break_audit(&self) {
        self.0.lock().unwrap().audit_broken = true;
    }

    pub fn apply(&self, write: impl Into<Write>, actor: String, request_id: RequestId) -> Applied {
        let mut state = self.0.lock().unwrap();
        let before = state.rows.clone();
        state.past.push(before);
        state.index += 1;
        let revision = LogId::new(TERM, state.index);
        let stamp = View::log_time(&*state);
        let command = Command { stamp, actor, request_id, write: write.into() };
        let Ok(effects) = model::apply(&*state, revision, &command);
        let mut values = BTreeMap::new();
        for change in effects.changes {
            match change {
                Change::Key { state: new, .. } => {
                    let name = match &new {
                        KeyState::Live(entry) => (entry.namespace.clone(), entry.key.clone()),
                        KeyState::Deleted(gone) => (gone.namespace.clone(), gone.key.clone()),
                    };
                    let now = value_of(new.clone());
                    let before = state.rows.keys.insert(name.clone(), new).and_then(value_of);
                    state.rows.lists.insert(Some(name.0.clone()), revision);
                    values.insert(name, (before, now));
                }
                Change::Namespace { record, .. } => {
                    if record.revision() == revision {
                        state.rows.lists.insert(None, revision);
                    }
                    state.rows.namespaces.insert(record.path().clone(), record);
                }
                Change::Receipt { principal, key, receipt } => {
                    state.rows.receipts.insert((principal, key), receipt);
                }
                Change::Forget(_) => unreachable!("time stands still here"),
                Change::Term { .. } | Change::CursorKey(_) => {}
            }
        }
        for event in effects.events {
            state.audit_head = Some(event.hash);
            state.events.push(shown(event, &values));
        }
        state.waiting.drain(..).for_each(Waker::wake);
        Applied { revision: effects.revision, outcome: effects.outcome }
    }
}

fn value_of(state: KeyState) -> Option<String> {
    state.live().map(|entry| entry.value)
}

/// Old and new value of every key that a command changed.
type Values = BTreeMap<(Namespace, Key), (Option<String>, Option<String>)>;

/// An event, with the values that it is about where it is about a key.
fn shown(event: model::AuditEvent, values: &Values) -> AuditEvent {
    let of_key = event.key.clone().and_then(|key| values.get(&(event.namespace.clone(), key)).cloned());
    let (old_value, new_value) = of_key.unwrap_or_default();
    AuditEvent {
        id: EventId { revision: event.id.revision, n: event.id.n },
        timestamp: event.timestamp,
        action: event.action.to_string(),
        actor: event.actor,
        namespace: event.namespace,
        key: event.key,
        old_value,
        new_value,
        old_digest: event.old_digest.map(|digest| digest.to_string()),
        new_digest: event.new_digest.map(|digest| digest.to_string()),
        request_id: event.request_id,
        previous_hash: hex::encode(event.previous_hash),
        hash: hex::encode(event.hash),
    }
}

impl FakeRows {
    fn applied(&self) -> Option<LogId> {
        Some(LogId::new(TERM, self.index))
    }

    /// All that a key ever was, newest first.
    fn states(&self, namespace: &Namespace, key: &Key) -> Vec<KeyState> {
        let name = (namespace.clone(), key.clone());
        let mut states: Vec<KeyState> =
            self.past.iter().chain([&self.rows]).filter_map(|maps| maps.keys.get(&name).cloned()).collect();
        states.dedup();
        states.reverse();
        states
    }

    /// The rows as they were at `at`, which a view is only asked for when it has come that far.
    fn rows_at(&self, at: Option<LogIndex>) -> &Maps {
        let at = at.map_or(self.index, |at| at.0);
        assert!(at <= self.index, "a view is asked for what it has reached");
        self.past.get(at as usize).unwrap_or(&self.rows)
    }
}

impl View for FakeRows {
    type Error = Infallible;

    fn key(&self, namespace: &Namespace, key: &Key) -> Result<Option<KeyState>, Infallible> {
        Ok(self.rows.keys.get(&(namespace.clone(), key.clone())).cloned())
    }

    fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceRecord>, Infallible> {
        Ok(self.rows.namespaces.get(namespace).cloned())
    }

    fn key_at(&self, namespace: &Namespace, key: &Key, revision: LogId) -> Result<Option<KeyState>, Infallible> {
        Ok(self.states(namespace, key).into_iter().find(|state| state.revision() == revision))
    }

    fn log_time(&self) -> WallTime {
        self.log_time.unwrap_or(LOG_TIME)
    }

    fn audit_head(&self) -> ChainHash {
        self.audit_head.unwrap_or(CHAIN_START)
    }

    fn last_term(&self) -> Option<Term> {
        Some(Term(TERM))
    }

    fn cursor_key(&self) -> Option<CursorKey> {
        None
    }

    fn receipt(&self, principal: &str, key: &IdempotencyKey) -> Result<Option<Receipt>, Infallible> {
        Ok(self.rows.receipts.get(&(principal.to_owned(), key.clone())).cloned())
    }

    fn receipts_from(&self) -> Option<WallTime> {
        None
    }

    fn oldest_receipts(&self, _: WallTime, _: usize) -> Result<Vec<ReceiptPlace>, Infallible> {
        Ok(Vec::new())
    }
}

impl State for FakeState {
    fn status(&self) -> ApplyStatus {
        let state = self.0.lock().unwrap();
        ApplyStatus { applied: state.applied(), state_hash: state.hash, alarm: state.alarm.clone() }
    }

    fn view(&self) -> Result<Box<dyn ReadView>, String> {
        let state = self.0.lock().unwrap();
        if state.broken {
            return Err("a flipped bit".to_owned());
        }
        Ok(Box::new(state.clone()))
    }

    fn wait_applied(&self, index: LogIndex) -> BoxFuture<'static, bool> {
        let state = self.0.clone();
        Box::pin(poll_fn(move |cx| {
            let mut state = state.lock().unwrap();
            if state.index >= index.0 {
                return Poll::Ready(true);
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        }))
    }

    /// Three pieces, of which a broken state has two.
    fn backup(&self) -> BoxFuture<'static, Result<OpenedBackup, String>> {
        let rows = self.0.lock().unwrap();
        let revision = rows.applied().ok_or_else(|| "nothing has been applied yet".to_owned());
        let bytes = FakeBackup { left: vec!["end", "middle ", "begin "], broken: rows.broken };
        Box::pin(std::future::ready(revision.map(|revision| (revision, Box::new(bytes) as Box<dyn BackupBytes>))))
    }
}

struct FakeBackup {
    left: Vec<&'static str>,
    broken: bool,
}

impl BackupBytes for FakeBackup {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, String>> {
        let ended = self.broken && self.left.len() == 1;
        let next = if ended { Err("a flipped bit".to_owned()) } else { Ok(self.left.pop().map(Bytes::from)) };
        Box::pin(std::future::ready(next))
    }
}

impl ReadView for FakeRows {
    fn applied(&self) -> Option<LogId> {
        FakeRows::applied(self)
    }

    fn term_at(&self, index: LogIndex) -> Result<Option<Term>, StoreError> {
        Ok((index.0 <= self.index).then_some(Term(TERM)))
    }

    fn entry(&self, namespace: &Namespace, key: &Key) -> Result<Option<Entry>, StoreError> {
        let Ok(found) = View::key(self, namespace, key);
        Ok(found.and_then(KeyState::live))
    }

    fn list(
        &self,
        of: Selection<'_>,
        after: Option<&Key>,
        limit: usize,
        _: usize,
        at: Option<LogIndex>,
    ) -> Result<ListPage, StoreError> {
        let fits = |entry: &Entry| {
            entry.namespace == *of.namespace
                && entry.key.as_str().starts_with(of.prefix)
                && of.value_type.is_none_or(|value_type| entry.value_type == value_type)
                && after.is_none_or(|after| entry.key > *after)
        };
        let live = self.rows_at(at).keys.values().cloned().filter_map(KeyState::live);
        let mut entries: Vec<Entry> = live.filter(fits).take(limit + 1).collect();
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.key.clone());
        Ok(ListPage { entries, next })
    }

    fn key_state_at(&self, namespace: &Namespace, key: &Key, at: LogIndex) -> Result<Option<KeyState>, StoreError> {
        Ok(self.rows_at(Some(at)).keys.get(&(namespace.clone(), key.clone())).cloned())
    }

    fn history(
        &self,
        namespace: &Namespace,
        key: &Key,
        before: Option<LogIndex>,
        limit: usize,
        _: usize,
    ) -> Result<HistoryPage, StoreError> {
        let mut states = self.states(namespace, key);
        states.retain(|state| before.is_none_or(|before| state.revision().index < before));
        let more = states.len() > limit;
        states.truncate(limit);
        Ok(HistoryPage { states, more })
    }

    fn diff(
        &self,
        namespace: &Namespace,
        between: (LogIndex, LogIndex),
        after: Option<&Key>,
        limit: usize,
        _: usize,
    ) -> Result<DiffPage, StoreError> {
        let mut differences = Vec::new();
        for (of, key) in self.rows.keys.keys() {
            let entry = |at| self.key_state_at(namespace, key, at).map(|state| state.and_then(KeyState::live));
            let (was, is) = (entry(between.0)?, entry(between.1)?);
            let said = |entry: &Option<Entry>| entry.as_ref().map(|entry| (entry.value_type, entry.value.clone()));
            if of == namespace && after.is_none_or(|after| key > after) && said(&was) != said(&is) {
                differences.push(Difference { key: key.clone(), before: was, after: is });
            }
        }
        let more = differences.len() > limit;
        differences.truncate(limit);
        let next = differences.last().filter(|_| more).map(|difference| difference.key.clone());
        Ok(DiffPage { differences, next })
    }

    fn log_time(&self) -> WallTime {
        View::log_time(self)
    }

    fn revision_at(&self, time: WallTime) -> Result<Option<LogId>, StoreError> {
        Ok(self.events.iter().rev().find(|event| event.timestamp <= time).map(|event| event.id.revision))
    }

    fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceState>, StoreError> {
        let Ok(found) = View::namespace(self, namespace);
        Ok(found.and_then(NamespaceRecord::live))
    }

    fn namespaces(
        &self,
        prefix: &str,
        after: Option<&Namespace>,
        limit: usize,
        _: usize,
        at: Option<LogIndex>,
    ) -> Result<NamespacePage, StoreError> {
        let fits =
            |row: &NamespaceState| row.path.as_str().starts_with(prefix) && after.is_none_or(|after| row.path > *after);
        let live = self.rows_at(at).namespaces.values().cloned().filter_map(NamespaceRecord::live);
        let mut namespaces: Vec<NamespaceState> = live.filter(fits).take(limit + 1).collect();
        let more = namespaces.len() > limit;
        namespaces.truncate(limit);
        Ok(NamespacePage { namespaces, more })
    }

    fn list_changed(&self, namespace: Option<&Namespace>) -> Result<Option<LogId>, StoreError> {
        Ok(self.rows.lists.get(&namespace.cloned()).copied())
    }

    fn cursor_key(&self) -> Option<[u8; 32]> {
        (self.index > 0).then_some([9; 32])
    }
}

impl AuditLog for FakeState {
    fn events(
        &self,
        namespace: Option<Namespace>,
        before: Option<EventId>,
        limit: usize,
    ) -> BoxFuture<'static, Result<AuditPage, ReadError>> {
        let state = self.0.lock().unwrap();
        let fits = |event: &&AuditEvent| {
            namespace.as_ref().is_none_or(|namespace| event.namespace == *namespace)
                && before.is_none_or(|before| event.id < before)
        };
        let mut events: Vec<AuditEvent> = state.events.iter().rev().filter(fits).take(limit + 1).cloned().collect();
        let more = events.len() > limit;
        events.truncate(limit);
        Box::pin(std::future::ready(Ok(AuditPage { events, more, applied: state.applied() })))
    }

    /// Finds the chain whole, or broken at its last event where the fake was told so.
    fn verify(&self) -> BoxFuture<'static, Result<AuditVerification, ReadError>> {
        let state = self.0.lock().unwrap();
        let whole = &state.events[..state.events.len() - usize::from(state.audit_broken)];
        let broken = state
            .events
            .get(whole.len())
            .map(|event| AuditBreak { event: Some(event.id), reason: "it was altered".to_owned() });
        Box::pin(std::future::ready(Ok(AuditVerification {
            events: whole.len() as u64,
            first: state.events.first().map(|event| event.id),
            last: whole.last().map(|event| event.id),
            last_hash: whole.last().map_or_else(|| hex::encode(CHAIN_START), |event| event.hash.clone()),
            applied: state.applied(),
            broken,
        })))
    }
}
