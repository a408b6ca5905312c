use std::future::Future;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use madsim::time::TimeHandle;

/// Virtual time since the simulation began.
pub fn elapsed() -> Duration {
    TimeHandle::current().elapsed()
}

/// Completes `by` from now.
pub fn sleep(by: Duration) -> Sleep {
    sleep_until(elapsed().saturating_add(by))
}

/// Completes when [`elapsed`] reaches `deadline`.
pub fn sleep_until(deadline: Duration) -> Sleep {
    // Beyond a century the timer's own arithmetic could overflow, and no simulation gets there.
    let century = Duration::from_secs(100 * 365 * 86_400);
    Sleep { deadline: deadline.min(century), alarm: None }
}

/// Runs `work` for at most `patience`; `None` where it was not done by then.
pub async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut end) = (std::pin::pin!(work), sleep(patience));
    std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Pin::new(&mut end).poll(cx).map(|()| None),
    })
    .await
}

/// A sleep that arms one timer, however often it is polled, and is as fine as the clock.
///
/// madsim's own arms another timer at every poll and rounds up to a millisecond.
pub struct Sleep {
    deadline: Duration,
    alarm: Option<Arc<Alarm>>,
}

#[derive(Default)]
struct Alarm(Mutex<Option<Waker>>);

impl Alarm {
    fn set(&self, waker: Option<Waker>) {
        // The old waker is dropped outside the lock: dropping one may drop a task.
        let old = std::mem::replace(&mut *self.0.lock().expect("no panic under this lock"), waker);
        drop(old);
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let waker = self.0.lock().expect("no panic under this lock").take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let time = TimeHandle::current();
        let now = time.elapsed();
        if now >= self.deadline {
            return Poll::Ready(());
        }
        if let Some(alarm) = &self.alarm {
            alarm.set(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        let alarm = Arc::new(Alarm::default());
        alarm.set(Some(cx.waker().clone()));
        self.alarm = Some(alarm.clone());
        let mut timer = time.sleep(Duration::ZERO);
        // `sleep` has a floor of one millisecond, `reset` has none.
        Pin::new(&mut timer).reset(time.now_instant() + (self.deadline - now));
        Pin::new(&mut timer).poll(&mut Context::from_waker(&Waker::from(alarm)))
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(alarm) = &self.alarm {
            alarm.set(None);
        }
    }
}

/// A moment of virtual time, as openraft handles it. Counted from a day before the simulation began, so that a
/// moment a little before the beginning still exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MadInstant(Duration);

const BEGINNING: Duration = Duration::from_secs(86_400);

impl MadInstant {
    /// The moment as [`elapsed`] counts.
    pub fn elapsed_at(self) -> Duration {
        self.0.saturating_sub(BEGINNING)
    }
}

impl openraft_rt::Instant for MadInstant {
    fn now() -> MadInstant {
        MadInstant(BEGINNING + elapsed())
    }
}

impl Add<Duration> for MadInstant {
    type Output = MadInstant;

    fn add(self, by: Duration) -> MadInstant {
        MadInstant(self.0.saturating_add(by))
    }
}

impl AddAssign<Duration> for MadInstant {
    fn add_assign(&mut self, by: Duration) {
        *self = *self + by;
    }
}

impl Sub<Duration> for MadInstant {
    type Output = MadInstant;

    fn sub(self, by: Duration) -> MadInstant {
        MadInstant(self.0.saturating_sub(by))
    }
}

impl SubAssign<Duration> for MadInstant {
    fn sub_assign(&mut self, by: Duration) {
        *self = *self - by;
    }
}

impl Sub for MadInstant {
    type Output = Duration;

    fn sub(self, earlier: MadInstant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
