//! The nodes of a run: the one place that touches the node itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use confman::base::{LogId, NodeId};
use confman::config::{
    ApiKey, FollowerWrites, HttpConfig, MemberConfig, NodeConfig, PeerConfig, RaftConfig, RequestConfig, Role, Secret,
    StorageConfig,
};
use confman::host::{BoxFuture, Host};
use sha2::{Digest, Sha256};

use crate::coverage::Point;
use crate::host::net::FrameTap;
use crate::laws::votes::VoteTap;
use crate::runtime::cause::Caused;
use crate::runtime::{Guarded, Panicked, elapsed};
use crate::schedule::{self, Schedule};
use crate::world::{Incarnation, RESTORED, Stop, World};

/// The secret that clients of a simulation authenticate with.
pub const ADMIN_KEY: &str = "simulated-admin-key";

/// A node as the simulator sees it: what it serves, and what it says of itself.
pub trait SimNode: Send + Sync {
    /// What it serves to clients.
    fn router(&self) -> Router;
    /// What it says of itself now.
    fn observe(&self) -> Observation;
    /// The entry that a linearizable read on this node must see, once the node has applied it. An error says why
    /// there is none within `patience`.
    fn read_index(&self, patience: Duration) -> BoxFuture<'static, Result<LogId, String>>;
}

/// What a node says of itself at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    pub term: u64,
    pub leads: bool,
    /// What it does in its group, as the trace shows it.
    pub role: &'static str,
    /// Whom it takes for the leader.
    pub leader: Option<u64>,
    /// The last entry of its log, durable or not.
    pub last_log: Option<LogId>,
    /// The last entry in its newest snapshot, and the last that its log no longer has.
    pub snapshot: Option<LogId>,
    pub purged: Option<LogId>,
    pub committed: Option<LogId>,
    /// What it has applied, with the hash of its state and the head of its audit chain right after.
    pub applied: Option<LogId>,
    pub state_hash: u128,
    pub audit_head: [u8; 32],
    pub membership: Membership,
    /// It says that it does not belong to the cluster: it was removed, or not added yet.
    pub outside: bool,
}

/// Who belongs to the cluster, as a node has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The entry that brought it.
    pub at: Option<LogId>,
    pub committed: bool,
    /// A change of voters is half done.
    pub joint: bool,
    pub voters: BTreeSet<u64>,
    pub learners: BTreeSet<u64>,
}

impl Membership {
    /// Voters and learners.
    pub fn members(&self) -> BTreeSet<u64> {
        self.voters.union(&self.learners).copied().collect()
    }
}

/// Starts nodes.
pub trait NodeFactory: Send + Sync {
    /// Starts a node on this host; an error says why it would not start.
    fn start(&self, host: Host, config: NodeConfig) -> BoxFuture<'static, Result<Arc<dyn SimNode>, String>>;

    /// Sees the frames between nodes, and notes who votes for whom.
    fn vote_tap(&self, votes: VoteTap) -> Option<Arc<dyn FrameTap>>;
}

/// All nodes of a run.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

/// A node that has started, with the process that it is.
type Served = (Arc<Incarnation>, Arc<dyn SimNode>);

type Serving = BTreeMap<u64, Served>;

struct Inner {
    world: Arc<World>,
    factory: Arc<dyn NodeFactory>,
    schedule: Schedule,
    serving: Mutex<Serving>,
    /// Which faults keep a node down, by node.
    outages: Mutex<BTreeMap<u64, BTreeSet<u64>>>,
    /// Nodes that stay down to the end of the run: their disks are damaged, and they have said so.
    given_up: Mutex<BTreeSet<u64>>,
    /// Whom the others must not do without.
    members: Mutex<BTreeSet<u64>>,
    /// What stopped nodes served with, until nothing of theirs runs any more.
    buried: Mutex<Vec<Served>>,
}

impl Cluster {
    /// The cluster of a schedule; nothing runs yet.
    pub fn new(world: Arc<World>, factory: Arc<dyn NodeFactory>, schedule: Schedule) -> Cluster {
        for node in world.nodes().into_iter().chain([RESTORED]) {
            world.net.name(&peer_address(node), node);
        }
        let cluster = Cluster::apart(world, factory, schedule);
        for spare in cluster.0.schedule.nodes + 1..=cluster.0.schedule.machines() {
            cluster.begin_outage(spare, NOT_IN_SERVICE);
        }
        cluster
    }

    /// A cluster that none of the world's nodes belong to.
    pub fn apart(world: Arc<World>, factory: Arc<dyn NodeFactory>, schedule: Schedule) -> Cluster {
        let (serving, outages, given_up, buried) = Default::default();
        let members = Mutex::new((1..=schedule.nodes).collect());
        Cluster(Arc::new(Inner { world, factory, schedule, serving, outages, given_up, members, buried }))
    }

