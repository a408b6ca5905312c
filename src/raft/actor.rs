use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ClientWriteError, InitializeError, RaftError};
use openraft::{AsyncRuntime, SnapshotPolicy};
use tokio::sync::{mpsc, oneshot, watch};

use super::course::{Asker, Course};
use super::members::{ChangeError, ChangeRequest, Changed, MemberChange};
use super::network::Network;
use super::read_index::{ReadIndexError, ReadIndexHandle, ReadIndexSettings};
use super::server::RaftServer;
use super::state_machine::StateMachine;
use super::status::{Member, RaftRole, RaftStatus, Standing};
use super::types::{Reply, Types};
use super::{log_store, publish, stamp};
use crate::apply::ApplyHandle;
use crate::base::{GroupId, LogId, Monotonic, NodeId};
use crate::config::{RaftConfig, StorageConfig};
use crate::host::Host;
use crate::log::{Snapshots, Wal};
use crate::model::{Applied, Command};
use crate::peer::PeerHandle;

/// Proposals that wait for the actor. The API actor admits fewer than this; beyond it, `Overloaded` at once.
const RAFT_INBOX_MAX: usize = 4096;
/// How often the free space of the disk is looked at.
const DISK_LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a leader tries to finish a change of members that an earlier one left.
const FINISH_EVERY: Duration = Duration::from_secs(1);

/// The Raft actor of one group.
#[derive(Clone)]
pub struct RaftHandle {
    host: Host,
    inbox: mpsc::Sender<Msg>,
    status: watch::Receiver<RaftStatus>,
    publish: Arc<watch::Sender<RaftStatus>>,
    reads: ReadIndexHandle,
}

/// What a group's consensus stands on.
#[derive(Clone)]
pub struct GroupStorage {
    pub wal: Wal,
    pub apply: ApplyHandle,
    pub snapshots: Snapshots,
}

/// Who this node is, and its clocks and sizes.
#[derive(Clone)]
pub struct RaftSettings {
    pub cluster: String,
    pub node: NodeId,
    pub group: GroupId,
    pub raft: RaftConfig,
    pub storage: StorageConfig,
}

/// Why a proposal has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Surely not done: this node does not lead. Ask the leader, where one is known.
    #[error("this node is not the leader")]
    NotLeader { leader: Option<NodeId> },
    /// Surely not done: too many proposals wait. Try again.
    #[error("too many writes are waiting")]
    Overloaded,
    /// Surely not done: the disk is nearly full. Reads go on.
    #[error("{free_bytes} bytes of disk are free, less than the reserve")]
    StorageFull { free_bytes: u64 },
    /// It may or may not take effect. Read, then decide.
    #[error("it is not known whether the write took effect")]
    OutcomeUnknown,
}

enum Msg {
    Propose {
        command: Command,
        answer: oneshot::Sender<Result<Applied, ProposeError>>,
    },
    Initialize {
        members: BTreeMap<NodeId, Member>,
        answer: oneshot::Sender<Result<(), String>>,
    },
    Change {
        request: ChangeRequest,
        asker: Asker,
    },
    /// The membership is joint, perhaps by a leader that is gone.
    FinishChange,
    HandOver,
}

