use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Time since some fixed moment of this process. Only differences mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// The moment `by` after this one.
    pub fn after(self, by: Duration) -> Monotonic {
        Monotonic(self.0.saturating_add(by))
    }

    /// How long after `earlier` this is; zero where it is not.
    pub fn since(self, earlier: Monotonic) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Milliseconds since 1970-01-01 UTC. What a clock said, not what is true: see log time in ARCHITECTURE.md.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(pub u64);

impl WallTime {
    /// The moment `by` after this one.
    pub fn after(self, by: Duration) -> WallTime {
        WallTime(self.0.saturating_add(by.as_millis() as u64))
    }

    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Option<WallTime> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok().map(WallTime)
    }
}

impl fmt::Display for WallTime {
    /// RFC 3339, UTC, milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|at| at.format(&shape).ok());
        f.write_str(text.as_deref().unwrap_or("9999-12-31T23:59:59.999Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_prints_milliseconds_and_reads_them_back() {
        let at = WallTime(1_700_000_000_123);
        assert_eq!(at.to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(WallTime::parse(&at.to_string()), Some(at));
        assert_eq!(WallTime::parse("2023-11-14"), None);
    }
}
