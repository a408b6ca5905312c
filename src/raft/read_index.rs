//! Read indexes: which log entry a linearizable read must see (Ongaro's thesis, section 6.4).
//!
//! The leader notes its commit index, lets a quorum confirm that nobody else has been elected meanwhile, and only then
//! names the index. A follower asks the leader for one. Either then waits until it has itself applied that far. No
//! clock decides anything.
//!
//! Readers are served in rounds, one at a time. A round serves everyone who asked before it began; whoever asks while
//! it runs waits for the next, because the running one may have noted its index before a write that the newcomer has
//! already been told of.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use openraft::errors::{ForwardToLeader, LinearizableReadError, RaftError};
use openraft::{AsyncRuntime, LinearizerOption, ReadPolicy};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::codec;
use super::state_machine::StateMachine;
use super::status::{Member, RaftStatus};
use super::types::{Types, log_id_of};
use crate::apply::ApplyStatus;
use crate::base::{GroupId, LogId, Monotonic, NodeId};
use crate::host::Host;
use crate::peer::{FrameKind, Lane, PeerHandle, PeerTarget};

/// Readers of this node that wait, for an index or to have it applied; beyond it, `Overloaded` at once. As many
/// requests as a node may have open, with room to spare.
pub(super) const READERS_MAX: usize = 16 << 10;
/// Rounds of other nodes that wait here. Each node has one at a time; the rest are repetitions by the network.
pub(super) const PEER_ROUNDS_MAX: usize = 64;
/// A question or an answer between nodes is a few numbers; what is longer is not decoded.
const BODY_BYTES_MAX: usize = 64;

/// Why there is no read index. Nothing was read and nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadIndexError {
    /// Before the deadline no leader was found that a quorum confirmed. Try again, here or on another node.
    #[error("no leader with a quorum behind it confirmed the read in time")]
    NoLeader,
    /// The index is known, but this node had not applied it by the deadline. Ask the leader, or give it more time.
    #[error("this node had not applied {at} in time")]
    NotApplied { at: LogId },
    /// Too many readers wait on this node. Try again.
    #[error("too many linearizable reads are waiting")]
    Overloaded,
    /// Consensus has stopped on this node. Ask another.
    #[error("consensus has stopped on this node")]
    Stopped,
}

/// A node asks the leader to hold a round for it.
#[derive(Serialize, Deserialize)]
pub(super) struct ReadIndexRequest {
    /// For how long it will wait, from when this arrives.
    pub wait_ms: u64,
}

/// What a node says to [`ReadIndexRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ReadIndexAnswer {
    /// A quorum confirmed this node as the leader after the question came in.
    At(LogId),
    /// It does not lead, and does not pass the question on.
    NotLeader,
    /// No quorum confirmed in time that it leads.
    NoQuorum,
    /// Too many nodes ask.
    Overloaded,
}

/// The read index actor of one group.
#[derive(Clone)]
pub(super) struct ReadIndexHandle {
    host: Host,
    inbox: mpsc::Sender<Msg>,
    readers: Arc<Semaphore>,
    peer_rounds: Arc<Semaphore>,
    confirm_within: Duration,
}

enum Msg {
    /// A reader on this node. It stays until a round succeeds or it leaves.
    Read { answer: Reader },
    /// Another node's round, which the next round here answers in any case.
    Confirm { answer: oneshot::Sender<ReadIndexAnswer> },
}

type Reader = oneshot::Sender<Confirmed>;

/// A round succeeded.
struct Confirmed {
    at: LogId,
    /// Turns true once this node has applied it: one wait for all readers of the round.
    applied: watch::Receiver<bool>,
}

/// What the actor works with.
pub(super) struct ReadIndexSettings<R: AsyncRuntime> {
    pub node: NodeId,
    pub group: GroupId,
    pub raft: openraft::Raft<Types<R>, StateMachine<R>>,
    pub peers: PeerHandle,
    pub status: watch::Receiver<RaftStatus>,
    pub applied: watch::Receiver<ApplyStatus>,
    pub election_timeout_max: Duration,
    pub heartbeat: Duration,
}

