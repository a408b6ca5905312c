use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::base::{Monotonic, WallTime};

/// How far a leader's clock may run ahead of what it has seen of log time.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// Gives proposals their time. A clock that jumped ahead must not drag log time with it for good: what this node
/// has seen applied since it started, plus the monotonic time since, plus a minute, is the most it stamps.
///
/// Until something was seen applied there is nothing to compare with (a whole cluster comes back after a night), and
/// the clock is taken as it is. What a node applies to catch up may be from before that night: it does not count.
#[derive(Default)]
pub(super) struct Stamper {
    /// The highest log time applied.
    last: WallTime,
    /// The highest that was new when it was applied, and when that was.
    seen: Option<(WallTime, Monotonic)>,
}

pub(super) fn lock(stamper: &Mutex<Stamper>) -> MutexGuard<'_, Stamper> {
    stamper.lock().expect("nothing panics while it holds this lock")
}

/// A stamp, and whether it is less than the clock said.
pub(super) struct Stamp {
    pub(super) at: WallTime,
    pub(super) capped: bool,
}

impl Stamper {
    /// Learns the log time that this node has applied; to be called soon after it did, so that `now` is when that
    /// was. `caught_up` says that the node was caught up before, so that what it applies is new.
    pub(super) fn observe(&mut self, log_time: WallTime, now: Monotonic, caught_up: bool) {
        if log_time <= self.last {
            return;
        }
        self.last = log_time;
        if caught_up {
            self.seen = Some((log_time, now));
        }
    }

    /// The stamp for a proposal made now.
    pub(super) fn stamp(&self, wall: WallTime, now: Monotonic) -> Stamp {
        match self.seen {
            Some((seen, at)) => {
                let most = seen.after(now.since(at)).after(AHEAD_MAX);
                Stamp { at: wall.min(most), capped: wall > most }
            }
            None => Stamp { at: wall, capped: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic(Duration::from_secs(seconds))
    }

    #[test]
    fn a_clock_that_jumps_ahead_is_capped_and_one_that_is_right_is_not() {
        let mut stamper = Stamper::default();
        assert_eq!(stamper.stamp(WallTime(5_000_000), at(0)).at, WallTime(5_000_000), "nothing seen, nothing capped");
        stamper.observe(WallTime(1_000_000), at(10), true);
        let fine = stamper.stamp(WallTime(1_069_000), at(20));
        assert!(!fine.capped && fine.at == WallTime(1_069_000));
        let ahead = stamper.stamp(WallTime(9_000_000), at(20));
        assert!(ahead.capped);
        assert_eq!(ahead.at, WallTime(1_000_000 + 10_000 + 60_000));
    }

    #[test]
    fn log_time_that_does_not_move_does_not_move_the_anchor() {
        let mut stamper = Stamper::default();
        stamper.observe(WallTime(1_000_000), at(0), true);
        stamper.observe(WallTime(1_000_000), at(500), true);
        assert!(!stamper.stamp(WallTime(1_500_000), at(500)).capped, "an idle cluster's time still passes");
    }

    #[test]
    fn what_is_applied_to_catch_up_says_nothing_of_now() {
        let mut stamper = Stamper::default();
        stamper.observe(WallTime(1_000_000), at(0), false);
        stamper.observe(WallTime(1_000_000), at(1), true);
        assert!(!stamper.stamp(WallTime(50_000_000), at(2)).capped, "the last write was before the night");
        stamper.observe(WallTime(50_000_000), at(3), true);
        assert!(stamper.stamp(WallTime(99_000_000), at(3)).capped);
    }
}
