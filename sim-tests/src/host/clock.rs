//! A node's clocks: right in themselves, wrong against the other nodes'.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use confman::base::{Monotonic, WallTime};
use confman::host::{BoxFuture, Clock};

use crate::runtime::{elapsed, sleep_until};

/// How far a machine's clocks are from the truth.
#[derive(Debug, Default)]
pub struct ClockSkew(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Added to the wall clock, in milliseconds, by what caused it.
    steps_ms: BTreeMap<u64, i64>,
    /// How much faster than true time the machine's time runs, in parts per million, by what caused it.
    drifts_ppm: BTreeMap<u64, i64>,
    /// When the drift last changed, in true time and in the machine's.
    since: (Duration, Duration),
}

/// The wall clock's reading at the beginning of a simulation: 2026-01-01 00:00:00 UTC.
const WALL_AT_BEGINNING_MS: i64 = 1_767_225_600_000;

impl ClockSkew {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic under this lock")
    }

    /// Steps the wall clock, until the same cause [`mend`](Self::mend)s it.
    pub fn step(&self, cause: u64, ms: i64) {
        self.lock().steps_ms.insert(cause, ms);
    }

    /// Makes the machine's time run faster or slower, until the same cause [`mend`](Self::mend)s it.
    pub fn drift(&self, cause: u64, ppm: i64) {
        self.lock().change_rate(|drifts| _ = drifts.insert(cause, ppm));
    }

    /// Nothing is wrong any more by this cause. Time that a drift has won or lost is not given back.
    pub fn mend(&self, cause: u64) {
        let mut inner = self.lock();
        inner.steps_ms.remove(&cause);
        inner.change_rate(|drifts| _ = drifts.remove(&cause));
    }
}

impl Inner {
    /// How far the machine's time goes in a million of true time. It never stands still.
    fn rate(&self) -> i128 {
        (1_000_000 + i128::from(self.drifts_ppm.values().sum::<i64>())).max(1_000)
    }

    fn change_rate(&mut self, change: impl FnOnce(&mut BTreeMap<u64, i64>)) {
        let now = elapsed();
        self.since = (now, self.local(now));
        change(&mut self.drifts_ppm);
    }

    fn local(&self, true_time: Duration) -> Duration {
        let (true_since, local_since) = self.since;
        let nanos = true_time.saturating_sub(true_since).as_nanos() as i128 * self.rate() / 1_000_000;
        local_since + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn true_time(&self, local: Duration) -> Duration {
        let (true_since, local_since) = self.since;
        let left = local.saturating_sub(local_since).as_nanos();
        let nanos = left.saturating_mul(1_000_000).div_ceil(self.rate() as u128);
        true_since.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

/// [`Clock`] of one node.
pub struct SimClock(Arc<ClockSkew>);

impl SimClock {
    pub fn new(skew: Arc<ClockSkew>) -> SimClock {
        SimClock(skew)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Monotonic {
        Monotonic(self.0.lock().local(elapsed()))
    }

    fn wall(&self) -> WallTime {
        let skew = self.0.lock();
        let since = skew.local(elapsed()).as_millis() as i64;
        let at = WALL_AT_BEGINNING_MS + since + skew.steps_ms.values().sum::<i64>();
        WallTime(u64::try_from(at).unwrap_or(0))
    }

    fn sleep_until(&self, at: Monotonic) -> BoxFuture<'static, ()> {
        let skew = self.0.clone();
        Box::pin(async move {
            // The drift may change meanwhile: who sleeps until a moment of its clock wakes no earlier.
            loop {
                let wake_at = skew.lock().true_time(at.0);
                sleep_until(wake_at).await;
                if skew.lock().local(elapsed()) >= at.0 {
                    return;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drifting_clock_sleeps_by_its_own_time_and_a_step_moves_the_wall_alone() {
        madsim::runtime::Runtime::new().block_on(async {
            let skew = Arc::new(ClockSkew::default());
            skew.drift(1, 100_000);
            let clock = SimClock::new(skew.clone());
            clock.sleep_until(Monotonic(Duration::from_secs(11))).await;
            let took = elapsed();
            assert!(took >= Duration::from_millis(9_999) && took < Duration::from_millis(10_010), "{took:?}");
            assert!(clock.now() >= Monotonic(Duration::from_secs(11)));
            let (wall, now) = (clock.wall(), clock.now());
            skew.step(2, -5_000);
            assert_eq!(clock.wall(), WallTime(wall.0 - 5_000));
            assert_eq!(clock.now(), now);
            skew.mend(2);
            assert_eq!(clock.wall(), wall);
        });
    }

    #[test]
    fn a_drift_that_ends_takes_no_time_back_and_wakes_nobody_early() {
        madsim::runtime::Runtime::new().block_on(async {
            let skew = Arc::new(ClockSkew::default());
            let clock = SimClock::new(skew.clone());
            skew.drift(1, 500_000);
            clock.sleep_until(Monotonic(Duration::from_secs(15))).await;
            skew.mend(1);
            assert!(clock.now() >= Monotonic(Duration::from_secs(15)));
            let sleeps = clock.sleep_until(Monotonic(Duration::from_secs(25)));
            skew.drift(2, -500_000);
            sleeps.await;
            assert!(clock.now() >= Monotonic(Duration::from_secs(25)), "{:?}", clock.now());
            let took = elapsed();
            assert!((29..=31).contains(&took.as_secs()), "ten seconds fast, then twenty slow: {took:?}");
        });
    }
}
