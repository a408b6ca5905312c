use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use tokio::sync::{Semaphore, mpsc};

use super::actor::Context;
use super::calls::SENTENCE_BYTES_MAX;
use super::frame::{BODY_BYTES_MAX, Frame, FrameRole};
use super::handshake::{Acceptor, Remote, Step, refusal_in};
use super::load::{Load, Place, REQUESTS_IN_FLIGHT_MAX};
use super::{Caller, Lane, PeerGuard, Refusal, RepeatWindow, text};
use crate::base::NodeId;
use crate::base::limits::{FRAME_BYTES_MAX, HELLO_BYTES_MAX};
use crate::host::{Link, LinkReceiver, LinkSender, TaskHandle};

/// A caller that has not proven itself within this is dropped.
const HANDSHAKE_MAX: Duration = Duration::from_secs(2);
/// Links that have not proven themselves. Strangers can hold so many, and so much of [`HELLO_BYTES_MAX`], no more.
const UNPROVEN_LINKS_MAX: usize = 64;
/// After a failed accept (no file descriptors, say) wait, rather than spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Answers waiting to be sent: all requests of both classes that may be in flight (see `load.rs`).
const ANSWERS_MAX: usize = 2 * REQUESTS_IN_FLIGHT_MAX;
/// Answers gathered in one send.
const ANSWERS_PER_SEND_MAX: usize = 128;

/// The incoming links that have passed the handshake: one per peer and lane, for a peer that opens another has given
/// up the one before, perhaps without our hearing of it.
#[derive(Default)]
pub(super) struct Sessions(Mutex<SessionTable>);

#[derive(Default)]
struct SessionTable {
    closed: bool,
    next: u64,
    open: BTreeMap<(NodeId, Lane), Session>,
}

struct Session {
    serial: u64,
    remote: Remote,
    task: TaskHandle,
}

impl Sessions {
    fn start(&self, context: &Arc<Context>, remote: Remote, link: Link) {
        // The session removes itself when it ends; it cannot do so before it is in the table, for the table is locked.
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.closed {
            return;
        }
        table.next += 1;
        let serial = table.next;
        let session = serve(context.clone(), remote, link, serial);
        let task = context.host.spawn("peer-session", session);
        if let Some(before) = table.open.insert((remote.node, remote.lane), Session { serial, remote, task }) {
            before.task.abort();
        }
    }

    fn ended(&self, remote: Remote, serial: u64) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (remote.node, remote.lane);
        if table.open.get(&key).is_some_and(|open| open.serial == serial) {
            table.open.remove(&key);
        }
    }

    /// Ends the sessions of nodes that the guard would not let in any more.
    pub fn recheck(&self, guard: &dyn PeerGuard) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, session) in std::mem::take(&mut table.open) {
            let Err(refusal) = guard.admit(&session.remote.claim()) else {
                table.open.insert(key, session);
                continue;
            };
            let Remote { node, lane, .. } = session.remote;
            tracing::info!(peer = %node, ?lane, code = %refusal.code, "ended the link of a peer: {}", refusal.sentence);
            session.task.abort();
        }
    }

    /// Ends all sessions, and lets none begin.
    pub fn close(&self) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.closed = true;
        for session in std::mem::take(&mut table.open).into_values() {
            session.task.abort();
        }
    }
}

