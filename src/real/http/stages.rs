use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::budget::{Budget, Held};
use super::own_answer::{BODY_TOO_LATE, OwnAnswer, TOO_MANY_BODIES};
use crate::config::HttpConfig;

/// Answers up to this do not count against what all answers together may take.
const SMALL_ANSWER_BYTES: usize = 64 << 10;

/// How long a client may take for each stage.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub header: Duration,
    pub idle: Duration,
    pub body: Duration,
}

impl Patience {
    pub fn new(config: &HttpConfig) -> Patience {
        Patience { header: config.header_timeout, idle: config.idle_timeout, body: config.body_timeout }
    }
}

/// Where one connection stands, and since when: read by the task that ends it when its time is up.
pub(super) struct Stages {
    patience: Patience,
    now: Mutex<Now>,
    /// Room is needed for another connection.
    sent_away: AtomicBool,
    /// Of the task that serves the connection.
    waker: AtomicWaker,
}

/// A connection that waits for its client. Less is sooner to go, and of those alike who waits the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Waiting {
    pub what_for: WaitsFor,
    pub since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WaitsFor {
    /// Nothing: it has its last answer.
    End,
    /// The first request, for longer than a good client takes.
    First,
    /// The next request, and that for long.
    NextForLong,
    /// That something of an answer is taken, and that for longer than a good connection pauses.
    Taking,
    /// The first request. To be told now that there is no room does no harm.
    FirstFresh,
    /// The next request. Its client may be sending it now, and would not know what became of it.
    Next,
}

/// How long the first request of a good client takes to come, at most.
const FRESH: Duration = Duration::from_millis(500);
/// How long a connection may be idle before it counts as one that is hardly used.
const IDLE_FOR_LONG: Duration = Duration::from_secs(5);
/// Who takes nothing of an answer for so long may have to make room for others.
const PAUSE: Duration = Duration::from_secs(1);

struct Now {
    stage: Stage,
    since: Instant,
    /// It has sent a whole head before.
    has_asked: bool,
    /// What is said in place of the router's answer: the body of the request in hand was not read to its end, for this
    /// reason.
    body_failed: Option<&'static OwnAnswer>,
    /// What the router did not read of the body of the request in hand.
    left_over: Option<Incoming>,
    /// The last answer was given.
    has_ended: bool,
    /// The answer in hand is the last one, and the client is still sending.
    unread: bool,
    /// Since when the client has taken nothing of what we have to send.
    stalled: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A request's head is coming, or, on a new connection, should be.
    Header,
    /// From the end of a head to the end of the answer.
    Request,
    /// Between requests.
    Idle,
}

impl Stages {
    pub fn new(patience: Patience) -> Arc<Stages> {
        let now = Now {
            stage: Stage::Header,
            since: Instant::now(),
            has_asked: false,
            body_failed: None,
            left_over: None,
            has_ended: false,
            unread: false,
            stalled: None,
        };
        let (now, waker) = (Mutex::new(now), AtomicWaker::new());
        Arc::new(Stages { patience, now, sent_away: AtomicBool::new(false), waker })
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().expect("no code that holds this lock can panic")
    }

    pub fn enter(&self, stage: Stage) {
        let mut now = self.now();
        now.stage = stage;
        now.since = Instant::now();
        now.has_asked |= stage == Stage::Request;
    }

    /// How it waits for its client, where it does.
    pub fn waiting(&self) -> Option<Waiting> {
        let now = self.now();
        if let Some(since) = now.stalled {
            return (since.elapsed() > PAUSE).then_some(Waiting { what_for: WaitsFor::Taking, since });
        }
        let for_so_long = now.since.elapsed();
        let what_for = match now.has_asked {
            _ if now.has_ended => WaitsFor::End,
            true if for_so_long > IDLE_FOR_LONG => WaitsFor::NextForLong,
            true => WaitsFor::Next,
            false if for_so_long > FRESH => WaitsFor::First,
            false => WaitsFor::FirstFresh,
        };
        (now.stage != Stage::Request).then_some(Waiting { what_for, since: now.since })
    }

    /// Asks the connection to go, if it still waits when it hears of it.
    pub fn send_away(&self) {
        self.sent_away.store(true, Ordering::Release);
        self.waker.wake();
    }

    #[cfg(test)]
    pub fn is_sent_away(&self) -> bool {
        self.sent_away.load(Ordering::Acquire)
    }

    /// Completes when the connection was asked to make room: says how it waits, and `None` where it does not any more.
    pub fn poll_sent_away(&self, cx: &mut Context<'_>) -> Poll<Option<Waiting>> {
        self.waker.register(cx.waker());
        if !self.sent_away.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        Poll::Ready(self.waiting())
    }

    pub fn stage(&self) -> Stage {
        self.now().stage
    }

    /// Whether something we sent is still waiting for the client to take it.
    pub fn stalled(&self) -> bool {
        self.now().stalled.is_some()
    }

    /// When the connection has to end if nothing happens until then.
    pub fn deadline(&self) -> Option<Instant> {
        let now = self.now();
        let of_stage = match now.stage {
            Stage::Header => now.since.checked_add(self.patience.header),
            Stage::Idle => now.since.checked_add(self.patience.idle),
            Stage::Request => None,
        };
        let of_writing = now.stalled.and_then(|since| since.checked_add(self.patience.body));
        of_stage.into_iter().chain(of_writing).min()
    }