impl ReadIndexHandle {
    /// Starts the actor.
    pub fn start<R: AsyncRuntime>(host: &Host, settings: ReadIndexSettings<R>) -> ReadIndexHandle {
        // Each message holds a place in a semaphore, until its caller leaves.
        let (inbox, messages) = mpsc::channel(READERS_MAX + PEER_ROUNDS_MAX);
        // One round at a time.
        let (ended, completions) = mpsc::channel(1);
        let course = Arc::new(Course {
            host: host.clone(),
            node: settings.node,
            group: settings.group,
            raft: settings.raft,
            peers: settings.peers,
            status: settings.status,
            applied: settings.applied,
            // As long as a leader names itself without a quorum. Later answers still count, so that long is right.
            confirm_within: settings.election_timeout_max * 2,
            // A follower that heard nothing from its leader for so long looks for another.
            ask_within: settings.election_timeout_max,
            pause: settings.heartbeat,
        });
        let confirm_within = course.confirm_within;
        let actor = Actor { course, readers: Vec::new(), peers: Vec::new(), round_runs: false, ended };
        host.spawn("read-index", actor.run(messages, completions));
        let (readers, peer_rounds) = (Arc::new(Semaphore::new(READERS_MAX)), Arc::new(Semaphore::new(PEER_ROUNDS_MAX)));
        ReadIndexHandle { host: host.clone(), inbox, readers, peer_rounds, confirm_within }
    }

    /// See [`RaftHandle::read_index`](super::RaftHandle::read_index).
    pub async fn read_index(&self, deadline: Monotonic) -> Result<LogId, ReadIndexError> {
        let Ok(_place) = self.readers.try_acquire() else { return Err(ReadIndexError::Overloaded) };
        let Confirmed { at, mut applied } = self.confirmed(deadline).await?;
        match self.host.until(deadline, applied.wait_for(|reached| *reached)).await {
            Some(Ok(_)) => Ok(at),
            Some(Err(_)) => Err(ReadIndexError::Stopped),
            None => Err(ReadIndexError::NotApplied { at }),
        }
    }

    /// See [`RaftHandle::committed`](super::RaftHandle::committed).
    pub async fn committed(&self, deadline: Monotonic) -> Result<LogId, ReadIndexError> {
        let Ok(_place) = self.readers.try_acquire() else { return Err(ReadIndexError::Overloaded) };
        self.confirmed(deadline).await.map(|confirmed| confirmed.at)
    }

    /// By a round that begins after this is called.
    async fn confirmed(&self, deadline: Monotonic) -> Result<Confirmed, ReadIndexError> {
        let (answer, confirmed) = oneshot::channel();
        self.inbox.try_send(Msg::Read { answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReadIndexError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ReadIndexError::Stopped,
        })?;
        let Some(confirmed) = self.host.until(deadline, confirmed).await else { return Err(ReadIndexError::NoLeader) };
        confirmed.map_err(|_| ReadIndexError::Stopped)
    }

    /// Answers another node's [`ReadIndexRequest`].
    pub async fn answer(&self, body: &[u8]) -> Result<Bytes, String> {
        let request: ReadIndexRequest = decode(body)?;
        let wait = self.confirm_within.min(Duration::from_millis(request.wait_ms));
        let answer = self.confirm(self.host.clock.now().after(wait)).await?;
        Ok(codec::encode(&answer))
    }

