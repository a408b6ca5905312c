//! A host with virtual time, run by hand on one thread, and fakes of what is below the API actor.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng;

use super::actor::{ApiHandle, Identity};
use super::below::{AuditLog, Below, Consensus, Peers, ReadView, State};
use super::read::ReadError;
use super::types::{
    ApplyStatus, AuditEvent, AuditPage, CallError, EventId, ListPage, Member, PeerCall, ProposeError, RaftRole,
    RaftStatus,
};
use crate::base::{GroupId, LogId, LogIndex, Monotonic, NodeId, RequestId, StorageId, Term, WallTime};
use crate::config::{FollowerWrites, RequestConfig};
use crate::host::{
    BoxFuture, Clock, Entropy, File, Files, Host, Lifeline, Link, PeerNet, Rng, Spawn, Store, StoreError, Stores,
    TaskHandle,
};
use crate::model::{Applied, Entry, Key, Namespace, Op, Outcome};
use crate::raft::{ChangeError, ChangeRequest, Changed, Standing};

/// Log time of everything that the fakes apply.
pub const LOG_TIME: WallTime = WallTime(1_700_000_000_123);

/// Virtual time and tasks: time passes only when nothing else can happen.
#[derive(Clone, Default)]
pub struct World(Arc<WorldInner>);

#[derive(Default)]
struct WorldInner {
    now: Mutex<Duration>,
    sleepers: Mutex<BTreeSet<Duration>>,
    tasks: Mutex<Vec<Option<BoxFuture<'static, ()>>>>,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl World {
    pub fn new() -> World {
        World::default()
    }

    /// Runs `main` to its end, and whatever was spawned along with it.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = std::pin::pin!(main);
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(flag.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            flag.0.store(false, Ordering::SeqCst);
            if let Poll::Ready(done) = main.as_mut().poll(&mut cx) {
                return done;
            }
            let mut at = 0;
            while at < self.0.tasks.lock().unwrap().len() {
                // Taken out while it is polled, since it may spawn.
                let task = self.0.tasks.lock().unwrap()[at].take();
                if let Some(mut task) = task {
                    if task.as_mut().poll(&mut cx).is_pending() {
                        self.0.tasks.lock().unwrap()[at] = Some(task);
                    } else {
                        flag.0.store(true, Ordering::SeqCst);
                    }
                }
                at += 1;
            }
            if !flag.0.load(Ordering::SeqCst) {
                let next = self.0.sleepers.lock().unwrap().pop_first();
                *self.0.now.lock().unwrap() = next.expect("all tasks wait, and none for time: a deadlock");
            }
        }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        *self.0.now.lock().unwrap()
    }

    pub fn host(&self) -> Host {
        let world = Arc::new(self.clone());
        Host {
            clock: world.clone(),
            spawn: world.clone(),
            entropy: world.clone(),
            files: world.clone(),
            stores: world.clone(),
            peers: world.clone(),
            lifeline: world,
        }
    }

    /// A node of a cluster of three that node 1 leads in term 5, with fakes below it.
    pub fn node(&self, id: u64) -> FakeNode {
        self.node_with(id, 100)
    }

    /// The same, holding at most `in_flight_max` writes.
    pub fn node_with(&self, id: u64, in_flight_max: usize) -> FakeNode {
        let host = self.host();
        let state = Arc::new(FakeState::default());
        let consensus = Arc::new(FakeConsensus { state: state.clone(), ..FakeConsensus::new(id) });
        let peers = Arc::new(FakePeers::default());
        let below =
            Below { consensus: consensus.clone(), state: state.clone(), audit: state.clone(), peers: peers.clone() };
        let config = RequestConfig {
            write_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(5),
            follower_writes: FollowerWrites::Auto,
            in_flight_max,
        };
        let identity = Identity {
            cluster: "test".to_owned(),
            node: NodeId(id),
            group: GroupId::MAIN,
            version: "0.1.0".to_owned(),
        };
        let api = ApiHandle::start(&host, &config, identity, below);
        FakeNode { api, host, consensus, state, peers }
    }
}

impl Clock for World {
    fn now(&self) -> Monotonic {
        Monotonic(self.elapsed())
    }

    fn wall(&self) -> WallTime {
        LOG_TIME.after(self.elapsed())
    }

    fn sleep_until(&self, at: Monotonic) -> BoxFuture<'static, ()> {
        let world = self.clone();
        Box::pin(poll_fn(move |_| {
            if world.elapsed() >= at.0 {
                return Poll::Ready(());
            }
            world.0.sleepers.lock().unwrap().insert(at.0);
            Poll::Pending
        }))
    }
}

