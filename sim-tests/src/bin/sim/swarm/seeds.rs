use std::time::{Duration, SystemTime};

use time::{Date, OffsetDateTime};

/// Room for the fresh seeds of one day.
const PER_DAY: u64 = 1_000_000;

/// Today, in UTC.
pub fn today() -> Date {
    OffsetDateTime::from(SystemTime::now()).date()
}

/// The first of a day's fresh seeds: those of 2026-11-22 begin with 20261122000000, so that a seed shows its day.
pub fn first_of(day: Date) -> u64 {
    let (year, month, day) = day.to_calendar_date();
    let date = u64::from(year.unsigned_abs()) * 10_000 + u64::from(u8::from(month)) * 100 + u64::from(day);
    date * PER_DAY
}

/// Which seeds a swarm runs: from one on, until there were so many or time is up.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub from: u64,
    /// None: as many as the time allows.
    pub seeds: Option<u64>,
    pub budget: Option<Duration>,
}

impl Plan {
    /// The seed that is next after `begun` ones, where one is to begin at this time.
    pub fn next(&self, begun: u64, elapsed: Duration) -> Option<u64> {
        let wanted = self.seeds.is_none_or(|seeds| begun < seeds);
        let in_time = self.budget.is_none_or(|budget| elapsed < budget);
        (wanted && in_time).then(|| self.from + begun)
    }

    /// How many of the seeds that were asked for were not run, where time was up before.
    pub fn missing(&self, done: u64) -> u64 {
        self.seeds.map_or(0, |seeds| seeds.saturating_sub(done))
    }

    /// How far a swarm is, from 0 to 1.
    pub fn progress(&self, done: u64, elapsed: Duration) -> f64 {
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 1.0 };
        let seeds = self.seeds.map_or(0.0, |seeds| share(done as f64, seeds as f64));
        let time = self.budget.map_or(0.0, |budget| share(elapsed.as_secs_f64(), budget.as_secs_f64()));
        seeds.max(time).min(1.0)
    }

    /// How long it still takes at the pace so far, and at the most what is left of the time; unknown before the first
    /// seed is done.
    pub fn left(&self, done: u64, elapsed: Duration) -> Option<Duration> {
        let by_budget = self.budget.map(|budget| budget.saturating_sub(elapsed));
        let by_seeds = self.seeds.filter(|_| done > 0).map(|seeds| {
            let each = elapsed.as_secs_f64() / done as f64;
            Duration::from_secs_f64(each * seeds.saturating_sub(done) as f64)
        });
        match (by_budget, by_seeds) {
            (Some(budget), Some(seeds)) => Some(budget.min(seeds)),
            (either, None) | (None, either) => either,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Month;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn plan(seeds: Option<u64>, budget: Option<Duration>) -> Plan {
        Plan { from: 100, seeds, budget }
    }

    #[test]
    fn a_days_seeds_show_the_day_and_no_two_days_share_one() {
        let day = |year, month, day| Date::from_calendar_date(year, month, day).unwrap();
        assert_eq!(first_of(day(2026, Month::November, 22)), 20_261_122_000_000);
        assert_eq!(first_of(day(2027, Month::January, 1)), 20_270_101_000_000);
        let mut date = day(2027, Month::December, 30);
        for _ in 0..5 {
            let next = date.next_day().unwrap();
            assert!(first_of(date) + PER_DAY <= first_of(next), "{date}");
            date = next;
        }
    }

    #[test]
    fn a_swarm_ends_with_its_seeds_or_its_time() {
        let both = plan(Some(3), Some(MINUTE));
        assert_eq!(both.next(0, Duration::ZERO), Some(100));
        assert_eq!(both.next(2, MINUTE / 2), Some(102));
        assert_eq!(both.next(3, MINUTE / 2), None);
        assert_eq!(both.next(2, MINUTE), None);
        assert_eq!(both.missing(2), 1);
        assert_eq!(both.missing(3), 0);
        let timed = plan(None, Some(MINUTE));
        assert_eq!(timed.next(1_000_000, MINUTE / 2), Some(1_000_100));
        assert_eq!(timed.next(5, MINUTE * 2), None);
        assert_eq!(timed.missing(5), 0);
        assert_eq!(plan(Some(3), None).next(2, MINUTE * 1_000), Some(102));
    }

    #[test]
    fn progress_and_what_is_left_go_by_what_ends_first() {
        let both = plan(Some(100), Some(10 * MINUTE));
        assert_eq!(both.progress(50, MINUTE), 0.5);
        assert_eq!(both.progress(10, 5 * MINUTE), 0.5);
        assert_eq!(both.progress(10, 50 * MINUTE), 1.0);
        assert_eq!(both.left(0, MINUTE), Some(9 * MINUTE));
        assert_eq!(both.left(50, MINUTE), Some(MINUTE));
        assert_eq!(both.left(1, MINUTE), Some(9 * MINUTE));
        assert_eq!(plan(Some(100), None).left(0, MINUTE), None);
        assert_eq!(plan(Some(0), None).progress(0, MINUTE), 1.0);
    }
}