    async fn confirm(&self, deadline: Monotonic) -> Result<ReadIndexAnswer, String> {
        let Ok(_place) = self.peer_rounds.try_acquire() else { return Ok(ReadIndexAnswer::Overloaded) };
        let (answer, confirmed) = oneshot::channel();
        match self.inbox.try_send(Msg::Confirm { answer }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Ok(ReadIndexAnswer::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(ReadIndexError::Stopped.to_string()),
        }
        match self.host.until(deadline, confirmed).await {
            Some(answer) => answer.map_err(|_| ReadIndexError::Stopped.to_string()),
            None => Ok(ReadIndexAnswer::NoQuorum),
        }
    }
}

struct Actor<R: AsyncRuntime> {
    course: Arc<Course<R>>,
    /// Who waits for the next round.
    readers: Vec<Reader>,
    peers: Vec<oneshot::Sender<ReadIndexAnswer>>,
    round_runs: bool,
    ended: mpsc::Sender<Vec<Reader>>,
}

enum Next {
    Message(Msg),
    /// The round is over. These were not served.
    RoundEnded(Vec<Reader>),
    HandlesGone,
}

impl<R: AsyncRuntime> Actor<R> {
    async fn run(mut self, mut inbox: mpsc::Receiver<Msg>, mut completions: mpsc::Receiver<Vec<Reader>>) {
        loop {
            // Old work before new.
            let next = poll_fn(|cx| {
                if let Poll::Ready(Some(unserved)) = completions.poll_recv(cx) {
                    return Poll::Ready(Next::RoundEnded(unserved));
                }
                inbox.poll_recv(cx).map(|msg| msg.map_or(Next::HandlesGone, Next::Message))
            });
            match next.await {
                Next::RoundEnded(unserved) => {
                    self.round_runs = false;
                    self.readers.extend(unserved);
                    self.forget_who_left();
                }
                Next::Message(Msg::Read { answer }) => self.readers.push(answer),
                Next::Message(Msg::Confirm { answer }) => self.peers.push(answer),
                // With the handles all callers are gone.
                Next::HandlesGone => return,
            }
            // Those that wait are bounded by their places; those that left them are swept out before they are more.
            if self.readers.len() > 2 * READERS_MAX || self.peers.len() > 2 * PEER_ROUNDS_MAX {
                self.forget_who_left();
            }
            let somebody_waits = !self.readers.is_empty() || !self.peers.is_empty();
            if somebody_waits && !self.round_runs {
                self.begin_round();
            }
        }
    }

    fn forget_who_left(&mut self) {
        self.readers.retain(|reader| !reader.is_closed());
        self.peers.retain(|peer| !peer.is_closed());
    }

    /// Everyone who has asked so far is in it, and nobody comes in later.
    fn begin_round(&mut self) {
        self.round_runs = true;
        let (course, ended) = (self.course.clone(), self.ended.clone());
        let (readers, peers) = (std::mem::take(&mut self.readers), std::mem::take(&mut self.peers));
        self.course.host.spawn("read-index-round", course.run(readers, peers, ended));
    }
}

/// Why a round named no index.
#[derive(Debug, thiserror::Error)]
enum Unconfirmed {
    /// Who does lead, where that is known.
    #[error("this node does not lead")]
    NotLeader(Option<(NodeId, Member)>),
    #[error("no quorum confirmed this node as the leader")]
    NoQuorum,
    #[error("the leader named none: {0}")]
    NotTold(String),
    #[error("consensus has stopped on this node")]
    Stopped,
}

/// One round.
struct Course<R: AsyncRuntime> {
    host: Host,
    node: NodeId,
    group: GroupId,
    raft: openraft::Raft<Types<R>, StateMachine<R>>,
    peers: PeerHandle,
    status: watch::Receiver<RaftStatus>,
    applied: watch::Receiver<ApplyStatus>,
    confirm_within: Duration,
    ask_within: Duration,
    /// How long after a round that failed the next one begins, unless the leader changes before.
    pause: Duration,
}

impl<R: AsyncRuntime> Course<R> {
    async fn run(
        self: Arc<Self>,
        readers: Vec<Reader>,
        peers: Vec<oneshot::Sender<ReadIndexAnswer>>,
        ended: mpsc::Sender<Vec<Reader>>,
    ) {
        let known = self.known_leader();
        let mut outcome = self.confirm_own_leadership().await;
        let answer = match &outcome {
            Ok(at) => ReadIndexAnswer::At(*at),
            Err(Unconfirmed::NoQuorum) => ReadIndexAnswer::NoQuorum,
            Err(_) => ReadIndexAnswer::NotLeader,
        };
        for peer in peers {
            // Its link may be gone.
            let _ = peer.send(answer);
        }
        if let Err(Unconfirmed::NotLeader(Some((leader, member)))) = &outcome
            && readers.iter().any(|reader| !reader.is_closed())
        {
            outcome = self.ask(*leader, member, known).await;
        }
        // Sending fails where the actor is gone, and with it whom a further round would serve.
        match outcome {
            Ok(at) => {
                let _ = ended.send(Vec::new()).await;
                self.tell(readers, at).await;
            }
            Err(Unconfirmed::Stopped) => {
                drop(readers);
                let _ = ended.send(Vec::new()).await;
            }
            Err(why) => {
                tracing::debug!(%why, "no read index; trying again");
                self.wait_for_another_leader(known).await;
                let _ = ended.send(readers).await;
            }
        }
    }

