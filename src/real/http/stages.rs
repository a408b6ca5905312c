use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::config::HttpConfig;

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
    /// The body of the request in hand did not come in time.
    body_late: AtomicBool,
}

struct Now {
    stage: Stage,
    since: Instant,
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
        let now = Now { stage: Stage::Header, since: Instant::now(), stalled: None };
        Arc::new(Stages { patience, now: Mutex::new(now), body_late: AtomicBool::new(false) })
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().expect("no code that holds this lock can panic")
    }

    fn enter(&self, stage: Stage) {
        let mut now = self.now();
        now.stage = stage;
        now.since = Instant::now();
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
    pub fn request_begins(self: &Arc<Self>, body: Incoming) -> Body {
        self.enter(Stage::Request);
        self.body_late.store(false, Ordering::Relaxed);
        if body.is_end_stream() {
            return Body::empty();
        }
        let deadline = Instant::now().checked_add(self.patience.body);
        Body::new(RequestBody { body, deadline, sleep: None, stages: self.clone() })
    }

    /// Whether the request's body did not come in time.
    pub fn body_late(&self) -> bool {
        self.body_late.load(Ordering::Relaxed)
    }

    pub fn answer_body(self: &Arc<Self>, body: Body) -> AnswerBody {
        AnswerBody { body, stages: self.clone() }
    }
}

/// A request's body, which fails when it takes too long in sum.
struct RequestBody {
    body: Incoming,
    deadline: Option<Instant>,
    /// Made when the body is first waited for: most have come with the head.
    sleep: Option<Pin<Box<Sleep>>>,
    stages: Arc<Stages>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        let Some(deadline) = this.deadline else { return Poll::Pending };
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(sleep.as_mut().poll(cx));
        this.stages.body_late.store(true, Ordering::Relaxed);
        let late = io::Error::new(io::ErrorKind::TimedOut, "the request's body did not come in time");
        Poll::Ready(Some(Err(axum::Error::new(late))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. hyper drops it when it has taken all of it: then the request is over.
pub(super) struct AnswerBody {
    body: Body,
    stages: Arc<Stages>,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
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
