use std::time::Duration;

use crate::base::{Monotonic, WallTime};

/// How far a leader's clock may run ahead of what it has seen of log time.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// Gives proposals their time. A clock that jumped ahead must not drag log time with it for good: what this node
/// has seen applied since it started, plus the monotonic time since, plus a minute, is the most it stamps.
///
/// Until something was seen applied there is nothing to compare with (a whole cluster comes back after a night), and
/// the clock is taken as it is.
#[derive(Default)]
pub(super) struct Stamper {
    seen: Option<(WallTime, Monotonic)>,
}

/// A stamp, and whether it is less than the clock said.
pub(super) struct Stamp {
    pub(super) at: WallTime,
    pub(super) capped: bool,
}

impl Stamper {
    /// Learns the log time that this node has applied.
    pub(super) fn observe(&mut self, log_time: WallTime, now: Monotonic) {
        if self.seen.is_none_or(|(seen, _)| log_time > seen) && log_time > WallTime(0) {
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
        stamper.observe(WallTime(1_000_000), at(10));
        let fine = stamper.stamp(WallTime(1_069_000), at(20));
        assert!(!fine.capped && fine.at == WallTime(1_069_000));
        let ahead = stamper.stamp(WallTime(9_000_000), at(20));
        assert!(ahead.capped);
        assert_eq!(ahead.at, WallTime(1_000_000 + 10_000 + 60_000));
    }

    #[test]
    fn log_time_that_does_not_move_does_not_move_the_anchor() {
        let mut stamper = Stamper::default();
        stamper.observe(WallTime(1_000_000), at(0));
        stamper.observe(WallTime(1_000_000), at(500));
        assert!(!stamper.stamp(WallTime(1_500_000), at(500)).capped, "an idle cluster's time still passes");
    }
}
