use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::cause::Caused;
use super::{Guarded, Panicked};
use crate::world;

/// Waits for a task's end. Dropping it lets the task go on.
pub struct JoinHandle<T>(madsim::task::JoinHandle<Result<T, Panicked>>);

/// Why a task gave no result.
#[derive(Debug)]
pub enum JoinError {
    /// It was aborted, or its node was killed.
    Cancelled,
    /// It panicked.
    Panicked(Panicked),
}

impl JoinError {
    pub fn is_panic(&self) -> bool {
        matches!(self, JoinError::Panicked(_))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Cancelled => f.write_str("the task was cancelled"),
            JoinError::Panicked(Panicked(what)) => write!(f, "the task panicked: {what}"),
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|joined| match joined {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panicked)) => Err(JoinError::Panicked(panicked)),
            Err(_) => Err(JoinError::Cancelled),
        })
    }
}

/// Starts a task on the current madsim node. A panic in it is fatal to the simulated node it belongs to, whether or
/// not anyone joins the task: a broken truth stops the node.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let guarded = Guarded::new(work);
    JoinHandle(madsim::task::spawn(Caused::new(async move {
        let done = guarded.await;
        if let Err(Panicked(what)) = &done {
            world::fatal_for_current_node(&format!("a task of the runtime panicked: {what}"));
        }
        done
    })))
}
