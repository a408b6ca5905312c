use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard};
use std::task::{Poll, Waker};

use openraft_rt::watch::{RecvError, SendError, Watch, WatchReceiver, WatchSender};
use openraft_rt::{OptionalSend, OptionalSync};

/// A watch channel that wakes its receivers in the order in which they began to wait.
pub struct FifoWatch;

struct Shared<T> {
    value: RwLock<T>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    version: u64,
    senders: usize,
    receivers: usize,
    next_ticket: u64,
    /// By ticket, which is the order of waiting.
    waiting: BTreeMap<u64, Waker>,
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic under this lock")
    }

    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.value.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wake_all(&self) {
        let woken = std::mem::take(&mut self.state().waiting);
        for waker in woken.into_values() {
            waker.wake();
        }
    }
}

/// See [`FifoWatch`].
pub struct FifoSender<T>(Arc<Shared<T>>);

/// See [`FifoWatch`].
pub struct FifoReceiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// A look at the watched value.
pub struct FifoRef<'a, T>(RwLockReadGuard<'a, T>);

impl<T> Deref for FifoRef<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for FifoSender<T> {
    fn clone(&self) -> Self {
        self.0.state().senders += 1;
        FifoSender(self.0.clone())
    }
}

impl<T> Drop for FifoSender<T> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.0.state();
            state.senders -= 1;
            state.senders
        };
        if left == 0 {
            self.0.wake_all();
        }
    }
}

impl<T> FifoReceiver<T> {
    fn new(shared: Arc<Shared<T>>, seen: u64) -> Self {
        shared.state().receivers += 1;
        FifoReceiver { shared, seen }
    }
}

impl<T> Clone for FifoReceiver<T> {
    fn clone(&self) -> Self {
        FifoReceiver::new(self.shared.clone(), self.seen)
    }
}

impl<T> Drop for FifoReceiver<T> {
    fn drop(&mut self) {
        self.shared.state().receivers -= 1;
    }
}

impl Watch for FifoWatch {
    type Sender<T: OptionalSend + OptionalSync> = FifoSender<T>;
    type Receiver<T: OptionalSend + OptionalSync> = FifoReceiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = FifoRef<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(init: T) -> (FifoSender<T>, FifoReceiver<T>) {
        let state = State { senders: 1, ..State::default() };
        let shared = Arc::new(Shared { value: RwLock::new(init), state: Mutex::new(state) });
        (FifoSender(shared.clone()), FifoReceiver::new(shared, 0))
    }
}

impl<T: OptionalSend + OptionalSync> WatchSender<FifoWatch, T> for FifoSender<T> {
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.0.state().receivers == 0 {
            return Err(SendError(value));
        }
        self.send_if_modified(|current| {
            *current = value;
            true
        });
        Ok(())
    }

    fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        let modified = modify(&mut self.0.value.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
        if modified {
            self.0.state().version += 1;
            self.0.wake_all();
        }
        modified
    }

    fn borrow_watched(&self) -> FifoRef<'_, T> {
        FifoRef(self.0.read())
    }

    fn subscribe(&self) -> FifoReceiver<T> {
        let seen = self.0.state().version;
        FifoReceiver::new(self.0.clone(), seen)
    }
}

impl<T: OptionalSend + OptionalSync> WatchReceiver<FifoWatch, T> for FifoReceiver<T> {
    async fn changed(&mut self) -> Result<(), RecvError> {
        let shared = self.shared.clone();
        let mut place = Place { shared: &shared, ticket: None };
        let version = std::future::poll_fn(|cx| {
            let mut state = shared.state();
            if state.version != self.seen {
                return Poll::Ready(Ok(state.version));
            }
            if state.senders == 0 {
                return Poll::Ready(Err(RecvError(())));
            }
            let ticket = *place.ticket.get_or_insert_with(|| {
                state.next_ticket += 1;
                state.next_ticket
            });
            state.waiting.insert(ticket, cx.waker().clone());
            Poll::Pending
        })
        .await?;
        self.seen = version;
        Ok(())
    }

    fn borrow_watched(&self) -> FifoRef<'_, T> {
        FifoRef(self.shared.read())
    }

    fn borrow_and_update(&mut self) -> FifoRef<'_, T> {
        self.seen = self.shared.state().version;
        FifoRef(self.shared.read())
    }
}

/// A place in the queue of waiters, given up when the waiting ends in whatever way.
struct Place<'a, T> {
    shared: &'a Shared<T>,
    ticket: Option<u64>,
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let waker = self.shared.state().waiting.remove(&ticket);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_wake_in_the_order_in_which_they_began_to_wait() {
        struct Note(Mutex<Vec<usize>>);
        struct Wakes(usize, Arc<Note>);
        impl std::task::Wake for Wakes {
            fn wake(self: Arc<Self>) {
                self.1.0.lock().unwrap().push(self.0);
            }
        }
        let (sender, receiver) = FifoWatch::channel(0);
        let note = Arc::new(Note(Mutex::default()));
        let mut receivers: Vec<_> = (0..20).map(|_| receiver.clone()).collect();
        let mut waiting: Vec<_> = receivers.iter_mut().map(|receiver| Box::pin(receiver.changed())).collect();
        for (number, wait) in waiting.iter_mut().enumerate() {
            let waker = Waker::from(Arc::new(Wakes(number, note.clone())));
            assert!(wait.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        }
        sender.send(1).unwrap();
        assert_eq!(*note.0.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}