impl RaftHandle {
    /// Proposes a command with this node as leader, stamped with its clock, and waits until it is committed and
    /// applied here, or until `deadline`.
    pub async fn propose(&self, command: Command, deadline: Monotonic) -> Result<Applied, ProposeError> {
        let (answer, outcome) = oneshot::channel();
        match self.inbox.try_send(Msg::Propose { command, answer }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(ProposeError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(ProposeError::NotLeader { leader: None }),
        }
        match self.host.until(deadline, outcome).await {
            Some(Ok(outcome)) => outcome,
            // The responder was dropped, or time ran out: the entry may be in somebody's log.
            Some(Err(_)) | None => Err(ProposeError::OutcomeUnknown),
        }
    }

    /// The entry that a linearizable read must see, on any node. Once this returns, this node has applied it: a view
    /// of the state taken from here on holds every write that was acknowledged, by any node, before this was called.
    ///
    /// A quorum has confirmed the leader meanwhile: one round for all callers that came before it began. Where there
    /// is no leader it waits for one, until `deadline`.
    pub async fn read_index(&self, deadline: Monotonic) -> Result<LogId, ReadIndexError> {
        self.reads.read_index(deadline).await
    }

    /// As [`RaftHandle::read_index`], without waiting until this node has applied it: no entry that was committed before
    /// this was called has a higher index.
    pub async fn committed(&self, deadline: Monotonic) -> Result<LogId, ReadIndexError> {
        self.reads.committed(deadline).await
    }

    /// Forms the cluster. Only for a node whose log is empty, once every member said that it is empty too.
    pub async fn initialize(&self, members: BTreeMap<NodeId, Member>) -> Result<(), String> {
        let (answer, done) = oneshot::channel();
        let stopped = || "consensus has stopped on this node".to_owned();
        self.inbox.send(Msg::Initialize { members, answer }).await.map_err(|_| stopped())?;
        done.await.map_err(|_| stopped())?
    }

    /// Changes the members, or who leads, with this node as leader; see [`MemberChange`]. One change at a time. Answers
    /// once it is committed, or by `deadline`.
    pub async fn change_members(&self, request: ChangeRequest, deadline: Monotonic) -> Result<Changed, ChangeError> {
        let (answer, outcome) = oneshot::channel();
        let asker = Asker { answer: Some(answer), deadline };
        if self.inbox.send(Msg::Change { request, asker }).await.is_err() {
            return Err(ChangeError::NotLeader);
        }
        match self.host.until(deadline, outcome).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) | None => Err(ChangeError::OutcomeUnknown),
        }
    }

    /// The other nodes say that this one does not belong to them: [`RaftStatus::standing`]. It is a member again once
    /// it receives a membership that says so.
    pub fn stands(&self, standing: Standing) {
        self.publish.send_if_modified(|status| std::mem::replace(&mut status.standing, standing) != standing);
    }

    /// Gives the leadership, where this node has it, to the follower that is furthest, so that a planned end costs no
    /// election timeout. Returns once another leads, or after `within`: then the others elect one by themselves.
    pub async fn hand_over(&self, within: Duration) {
        let mut status = self.subscribe();
        if status.borrow_and_update().role != RaftRole::Leader || self.inbox.send(Msg::HandOver).await.is_err() {
            return;
        }
        let deadline = self.host.clock.now().after(within);
        let follows = status.wait_for(|status| status.role != RaftRole::Leader);
        match self.host.until(deadline, follows).await {
            Some(Ok(status)) => tracing::info!(leader = status.leader.map(|id| id.0), "leadership handed over"),
            Some(Err(_)) => {}
            None => tracing::info!("nobody took the leadership over in time"),
        }
    }

    /// What this node knows of its group now.
    pub fn status(&self) -> RaftStatus {
        self.status.borrow().clone()
    }

    /// Whether this node belongs to its cluster, as far as it has heard.
    pub fn standing(&self) -> Standing {
        self.status.borrow().standing
    }

    /// Follows the status.
    pub fn subscribe(&self) -> watch::Receiver<RaftStatus> {
        self.status.clone()
    }
}

