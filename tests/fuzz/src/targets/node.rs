//! A node's API and HTTP surface over fakes of what is below, which write down what they are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn, ready};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use confman::api::{
    ApiHandle, ApplyStatus, AuditLog, AuditPage, AuditVerification, BackupBytes, Below, CallError, ChangeError,
    ChangeRequest, Changed, Consensus, DiffPage, Difference, EventId, HistoryPage, Identity, ListPage, Member,
    NamespacePage, OpenedBackup, PeerCall, Peers, ProposeError, RaftRole, RaftStatus, ReadError, ReadIndexError,
    ReadView, Selection, Standing, State,
};
use confman::base::{GroupId, LogId, LogIndex, Monotonic, NodeId, RequestId, StorageId, Term, WallTime};
use confman::config::{ApiKey, FollowerWrites, RequestConfig, Role};
use confman::host::{
    BoxFuture, Clock, Entropy, Host, Lifeline, Link, PeerNet, Rng, Spawn, Store, StoreError, Stores, TaskHandle,
};
use confman::http::HttpState;
use confman::model::{
    Applied, Entry, Key, KeyState, Namespace, NamespaceState, Op, OpResult, Outcome, ValueType, Write,
};
use rand::SeedableRng;
use sha2::{Digest, Sha256};

use super::disk::Disk;

pub const ADMIN: &str = "cm_admin_secret_0000";
pub const READER: &str = "cm_reader_secret_000";
const APPLIED: LogId = LogId::new(5, 7);

/// Everything outside a node: time that passes only when all wait for it, and tasks that run when somebody runs them.
#[derive(Clone, Default)]
pub struct Outside(Arc<Inner>);

#[derive(Default)]
struct Inner {
    now: Mutex<Duration>,
    sleepers: Mutex<BTreeSet<Duration>>,
    tasks: Mutex<Vec<Option<BoxFuture<'static, ()>>>>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics holding it")
}

impl Outside {
    /// Ends all tasks: they hold the host, and the host holds them.
    pub fn end(&self) {
        let tasks = std::mem::take(&mut *lock(&self.0.tasks));
        drop(tasks);
    }

    /// Runs `main` to its end, and whatever was spawned along with it.
    fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = std::pin::pin!(main);
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            woken.0.store(false, Ordering::SeqCst);
            if let Poll::Ready(done) = main.as_mut().poll(&mut cx) {
                return done;
            }
            let mut at = 0;
            while at < lock(&self.0.tasks).len() {
                // Taken out while it is polled, since it may spawn.
                let task = lock(&self.0.tasks)[at].take();
                if let Some(mut task) = task {
                    if task.as_mut().poll(&mut cx).is_pending() {
                        lock(&self.0.tasks)[at] = Some(task);
                    } else {
                        woken.0.store(true, Ordering::SeqCst);
                    }
                }
                at += 1;
            }
            lock(&self.0.tasks).retain(Option::is_some);
            if !woken.0.load(Ordering::SeqCst) {
                let next = lock(&self.0.sleepers).pop_first();
                *lock(&self.0.now) = next.expect("all tasks wait, and none for time: a deadlock");
            }
        }
    }
}

/// A host without files; see [`Disk`] for some.
pub fn host(outside: &Outside) -> Host {
    let outside = Arc::new(outside.clone());
    Host {
        clock: outside.clone(),
        spawn: outside.clone(),
        entropy: outside.clone(),
        files: Arc::new(Disk::default()),
        stores: outside.clone(),
        peers: outside.clone(),
        lifeline: outside,
    }
}

impl Clock for Outside {
    fn now(&self) -> Monotonic {
        Monotonic(*lock(&self.0.now))
    }

    fn wall(&self) -> WallTime {
        WallTime(1_700_000_000_000)
    }

    fn sleep_until(&self, at: Monotonic) -> BoxFuture<'static, ()> {
        let outside = self.clone();
        Box::pin(poll_fn(move |_| {
            if outside.now() >= at {
                return Poll::Ready(());
            }
            lock(&outside.0.sleepers).insert(at.0);
            Poll::Pending
        }))
    }
}

