use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use tokio::sync::mpsc;

use super::actor::Context;
use super::backoff::Backoff;
use super::calls::{Answer, Calls, GaveUp};
use super::frame::{Frame, FrameKind, FrameRole};
use super::handshake::{Initiator, Step};
use super::{Caller, Lane, PeerError, PeerTarget, Refusal};
use crate::base::limits::{FRAME_BYTES_MAX, HELLO_BYTES_MAX};
use crate::base::{GroupId, Monotonic};
use crate::host::{Link, LinkReceiver, LinkSender};

/// How long the network may take to connect. A call does not wait longer for a hung one.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// How long the handshake may take, two round trips. A lost frame of it costs this much.
const HANDSHAKE_MAX: Duration = Duration::from_secs(1);

/// The handle of one outgoing link: to one peer at one address, for one lane.
///
/// Its task opens the link when there is something to send, and again when it breaks. When the last handle is gone
/// and the last call answered, the task ends and the link is closed.
pub(super) struct Outgoing {
    context: Arc<Context>,
    pub address: String,
    calls: Arc<Calls>,
    /// Rung when something was queued. One ring is enough, however much there is: the bound is 1.
    bell: mpsc::Sender<()>,
    /// Rung when the link is found dead. The bound is 1, as above.
    alarm: mpsc::Sender<()>,
}

/// A call in progress; forgotten when its future is dropped.
struct Pending<'a> {
    calls: &'a Calls,
    call: u64,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.calls.forget(self.call);
    }
}

impl Outgoing {
    pub fn start(context: &Arc<Context>, to: &PeerTarget, lane: Lane) -> Outgoing {
        let (bell, work) = mpsc::channel(1);
        let (alarm, dead) = mpsc::channel(1);
        let calls = Arc::new(Calls::new());
        let actor = Actor {
            context: context.clone(),
            to: to.clone(),
            lane,
            calls: calls.clone(),
            work,
            dead,
            backoff: Backoff::default(),
            trouble: None,
        };
        context.host.spawn("peer-link", actor.run());
        Outgoing { context: context.clone(), address: to.address.clone(), calls, bell, alarm }
    }

    /// The peer gave a sign of life: the next call need not wait for the rest to end.
    pub fn end_rest(&self) {
        self.calls.end_rest();
    }

    /// Sends a request and waits for its answer.
    pub async fn call(&self, group: GroupId, kind: FrameKind, body: Bytes, deadline: Monotonic) -> Answer {
        let host = &self.context.host;
        let now = host.clock.now();
        if now >= deadline {
            return Err(PeerError::Unreachable("the deadline had passed before the call".to_owned()));
        }
        let (call, mut answered) = self.calls.enqueue(now, group, kind, body)?;
        let _pending = Pending { calls: &self.calls, call };
        // Full means that it has been rung already.
        let _ = self.bell.try_send(());
        if let Some(answer) = host.until(deadline, &mut answered).await {
            return answer.unwrap_or_else(|_| Err(PeerError::Broken("the link's task has ended".to_owned())));
        }
        match self.calls.give_up(host.clock.now(), call) {
            GaveUp::NotHanded => {
                Err(PeerError::Unreachable(format!("no link to {} before the deadline", self.address)))
            }
            GaveUp::Handed { link_is_dead } => {
                if link_is_dead {
                    let _ = self.alarm.try_send(());
                }
                Err(PeerError::TimedOut)
            }
            GaveUp::Answered => answered.try_recv().unwrap_or(Err(PeerError::TimedOut)),
        }
    }
}

struct Actor {
    context: Arc<Context>,
    to: PeerTarget,
    lane: Lane,
    calls: Arc<Calls>,
    work: mpsc::Receiver<()>,
    dead: mpsc::Receiver<()>,
    backoff: Backoff,
    /// What was last logged about not reaching the peer; `None` while it is reached.
    trouble: Option<String>,
}

impl Actor {
    async fn run(mut self) {
        while self.wait_for_work().await {
            match self.open().await {
                Ok(link) => {
                    let (why, was_useful) = self.use_link(link).await;
                    self.calls.link_lost(&why);
                    if self.work.is_closed() {
                        // Every caller holds a handle while it waits: nobody is left.
                        return;
                    }
                    tracing::info!(peer = %self.to.node, lane = ?self.lane, "the link to a peer ended: {why}");
                    if was_useful {
                        // The next call may try again at once: the peer was fine a moment ago.
                        self.backoff.succeeded();
                    } else {
                        self.rest(PeerError::Unreachable(why));
                    }
                }
                Err(error) => self.rest(error),
            }
        }
    }

    /// Waits until something is queued; `false` when nobody can queue any more.
    async fn wait_for_work(&mut self) -> bool {
        while !self.calls.has_queued() {
            if self.work.recv().await.is_none() {
                return false;
            }
        }
        true
    }

    fn rest(&mut self, error: PeerError) {
        let what = error.to_string();
        if self.trouble.as_ref() != Some(&what) {
            // Refusals have their own line.
            if !matches!(error, PeerError::Refused(_)) {
                tracing::warn!(peer = %self.to.node, address = %self.to.address, lane = ?self.lane, "{what}");
            }
            self.trouble = Some(what);
        }
        let rest = self.context.with_rng(|rng| self.backoff.failed(rng));
        self.calls.rest(self.context.host.clock.now().after(rest), error);
    }