impl Spawn for World {
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        self.0.tasks.lock().unwrap().push(Some(task));
        TaskHandle::new(|| {})
    }
}

impl Entropy for World {
    fn fork(&self, label: &'static str) -> Rng {
        Rng::seed_from_u64(label.len() as u64)
    }
}

impl Lifeline for World {
    fn fatal(&self, reason: &str) {
        panic!("{reason}");
    }
}

fn none<T: Send + 'static>() -> BoxFuture<'static, io::Result<T>> {
    Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
}

impl Files for World {
    fn create(&self, _: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        none()
    }
    fn open(&self, _: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        none()
    }
    fn rename(&self, _: &str, _: &str) -> BoxFuture<'static, io::Result<()>> {
        none()
    }
    fn remove(&self, _: &str) -> BoxFuture<'static, io::Result<()>> {
        none()
    }
    fn list(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<String>>> {
        none()
    }
    fn create_dir(&self, _: &str) -> BoxFuture<'static, io::Result<()>> {
        none()
    }
    fn sync_dir(&self, _: &str) -> BoxFuture<'static, io::Result<()>> {
        none()
    }
    fn free_bytes(&self) -> BoxFuture<'static, io::Result<u64>> {
        none()
    }
}

fn no_store<T: Send + 'static>() -> BoxFuture<'static, Result<T, StoreError>> {
    Box::pin(std::future::ready(Err(StoreError { store: "none".to_owned(), what: "a fake host".to_owned() })))
}

impl Stores for World {
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

impl PeerNet for World {
    fn connect(&self, _: &str) -> BoxFuture<'static, io::Result<Link>> {
        none()
    }
    fn accept(&self) -> BoxFuture<'static, io::Result<Link>> {
        Box::pin(std::future::pending())
    }
}

/// An API actor over fakes, and the fakes.
pub struct FakeNode {
    pub api: ApiHandle,
    pub host: Host,
    pub consensus: Arc<FakeConsensus>,
    pub state: Arc<FakeState>,
    pub peers: Arc<FakePeers>,
}

/// Node `id` as the membership has it.
pub fn member(id: u64) -> Member {
    Member {
        peer: format!("10.0.0.{id}:7500"),
        url: format!("http://n{id}:7400"),
        storage: StorageId(u128::from(id)),
        voter: true,
    }
}

/// What a proposal comes to, where it is not simply applied.
pub enum Scripted {
    Fail(ProposeError),
    Hang,
}

/// Applies what is proposed at once, unless scripted otherwise.
pub struct FakeConsensus {
    status: Mutex<RaftStatus>,
    script: Mutex<VecDeque<Scripted>>,
    change_script: Mutex<VecDeque<Result<Changed, ChangeError>>>,
    pub standing: Mutex<Standing>,
    /// The changes of members that were asked for.
    pub changes: Mutex<Vec<ChangeRequest>>,
    waiting: Mutex<Vec<Waker>>,
    state: Arc<FakeState>,
}

impl FakeConsensus {
    fn new(id: u64) -> FakeConsensus {
        let at = Some(LogId::new(5, 0));
        let status = RaftStatus {
            node: NodeId(id),
            role: if id == 1 { RaftRole::Leader } else { RaftRole::Follower },
            term: Term(5),
            leader: Some(NodeId(1)),
            last_log: at.map(|at| at.index),
            committed: at,
            applied: at,
            snapshot: None,
            purged: None,
            members: (1..=3).map(|id| (NodeId(id), member(id))).collect(),
            members_at: at,
            joint: false,
            caught_up: true,
        };
        FakeConsensus {
            status: Mutex::new(status),
            script: Mutex::default(),
            change_script: Mutex::default(),
            standing: Mutex::default(),
            changes: Mutex::default(),
            waiting: Mutex::default(),
            state: Arc::default(),
        }
    }

    pub fn change(&self, change: impl FnOnce(&mut RaftStatus)) {
        change(&mut self.status.lock().unwrap());
        self.waiting.lock().unwrap().drain(..).for_each(Waker::wake);
    }

    /// What the next proposals come to.
    pub fn script(&self, steps: impl IntoIterator<Item = Scripted>) {
        self.script.lock().unwrap().extend(steps);
    }
}

impl FakeConsensus {
    /// What the next changes of members come to.
    pub fn script_changes(&self, outcomes: impl IntoIterator<Item = Result<Changed, ChangeError>>) {
        self.change_script.lock().unwrap().extend(outcomes);
    }
}