impl Spawn for Outside {
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        lock(&self.0.tasks).push(Some(task));
        TaskHandle::new(|| {})
    }
}

impl Entropy for Outside {
    fn fork(&self, label: &'static str) -> Rng {
        Rng::seed_from_u64(label.len() as u64)
    }
}

impl Lifeline for Outside {
    fn fatal(&self, reason: &str) {
        panic!("the node stops: {reason}");
    }
}

fn no_store<T: Send + 'static>() -> BoxFuture<'static, Result<T, StoreError>> {
    Box::pin(ready(Err(StoreError { store: "none".to_owned(), what: "there are none".to_owned() })))
}

impl Stores for Outside {
    fn open(&self, _: &str) -> BoxFuture<'static, Result<Arc<dyn Store>, StoreError>> {
        no_store()
    }

    fn remove(&self, _: &str) -> BoxFuture<'static, Result<(), StoreError>> {
        no_store()
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        no_store()
    }
}

impl PeerNet for Outside {
    fn connect(&self, _: &str) -> BoxFuture<'static, io::Result<Link>> {
        Box::pin(ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn accept(&self) -> BoxFuture<'static, io::Result<Link>> {
        Box::pin(std::future::pending())
    }
}

/// What the rooms below were asked.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Asked>>);

#[derive(Clone, Default)]
struct Asked {
    proposed: Vec<Op>,
    names: Vec<(Namespace, Option<Key>)>,
}

impl Seen {
    /// What was proposed since this was asked last.
    pub fn proposed(&self) -> Vec<Op> {
        std::mem::take(&mut lock(&self.0).proposed)
    }

    /// What was looked up since this was asked last.
    pub fn names(&self) -> Vec<(Namespace, Option<Key>)> {
        std::mem::take(&mut lock(&self.0).names)
    }

    /// What an input left behind that failed, say.
    pub fn forget(&self) {
        *lock(&self.0) = Asked::default();
    }

    fn name(&self, namespace: &Namespace, key: Option<&Key>) {
        lock(&self.0).names.push((namespace.clone(), key.cloned()));
    }
}

/// The leader of a cluster of one, and what it was asked.
pub struct FakeNode {
    outside: Outside,
    pub api: ApiHandle,
    pub seen: Seen,
}

impl FakeNode {
    pub fn new() -> FakeNode {
        let (outside, seen) = (Outside::default(), Seen::default());
        let rooms = Arc::new(Rooms(seen.clone()));
        let below = Below { consensus: rooms.clone(), state: rooms.clone(), audit: rooms.clone(), peers: rooms };
        let config = RequestConfig {
            write_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(5),
            follower_writes: FollowerWrites::Auto,
            in_flight_max: 100,
        };
        let (cluster, version) = ("test".to_owned(), "0.1.0".to_owned());
        let identity = Identity { cluster, node: NodeId(1), group: GroupId::MAIN, version };
        let api = ApiHandle::start(&host(&outside), &config, identity, below);
        FakeNode { outside, api, seen }
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.outside.run(work)
    }

    /// Its REST surface, with a key for each role.
    pub fn router(&self) -> axum::Router {
        let key = |name: &str, secret: &str, role| ApiKey {
            name: name.to_owned(),
            principal: format!("{name}@test"),
            role,
            sha256: Sha256::digest(secret).into(),
        };
        let keys = vec![key("admin", ADMIN, Role::Admin), key("reader", READER, Role::Reader)];
        confman::http::router(HttpState::new(&host(&self.outside), self.api.clone(), keys, FollowerWrites::Auto))
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.outside.end();
    }
}

/// All rooms below the API: they have one of everything, and whatever is proposed is done.
struct Rooms(Seen);

fn entry(namespace: &Namespace, key: &Key) -> Entry {
    Entry {
        namespace: namespace.clone(),
        key: key.clone(),
        value: "value".to_owned(),
        value_type: ValueType::String,
        version: 1,
        revision: APPLIED,
        created_at: WallTime(0),
        updated_at: WallTime(0),
        updated_by: "admin@test".to_owned(),
    }
}