    /// A quorum says that this node still leads, after the round began.
    async fn confirm_own_leadership(&self) -> Result<LogId, Unconfirmed> {
        let option = LinearizerOption::from(ReadPolicy::ReadIndex).with_wait_timeout(self.confirm_within);
        match self.raft.get_read_linearizer(option).await {
            Ok(linearizer) => Ok(log_id_of::<R>(linearizer.read_log_id().log_id())),
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => Err(Unconfirmed::NoQuorum),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to))) => {
                let ForwardToLeader { leader_id, leader_node, .. } = to;
                let other = leader_id.filter(|leader| *leader != self.node).zip(leader_node);
                Err(Unconfirmed::NotLeader(other))
            }
            Err(RaftError::Fatal(_)) => Err(Unconfirmed::Stopped),
        }
    }

    /// Asks the leader; gives up once another is known.
    async fn ask(&self, leader: NodeId, member: &Member, known: KnownLeader) -> Result<LogId, Unconfirmed> {
        let target = PeerTarget { node: leader, address: member.peer.clone() };
        let body = codec::encode(&ReadIndexRequest { wait_ms: self.ask_within.as_millis() as u64 });
        let deadline = self.host.clock.now().after(self.ask_within);
        let call = pin!(self.peers.call(&target, Lane::Control, self.group, FrameKind::ReadIndex, body, deadline));
        let mut status = self.status.clone();
        let replaced = pin!(async move {
            let another = |status: &RaftStatus| {
                status.leader.is_some_and(|now| now != leader) && (status.term.0, status.leader) != known
            };
            // An error means that consensus ended: the call's deadline speaks then.
            if status.wait_for(another).await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        let answer = match select(call, replaced).await {
            Either::Left((answer, _)) => answer.map_err(|error| Unconfirmed::NotTold(error.to_string()))?,
            Either::Right(_) => return Err(Unconfirmed::NotTold("another leader came meanwhile".to_owned())),
        };
        match decode(&answer) {
            Ok(ReadIndexAnswer::At(at)) => Ok(at),
            Ok(refusal) => Err(Unconfirmed::NotTold(format!("{refusal:?}"))),
            Err(error) => Err(Unconfirmed::NotTold(error)),
        }
    }

    /// Tells the readers the index now, and once more when this node has applied it. Ends when nobody waits.
    async fn tell(&self, readers: Vec<Reader>, at: LogId) {
        let (reached, applied) = watch::channel(false);
        for reader in readers {
            // It may have left.
            let _ = reader.send(Confirmed { at, applied: applied.clone() });
        }
        drop(applied);
        let mut status = self.applied.clone();
        // Compared by term first, as log ids are. Where a new leader's blank entry lost its place in the log, an entry of
        // a later term is waited for in its stead, and all that was committed before the round lies before either.
        let has_applied = pin!(async move { status.wait_for(|status| status.applied >= Some(at)).await.is_ok() });
        let all_left = pin!(reached.closed());
        if let Either::Left((true, _)) = select(has_applied, all_left).await {
            reached.send_replace(true);
        }
    }

    fn known_leader(&self) -> KnownLeader {
        let status = self.status.borrow();
        (status.term.0, status.leader)
    }

    async fn wait_for_another_leader(&self, known: KnownLeader) {
        let mut status = self.status.clone();
        let changed = async move {
            let another = |status: &RaftStatus| (status.term.0, status.leader) != known;
            // An error means that consensus ended, which the next round will find.
            if status.wait_for(another).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        self.host.until(self.host.clock.now().after(self.pause), changed).await;
    }
}

/// The term, and who this node takes for its leader.
type KnownLeader = (u64, Option<NodeId>);

fn decode<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    if body.len() > BODY_BYTES_MAX {
        return Err(format!("{} bytes about a read index, more than {BODY_BYTES_MAX}", body.len()));
    }
    codec::decode(body).map_err(|error| error.to_string())
}