impl Consensus for FakeConsensus {
    fn propose(
        &self,
        op: Op,
        actor: String,
        request_id: RequestId,
        _: Monotonic,
    ) -> BoxFuture<'static, Result<Applied, ProposeError>> {
        match self.script.lock().unwrap().pop_front() {
            Some(Scripted::Fail(error)) => Box::pin(std::future::ready(Err(error))),
            Some(Scripted::Hang) => Box::pin(std::future::pending()),
            None => {
                let applied = self.state.apply(op, actor, request_id);
                Box::pin(std::future::ready(Ok(applied)))
            }
        }
    }

    fn change_members(&self, request: ChangeRequest, _: Monotonic) -> BoxFuture<'static, Result<Changed, ChangeError>> {
        self.changes.lock().unwrap().push(request);
        match self.change_script.lock().unwrap().pop_front() {
            Some(outcome) => Box::pin(std::future::ready(outcome)),
            None => Box::pin(std::future::ready(Ok(Changed { at: self.state.applied(), pending: false }))),
        }
    }

    fn status(&self) -> RaftStatus {
        let mut status = self.status.lock().unwrap().clone();
        let applied = self.state.applied();
        (status.committed, status.applied) = (applied, applied);
        status.last_log = applied.map(|applied| applied.index);
        status
    }

    fn standing(&self) -> Standing {
        *self.standing.lock().unwrap()
    }

    fn leader_other_than(&self, ruled_out: Option<(Term, NodeId)>) -> BoxFuture<'static, ()> {
        // A fake may look once: the caller comes back after its backoff.
        let status = self.status();
        let other = status.leader.is_some_and(|leader| Some((status.term, leader)) != ruled_out);
        if other { Box::pin(std::future::ready(())) } else { Box::pin(std::future::pending()) }
    }
}

/// State and audit in memory, applied in term 5 from index 1 on.
#[derive(Default)]
pub struct FakeState(Arc<Mutex<FakeRows>>);

#[derive(Clone, Default)]
struct FakeRows {
    index: u64,
    hash: u128,
    entries: BTreeMap<(Namespace, Key), Entry>,
    /// The entries as of each index before this.
    past: Vec<BTreeMap<(Namespace, Key), Entry>>,
    alarm: Option<String>,
    events: Vec<AuditEvent>,
    broken: bool,
    waiting: Vec<Waker>,
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

    /// All reads fail from now on.
    pub fn break_store(&self) {
        self.0.lock().unwrap().broken = true;
    }

    pub fn apply(&self, op: Op, actor: String, request_id: RequestId) -> Applied {
        let mut rows = self.0.lock().unwrap();
        rows.index += 1;
        let before = rows.entries.clone();
        rows.past.push(before);
        let revision = LogId::new(5, rows.index);
        let outcome = match op {
            Op::Set { namespace, key, value, value_type } => {
                let old = rows.entries.get(&(namespace.clone(), key.clone())).cloned();
                let entry = Entry {
                    namespace: namespace.clone(),
                    key: key.clone(),
                    value: value.clone(),
                    value_type,
                    version: old.as_ref().map_or(1, |old| old.version + 1),
                    revision,
                    created_at: LOG_TIME,
                    updated_at: LOG_TIME,
                    updated_by: actor.clone(),
                };
                rows.entries.insert((namespace.clone(), key.clone()), entry.clone());
                let created = old.is_none();
                let old_value = old.map(|old| old.value);
                rows.record("config.set", revision, (namespace, key), old_value, Some(value), actor, request_id);
                Outcome::Set { entry, created }
            }
            Op::Delete { namespace, key } => match rows.entries.remove(&(namespace.clone(), key.clone())) {
                Some(old) => {
                    let place = (namespace, key);
                    rows.record("config.delete", revision, place, Some(old.value), None, actor, request_id);
                    Outcome::Deleted
                }
                None => Outcome::Absent,
            },
            Op::SetNamespace { .. } => Outcome::NamespaceSet { created: true },
            Op::DeleteNamespace { .. } => Outcome::Absent,
            Op::Bootstrap { .. } => Outcome::None,
        };
        rows.waiting.drain(..).for_each(Waker::wake);
        Applied { revision, outcome }
    }
}

impl FakeRows {
    fn applied(&self) -> Option<LogId> {
        Some(LogId::new(5, self.index))
    }

    #[allow(clippy::too_many_arguments)]
    fn record(
        &mut self,
        action: &str,
        revision: LogId,
        (namespace, key): (Namespace, Key),
        old_value: Option<String>,
        new_value: Option<String>,
        actor: String,
        request_id: RequestId,
    ) {
        let digest = |value: &Option<String>| value.as_ref().map(|value| format!("digest of {value}"));
        self.events.push(AuditEvent {
            id: EventId { revision, n: 0 },
            timestamp: LOG_TIME,
            action: action.to_owned(),
            actor,
            namespace,
            key: Some(key),
            old_digest: digest(&old_value),
            new_digest: digest(&new_value),
            old_value,
            new_value,
            request_id,
            previous_hash: "previous".to_owned(),
            hash: "hash".to_owned(),
        });
    }
}