fn namespace_state(path: &Namespace) -> NamespaceState {
    NamespaceState {
        path: path.clone(),
        description: String::new(),
        owner: "admin@test".to_owned(),
        created_at: WallTime(0),
        revision: APPLIED,
        entries: 1,
    }
}

impl Consensus for Rooms {
    fn propose(
        &self,
        write: Write,
        _: String,
        _: RequestId,
        _: Monotonic,
    ) -> BoxFuture<'static, Result<Applied, ProposeError>> {
        let op = write.op;
        let outcome = match &op {
            Op::Set { namespace, key, .. } => Outcome::Set { entry: entry(namespace, key), created: true },
            Op::SetNamespace { namespace, .. } => {
                Outcome::NamespaceSet { namespace: namespace_state(namespace), created: true }
            }
            Op::Delete { .. } => Outcome::Deleted,
            Op::Rollback { .. } => Outcome::NoSuchRevision,
            Op::DeleteNamespace { .. } => Outcome::NamespaceNotEmpty,
            Op::Txn(txn) => Outcome::Txn { results: txn.ops().iter().map(|_| OpResult::Deleted).collect() },
            Op::Bootstrap { .. } => Outcome::None,
        };
        lock(&self.0.0).proposed.push(op);
        Box::pin(ready(Ok(Applied { revision: APPLIED, outcome })))
    }

    fn change_members(&self, _: ChangeRequest, _: Monotonic) -> BoxFuture<'static, Result<Changed, ChangeError>> {
        Box::pin(ready(Err(ChangeError::Conflict("it is a test".to_owned()))))
    }

    fn read_index(&self, _: Monotonic) -> BoxFuture<'static, Result<(), ReadIndexError>> {
        Box::pin(ready(Ok(())))
    }

    fn committed(&self, _: Monotonic) -> BoxFuture<'static, Result<LogId, ReadIndexError>> {
        Box::pin(ready(Ok(APPLIED)))
    }

    fn standing(&self) -> Standing {
        Standing::Member
    }

    fn status(&self) -> RaftStatus {
        let member = Member {
            peer: "10.0.0.1:7500".to_owned(),
            url: "http://n1:7400".to_owned(),
            storage: StorageId(1),
            voter: true,
        };
        RaftStatus {
            node: NodeId(1),
            role: RaftRole::Leader,
            term: Term(5),
            leader: Some(NodeId(1)),
            last_log: Some(APPLIED.index),
            committed: Some(APPLIED),
            applied: Some(APPLIED),
            snapshot: None,
            purged: None,
            members: BTreeMap::from([(NodeId(1), member)]),
            members_at: Some(APPLIED),
            joint: false,
            caught_up: true,
        }
    }

    fn leader_other_than(&self, _: Option<(Term, NodeId)>) -> BoxFuture<'static, ()> {
        Box::pin(ready(()))
    }
}

impl State for Rooms {
    fn status(&self) -> ApplyStatus {
        ApplyStatus { applied: Some(APPLIED), state_hash: 0, alarm: None }
    }

    fn view(&self) -> Result<Box<dyn ReadView>, String> {
        Ok(Box::new(Rooms(self.0.clone())))
    }

    fn wait_applied(&self, index: LogIndex) -> BoxFuture<'static, bool> {
        Box::pin(ready(index <= APPLIED.index))
    }

    fn backup(&self) -> BoxFuture<'static, Result<OpenedBackup, String>> {
        Box::pin(ready(Ok((APPLIED, Box::new(NoBytes) as Box<dyn BackupBytes>))))
    }
}

struct NoBytes;

impl BackupBytes for NoBytes {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, String>> {
        Box::pin(ready(Ok(None)))
    }
}

impl ReadView for Rooms {
    fn applied(&self) -> Option<LogId> {
        Some(APPLIED)
    }

    fn term_at(&self, index: LogIndex) -> Result<Option<Term>, StoreError> {
        Ok((index <= APPLIED.index).then_some(APPLIED.term))
    }

