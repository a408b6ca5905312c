//! What led to what: every task carries the number of the event that it follows from, and hands it on to the tasks
//! that it spawns or wakes. So an event knows its cause across channels, locks and actors, with no help from the node.
//!
//! The idea is Fay's and Dapper's ("causality by propagation"), done where all causality of one process must pass in
//! an asynchronous program: the waker.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

thread_local! {
    /// One more than the number of the event that what runs now follows from; 0 for none.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// The event that what runs now follows from.
pub fn current() -> Option<u64> {
    CURRENT.get().checked_sub(1)
}

/// What runs now follows from this event from here on.
pub fn follow(event: u64) {
    CURRENT.set(event + 1);
}

/// Runs `work` as something that follows from nothing, such as a fault that a schedule planned.
pub fn unprompted<T>(work: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(0);
    let done = work();
    CURRENT.set(before);
    done
}

/// A task that knows what it follows from. The outermost wrapper of every task of a run.
pub struct Caused<F> {
    work: F,
    last: u64,
    slot: Arc<Slot>,
    waker: Waker,
}

#[derive(Default)]
struct Slot {
    /// The latest event that woke the task; 0 where a timer did, or nobody.
    woken_by: AtomicU64,
    /// The task's own waker, which stays the same for as long as it lives.
    task: OnceLock<Waker>,
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken_by.fetch_max(CURRENT.get(), Ordering::Relaxed);
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }
}

impl<F> Caused<F> {
    /// A task that follows from what runs now.
    pub fn new(work: F) -> Caused<F> {
        let slot = Arc::new(Slot::default());
        Caused { work, last: CURRENT.get(), waker: Waker::from(slot.clone()), slot }
    }
}

impl<F: Future> Future for Caused<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: `work` is pinned with the whole and never moved out; the rest is `Unpin`.
        let this = unsafe { self.get_unchecked_mut() };
        this.slot.task.get_or_init(|| cx.waker().clone());
        let woken_by = this.slot.woken_by.swap(0, Ordering::Relaxed);
        let before = CURRENT.replace(if woken_by == 0 { this.last } else { woken_by });
        // SAFETY: see above.
        let polled = unsafe { Pin::new_unchecked(&mut this.work) }.poll(&mut Context::from_waker(&this.waker));
        this.last = CURRENT.replace(before);
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;
    use crate::runtime::sleep;

    #[test]
    fn a_cause_goes_with_spawning_waking_and_timers() {
        madsim::runtime::Runtime::new().block_on(async {
            let (tell, mut told) = mpsc::channel::<()>(1);
            let receiver = madsim::task::spawn(Caused::new(async move {
                follow(1);
                sleep(Duration::from_millis(5)).await;
                let after_timer = current();
                told.recv().await;
                (after_timer, current())
            }));
            let sender = madsim::task::spawn(Caused::new(async move {
                assert_eq!(current(), None);
                sleep(Duration::from_millis(10)).await;
                follow(7);
                let child = madsim::task::spawn(Caused::new(async { current() }));
                assert_eq!(unprompted(current), None);
                tell.send(()).await.unwrap();
                child.await.unwrap()
            }));
            assert_eq!(receiver.await.unwrap(), (Some(1), Some(7)));
            assert_eq!(sender.await.unwrap(), Some(7));
            assert_eq!(current(), None);
        });
    }
}