    /// Another cluster in the same world, of the same nodes' code and settings.
    pub fn another(&self) -> Cluster {
        let Inner { world, factory, schedule, .. } = &*self.0;
        Cluster::apart(world.clone(), factory.clone(), schedule.clone())
    }

    /// Starts a spare machine's node, which is empty, for good.
    pub fn take_into_service(&self, spare: u64) {
        self.end_outage(spare, NOT_IN_SERVICE);
    }

    /// A machine is gone for good, with all that it had.
    pub fn lose(&self, node: u64) {
        self.begin_outage(node, LOST);
        self.stop(node, Stop::PowerLoss);
    }

    /// Whether a machine is gone for good.
    pub fn is_lost(&self, node: u64) -> bool {
        self.is_kept_down_by(node, LOST)
    }

    /// The machines that are or were nodes of the cluster, or are to be.
    pub fn in_service(&self) -> Vec<u64> {
        let mut nodes = self.0.world.nodes();
        nodes.retain(|node| !self.is_kept_down_by(*node, NOT_IN_SERVICE));
        nodes
    }

    /// The nodes that must serve once everything is healed: the first ones, until there are said to be others. Without
    /// those that have given up.
    pub fn members(&self) -> Vec<u64> {
        let mut members: Vec<u64> = self.0.members.lock().expect("no panic under this lock").iter().copied().collect();
        members.retain(|node| !self.has_given_up(*node));
        members
    }

    /// See [`members`](Self::members).
    pub fn set_members(&self, members: BTreeSet<u64>) {
        *self.0.members.lock().expect("no panic under this lock") = members;
    }

    fn serving(&self) -> MutexGuard<'_, Serving> {
        self.0.serving.lock().expect("no panic under this lock")
    }

    fn outages(&self) -> MutexGuard<'_, BTreeMap<u64, BTreeSet<u64>>> {
        self.0.outages.lock().expect("no panic under this lock")
    }

    pub fn world(&self) -> &Arc<World> {
        &self.0.world
    }

    /// Starts a node's process, if none runs. It serves once its start is through.
    pub fn start(&self, node: u64) {
        if self.0.world.running(node).is_some() {
            return;
        }
        let (process, host) = self.0.world.boot(node);
        let starting = self.0.factory.start(host, node_config(&self.0.schedule, node));
        let (cluster, started) = (self.clone(), process.clone());
        process.tasks().spawn(Caused::new(async move {
            let process = started;
            match Guarded::new(starting).await {
                Ok(Ok(sim_node)) if process.is_alive() => {
                    process.event("serving", format_args!(""));
                    cluster.serving().insert(node, (process, sim_node));
                }
                Ok(Ok(_)) => {}
                Ok(Err(why)) => process.fatal(&format!("would not start: {why}")),
                Err(Panicked(what)) => process.fatal(&format!("panicked at its start: {what}")),
            }
        }));
    }

    /// Ends a node's process, if one runs.
    pub fn stop(&self, node: u64, how: Stop) -> bool {
        let starting = self.0.world.running(node).is_some() && !self.serving().contains_key(&node);
        if starting {
            self.0.world.trace.sometimes(Point::StoppedWhileStarting);
        }
        let stopped = self.0.world.stop(node, how);
        let served = self.serving().remove(&node);
        // It may be the node's own call that ended it: nothing of the node is destructed within that.
        self.0.buried.lock().expect("no panic under this lock").extend(served);
        stopped
    }

    /// Keeps a node down until [`end_outage`](Self::end_outage) with the same cause.
    pub fn begin_outage(&self, node: u64, cause: u64) {
        self.outages().entry(node).or_default().insert(cause);
    }

    /// See [`begin_outage`](Self::begin_outage). The last one to end starts the node again.
    pub fn end_outage(&self, node: u64, cause: u64) {
        let was_down = self.outages().get_mut(&node).is_some_and(|causes| causes.remove(&cause));
        if was_down && !self.is_kept_down(node) {
            self.start(node);
        }
    }

    fn is_kept_down_by(&self, node: u64, cause: u64) -> bool {
        self.outages().get(&node).is_some_and(|causes| causes.contains(&cause))
    }

    fn is_kept_down(&self, node: u64) -> bool {
        self.has_given_up(node) || self.outages().get(&node).is_some_and(|causes| !causes.is_empty())
    }

    /// A damaged node that stopped itself stays down.
    pub fn give_up(&self, node: u64) {
        self.0.given_up.lock().expect("no panic under this lock").insert(node);
    }

    /// See [`give_up`](Self::give_up).
    pub fn has_given_up(&self, node: u64) -> bool {
        self.0.given_up.lock().expect("no panic under this lock").contains(&node)
    }

    /// Starts every node that is down and that nothing keeps down.
    pub fn start_all(&self) {
        for node in self.0.world.nodes() {
            if !self.is_kept_down(node) {
                self.start(node);
            }
        }
    }

    /// Starts nodes that stopped themselves a while ago, as a service manager would.
    pub fn revive(&self, after: Duration) {
        let buried = std::mem::take(&mut *self.0.buried.lock().expect("no panic under this lock"));
        drop(buried);
        self.serving().retain(|_, (process, _)| process.is_alive());
        for node in self.0.world.nodes() {
            if self.is_kept_down(node) || self.0.world.running(node).is_some() {
                continue;
            }
            let died = self.0.world.deaths().iter().rev().find(|death| death.node == node).map(|death| death.at);
            if died.is_none_or(|at| at + after <= elapsed()) {
                self.start(node);
            }
        }
    }

    /// The node's process and what it serves, where it serves.
    pub fn node(&self, node: u64) -> Option<(Arc<Incarnation>, Arc<dyn SimNode>)> {
        self.serving().get(&node).filter(|(process, _)| process.is_alive()).cloned()
    }

    /// What every serving node says of itself, by number.
    pub fn observe(&self) -> Vec<(Arc<Incarnation>, Observation)> {
        let serving: Vec<_> = self.serving().values().filter(|(process, _)| process.is_alive()).cloned().collect();
        serving.into_iter().map(|(process, node)| (process, node.observe())).collect()
    }

    /// The node that says it leads, in the highest term that is claimed.
    pub fn leader(&self) -> Option<u64> {
        let claims = self.observe().into_iter().filter(|(_, seen)| seen.leads);
        claims.max_by_key(|(_, seen)| seen.term).map(|(process, _)| process.node)
    }
}

