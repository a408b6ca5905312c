//! A node's clocks: right in themselves, wrong against the other nodes'.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use confman::base::{Monotonic, WallTime};
use confman::host::{BoxFuture, Clock};

use crate::runtime::{elapsed, sleep_until};

/// How far a machine's clocks are from the truth.
#[derive(Debug, Default)]
pub struct ClockSkew {
    /// Added to the wall clock, in milliseconds.
    wall_offset_ms: AtomicI64,
    /// How much faster than true time the machine's time runs, in parts per million.
    drift_ppm: AtomicI64,
}

/// The wall clock's reading at the beginning of a simulation: 2026-01-01 00:00:00 UTC.
const WALL_AT_BEGINNING_MS: i64 = 1_767_225_600_000;

impl ClockSkew {
    /// Sets the wall clock this far from the truth.
    pub fn set_wall_offset_ms(&self, offset_ms: i64) {
        self.wall_offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// Makes the machine's time run faster or slower, before any process runs on it.
    pub fn set_drift_ppm(&self, ppm: i64) {
        self.drift_ppm.store(ppm, Ordering::Relaxed);
    }

    fn local(&self, true_time: Duration) -> Duration {
        let rate = 1_000_000 + i128::from(self.drift_ppm.load(Ordering::Relaxed));
        let nanos = true_time.as_nanos() as i128 * rate / 1_000_000;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn true_time(&self, local: Duration) -> Duration {
        let rate = (1_000_000 + i128::from(self.drift_ppm.load(Ordering::Relaxed))) as u128;
        let nanos = local.as_nanos().saturating_mul(1_000_000).div_ceil(rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
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
        Monotonic(self.0.local(elapsed()))
    }

    fn wall(&self) -> WallTime {
        let since = self.0.local(elapsed()).as_millis() as i64;
        let at = WALL_AT_BEGINNING_MS + since + self.0.wall_offset_ms.load(Ordering::Relaxed);
        WallTime(u64::try_from(at).unwrap_or(0))
    }

    fn sleep_until(&self, at: Monotonic) -> BoxFuture<'static, ()> {
        Box::pin(sleep_until(self.0.true_time(at.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drifting_clock_sleeps_by_its_own_time_and_a_step_moves_the_wall_alone() {
        madsim::runtime::Runtime::new().block_on(async {
            let skew = Arc::new(ClockSkew::default());
            skew.set_drift_ppm(100_000);
            let clock = SimClock::new(skew.clone());
            clock.sleep_until(Monotonic(Duration::from_secs(11))).await;
            let took = elapsed();
            assert!(took >= Duration::from_millis(9_999) && took < Duration::from_millis(10_010), "{took:?}");
            assert!(clock.now() >= Monotonic(Duration::from_secs(11)));
            let (wall, now) = (clock.wall(), clock.now());
            skew.set_wall_offset_ms(-5_000);
            assert_eq!(clock.wall(), WallTime(wall.0 - 5_000));
            assert_eq!(clock.now(), now);
        });
    }
}
