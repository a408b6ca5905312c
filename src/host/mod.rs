//! Everything outside the process, as traits: clock, tasks, randomness, files, stores, peers.
//!
//! Production hands a node the real host (`real/`), the simulator hands it a seeded one, and the node cannot tell.
//! Nothing above this module reads a clock, sleeps, spawns, opens a file or a socket, or draws randomness except
//! through a [`Host`].

pub mod contract;
#[cfg(test)]
pub mod fake;

mod files;
mod net;
mod store;
mod transport;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use files::{File, Files};
pub use net::{Link, LinkReceiver, LinkSender, PeerNet};
use rand::rngs::StdRng;
pub use store::{Batch, Direction, KeyRange, Row, Store, StoreError, StoreView, Stores};
pub use transport::{ClientHost, Connection, SendError, Transport};

use crate::base::{Monotonic, WallTime};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream of random numbers. Every stream of a node descends from one [`Entropy`].
pub type Rng = StdRng;

/// Time as this node knows it.
pub trait Clock: Send + Sync {
    /// Elapsed time that never goes back.
    fn now(&self) -> Monotonic;
    /// What the wall clock says. It may jump, and other nodes' may differ.
    fn wall(&self) -> WallTime;
    /// Completes at `at` or soon after; at once where `at` has passed.
    fn sleep_until(&self, at: Monotonic) -> BoxFuture<'static, ()>;
}

/// Starts tasks. A task that panics stops the node ([`Host::fatal`]).
pub trait Spawn: Send + Sync {
    /// Starts `task` at once; `name` appears in logs and traces.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle;
}

/// A running task. Dropping the handle lets the task go on.
pub struct TaskHandle(Box<dyn FnOnce() + Send + Sync>);

impl TaskHandle {
    /// A handle that ends its task by calling `abort`.
    pub fn new(abort: impl FnOnce() + Send + Sync + 'static) -> TaskHandle {
        TaskHandle(Box::new(abort))
    }

    /// Ends the task at its next await.
    pub fn abort(self) {
        (self.0)();
    }
}

/// The one root of randomness.
pub trait Entropy: Send + Sync {
    /// An independent stream. In a simulation the same seed and the same order of forks give the same streams.
    fn fork(&self, label: &'static str) -> Rng;
}

/// How a node dies by its own decision: a broken truth, a failed sync, a panic.
pub trait Lifeline: Send + Sync {
    /// Stops the node now, loudly. Returns, so that the caller can unwind; nothing that follows may be observed.
    fn fatal(&self, reason: &str);
}

/// The bundle of all that a node needs from outside.
#[derive(Clone)]
pub struct Host {
    pub clock: Arc<dyn Clock>,
    pub spawn: Arc<dyn Spawn>,
    pub entropy: Arc<dyn Entropy>,
    pub files: Arc<dyn Files>,
    pub stores: Arc<dyn Stores>,
    pub peers: Arc<dyn PeerNet>,
    pub lifeline: Arc<dyn Lifeline>,
}

impl Host {
    /// Starts a task.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.spawn.spawn(name, Box::pin(task))
    }

    /// Sleeps for `by`.
    pub fn sleep(&self, by: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(self.clock.now().after(by))
    }

    /// Runs `work` until `deadline`; `None` where it was not done by then.
    pub async fn until<T>(&self, deadline: Monotonic, work: impl Future<Output = T> + Send) -> Option<T> {
        until(&*self.clock, deadline, work).await
    }

    /// See [`Lifeline::fatal`].
    pub fn fatal(&self, reason: &str) {
        self.lifeline.fatal(reason);
    }
}

/// Runs `work` until `deadline`; `None` where it was not done by then.
pub async fn until<T>(clock: &dyn Clock, deadline: Monotonic, work: impl Future<Output = T> + Send) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut sleep = clock.sleep_until(deadline);
    std::future::poll_fn(|cx| {
        use std::task::Poll;
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        sleep.as_mut().poll(cx).map(|()| None)
    })
    .await
}
