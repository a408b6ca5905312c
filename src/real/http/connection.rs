use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONNECTION, EXPECT, HOST};
use axum::http::{HeaderValue, Method, Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Sleep;
use tower::Service;

use super::budget::Budget;
use super::crowd::{Crowd, Place};
use super::own_answer::{
    self, HEAD_TOO_LARGE, HEAD_TOO_LATE, NO_HOST, NOT_HTTP, OwnAnswer, TOO_MANY_ANSWERS, TOO_MANY_CONNECTIONS,
};
use super::refusal;
use super::stages::{AnswerBody, Patience, Socket, Stage, Stages, Waiting, WaitsFor, hold};
use crate::config::HttpConfig;

/// A request's line and headers, together. A longer head is 431.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// What a connection may buffer in each direction.
const BUFFER_BYTES_MAX: usize = 64 << 10;

/// Request bodies that are being read, together: 32 of the longest.
const BODIES_BYTES_MAX: usize = 256 << 20;
/// Answers that clients have not taken yet, together; one more to a read is refused.
const ANSWERS_BYTES_MAX: usize = 256 << 20;
/// What a request's body may have left when it is answered, for the connection to go on behind it.
const LEFT_OVER_BYTES_MAX: usize = 64 << 10;
/// How long what is left of a body may take to come.
const LEFT_OVER_TIME: Duration = Duration::from_millis(100);

/// How far the server's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Life {
    Serving,
    /// What is in flight may finish.
    Ending,
    Over,
}

/// What all connections share.
#[derive(Clone)]
pub(super) struct Connections {
    router: axum::Router,
    patience: Patience,
    pub crowd: Arc<Crowd>,
    bodies: Budget,
    answers: Budget,
    life: watch::Receiver<Life>,
    hyper: http1::Builder,
}

impl Connections {
    pub fn new(router: axum::Router, config: &HttpConfig, life: watch::Receiver<Life>) -> Connections {
        let mut hyper = http1::Builder::new();
        // Our own deadlines know heads from idleness; hyper's would end both alike.
        // Who sends no more still wants the answer.
        hyper.header_read_timeout(None).half_close(true).max_header_size(HEAD_BYTES_MAX).max_buf_size(BUFFER_BYTES_MAX);
        let (bodies, answers) = (Budget::of(BODIES_BYTES_MAX), Budget::of(ANSWERS_BYTES_MAX));
        Connections { router, patience: Patience::new(config), crowd: Arc::default(), bodies, answers, life, hyper }
    }

    /// Serves one connection to its end. It has its place among the others at once, not only when its task first runs.
    pub fn serve(self, stream: TcpStream) -> impl Future<Output = ()> {
        let stages = Stages::new(self.patience);
        let place = self.crowd.enter(&stages);
        self.serve_at(stream, stages, place)
    }

    async fn serve_at(self, stream: TcpStream, stages: Arc<Stages>, place: Place) {
        let asking = Asking { router: self.router, stages: stages.clone(), bodies: self.bodies, answers: self.answers };
        let service = service_fn(move |request| asking.clone().answer(request));
        let socket = Socket::new(stream, stages.clone());
        let mut connection = self.hyper.serve_connection(TokioIo::new(socket), service);
        let mut deadline = Deadline { stages: &stages, sleep: None };
        let mut told = Life::Serving;
        let mut next_life = Box::pin(beyond(self.life.clone(), told));
        let ended = std::future::poll_fn(|cx| {
            while let Poll::Ready(life) = next_life.as_mut().poll(cx) {
                if life == Life::Over {
                    return Poll::Ready(Ended::CutOff);
                }
                Pin::new(&mut connection).graceful_shutdown();
                told = life;
                next_life.set(beyond(self.life.clone(), told));
            }
            if let Poll::Ready(outcome) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(Ended::ByItself(outcome));
            }
            if let Poll::Ready(waiting) = place.poll_sent_away(cx) {
                return Poll::Ready(Ended::SentAway(waiting));
            }
            deadline.poll(cx).map(|()| Ended::TimedOut)
        })
        .await;
        match ended {
            Ended::ByItself(Ok(())) if stages.has_unread() => {
                let stream = connection.into_parts().io.into_inner().into_stream();
                unless_sent_away(&stages, &place, refusal::linger(stream)).await;
            }
            Ended::ByItself(Ok(())) => {}
            Ended::ByItself(Err(error)) => {
                tracing::debug!(%error, "a client's connection failed");
                if error.is_parse() {
                    let answer = if error.is_parse_too_large() { &HEAD_TOO_LARGE } else { &NOT_HTTP };
                    let stream = connection.into_parts().io.into_inner().into_stream();
                    unless_sent_away(&stages, &place, refusal::reject(stream, answer)).await;
                }
            }
            Ended::SentAway(waiting) => {
                tracing::debug!("a client's connection makes room for another one");
                if matches!(waiting.what_for, WaitsFor::First | WaitsFor::FirstFresh) {
                    // Best effort. Behind an earlier answer it would be taken for the next one's.
                    let answer = TOO_MANY_CONNECTIONS.bytes();
                    let _ = connection.into_parts().io.into_inner().into_stream().try_write(&answer);
                }
            }
            Ended::CutOff => tracing::debug!("a client's connection was cut off by the shutdown"),
            Ended::TimedOut => {
                let stage = stages.stage();
                tracing::debug!(?stage, "a client's connection timed out");
                if stage == Stage::Header && !stages.stalled() {
                    // Best effort: whoever sends a head that slowly may well be gone.
                    let _ = connection.into_parts().io.into_inner().into_stream().try_write(&HEAD_TOO_LATE.bytes());
                }
            }
        }
    }
}