impl State for FakeState {
    fn status(&self) -> ApplyStatus {
        let rows = self.0.lock().unwrap();
        ApplyStatus { applied: rows.applied(), state_hash: rows.hash, alarm: rows.alarm.clone() }
    }

    fn view(&self) -> Result<Box<dyn ReadView>, String> {
        let rows = self.0.lock().unwrap();
        if rows.broken {
            return Err("a flipped bit".to_owned());
        }
        Ok(Box::new(rows.clone()))
    }

    fn wait_applied(&self, index: LogIndex) -> BoxFuture<'static, bool> {
        let rows = self.0.clone();
        Box::pin(poll_fn(move |cx| {
            let mut rows = rows.lock().unwrap();
            if rows.index >= index.0 {
                return Poll::Ready(true);
            }
            rows.waiting.push(cx.waker().clone());
            Poll::Pending
        }))
    }
}

impl ReadView for FakeRows {
    fn applied(&self) -> Option<LogId> {
        FakeRows::applied(self)
    }

    fn entry(&self, namespace: &Namespace, key: &Key) -> Result<Option<Entry>, StoreError> {
        Ok(self.entries.get(&(namespace.clone(), key.clone())).cloned())
    }

    fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        _: usize,
        at: Option<LogIndex>,
    ) -> Result<ListPage, StoreError> {
        let all = match at {
            Some(at) if at.0 < self.index => &self.past[at.0 as usize],
            Some(at) => {
                assert_eq!(at.0, self.index, "a view is asked for what it has reached");
                &self.entries
            }
            None => &self.entries,
        };
        let fits = |entry: &&Entry| {
            entry.namespace == *namespace
                && entry.key.as_str().starts_with(prefix)
                && after.is_none_or(|after| entry.key > *after)
        };
        let mut entries: Vec<Entry> = all.values().filter(fits).take(limit + 1).cloned().collect();
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(ListPage { entries, more })
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
        let rows = self.0.lock().unwrap();
        let fits = |event: &&AuditEvent| {
            namespace.as_ref().is_none_or(|namespace| event.namespace == *namespace)
                && before.is_none_or(|before| event.id < before)
        };
        let mut events: Vec<AuditEvent> = rows.events.iter().rev().filter(fits).take(limit + 1).cloned().collect();
        let more = events.len() > limit;
        events.truncate(limit);
        Box::pin(std::future::ready(Ok(AuditPage { events, more, applied: rows.applied() })))
    }
}

/// Answers as told, else hands a call to the API actor it is connected to, else cannot deliver.
#[derive(Default)]
pub struct FakePeers {
    connected: Mutex<BTreeMap<NodeId, ApiHandle>>,
    answers: Mutex<BTreeMap<NodeId, Option<Result<Bytes, CallError>>>>,
}

impl FakePeers {
    /// All calls to `node` are answered by `api`.
    pub fn connect(&self, node: u64, api: &ApiHandle) {
        self.connected.lock().unwrap().insert(NodeId(node), api.clone());
    }

    /// All calls to `node` come to this.
    pub fn answer(&self, node: u64, answer: Result<Bytes, CallError>) {
        self.answers.lock().unwrap().insert(NodeId(node), Some(answer));
    }

    /// No call to `node` ever ends.
    pub fn hang(&self, node: u64) {
        self.answers.lock().unwrap().insert(NodeId(node), None);
    }

    /// Calls to `node` are no longer scripted.
    pub fn heal(&self, node: u64) {
        self.answers.lock().unwrap().remove(&NodeId(node));
    }
}

impl Peers for FakePeers {
    fn call(
        &self,
        to: NodeId,
        address: &str,
        call: PeerCall,
        body: Bytes,
        _: Monotonic,
    ) -> BoxFuture<'static, Result<Bytes, CallError>> {
        assert_eq!(address, member(to.0).peer);
        match self.answers.lock().unwrap().get(&to) {
            Some(Some(answer)) => return Box::pin(std::future::ready(answer.clone())),
            Some(None) => return Box::pin(std::future::pending()),
            None => {}
        }
        let Some(api) = self.connected.lock().unwrap().get(&to).cloned() else {
            return Box::pin(std::future::ready(Err(CallError::NotDelivered("connection refused".to_owned()))));
        };
        Box::pin(async move {
            Ok(match call {
                PeerCall::Forward => api.handle_forward(body).await,
                PeerCall::Status => api.handle_status(),
            })
        })
    }
}
