//! The API actor.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::backup::BACKUPS_MAX;
use super::below::Below;
use super::cluster::StickyAlarms;
use super::forward::{self, ForwardReply, ForwardRequest};
use super::write::{Done, Errand, MembersRequest, Routing, Work, WriteError, WriteRequest};
use crate::base::{GroupId, Monotonic, NodeId};
use crate::config::RequestConfig;
use crate::host::Host;
use crate::model::Applied;
use crate::raft::Changed;

/// Writes that may lie between the handles and the actor. The actor does no more than to count and to spawn, so
/// this is the burst of one scheduling delay; what waits longer is bounded by `in_flight_max`.
const API_INBOX_MAX: usize = 1024;
/// How long a change of members may take until it is answered. It asks nodes, writes two entries, and may wait for a
/// node to catch up.
const MEMBERS_TIMEOUT: Duration = Duration::from_secs(20);

/// Who this node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's name.
    pub cluster: String,
    pub node: NodeId,
    pub group: GroupId,
    /// This release.
    pub version: String,
}

/// The way to the API actor. Cheap to clone.
#[derive(Clone)]
pub struct ApiHandle {
    inbox: mpsc::Sender<Msg>,
    pub(super) shared: Arc<Shared>,
}

/// What handles answer from, without a message.
pub(super) struct Shared {
    pub host: Host,
    pub identity: Identity,
    pub below: Below,
    pub write_timeout: Duration,
    pub read_timeout: Duration,
    /// Once the node was caught up it stays so: the status need not be asked again.
    pub caught_up: AtomicBool,
    /// See [`ApiHandle::publish_key_set`].
    pub key_set: AtomicU64,
    pub sticky_alarms: Mutex<StickyAlarms>,
    pub backups: Arc<Semaphore>,
}

type Reply = oneshot::Sender<Result<Done, WriteError>>;

enum Msg {
    Carry { errand: Box<Errand>, deadline: Monotonic, reply: Reply },
    Stop { stopped: oneshot::Sender<()> },
}

impl ApiHandle {
    /// Starts the actor.
    pub fn start(host: &Host, config: &RequestConfig, identity: Identity, below: Below) -> ApiHandle {
        let (inbox, messages) = mpsc::channel(API_INBOX_MAX);
        let in_flight_max = config.in_flight_max.max(1);
        let (done, completions) = mpsc::channel(in_flight_max);
        let routing = Routing { host: host.clone(), identity: identity.clone(), below: below.clone() };
        let actor = Actor {
            host: host.clone(),
            routing: Arc::new(routing),
            in_flight_max,
            in_flight: BTreeMap::new(),
            next_ticket: 0,
            done,
            stopping: Vec::new(),
        };
        host.spawn("api", actor.run(messages, completions));
        let shared = Shared {
            host: host.clone(),
            identity,
            below,
            write_timeout: config.write_timeout,
            read_timeout: config.read_timeout,
            caught_up: AtomicBool::new(false),
            key_set: AtomicU64::new(0),
            sticky_alarms: Mutex::default(),
            backups: Arc::new(Semaphore::new(BACKUPS_MAX)),
        };
        ApiHandle { inbox, shared: Arc::new(shared) }
    }

    /// Who this node is.
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Writes. `Ok` once the entry is committed and applied by this node. A caller that goes away does not undo it.
    pub async fn write(&self, request: WriteRequest) -> Result<Applied, WriteError> {
        match self.carry(request.into(), self.shared.write_timeout).await? {
            Done::Written(applied) => Ok(applied),
            // A leader that answers another question than it was asked.
            Done::Members(_) => Err(WriteError::OutcomeUnknown),
        }
    }

    /// Changes the cluster's members, or who leads; on any node, as a write.
    pub async fn change_members(&self, request: MembersRequest) -> Result<Changed, WriteError> {
        match self.carry(request.into(), MEMBERS_TIMEOUT).await? {
            Done::Members(changed) => Ok(changed),
            Done::Written(_) => Err(WriteError::OutcomeUnknown),
        }
    }