/// Starts consensus for one group: recovers openraft from storage (replaying to the committed id before this
/// returns), then runs it.
pub async fn start<R: AsyncRuntime>(
    host: &Host,
    settings: RaftSettings,
    storage: GroupStorage,
    peers: PeerHandle,
) -> Result<(RaftHandle, RaftServer), String> {
    let config = openraft_config(&settings)?;
    let network = Network::<R> {
        host: host.clone(),
        node: settings.node,
        group: settings.group,
        peers: peers.clone(),
        runtime: std::marker::PhantomData,
    };
    let log_store = log_store::LogStore::<R>::new(storage.wal.clone());
    let state_machine = StateMachine::<R>::new(host.clone(), settings.storage.reserve_bytes, storage.clone());
    let raft = openraft::Raft::new(settings.node, Arc::new(config), network, log_store, state_machine)
        .await
        .map_err(|e| format!("consensus cannot start from what is on disk: {e}"))?;

    let (publish, status) = watch::channel(RaftStatus { node: settings.node, ..RaftStatus::default() });
    let publish = Arc::new(publish);
    let heard = Arc::new(publish::Heard::default());
    let stamper = Arc::new(Mutex::new(stamp::Stamper::default()));
    let reads = ReadIndexHandle::start(
        host,
        ReadIndexSettings {
            node: settings.node,
            group: settings.group,
            raft: raft.clone(),
            peers: peers.clone(),
            status: status.clone(),
            applied: storage.apply.subscribe(),
            election_timeout_max: settings.raft.election_timeout_max,
            heartbeat: settings.raft.heartbeat,
        },
    );
    let publisher = publish::Publisher {
        host: host.clone(),
        raft: raft.clone(),
        wal: storage.wal.clone(),
        apply: storage.apply,
        stamper: stamper.clone(),
        snapshots: storage.snapshots.clone(),
        snapshot_log_bytes: settings.storage.snapshot_log_bytes,
        heard: heard.clone(),
        silence_max: settings.raft.election_timeout_max * 2,
        publish: publish.clone(),
    };
    host.spawn("raft-status", publisher.run());
    host.spawn("raft-disk", watch_disk(host.clone(), settings.storage.reserve_bytes, publish.clone()));

    let (inbox, messages) = mpsc::channel(RAFT_INBOX_MAX);
    // One change at a time.
    let (change_ended, completions) = mpsc::channel(1);
    let actor = Actor {
        host: host.clone(),
        raft: raft.clone(),
        status: status.clone(),
        stamper,
        node: settings.node,
        peers,
        election_timeout_max: settings.raft.election_timeout_max,
        change: None,
        next_change: None,
        change_ended,
    };
    host.spawn("raft", actor.run(messages, completions));
    host.spawn("raft-joint", watch_joint(host.clone(), status.clone(), inbox.downgrade()));
    let handle = RaftHandle { host: host.clone(), inbox, status, publish, reads: reads.clone() };
    Ok((handle, RaftServer::new(raft, storage.snapshots, host.clock.clone(), heard, reads)))
}

fn openraft_config(settings: &RaftSettings) -> Result<openraft::Config, String> {
    let raft = &settings.raft;
    let config = openraft::Config {
        cluster_name: settings.cluster.clone(),
        heartbeat_interval: raft.heartbeat.as_millis() as u64,
        election_timeout_min: raft.election_timeout_min.as_millis() as u64,
        election_timeout_max: raft.election_timeout_max.as_millis() as u64,
        max_payload_entries: raft.append_entries_max,
        max_in_snapshot_log_to_keep: raft.log_entries_kept,
        // Snapshots are asked for by bytes, not by entries: see `publish`.
        snapshot_policy: SnapshotPolicy::Never,
        enable_pre_vote: Some(true),
        // A leader that lost its unsynced tail must not come back as leader of the same term: followers may hold
        // other entries under the ids it would give out again.
        enable_leader_restore: Some(false),
        ..openraft::Config::default()
    };
    config.validate().map_err(|e| format!("the [raft] settings do not fit together: {e}"))
}

struct Actor<R: AsyncRuntime> {
    host: Host,
    raft: openraft::Raft<Types<R>, StateMachine<R>>,
    status: watch::Receiver<RaftStatus>,
    stamper: Arc<Mutex<stamp::Stamper>>,
    node: NodeId,
    peers: PeerHandle,
    election_timeout_max: Duration,
    change: Option<UnderWay>,
    /// The removal of a node that the change under way waits for.
    next_change: Option<(ChangeRequest, Asker)>,
    change_ended: mpsc::Sender<()>,
}