/// What keeps a spare machine down before somebody starts it, and a lost one afterwards. Faults are numbered from 1.
const NOT_IN_SERVICE: u64 = u64::MAX;
const LOST: u64 = u64::MAX - 1;

/// Where nodes reach a node.
pub fn peer_address(node: u64) -> String {
    format!("10.0.0.{node}:7500")
}

/// Where clients reach a node.
pub fn url(node: u64) -> String {
    format!("http://10.0.0.{node}:7400")
}

/// The node that a URL leads to.
pub fn node_of_url(text: &str) -> Option<u64> {
    let rest = text.strip_prefix("http://10.0.0.")?;
    rest.split_once(":7400").and_then(|(number, _)| number.parse().ok())
}

fn node_config(schedule: &Schedule, node: u64) -> NodeConfig {
    let ms = Duration::from_millis;
    let knobs = &schedule.knobs;
    let member = |id: u64| MemberConfig { id: NodeId(id), peer: peer_address(id), url: url(id) };
    NodeConfig {
        cluster: "simulated".to_owned(),
        node: NodeId(node),
        data_dir: PathBuf::new(),
        http: HttpConfig {
            listen: format!("10.0.0.{node}:7400"),
            url: url(node),
            connections_max: 1_000,
            header_timeout: ms(10_000),
            idle_timeout: ms(60_000),
            body_timeout: ms(30_000),
        },
        peer: PeerConfig {
            listen: peer_address(node),
            address: peer_address(node),
            secret: Some(Secret("the nodes' simulated secret".to_owned())),
        },
        // A node that is added knows the first ones, and itself.
        members: (1..=schedule.nodes).chain((node > schedule.nodes).then_some(node)).map(member).collect(),
        raft: RaftConfig {
            heartbeat: ms(knobs.heartbeat_ms),
            election_timeout_min: ms(knobs.election_timeout_ms.0),
            election_timeout_max: ms(knobs.election_timeout_ms.1),
            append_entries_max: knobs.append_entries_max,
            log_entries_kept: knobs.log_entries_kept,
        },
        storage: StorageConfig {
            segment_bytes: knobs.segment_bytes,
            snapshot_log_bytes: knobs.snapshot_log_bytes,
            reserve_bytes: 4 * knobs.segment_bytes,
        },
        requests: RequestConfig {
            write_timeout: ms(5_000),
            read_timeout: ms(5_000),
            follower_writes: match knobs.follower_writes {
                schedule::FollowerWrites::Redirect => FollowerWrites::Redirect,
                schedule::FollowerWrites::Forward => FollowerWrites::Forward,
                schedule::FollowerWrites::Auto => FollowerWrites::Auto,
            },
            in_flight_max: 1_000,
        },
        api_keys: vec![ApiKey {
            name: "simulated".to_owned(),
            principal: "simulated@client".to_owned(),
            role: Role::Admin,
            sha256: Sha256::digest(ADMIN_KEY).into(),
        }],
    }
}
