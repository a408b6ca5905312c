use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Sleep;
use tower::Service;

use super::own_answer::{self, BODY_TOO_LATE, HEAD_TOO_LARGE, HEAD_TOO_LATE, NO_HOST, NOT_HTTP};
use super::refusal;
use super::stages::{AnswerBody, Patience, Socket, Stage, Stages};
use crate::config::HttpConfig;

/// A request's line and headers, together. A longer head is 431.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// What a connection may buffer in each direction.
const BUFFER_BYTES_MAX: usize = 64 << 10;

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
    life: watch::Receiver<Life>,
    hyper: http1::Builder,
}

impl Connections {
    pub fn new(router: axum::Router, config: &HttpConfig, life: watch::Receiver<Life>) -> Connections {
        let mut hyper = http1::Builder::new();
        // Our own deadlines know heads from idleness; hyper's would end both alike.
        hyper.header_read_timeout(None).max_header_size(HEAD_BYTES_MAX).max_buf_size(BUFFER_BYTES_MAX);
        Connections { router, patience: Patience::new(config), life, hyper }
    }

    /// Serves one connection to its end.
    pub async fn serve(self, stream: TcpStream) {
        let stages = Stages::new(self.patience);
        let (router, of_service) = (self.router, stages.clone());
        let service = service_fn(move |request| answer(router.clone(), of_service.clone(), request));
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
            deadline.poll(cx).map(|()| Ended::TimedOut)
        })
        .await;
        match ended {
            Ended::ByItself(Ok(())) => {}
            Ended::ByItself(Err(error)) => {
                tracing::debug!(%error, "a client's connection failed");
                if error.is_parse() {
                    let answer = if error.is_parse_too_large() { &HEAD_TOO_LARGE } else { &NOT_HTTP };
                    refusal::reject(connection.into_parts().io.into_inner().into_stream(), answer).await;
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
    TimedOut,
    CutOff,
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

async fn answer(
    mut router: axum::Router,
    stages: Arc<Stages>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    if request.version() == Version::HTTP_11 && request.headers().get_all(HOST).iter().count() != 1 {
        // RFC 9112, section 3.2. hyper leaves it to us.
        let body = stages.request_begins(request.into_body());
        drop(body);
        return Ok(NO_HOST.response(None).map(|body| stages.answer_body(Body::from(body))));
    }
    let (head, body) = request.into_parts();
    let body = stages.request_begins(body);
    // A router is always ready (`Router::poll_ready`).
    let mut response = router.call(Request::from_parts(head, body)).await?;
    if stages.body_late() {
        response = BODY_TOO_LATE.response(own_answer::request_id(response.headers())).map(Body::from);
    }
    Ok(response.map(|body| stages.answer_body(body)))
}