    fn entry(&self, namespace: &Namespace, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.0.name(namespace, Some(key));
        Ok(Some(entry(namespace, key)))
    }

    fn list(
        &self,
        of: Selection<'_>,
        after: Option<&Key>,
        _: usize,
        _: usize,
        _: Option<LogIndex>,
    ) -> Result<ListPage, StoreError> {
        self.0.name(of.namespace, None);
        let key = after.cloned().unwrap_or_else(|| Key::parse("k").expect("a key"));
        // Whoever reads all pages comes to an end.
        let next = after.is_none().then(|| key.clone());
        Ok(ListPage { entries: vec![entry(of.namespace, &key)], next })
    }

    fn key_state_at(&self, namespace: &Namespace, key: &Key, _: LogIndex) -> Result<Option<KeyState>, StoreError> {
        self.0.name(namespace, Some(key));
        Ok(Some(KeyState::Live(entry(namespace, key))))
    }

    fn history(
        &self,
        namespace: &Namespace,
        key: &Key,
        before: Option<LogIndex>,
        _: usize,
        _: usize,
    ) -> Result<HistoryPage, StoreError> {
        self.0.name(namespace, Some(key));
        Ok(HistoryPage { states: vec![KeyState::Live(entry(namespace, key))], more: before.is_none() })
    }

    fn diff(
        &self,
        namespace: &Namespace,
        _: (LogIndex, LogIndex),
        after: Option<&Key>,
        _: usize,
        _: usize,
    ) -> Result<DiffPage, StoreError> {
        self.0.name(namespace, None);
        let key = after.cloned().unwrap_or_else(|| Key::parse("k").expect("a key"));
        let difference = Difference { key: key.clone(), before: None, after: Some(entry(namespace, &key)) };
        Ok(DiffPage { differences: vec![difference], next: after.is_none().then_some(key) })
    }

    fn log_time(&self) -> WallTime {
        WallTime(1_700_000_000_000)
    }

    fn revision_at(&self, _: WallTime) -> Result<Option<LogId>, StoreError> {
        Ok(Some(APPLIED))
    }

    fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceState>, StoreError> {
        self.0.name(namespace, None);
        Ok(Some(namespace_state(namespace)))
    }

    fn namespaces(
        &self,
        _: &str,
        after: Option<&Namespace>,
        _: usize,
        _: usize,
        _: Option<LogIndex>,
    ) -> Result<NamespacePage, StoreError> {
        let path = after.cloned().unwrap_or_else(|| Namespace::parse("a").expect("a namespace"));
        Ok(NamespacePage { namespaces: vec![namespace_state(&path)], more: true })
    }

    fn list_changed(&self, _: Option<&Namespace>) -> Result<Option<LogId>, StoreError> {
        Ok(Some(APPLIED))
    }

    fn cursor_key(&self) -> Option<[u8; 32]> {
        Some([9; 32])
    }
}

impl AuditLog for Rooms {
    fn events(
        &self,
        namespace: Option<Namespace>,
        _: Option<EventId>,
        _: usize,
    ) -> BoxFuture<'static, Result<AuditPage, ReadError>> {
        if let Some(namespace) = namespace {
            self.0.name(&namespace, None);
        }
        Box::pin(ready(Ok(AuditPage { events: Vec::new(), more: false, applied: Some(APPLIED) })))
    }

    fn verify(&self) -> BoxFuture<'static, Result<AuditVerification, ReadError>> {
        Box::pin(ready(Ok(AuditVerification {
            events: 0,
            first: None,
            last: None,
            last_hash: String::new(),
            applied: Some(APPLIED),
            broken: None,
        })))
    }
}

impl Peers for Rooms {
    fn call(
        &self,
        _: NodeId,
        _: &str,
        _: PeerCall,
        _: Bytes,
        _: Monotonic,
    ) -> BoxFuture<'static, Result<Bytes, CallError>> {
        Box::pin(ready(Err(CallError::NotDelivered("there is no other node".to_owned()))))
    }
}
