//! The REST server: hyper's HTTP/1, driven by us so that no client can hold what others need.
//!
//! A connection has at most `header_timeout` to send a request's head, `body_timeout` for its body, may be idle for
//! `idle_timeout`, and must take some bytes of an answer every `body_timeout`. There are at most `connections_max`:
//! for one more, the one goes that waits the longest for a request; where all have one in hand, it is told `overloaded`.
//! What all clients together may have in memory is bounded too, bodies and answers each. How long a request may take once it was read is the API's business, not ours.

mod budget;
mod connection;
mod crowd;
mod own_answer;
mod refusal;
mod stages;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use self::connection::{Connections, Life};
use self::crowd::Crowd;
use super::sockets::{ACCEPT_PAUSE, one_connection_failed, tune};
use crate::config::HttpConfig;

/// How long requests in flight may go on after the shutdown began.
const GRACE: Duration = Duration::from_secs(10);
/// Silence after which a client's machine is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(30);
/// How long a new connection waits for the one that makes room for it.
const ROOM_TIME: Duration = Duration::from_secs(1);
/// Connections beyond the cap that are being told so, at once. The ones beyond that are closed without a word.
const REFUSALS_MAX: usize = 64;

/// Serves `router` on `listener` until `shutdown` completes; then accepts no more, lets the requests in flight
/// finish for 10 s at most, and returns.
pub async fn serve_http(
    listener: TcpListener,
    router: axum::Router,
    config: &HttpConfig,
    shutdown: impl Future<Output = ()>,
) {
    let (life, _) = watch::channel(Life::Serving);
    // Every connection holds a sender: when all are gone, so are the connections.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let connections = Connections::new(router, config, life.subscribe());
    let slots = Arc::new(Semaphore::new(config.connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let mut shutdown = pin!(shutdown);
    while let Some(stream) = accept(&listener, shutdown.as_mut()).await {
        if let Err(error) = tune(&stream, QUIET) {
            tracing::debug!(%error, "a client's connection failed at once");
            continue;
        }
        let (connections, open) = (connections.clone(), open.clone());
        let slot = match slots.clone().try_acquire_owned() {
            Ok(slot) => Some(slot),
            Err(_) => tokio::time::timeout(ROOM_TIME, room(&slots, &connections.crowd)).await.ok().flatten(),
        };
        if let Some(slot) = slot {
            let served = connections.serve(stream);
            tokio::spawn(async move {
                served.await;
                drop((slot, open));
            });
        } else if let Ok(slot) = refusals.clone().try_acquire_owned() {
            tokio::spawn(async move {
                refusal::refuse(stream).await;
                drop((slot, open));
            });
        }
    }
    // Closed first: a client is refused at once and goes to another node.
    drop((listener, open));
    life.send_replace(Life::Ending);
    if tokio::time::timeout(GRACE, all_closed.recv()).await.is_err() {
        tracing::warn!("some requests were still running {} s after the end began; they are cut off", GRACE.as_secs());
        life.send_replace(Life::Over);
        let _ = all_closed.recv().await;
    }
}

/// The place of a connection that goes for another one; `None` where all are at work.
async fn room(slots: &Arc<Semaphore>, crowd: &Crowd) -> Option<OwnedSemaphorePermit> {
    let mut slot = pin!(slots.clone().acquire_owned());
    while crowd.make_room() {
        let mut stayed = pin!(crowd.one_stayed());
        let free = std::future::poll_fn(|cx| match slot.as_mut().poll(cx) {
            Poll::Ready(slot) => Poll::Ready(slot.ok()),
            Poll::Pending => stayed.as_mut().poll(cx).map(|()| None),
        });
        if let Some(slot) = free.await {
            return Some(slot);
        }
    }
    None
}

/// The next connection; `None` once `shutdown` completes.
async fn accept(
    listener: &TcpListener,
    mut shutdown: std::pin::Pin<&mut impl Future<Output = ()>>,
) -> Option<TcpStream> {
    let mut told = false;
    loop {
        let accepted = std::future::poll_fn(|cx| match shutdown.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => listener.poll_accept(cx).map(Some),
        });
        match accepted.await? {
            Ok((stream, _)) => return Some(stream),
            Err(error) if one_connection_failed(&error) => {}
            Err(error) => {
                // Most likely out of files: connections that end will free some.
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "cannot accept connections from clients; trying on");
                }
                let mut pause = pin!(tokio::time::sleep(ACCEPT_PAUSE));
                let paused = std::future::poll_fn(|cx| match shutdown.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(None),
                    Poll::Pending => pause.as_mut().poll(cx).map(Some),
                });
                paused.await?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::stages::{Patience, Stage, Stages};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn where_the_one_that_should_make_room_has_just_been_asked_something_another_one_does() {
        let patience = Duration::from_secs(10);
        let crowd = Arc::new(Crowd::default());
        let slots = Arc::new(Semaphore::new(2));
        let connection = || {
            let stages = Stages::new(Patience { header: patience, idle: patience, body: patience });
            (crowd.enter(&stages), stages, slots.clone().try_acquire_owned().expect("a free slot"))
        };
        let (first, second) = (connection(), connection());
        let begun = tokio::time::Instant::now();
        let mut room = pin!(room(&slots, &crowd));
        assert!(futures_util::poll!(&mut room).is_pending());
        first.1.enter(Stage::Request);
        assert!(futures_util::poll!(poll_fn(|cx| first.0.poll_sent_away(cx))).is_pending(), "it stays");
        assert!(futures_util::poll!(&mut room).is_pending());
        poll_fn(|cx| second.0.poll_sent_away(cx)).await;
        drop(second);
        let slot = room.await;
        assert!(slot.is_some());
        assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waited");
        // The first one is at work.
        assert!(super::room(&slots, &crowd).await.is_none());
    }
}
