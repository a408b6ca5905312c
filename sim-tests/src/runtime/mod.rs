//! openraft's runtime on madsim: virtual time, seeded scheduling, tasks that die with their node.

pub mod cause;
mod guard;
mod task;
mod time;
mod watch;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pub use guard::{Guarded, Panicked, remember_panics};
use openraft_rt::{AsyncRuntime, OptionalSend};
use openraft_rt_tokio::{TokioMpsc, TokioMutex, TokioOneshot};
pub use task::{JoinError, JoinHandle};
pub use time::{MadInstant, Sleep, elapsed, sleep, sleep_until, within};
pub use watch::{FifoReceiver, FifoRef, FifoSender, FifoWatch};

use crate::world;

/// The runtime that a simulated node's Raft runs on.
///
/// Tasks belong to the madsim node that spawned them and end with it. The channels are tokio's, which need no tokio
/// runtime, except for the watch: tokio's wakes its receivers in an order that depends on process-wide state.
pub struct MadRuntime(madsim::runtime::Runtime);

impl std::fmt::Debug for MadRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MadRuntime")
    }
}

/// Work did not finish before its deadline.
#[derive(Debug)]
pub struct Elapsed;

impl std::fmt::Display for Elapsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

/// Runs a future until a deadline. The future is asked first, so that work done in time counts.
pub struct Timeout<F> {
    work: F,
    deadline: Sleep,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `work` is pinned with the whole and never moved out; `deadline` is `Unpin`.
        let (work, deadline) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.work), &mut this.deadline)
        };
        match work.poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => Pin::new(deadline).poll(cx).map(|()| Err(Elapsed)),
        }
    }
}

impl AsyncRuntime for MadRuntime {
    type JoinError = JoinError;
    type JoinHandle<T: OptionalSend + 'static> = JoinHandle<T>;
    type Sleep = Sleep;
    type Instant = MadInstant;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = Timeout<T>;
    type ThreadLocalRng = MadRng;
    type Mpsc = TokioMpsc;
    type Watch = FifoWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: OptionalSend + 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        task::spawn(future)
    }

    fn sleep(duration: Duration) -> Sleep {
        time::sleep(duration)
    }

    fn sleep_until(deadline: MadInstant) -> Sleep {
        time::sleep_until(deadline.elapsed_at())
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(duration: Duration, future: F) -> Timeout<F> {
        Timeout { work: future, deadline: time::sleep(duration) }
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(deadline: MadInstant, future: F) -> Timeout<F> {
        Timeout { work: future, deadline: time::sleep_until(deadline.elapsed_at()) }
    }

    fn is_panic(join_error: &JoinError) -> bool {
        join_error.is_panic()
    }

    fn thread_rng() -> MadRng {
        MadRng
    }

    fn new(_threads: usize) -> MadRuntime {
        MadRuntime(madsim::runtime::Runtime::new())
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }

    /// Runs `f` at once on the one thread there is: a second thread would end determinism.
    fn spawn_blocking<F, T>(f: F) -> impl Future<Output = Result<T, io::Error>> + Send
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        std::future::ready(Ok(f()))
    }
}

/// Randomness for openraft: the stream of the node that asks, and outside of a node madsim's own.
#[derive(Clone, Copy, Debug)]
pub struct MadRng;

impl rand::TryRng for MadRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        use madsim::rand::RngCore;
        Ok(world::draw_for_current_node().unwrap_or_else(|| madsim::rand::thread_rng().next_u64()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for part in out.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_le_bytes();
            part.copy_from_slice(&bytes[..part.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use openraft_rt::testing::Suite;

    use super::*;

    #[test]
    fn openraft_accepts_the_runtime() {
        Suite::<MadRuntime>::test_all();
    }

    #[test]
    fn time_is_virtual_and_finer_than_a_millisecond() {
        madsim::runtime::Runtime::new().block_on(async {
            let before = elapsed();
            sleep(Duration::from_micros(100)).await;
            let took = elapsed() - before;
            assert!(took >= Duration::from_micros(100) && took < Duration::from_micros(500), "{took:?}");
            sleep(Duration::from_secs(86_400)).await;
        });
    }

    #[test]
    fn a_panic_in_a_task_is_told_to_who_joins_it() {
        madsim::runtime::Runtime::new().block_on(async {
            remember_panics(true);
            let error = MadRuntime::spawn(async { panic!("broken truth") }).await.map(|(): ()| ()).unwrap_err();
            assert!(MadRuntime::is_panic(&error));
            assert!(error.to_string().contains("broken truth"), "{error}");
        });
    }
}