    /// A head was read. The answer's end is told by dropping what [`Stages::answer_body`] returns.
    pub fn request_begins(self: &Arc<Self>, body: Incoming, budget: &Budget) -> Body {
        self.enter(Stage::Request);
        let mut now = self.now();
        now.body_failed = None;
        now.left_over = None;
        drop(now);
        if body.is_end_stream() {
            return Body::empty();
        }
        let deadline = Instant::now().checked_add(self.patience.body);
        let held = budget.hold_nothing();
        Body::new(RequestBody { body: Some(body), held, deadline, sleep: None, stages: self.clone() })
    }

    /// Why the request's body was not read to its end, where that was not for the router to say.
    pub fn body_failed(&self) -> Option<&'static OwnAnswer> {
        self.now().body_failed
    }

    /// What the router did not read of the request's body.
    pub fn left_over(&self) -> Option<Incoming> {
        self.now().left_over.take()
    }

    /// The last answer was given: what follows is only so that the client can read it.
    pub fn end(&self) {
        self.enter(Stage::Idle);
        self.now().has_ended = true;
    }

    /// What the client still sends is not read.
    pub fn leave_unread(&self) {
        self.now().unread = true;
    }

    pub fn has_unread(&self) -> bool {
        self.now().unread
    }

    /// `held` counts what of the body was not sent yet.
    pub fn answer_body(self: &Arc<Self>, body: Body, held: Option<Held>) -> AnswerBody {
        AnswerBody { body, held: held.map(Arc::new), stages: self.clone() }
    }
}

/// What an answer's body counts for: `None` where it is not within the budget.
pub(super) fn hold(body: &Body, budget: &Budget) -> Option<Option<Held>> {
    let bytes = body.size_hint().exact().map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if bytes <= SMALL_ANSWER_BYTES {
        return Some(None);
    }
    let mut held = budget.hold_nothing();
    held.grow(bytes).then_some(Some(held))
}

/// A request's body, which fails when it takes too long in sum, or when all bodies together take too much.
struct RequestBody {
    /// Present until it is dropped.
    body: Option<Incoming>,
    /// What was read of it: whoever reads it holds it.
    held: Held,
    deadline: Option<Instant>,
    /// Made when the body is first waited for: most have come with the head.
    sleep: Option<Pin<Box<Sleep>>>,
    stages: Arc<Stages>,
}

impl RequestBody {
    fn fail(&self, answer: &'static OwnAnswer) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.stages.now().body_failed = Some(answer);
        Poll::Ready(Some(Err(axum::Error::new(io::Error::other(answer.detail)))))
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            if let Some(Ok(frame)) = &frame
                && let Some(data) = frame.data_ref()
                && !this.held.grow(data.len())
            {
                return this.fail(&TOO_MANY_BODIES);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        let Some(deadline) = this.deadline else { return Poll::Pending };
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(sleep.as_mut().poll(cx));
        this.fail(&BODY_TOO_LATE)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.stages.now().left_over = self.body.take().filter(|body| !body.is_end_stream());
    }
}

/// An answer's body. hyper drops it when it has taken all of it: then the request is over.
pub(super) struct AnswerBody {
    body: Body,
    held: Option<Arc<Held>>,
    stages: Arc<Stages>,
}

/// A part of an answer that holds some of the budget until it was sent.
struct Counted {
    bytes: Bytes,
    _held: Arc<Held>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let Some(held) = &self.held else { return Poll::Ready(frame) };
        // hyper lets go of a frame's bytes when they were sent, and of the body long before.
        let counted = |bytes| Bytes::from_owner(Counted { bytes, _held: held.clone() });
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(counted))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.stages.enter(Stage::Idle);
    }
}

/// The socket, telling [`Stages`] what passes through it.
///
/// Where hyper cannot read a head, it answers by itself, with a bare status. That answer is kept back: the connection
/// then ends with a parse error, and a better one is given by who sees it.
pub(super) struct Socket {
    stream: TcpStream,
    stages: Arc<Stages>,
    /// hyper's own answer was kept back: whatever it still wants to send or to close is not its business any more.
    kept_back: bool,
}

/// How hyper's own answers go on behind their status. No answer of ours has these headers first, and no JSON has a
/// line break as it is.
const HYPERS_OWN: &[u8] = b"\r\nconnection: close\r\ncontent-length: 0\r\n";

impl Socket {
    pub fn new(stream: TcpStream, stages: Arc<Stages>) -> Socket {
        Socket { stream, stages, kept_back: false }
    }

    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn keeps_back(&mut self, bytes: &[u8]) -> bool {
        let is_hypers_own = || {
            let end = bytes.iter().position(|byte| *byte == b'\r');
            bytes.starts_with(b"HTTP/1.") && end.is_some_and(|end| bytes[end..].starts_with(HYPERS_OWN))
        };
        self.kept_back = self.kept_back || (self.stages.stage() != Stage::Request && is_hypers_own());
        self.kept_back
    }

    fn wrote(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let mut now = self.stages.now();
        match outcome {
            Poll::Pending => _ = now.stalled.get_or_insert_with(Instant::now),
            Poll::Ready(_) => now.stalled = None,
        }
        outcome
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before && self.stages.stage() == Stage::Idle {
            self.stages.enter(Stage::Header);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.keeps_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.first().is_some_and(|first| self.keeps_back(first)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.kept_back {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
