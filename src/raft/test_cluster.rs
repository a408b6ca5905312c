//! A cluster of Raft actors in one process, on a network whose frames take time, are counted, and can be cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use openraft_rt_tokio::TokioRuntime;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::actor::GroupStorage;
use super::{Member, RaftHandle, RaftServer, RaftSettings, answer_probe};
use crate::apply::ApplyHandle;
use crate::base::{GroupId, LogId, Monotonic, NodeId, RequestId, StorageId, WallTime};
use crate::config::{RaftConfig, Secret, StorageConfig};
use crate::host::fake::{self, FakeHost};
use crate::host::{BoxFuture, Host, Link, LinkReceiver, LinkSender, PeerNet};
use crate::log::{Snapshots, Wal, WalSettings};
use crate::model::{Command, Key, Namespace, Op, ValueType};
use crate::peer::{Frame, FrameKind, FrameRole, Identity, PeerClaim, PeerGuard, PeerHandle, PeerService, Refusal};

const GROUP: GroupId = GroupId::MAIN;
/// Frames that are under way on one link; tests never have more.
const PIPE_MAX: usize = 10_000;

/// A node, and how a test reaches into it.
pub struct TestNode {
    pub id: NodeId,
    pub fake: FakeHost,
    pub raft: RaftHandle,
    pub apply: ApplyHandle,
    pub server: RaftServer,
}

pub struct TestCluster {
    pub nodes: Vec<TestNode>,
    pub net: Net,
}

impl TestCluster {
    /// Nodes that have formed a cluster and elected a leader. Every frame takes `delay`.
    pub async fn start(size: u64, delay: Duration) -> TestCluster {
        let net = Net::new(delay);
        let mut nodes = Vec::new();
        for id in 1..=size {
            nodes.push(start_node(NodeId(id), &net).await);
        }
        let members = (1..=size).map(|id| (NodeId(id), member(NodeId(id)))).collect();
        nodes[0].raft.initialize(members).await.unwrap();
        let cluster = TestCluster { nodes, net };
        cluster.leader().await;
        for node in &cluster.nodes {
            let mut status = node.raft.subscribe();
            status.wait_for(|status| status.leader.is_some() && status.caught_up).await.unwrap();
        }
        cluster
    }

    /// Starts one more node, which is no member.
    pub async fn start_spare(&mut self, id: u64) {
        let node = start_node(NodeId(id), &self.net).await;
        self.nodes.push(node);
    }

    pub fn node(&self, id: NodeId) -> &TestNode {
        self.nodes.iter().find(|node| node.id == id).unwrap()
    }