/// A change of members that has not ended.
struct UnderWay {
    what: String,
    /// Whom it may have to wait for.
    learner: Option<NodeId>,
    cancel: watch::Sender<bool>,
}

enum Next {
    ChangeEnded,
    Message(Msg),
    HandlesGone,
}

impl<R: AsyncRuntime> Actor<R> {
    async fn run(mut self, mut inbox: mpsc::Receiver<Msg>, mut completions: mpsc::Receiver<()>) {
        loop {
            // Old work before new.
            let next = poll_fn(|cx| {
                if let Poll::Ready(Some(())) = completions.poll_recv(cx) {
                    return Poll::Ready(Next::ChangeEnded);
                }
                inbox.poll_recv(cx).map(|msg| msg.map_or(Next::HandlesGone, Next::Message))
            });
            match next.await {
                Next::ChangeEnded => {
                    self.change = None;
                    if let Some((request, asker)) = self.next_change.take() {
                        self.begin_change(request, asker);
                    }
                }
                Next::Message(Msg::Propose { command, answer }) => self.propose(command, answer).await,
                Next::Message(Msg::HandOver) => self.hand_over().await,
                Next::Message(Msg::Change { request, asker }) => self.change_members(request, asker),
                Next::Message(Msg::FinishChange) => self.finish_change(),
                Next::Message(Msg::Initialize { members, answer }) => {
                    let raft = self.raft.clone();
                    // It waits for the log's sync, so it must not hold up the inbox.
                    self.host.spawn("raft-initialize", async move {
                        answer.send(initialize(&raft, members).await).ok();
                    });
                }
                Next::HandlesGone => return,
            }
        }
    }

    fn change_members(&mut self, request: ChangeRequest, mut asker: Asker) {
        let Some(under_way) = &self.change else { return self.begin_change(request, asker) };
        // Who removes the node that a change waits for wants it to wait no longer.
        let cancels = match request.change {
            MemberChange::Remove { node } => under_way.learner == Some(node),
            _ => false,
        };
        if cancels && self.next_change.is_none() {
            under_way.cancel.send_replace(true);
            self.next_change = Some((request, asker));
            return;
        }
        asker.answer(Err(ChangeError::Conflict(format!(
            "one change of the cluster at a time, and {} is under way: wait until it has ended",
            under_way.what
        ))));
    }

    fn begin_change(&mut self, request: ChangeRequest, mut asker: Asker) {
        if self.status.borrow().role != RaftRole::Leader {
            return asker.answer(Err(ChangeError::NotLeader));
        }
        let course = self.course(request.change.to_string(), request.change.learner());
        let ended = self.change_ended.clone();
        self.host.spawn("raft-change", async move {
            course.run(request, asker).await;
            // The actor may be gone, and with it who would want to know.
            ended.send(()).await.ok();
        });
    }

    fn finish_change(&mut self) {
        if self.change.is_some() {
            return;
        }
        let course = self.course("finishing a change that an earlier leader began".to_owned(), None);
        let ended = self.change_ended.clone();
        self.host.spawn("raft-change", async move {
            course.finish().await;
            ended.send(()).await.ok();
        });
    }

    fn course(&mut self, what: String, learner: Option<NodeId>) -> Course<R> {
        let (cancel, cancelled) = watch::channel(false);
        self.change = Some(UnderWay { what, learner, cancel });
        Course {
            host: self.host.clone(),
            raft: self.raft.clone(),
            peers: self.peers.clone(),
            node: self.node,
            status: self.status.clone(),
            election_timeout_max: self.election_timeout_max,
            cancelled,
        }
    }

