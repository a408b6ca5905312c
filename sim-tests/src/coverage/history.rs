use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Point;
use crate::clients::{Name, Outcome, Record, Request, Scan};
use crate::trace::Trace;

/// Tells points by what clients asked and were told, and what came of it.
pub fn of_history(trace: &Trace, records: &[Record], scans: &[Scan]) {
    let events = scans.iter().flat_map(|scan| scan.audit.values().flatten());
    let took_effect: BTreeSet<&str> = events.map(|event| event.request_id.as_str()).collect();
    for record in records {
        for point in of_record(record) {
            trace.sometimes(point);
        }
        if record.is_write() && matches!(record.outcome, Outcome::Unknown(_)) && !scans.is_empty() {
            let happened = took_effect.contains(record.request_id.as_str());
            trace.sometimes(if happened { Point::UnknownTookEffect } else { Point::UnknownDidNot });
        }
    }
    let mut by_name: BTreeMap<&Name, Vec<&Record>> = BTreeMap::new();
    for record in records {
        if let Some(name) = record.name() {
            by_name.entry(name).or_default().push(record);
        }
    }
    for records in by_name.values() {
        of_key(trace, records);
    }
}

/// What one operation tells.
fn of_record(record: &Record) -> Vec<Point> {
    let took = record.returned.map_or(Duration::ZERO, |returned| returned.saturating_sub(record.invoked));
    let mut points = Vec::new();
    match (&record.request, &record.outcome) {
        (_, Outcome::Refused(why)) if why.ends_with("no-leader") => points.push(Point::RefusedWithoutLeader),
        (_, Outcome::Refused(why)) if why.ends_with("storage-full") => points.push(Point::RefusedStorageFull),
        (_, Outcome::Refused(why)) if why == "connection refused" => points.push(Point::ConnectionRefused),
        (_, Outcome::Unknown(why)) if why == "the connection broke" => points.push(Point::ConnectionBroke),
        (Request::Delete { .. }, Outcome::Absent { .. }) => points.push(Point::DeletedOfAbsent),
        (Request::List { .. }, Outcome::Listed { items, .. }) => match items.len() {
            0 => points.push(Point::EmptyList),
            1..20 => {}
            _ => points.push(Point::LongList),
        },
        (Request::Set { value, .. }, Outcome::Set { .. }) if value.len() >= 20_000 => points.push(Point::LargeValue),
        _ => {}
    }
    if record.acknowledged().is_some() && took > Duration::from_secs(1) {
        points.push(Point::SlowWrite);
    }
    points
}

/// What the operations on one key tell, together.
fn of_key(trace: &Trace, records: &[&Record]) {
    let mut writes: Vec<&&Record> = records.iter().filter(|record| record.acknowledged().is_some()).collect();
    writes.sort_by_key(|record| record.invoked);
    for pair in writes.windows(2) {
        let [first, second] = pair else { continue };
        if first.returned.is_some_and(|returned| second.invoked < returned) {
            trace.sometimes(Point::WritesOnOneKeyAtOnce);
        }
    }
    let deleted = writes.iter().filter(|record| matches!(record.outcome, Outcome::Deleted { .. }));
    let first_delete = deleted.filter_map(|record| record.acknowledged()).min();
    let again = writes.iter().any(|record| {
        let created = matches!(record.outcome, Outcome::Set { created: true, .. });
        created && first_delete.is_some() && record.acknowledged() > first_delete
    });
    if again {
        trace.sometimes(Point::SetAgainAfterDelete);
    }
    for read in records {
        let Outcome::Found { entry, .. } = &read.outcome else { continue };
        let stale = writes.iter().any(|write| {
            write.acknowledged() > Some(entry.revision) && write.returned.is_some_and(|at| at < read.invoked)
        });
        if stale {
            trace.sometimes(Point::StaleRead);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::testing::{get, set};

    #[test]
    fn a_stale_read_is_told_and_a_fresh_one_is_not() {
        let told = |read| {
            let trace = Trace::default();
            let first = set("a", "k", 0, 10).acknowledged_at("1:5");
            let second = set("b", "k", 11, 20).acknowledged_at("1:6");
            of_history(&trace, &[first, second, read], &[]);
            trace.warm().contains_key(&Point::StaleRead)
        };
        assert!(told(get("r", "k", 21, 30).found("a", "1:5")));
        assert!(!told(get("r", "k", 21, 30).found("b", "1:6")));
        assert!(!told(get("r", "k", 15, 30).found("a", "1:5")));
    }
}