    async fn open(&mut self) -> Result<Link, PeerError> {
        let host = &self.context.host;
        let PeerTarget { node, address } = &self.to;
        let connected = host.until(host.clock.now().after(CONNECT_MAX), host.peers.connect(address)).await;
        let mut link = match connected {
            Some(Ok(link)) => link,
            Some(Err(error)) => return Err(PeerError::Unreachable(format!("connecting to {address}: {error}"))),
            None => return Err(PeerError::Unreachable(format!("connecting to {address} took too long"))),
        };
        let end = host.clock.now().after(HANDSHAKE_MAX);
        host.until(end, self.shake_hands(&mut link))
            .await
            .unwrap_or_else(|| Err(PeerError::Unreachable(format!("the handshake with {address} took too long"))))?;
        self.calls.link_opened(host.clock.now());
        self.context.refusals.clear(*node, Caller::Us);
        tracing::info!(peer = %node, %address, lane = ?self.lane, "linked to a peer");
        self.trouble = None;
        Ok(link)
    }

    async fn shake_hands(&self, link: &mut Link) -> Result<(), PeerError> {
        let failed = |what: String| PeerError::Unreachable(format!("the handshake with {}: {what}", self.to.address));
        let guard = &*self.context.guard;
        let (credentials, nonce) = (self.context.credentials.clone(), self.context.nonce());
        let (mut initiator, hello) = Initiator::start(credentials, self.to.node, self.lane, nonce, guard.members_at());
        link.sender.send(vec![hello]).await.map_err(|e| failed(e.to_string()))?;
        loop {
            let received = link.receiver.recv(HELLO_BYTES_MAX).await.map_err(|e| failed(e.to_string()))?;
            let Some(bytes) = received else {
                return Err(failed("the other side closed the link".to_owned()));
            };
            match initiator.on_frame(&bytes, guard) {
                Step::Ignore => {}
                Step::Send(bytes) => link.sender.send(vec![bytes]).await.map_err(|e| failed(e.to_string()))?,
                Step::Open { send, .. } => {
                    if let Some(bytes) = send {
                        link.sender.send(vec![bytes]).await.map_err(|e| failed(e.to_string()))?;
                    }
                    return Ok(());
                }
                Step::Refuse { refusal, send } => {
                    // The refusal is a courtesy: we close the link in any case.
                    let _ = link.sender.send(vec![send]).await;
                    return Err(self.refused(refusal, "refused a peer that we called"));
                }
                Step::Refused(refusal) => {
                    guard.refused(self.to.node, &refusal);
                    return Err(self.refused(refusal, "a peer refused us"));
                }
            }
        }
    }

    fn refused(&self, refusal: Refusal, what: &str) -> PeerError {
        let PeerTarget { node, address } = &self.to;
        if self.context.refusals.note(*node, Caller::Us, &refusal, self.context.host.clock.now()) {
            tracing::warn!(peer = %node, %address, code = %refusal.code, "{what}: {}", refusal.sentence);
        }
        PeerError::Refused(refusal.to_string())
    }

    /// Uses the link until it ends. Returns why it ended, and whether any answer came over it.
    async fn use_link(&mut self, link: Link) -> (String, bool) {
        let Link { mut sender, mut receiver, .. } = link;
        // An alarm about an earlier link says nothing about this one.
        while self.dead.try_recv().is_ok() {}
        let mut was_useful = false;
        let why = {
            let reads = pin!(read_answers(&mut *receiver, &self.context, &self.calls, &mut was_useful));
            let writes = pin!(write_requests(&mut *sender, &self.calls, &mut self.work));
            let dead = pin!(self.dead.recv());
            // Answers before requests, so that a full table empties before it fills.
            match select(reads, select(writes, dead)).await {
                Either::Left((why, _)) | Either::Right((Either::Left((why, _)), _)) => why,
                Either::Right((Either::Right((Some(()), _)), _)) => "several calls in a row had no answer".to_owned(),
                Either::Right((Either::Right((None, _)), _)) => "not needed any more".to_owned(),
            }
        };
        (why, was_useful)
    }
}

async fn read_answers(
    receiver: &mut dyn LinkReceiver,
    context: &Context,
    calls: &Calls,
    was_useful: &mut bool,
) -> String {
    loop {
        let bytes = match receiver.recv(FRAME_BYTES_MAX).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return "the other side closed it".to_owned(),
            Err(error) => return error.to_string(),
        };
        if Frame::is_handshake(&bytes) {
            // A repetition of the handshake, late.
            continue;
        }
        match Frame::decode(bytes) {
            Ok(frame) if frame.role == FrameRole::Request => {
                return "the other side broke the protocol: a request on a link that it did not open".to_owned();
            }
            Ok(frame) => {
                *was_useful = true;
                calls.answer(context.host.clock.now(), frame);
            }
            Err(error) => return format!("the other side broke the protocol: {error}"),
        }
    }
}

/// Everything that is queued goes out together; what comes in the meantime goes out next.
async fn write_requests(sender: &mut dyn LinkSender, calls: &Calls, work: &mut mpsc::Receiver<()>) -> String {
    loop {
        let frames = calls.hand_over();
        if frames.is_empty() {
            if work.recv().await.is_none() {
                return "not needed any more".to_owned();
            }
            continue;
        }
        if let Err(error) = sender.send(frames.iter().map(Frame::encode).collect()).await {
            return error.to_string();
        }
        calls.sent();
    }
}
