//! A host with virtual time, run by hand on one thread, and fakes of what is below the API actor.

mod state;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub use self::state::FakeState;

use bytes::Bytes;
use rand::SeedableRng;

use super::actor::{ApiHandle, Identity};
use super::below::{Below, Consensus, Peers};
use super::types::{CallError, Member, PeerCall, ProposeError, RaftRole, RaftStatus};
use crate::base::{GroupId, LogId, Monotonic, NodeId, RequestId, StorageId, Term, WallTime};
use crate::config::{FollowerWrites, RequestConfig};
use crate::host::{
    BoxFuture, Clock, Entropy, File, Files, Host, Lifeline, Link, PeerNet, Rng, Spawn, Store, StoreError, Stores,
    TaskHandle,
};
use crate::model::{Applied, Write};
use crate::raft::{ChangeError, ChangeRequest, Changed, ReadIndexError, Standing};

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
    /// What a round says; where there is nothing, that all there is is applied here.
    confirms: Mutex<Option<Result<LogId, ReadIndexError>>>,
    /// How many rounds were asked for.
    pub rounds: Mutex<usize>,
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
            confirms: Mutex::default(),
            rounds: Mutex::default(),
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

impl FakeConsensus {
    /// What rounds say from now on.
    pub fn confirm(&self, says: Result<LogId, ReadIndexError>) {
        *self.confirms.lock().unwrap() = Some(says);
    }
}

impl Consensus for FakeConsensus {
    fn propose(
        &self,
        write: Write,
        actor: String,
        request_id: RequestId,
        _: Monotonic,
    ) -> BoxFuture<'static, Result<Applied, ProposeError>> {
        match self.script.lock().unwrap().pop_front() {
            Some(Scripted::Fail(error)) => Box::pin(std::future::ready(Err(error))),
            Some(Scripted::Hang) => Box::pin(std::future::pending()),
            None => {
                let applied = self.state.apply(write, actor, request_id);
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

    fn read_index(&self, deadline: Monotonic) -> BoxFuture<'static, Result<(), ReadIndexError>> {
        let read = self.committed(deadline);
        Box::pin(async move { read.await.map(drop) })
    }

    fn committed(&self, _: Monotonic) -> BoxFuture<'static, Result<LogId, ReadIndexError>> {
        *self.rounds.lock().unwrap() += 1;
        let scripted = self.confirms.lock().unwrap().clone();
        Box::pin(std::future::ready(scripted.unwrap_or_else(|| Ok(self.state.applied().expect("a first entry")))))
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