    /// The node that leads and knows of a quorum, in the highest term.
    pub async fn leader(&self) -> &TestNode {
        loop {
            let leads = |node: &&TestNode| node.raft.status().leader == Some(node.id);
            let leader = self.nodes.iter().filter(leads).max_by_key(|node| node.raft.status().term);
            if let Some(leader) = leader {
                return leader;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn others(&self, than: NodeId) -> Vec<&TestNode> {
        self.nodes.iter().filter(|node| node.id != than).collect()
    }
}

impl TestNode {
    pub fn deadline(&self, within_ms: u64) -> Monotonic {
        self.fake.host.clock.now().after(Duration::from_millis(within_ms))
    }

    /// Writes, with this node as leader; the revision once it is acknowledged.
    pub async fn write(&self, value: &str) -> LogId {
        let op = Op::Set {
            namespace: Namespace::parse("n").unwrap(),
            key: Key::parse("k").unwrap(),
            value: value.to_owned(),
            value_type: ValueType::String,
        };
        let request_id = RequestId::parse("r").unwrap();
        let command = Command { stamp: WallTime(0), actor: "ann".into(), request_id, write: op.into() };
        self.raft.propose(command, self.deadline(5_000)).await.unwrap().revision
    }
}

pub fn address(node: NodeId) -> String {
    format!("node-{node}")
}

pub fn url(node: NodeId) -> String {
    format!("http://node-{node}")
}

fn member(node: NodeId) -> Member {
    Member { peer: address(node), url: url(node), storage: StorageId(node.0.into()) }
}

/// What a node of a test's group is set to.
pub(super) fn raft_settings(node: NodeId) -> RaftSettings {
    RaftSettings {
        cluster: "c".into(),
        node,
        group: GROUP,
        raft: RaftConfig {
            heartbeat: Duration::from_millis(50),
            election_timeout_min: Duration::from_millis(300),
            election_timeout_max: Duration::from_millis(600),
            append_entries_max: 100,
            log_entries_kept: 10,
        },
        storage: StorageConfig { segment_bytes: 8 << 10, snapshot_log_bytes: 1 << 20, reserve_bytes: 0 },
    }
}

async fn start_node(id: NodeId, net: &Net) -> TestNode {
    let mut fake = fake::host().seeded(id.0);
    fake.host = Host { peers: Arc::new(net.join(id)), ..fake.host };
    let host = &fake.host;
    let apply = ApplyHandle::start(host, GROUP).await.unwrap();
    let snapshots = Snapshots::open(host, GROUP).await.unwrap();
    let settings = WalSettings { segment_bytes: 8 << 10, cache_bytes: 1 << 10, reserve_bytes: 0 };
    let wal = Wal::open(host, GROUP, settings, None).await.unwrap();
    let service = Arc::new(Service { own: member(id), wal: wal.clone(), server: OnceLock::new() });
    let identity = Identity { cluster: "c".into(), node: id, storage: StorageId(id.0.into()) };
    let secret = Some(Secret("a secret of tests".into()));
    let peers = PeerHandle::start(host, identity, secret, Arc::new(Everyone), service.clone());
    let storage = GroupStorage { wal, apply: apply.clone(), snapshots };
    let (raft, server) = super::start::<TokioRuntime>(host, raft_settings(id), storage, peers).await.unwrap();
    assert!(service.server.set(server.clone()).is_ok());
    TestNode { id, fake, raft, apply, server }
}

struct Service {
    own: Member,
    wal: Wal,
    server: OnceLock<RaftServer>,
}

impl PeerService for Service {
    fn handle(&self, _: NodeId, _: GroupId, kind: FrameKind, body: Bytes) -> BoxFuture<'static, Result<Bytes, String>> {
        if kind == FrameKind::Probe {
            return Box::pin(std::future::ready(Ok(answer_probe(&self.own, &self.wal))));
        }
        match self.server.get() {
            Some(server) => server.handle(kind, body),
            None => Box::pin(std::future::ready(Err("starting".into()))),
        }
    }
}

struct Everyone;

impl PeerGuard for Everyone {
    fn admit(&self, _: &PeerClaim) -> Result<(), Refusal> {
        Ok(())
    }
}

/// The network of a cluster.
#[derive(Clone)]
pub struct Net(Arc<Mutex<Inner>>);

struct Inner {
    delay: Duration,
    listeners: BTreeMap<String, (NodeId, mpsc::Sender<Link>)>,
    /// From whom nothing reaches whom.
    cut: BTreeSet<(NodeId, NodeId)>,
    requests: BTreeMap<FrameKind, u64>,
}

impl Net {
    fn new(delay: Duration) -> Net {
        let (listeners, cut, requests) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Net(Arc::new(Mutex::new(Inner { delay, listeners, cut, requests })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    fn join(&self, node: NodeId) -> Port {
        let (inbox, accepted) = mpsc::channel(PIPE_MAX);
        self.lock().listeners.insert(address(node), (node, inbox));
        Port { net: self.clone(), node, accepted: Arc::new(tokio::sync::Mutex::new(accepted)) }
    }

    /// Nothing passes between this node and the others, either way.
    pub fn cut_off(&self, node: NodeId) {
        let mut inner = self.lock();
        let all: Vec<NodeId> = inner.listeners.values().map(|(node, _)| *node).collect();
        inner.cut.extend(all.iter().flat_map(|other| [(node, *other), (*other, node)]));
    }

    /// All cuts are over.
    pub fn heal(&self) {
        self.lock().cut.clear();
    }

    /// How many requests of a kind were sent so far, by all.
    pub fn requests(&self, kind: FrameKind) -> u64 {
        self.lock().requests.get(&kind).copied().unwrap_or_default()
    }
}

/// One node's side of the network.
struct Port {
    net: Net,
    node: NodeId,
    accepted: Arc<tokio::sync::Mutex<mpsc::Receiver<Link>>>,
}

struct End {
    net: Net,
    from: NodeId,
    to: NodeId,
    pipe: mpsc::Sender<(Instant, Bytes)>,
}

struct Ear(mpsc::Receiver<(Instant, Bytes)>);

impl Port {
    fn link(&self, from: NodeId, to: NodeId, pipe: mpsc::Sender<(Instant, Bytes)>, ear: Ear) -> Link {
        let end = End { net: self.net.clone(), from, to, pipe };
        Link { sender: Box::new(end), receiver: Box::new(ear), remote: address(to) }
    }
}

impl PeerNet for Port {
    fn connect(&self, addr: &str) -> BoxFuture<'static, io::Result<Link>> {
        let listener = self.net.lock().listeners.get(addr).cloned();
        let Some((to, inbox)) = listener else {
            return Box::pin(std::future::ready(Err(io::ErrorKind::ConnectionRefused.into())));
        };
        let ((there, ear_there), (here, ear_here)) = (mpsc::channel(PIPE_MAX), mpsc::channel(PIPE_MAX));
        let (ours, theirs) =
            (self.link(self.node, to, there, Ear(ear_here)), self.link(to, self.node, here, Ear(ear_there)));
        Box::pin(async move { inbox.send(theirs).await.map(|()| ours).map_err(|_| io::ErrorKind::BrokenPipe.into()) })
    }

    fn accept(&self) -> BoxFuture<'static, io::Result<Link>> {
        let accepted = self.accepted.clone();
        Box::pin(async move { accepted.lock().await.recv().await.ok_or_else(|| io::ErrorKind::BrokenPipe.into()) })
    }
}

impl LinkSender for End {
    fn send(&mut self, frames: Vec<Bytes>) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            for bytes in frames {
                let arrives = {
                    let mut inner = self.net.lock();
                    if let Ok(Frame { role: FrameRole::Request, kind, .. }) = Frame::decode(bytes.clone()) {
                        *inner.requests.entry(kind).or_default() += 1;
                    }
                    (!inner.cut.contains(&(self.from, self.to))).then(|| Instant::now() + inner.delay)
                };
                if let Some(at) = arrives {
                    self.pipe.send((at, bytes)).await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
                }
            }
            Ok(())
        })
    }
}

impl LinkReceiver for Ear {
    fn recv(&mut self, _: usize) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        Box::pin(async move {
            let Some((at, bytes)) = self.0.recv().await else { return Ok(None) };
            tokio::time::sleep_until(at).await;
            Ok(Some(bytes))
        })
    }
}
