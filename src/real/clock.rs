use std::time::{Duration, Instant, SystemTime};

use crate::base::{Monotonic, WallTime};
use crate::host::{BoxFuture, Clock};

/// The machine's clocks. Sleeping needs a tokio runtime with time.
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub fn start() -> SystemClock {
        SystemClock { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Monotonic {
        Monotonic(self.start.elapsed())
    }

    fn wall(&self) -> WallTime {
        // A clock before 1970 is as good as one at it.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        WallTime(since.as_millis() as u64)
    }

    fn sleep_until(&self, at: Monotonic) -> BoxFuture<'static, ()> {
        let at = self.start.checked_add(at.0);
        Box::pin(async move {
            match at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                // Beyond what the clock can count.
                None => std::future::pending().await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_at_its_moment_and_one_in_the_past_at_once() {
        let clock = SystemClock::start();
        let before = clock.now();
        clock.sleep_until(before).await;
        let at = before.after(Duration::from_millis(20));
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
        let forever = clock.sleep_until(Monotonic(Duration::MAX));
        assert!(tokio::time::timeout(Duration::from_millis(5), forever).await.is_err());
    }

    #[test]
    fn the_wall_clock_counts_milliseconds() {
        let year = SystemClock::start().wall().to_string()[..4].parse::<u32>().unwrap();
        assert!((2024..2200).contains(&year), "{year}");
    }
}