enum Ended {
    ByItself(hyper::Result<()>),
    SentAway(Waiting),
    TimedOut,
    CutOff,
}

/// Does what is left to do, unless the connection has to make room for another one.
async fn unless_sent_away(stages: &Stages, place: &Place, last: impl Future<Output = ()>) {
    stages.end();
    let mut last = std::pin::pin!(last);
    std::future::poll_fn(|cx| match place.poll_sent_away(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => last.as_mut().poll(cx),
    })
    .await;
}

/// Completes when the server's end has come further than `told`.
async fn beyond(mut life: watch::Receiver<Life>, told: Life) -> Life {
    // Without a sender there is no server that anything could be finished for.
    life.wait_for(|life| *life > told).await.map_or(Life::Over, |life| *life)
}

/// Completes when the connection's stage has taken too long.
struct Deadline<'a> {
    stages: &'a Stages,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(at) = self.stages.deadline() else { return Poll::Pending };
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            // A timer that is too early is left alone until it fires: deadlines move on with every request.
            if sleep.deadline() > at {
                sleep.as_mut().reset(at);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
    }
}

/// What it takes to answer the requests of one connection.
#[derive(Clone)]
struct Asking {
    router: axum::Router,
    stages: Arc<Stages>,
    bodies: Budget,
    answers: Budget,
}

impl Asking {
    async fn answer(mut self, request: Request<Incoming>) -> Result<Response<AnswerBody>, Infallible> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let own = |answer: &OwnAnswer, id| answer.response(&path, id).map(Body::from);
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        let waits_to_send = head.headers.contains_key(EXPECT);
        let has_host = head.version != Version::HTTP_11 || head.headers.get_all(HOST).iter().count() == 1;
        let body = self.stages.request_begins(body, &self.bodies);
        let mut response = if has_host {
            // A router is always ready (`Router::poll_ready`).
            self.router.call(Request::from_parts(head, body)).await?
        } else {
            // RFC 9112, section 3.2. hyper leaves it to us.
            drop(body);
            own(&NO_HOST, None)
        };
        if let Some(failed) = self.stages.body_failed() {
            response = own(failed, own_answer::request_id(response.headers()));
        }
        let held = match hold(response.body(), &self.answers) {
            Some(held) => held,
            // What has happened is told, however much that is.
            None if !is_read => None,
            None => {
                response = own(&TOO_MANY_ANSWERS, own_answer::request_id(response.headers()));
                None
            }
        };
        if let Some(left) = self.stages.left_over()
            && (waits_to_send || !is_read_to_the_end(left).await)
        {
            // What is not read of a body would be taken for the next request.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            self.stages.leave_unread();
        }
        Ok(response.map(|body| self.stages.answer_body(body, held)))
    }
}

/// Reads what is left of a request's body, if that is little.
async fn is_read_to_the_end(mut body: Incoming) -> bool {
    let mut bytes = 0;
    let reading = async {
        while bytes <= LEFT_OVER_BYTES_MAX && body.size_hint().lower() <= LEFT_OVER_BYTES_MAX as u64 {
            match body.frame().await {
                None => return true,
                Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, bytes::Bytes::len),
                Some(Err(_)) => return false,
            }
        }
        false
    };
    tokio::time::timeout(LEFT_OVER_TIME, reading).await.unwrap_or(false)
}