    async fn hand_over(&self) {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let (Some(matched), Some(heard)) = (&metrics.replication, &metrics.heartbeat) else { return };
        let best = metrics
            .membership_config
            .membership()
            .voter_ids()
            .filter(|id| *id != metrics.id)
            // The furthest; of those that are equal the one that answered last, which is alive.
            .max_by_key(|id| {
                let matched = matched.get(id).and_then(|id| id.as_ref().map(|id| id.index));
                (matched, heard.get(id).and_then(|at| at.as_ref().map(|at| **at)))
            });
        if let Some(to) = best
            && let Err(stopped) = self.raft.trigger().transfer_leader(to).await
        {
            tracing::debug!(%stopped, "consensus took no transfer");
        }
    }

    async fn propose(&mut self, mut command: Command, answer: oneshot::Sender<Result<Applied, ProposeError>>) {
        let refusal = {
            let status = self.status.borrow();
            status.storage_full.then_some(ProposeError::StorageFull { free_bytes: status.disk_free })
        };
        if let Some(refusal) = refusal {
            answer.send(Err(refusal)).ok();
            return;
        }
        let stamp = stamp::lock(&self.stamper).stamp(self.host.clock.wall(), self.host.clock.now());
        if stamp.capped {
            tracing::warn!(
                clock = %self.host.clock.wall(), stamped = %stamp.at,
                "this node's clock runs ahead of the cluster's log time: its stamps are capped; set the clock right"
            );
        }
        command.stamp = stamp.at;
        let reply = Reply::new(move |written: openraft::raft::ClientWriteResult<Types<R>>| {
            let outcome = match written {
                Ok(written) => Ok(written.data),
                // Checked before the append, so surely not in any log.
                Err(ClientWriteError::ForwardToLeader(to)) => Err(ProposeError::NotLeader { leader: to.leader_id }),
                // `LogEntryDiscarded` too: what this node discarded, a quorum may still have committed.
                Err(_) => Err(ProposeError::OutcomeUnknown),
            };
            answer.send(outcome).ok();
        });
        if let Err(stopped) = self.raft.client_write_ff(command, Some(reply)).await {
            tracing::debug!(%stopped, "consensus took no proposal");
        }
    }
}

async fn initialize<R: AsyncRuntime>(
    raft: &openraft::Raft<Types<R>, StateMachine<R>>,
    members: BTreeMap<NodeId, Member>,
) -> Result<(), String> {
    match raft.initialize(members).await {
        // Initialised before this call: what it asked for is so.
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
        Err(e) => Err(e.to_string()),
    }
}

/// Has a joint membership finished, for as long as this node leads one.
async fn watch_joint(host: Host, mut status: watch::Receiver<RaftStatus>, inbox: mpsc::WeakSender<Msg>) {
    while status.wait_for(|status| status.role == RaftRole::Leader && status.joint).await.is_ok() {
        let Some(inbox) = inbox.upgrade() else { return };
        // Full or closed: the next look comes.
        inbox.try_send(Msg::FinishChange).ok();
        drop(inbox);
        host.sleep(FINISH_EVERY).await;
    }
}

/// Publishes how much disk is free, and refuses writes below the reserve until there is more again.
async fn watch_disk(host: Host, reserve_bytes: u64, publish: Arc<watch::Sender<RaftStatus>>) {
    while !publish.is_closed() {
        match host.files.free_bytes().await {
            Ok(free) => {
                let full = free < reserve_bytes;
                publish.send_if_modified(|status| {
                    if status.storage_full != full {
                        if full {
                            tracing::error!(
                                free_bytes = free,
                                reserve_bytes,
                                "disk nearly full: this node takes no writes until some is freed"
                            );
                        } else {
                            tracing::info!(free_bytes = free, "disk has room again: writes go on");
                        }
                    }
                    status.disk_free = free;
                    std::mem::replace(&mut status.storage_full, full) != full
                });
            }
            Err(e) => tracing::warn!(error = %e, "cannot tell how much disk is free"),
        }
        host.sleep(DISK_LOOK_EVERY).await;
    }
}