    async fn carry(&self, errand: Errand, timeout: Duration) -> Result<Done, WriteError> {
        let deadline = self.shared.host.clock.now().after(timeout);
        let (reply, answer) = oneshot::channel();
        match self.inbox.try_send(Msg::Carry { errand: Box::new(errand), deadline, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(WriteError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(WriteError::Stopping),
        }
        // The actor answers every message that it took, unless it is torn down with the node.
        answer.await.unwrap_or(Err(WriteError::OutcomeUnknown))
    }

    /// Serves what another node's API actor passed on ([`super::PeerCall::Forward`]).
    pub async fn handle_forward(&self, body: Bytes) -> Bytes {
        let reply = match forward::decode::<ForwardRequest>(&body) {
            Err(reason) => ForwardReply::Refused(reason),
            Ok(ForwardRequest { work, actor, request_id, wait_ms }) => {
                let longest = match work {
                    Work::Write(_) => self.shared.write_timeout,
                    Work::Members(_) => MEMBERS_TIMEOUT,
                };
                let timeout = longest.min(Duration::from_millis(wait_ms));
                let errand = Errand { work, actor, request_id, forwarded: true, may_redirect: false };
                match self.carry(errand, timeout).await {
                    Ok(done) => ForwardReply::Done(done),
                    Err(WriteError::NotLeader { .. } | WriteError::NoLeader) => ForwardReply::NotLeader,
                    Err(WriteError::OutcomeUnknown) => ForwardReply::OutcomeUnknown,
                    Err(WriteError::Overloaded) => ForwardReply::Overloaded,
                    Err(WriteError::StorageFull { free_bytes }) => ForwardReply::StorageFull { free_bytes },
                    Err(WriteError::Stopping) => ForwardReply::Stopping,
                    Err(WriteError::Conflict(why)) => ForwardReply::Conflict(why),
                    Err(WriteError::NoSuchMember(node)) => ForwardReply::NoSuchMember(node),
                }
            }
        };
        forward::encode(&reply)
    }

    /// Takes no new writes, lets those in flight end (each by its deadline), and returns when none is left.
    pub async fn stop(&self) {
        let (stopped, done) = oneshot::channel();
        if self.inbox.send(Msg::Stop { stopped }).await.is_ok() {
            // An error means that the actor is gone, which is what was asked for.
            let _ = done.await;
        }
    }
}

struct Actor {
    host: Host,
    routing: Arc<Routing>,
    in_flight_max: usize,
    in_flight: BTreeMap<u64, Reply>,
    next_ticket: u64,
    /// Holds as many as can be in flight: a task never waits to report.
    done: mpsc::Sender<Ended>,
    stopping: Vec<oneshot::Sender<()>>,
}

/// A write that ended.
struct Ended {
    ticket: u64,
    result: Result<Done, WriteError>,
}

enum Next {
    Ended(Ended),
    Message(Msg),
    HandlesGone,
}

impl Actor {
    async fn run(mut self, mut messages: mpsc::Receiver<Msg>, mut completions: mpsc::Receiver<Ended>) {
        let mut handles_gone = false;
        loop {
            let over = handles_gone || !self.stopping.is_empty();
            if over && self.in_flight.is_empty() {
                break;
            }
            // Old work before new.
            let next = poll_fn(|cx| {
                if let Poll::Ready(Some(ended)) = completions.poll_recv(cx) {
                    return Poll::Ready(Next::Ended(ended));
                }
                if handles_gone {
                    return Poll::Pending;
                }
                messages.poll_recv(cx).map(|message| message.map_or(Next::HandlesGone, Next::Message))
            });
            match next.await {
                Next::Ended(ended) => self.finish(ended),
                Next::Message(Msg::Carry { errand, deadline, reply }) => self.begin(*errand, deadline, reply),
                Next::Message(Msg::Stop { stopped }) => self.stopping.push(stopped),
                Next::HandlesGone => handles_gone = true,
            }
        }
        // What came in after the last check must hear that it was not done.
        messages.close();
        while let Ok(message) = messages.try_recv() {
            match message {
                Msg::Carry { reply, .. } => answer(reply, Err(WriteError::Stopping)),
                Msg::Stop { stopped } => self.stopping.push(stopped),
            }
        }
        for stopped in self.stopping {
            let _ = stopped.send(());
        }
    }

    fn begin(&mut self, errand: Errand, deadline: Monotonic, reply: Reply) {
        if !self.stopping.is_empty() {
            return answer(reply, Err(WriteError::Stopping));
        }
        if self.in_flight.len() >= self.in_flight_max {
            return answer(reply, Err(WriteError::Overloaded));
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.in_flight.insert(ticket, reply);
        let (routing, done) = (self.routing.clone(), self.done.clone());
        self.host.spawn("api-write", async move {
            let result = routing.carry(errand, deadline).await;
            // An error means that the actor is gone, and with it the client's end.
            let _ = done.send(Ended { ticket, result }).await;
        });
    }

    fn finish(&mut self, ended: Ended) {
        let reply = self.in_flight.remove(&ended.ticket).expect("a ticket ends once, by the task it was given to");
        answer(reply, ended.result);
    }
}

/// Answers; a client that went away needs none.
fn answer(reply: Reply, result: Result<Done, WriteError>) {
    let _ = reply.send(result);
}
