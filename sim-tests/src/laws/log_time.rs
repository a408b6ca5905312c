use super::history::Broken;
use crate::clients::{AuditEvent, Scan};

/// Log time never goes back: in the order of the log, no event of the audit is older than one before it, whatever the
/// clocks of the nodes that led show.
///
/// ARCHITECTURE.md: an entry carries its leader's clock, raised to the time of the entries before it.
pub fn check(scans: &[Scan]) -> Result<(), Broken> {
    for scan in scans {
        let mut events: Vec<&AuditEvent> = scan.audit.values().flatten().collect();
        events.sort_by_key(|event| event.revision);
        // RFC 3339 in UTC and of one width: the order of texts is the order of times. Events of one entry share a time.
        if let Some(pair) = events.windows(2).find(|pair| pair[1].time < pair[0].time) {
            let [before, event] = [pair[0], pair[1]].map(|event| format!("event {} is of {}", event.id, event.time));
            return Err(format!("node {}: {event}, and before it {before}", scan.node).into());
        }
    }
    Ok(())
}

pub const NAME: &str = "log time never goes back";

#[cfg(test)]
mod tests {
    use super::super::testing::{event, scan};
    use super::*;

    #[test]
    fn an_event_that_is_older_than_one_before_it_is_seen() {
        let of = |at: &str, second: u8| {
            let time = format!("2026-01-01T00:00:{second:02}.000Z");
            AuditEvent { time, ..event("a", "config.set", "k", at) }
        };
        let holds = |events: &[AuditEvent]| check(&[scan(&[]).with(events)]).is_ok();
        assert!(holds(&[of("2:7", 9), of("1:6", 9), of("1:5", 8)]));
        assert!(!holds(&[of("2:7", 9), of("1:6", 10), of("1:5", 8)]));
    }
}