/// Takes in links for as long as the node lives.
pub(super) async fn accept(context: Arc<Context>) {
    let unproven = Arc::new(Semaphore::new(UNPROVEN_LINKS_MAX));
    loop {
        match context.host.peers.accept().await {
            Ok(link) => match unproven.clone().try_acquire_owned() {
                Ok(place) => {
                    let context_of_task = context.clone();
                    context.host.spawn("peer-handshake", async move {
                        prove(&context_of_task, link).await;
                        drop(place);
                    });
                }
                Err(_) => tracing::debug!(remote = %link.remote, "too many links in the handshake: dropped one"),
            },
            Err(error) => {
                tracing::warn!("accepting a link from another node: {error}");
                context.host.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Lets the caller prove itself, and starts its session.
async fn prove(context: &Arc<Context>, mut link: Link) {
    let end = context.host.clock.now().after(HANDSHAKE_MAX);
    match context.host.until(end, shake_hands(context, &mut link)).await {
        Some(Ok(remote)) => {
            context.refusals.clear(remote.node, Caller::Them);
            tracing::debug!(peer = %remote.node, lane = ?remote.lane, remote = %link.remote, "a peer linked to us");
            context.is_alive(remote.node);
            context.sessions.start(context, remote, link);
        }
        Some(Err(what)) => tracing::debug!(remote = %link.remote, "a link ended in the handshake: {what}"),
        None => tracing::debug!(remote = %link.remote, "a link was silent in the handshake: dropped it"),
    }
}

async fn shake_hands(context: &Context, link: &mut Link) -> Result<Remote, String> {
    let mut acceptor = Acceptor::new(context.credentials.clone(), context.nonce());
    loop {
        let Some(bytes) = link.receiver.recv(HELLO_BYTES_MAX).await.map_err(|e| e.to_string())? else {
            return Err("the other side closed it".to_owned());
        };
        match acceptor.on_frame(&bytes, &*context.guard) {
            Step::Ignore => {}
            Step::Send(bytes) => link.sender.send(vec![bytes]).await.map_err(|e| e.to_string())?,
            Step::Open { remote, send } => {
                if let Some(bytes) = send {
                    link.sender.send(vec![bytes]).await.map_err(|e| e.to_string())?;
                }
                return Ok(remote);
            }
            Step::Refuse { refusal, send } => {
                refused(context, acceptor.claimed(), &link.remote, &refusal, "refused a caller");
                // The refusal is a courtesy: we close the link in any case.
                let _ = link.sender.send(vec![send]).await;
                return Err(refusal.to_string());
            }
            Step::Refused(refusal) => {
                refused(context, acceptor.claimed(), &link.remote, &refusal, "a caller refused us");
                return Err(refusal.to_string());
            }
        }
    }
}

/// A refusal where nobody said who it is gets no line of its own: anyone who reaches the port could write our log.
fn refused(context: &Context, claimed: Option<NodeId>, remote: &str, refusal: &Refusal, what: &str) {
    let Some(node) = claimed else {
        tracing::debug!(%remote, code = %refusal.code, "{what}: {}", refusal.sentence);
        return;
    };
    if context.refusals.note(node, Caller::Them, refusal, context.host.clock.now()) {
        tracing::warn!(claims = %node, %remote, code = %refusal.code, "{what}: {}", refusal.sentence);
    }
}

/// One session: reads requests, executes each in a task of its own, sends the answers back.
async fn serve(context: Arc<Context>, remote: Remote, link: Link, serial: u64) {
    let Link { mut sender, mut receiver, remote: address } = link;
    let (answers, outbox) = mpsc::channel(ANSWERS_MAX);
    let reads = pin!(read_requests(&context, remote, &address, &mut *receiver, answers));
    let writes = pin!(write_answers(&mut *sender, outbox));
    let why = match select(reads, writes).await {
        Either::Left((why, _)) | Either::Right((why, _)) => why,
    };
    tracing::debug!(peer = %remote.node, lane = ?remote.lane, remote = %address, "a peer's link ended: {why}");
    context.sessions.ended(remote, serial);
}

/// An answer on its way, and the place that its request holds until it is sent.
type Outbound = (Bytes, Option<Place>);

async fn read_requests(
    context: &Context,
    remote: Remote,
    address: &str,
    receiver: &mut dyn LinkReceiver,
    answers: mpsc::Sender<Outbound>,
) -> String {
    let load = Load::default();
    let mut executed_once = RepeatWindow::default();
    loop {
        let bytes = match receiver.recv(FRAME_BYTES_MAX).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return "the other side closed it".to_owned(),
            Err(error) => return error.to_string(),
        };
        if Frame::is_handshake(&bytes) {
            // A late repetition, or the caller's guard refuses us after all.
            if let Some(refusal) = refusal_in(&bytes) {
                refused(context, Some(remote.node), address, &refusal, "a caller refused us");
                return refusal.to_string();
            }
            continue;
        }
        let request = match Frame::decode(bytes) {
            Ok(frame) if frame.role == FrameRole::Request => frame,
            Ok(_) => return broken_protocol(remote, address, "an answer on a link where we asked nothing"),
            Err(error) => return broken_protocol(remote, address, &error.to_string()),
        };
        if !request.kind.is_idempotent() && !executed_once.is_new(request.call) {
            continue;
        }
        let Some(place) = load.admit(request.kind, request.body.len()) else {
            let reply = sentence(&request, FrameRole::Rejection, "the peer is too busy");
            // No room for the rejection either: the caller's deadline will tell it.
            let _ = answers.try_send((reply.encode(), None));
            continue;
        };
        execute(context, remote.node, request, place, answers.clone());
    }
}

fn broken_protocol(remote: Remote, address: &str, what: &str) -> String {
    tracing::warn!(peer = %remote.node, remote = %address, "a peer broke the protocol, its link is closed: {what}");
    what.to_owned()
}

fn execute(context: &Context, from: NodeId, request: Frame, mut place: Place, answers: mpsc::Sender<Outbound>) {
    let Frame { kind, group, call, .. } = request;
    let work = context.service.handle(from, group, kind, request.body.clone());
    context.host.spawn("peer-request", async move {
        let reply = match work.await {
            Ok(body) if body.len() > BODY_BYTES_MAX => {
                sentence(&request, FrameRole::Failure, &format!("an answer of {} bytes is too large", body.len()))
            }
            Ok(body) => Frame { kind, role: FrameRole::Answer, call, group, body },
            Err(what) => sentence(&request, FrameRole::Failure, &what),
        };
        // The request's bytes go before the answer's are made.
        drop(request);
        let bytes = reply.encode();
        place.answered(bytes.len());
        // The link may be gone: then nobody waits for this.
        let _ = answers.send((bytes, Some(place))).await;
    });
}

fn sentence(request: &Frame, role: FrameRole, what: &str) -> Frame {
    let body = text::one_line(what, SENTENCE_BYTES_MAX).into();
    Frame { kind: request.kind, role, call: request.call, group: request.group, body }
}

async fn write_answers(sender: &mut dyn LinkSender, mut outbox: mpsc::Receiver<Outbound>) -> String {
    let mut batch = Vec::with_capacity(ANSWERS_PER_SEND_MAX);
    loop {
        if outbox.recv_many(&mut batch, ANSWERS_PER_SEND_MAX).await == 0 {
            return "nobody is left to answer".to_owned();
        }
        let (frames, places): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        if let Err(error) = sender.send(frames).await {
            return error.to_string();
        }
        drop(places);
    }
}
