use std::collections::BTreeMap;

use confman::base::LogId;

use crate::clients::{AuditEvent, Name, Outcome, Record, Request, Scan, Seen};

/// The audit is a true witness: the same on all nodes, in one order, one event for each change that took effect and
/// none for what did not; and replaying it through a little model of our own gives the state that each node shows.
///
/// The witness check that openraft's and etcd's simulations do with the committed log, on what users see.
pub fn check(records: &[Record], scans: &[Scan]) -> Result<(), String> {
    let by_id: BTreeMap<&str, &Record> = records.iter().map(|record| (record.request_id.as_str(), record)).collect();
    let Some(first) = scans.first() else { return Ok(()) };
    for scan in scans {
        if let Some(namespace) =
            first.audit.keys().find(|namespace| scan.audit.get(*namespace) != first.audit.get(*namespace))
        {
            return Err(format!("nodes {} and {} show different audits of {namespace}", first.node, scan.node));
        }
    }
    let mut took_effect: BTreeMap<&str, LogId> = BTreeMap::new();
    let mut state: BTreeMap<Name, Seen> = BTreeMap::new();
    for (namespace, newest_first) in &first.audit {
        let mut last = None;
        for event in newest_first.iter().rev() {
            if last.is_some_and(|last| event.revision < last) {
                return Err(format!("event {} of {namespace} is older than the one before", event.id));
            }
            last = Some(event.revision);
            if event.action.starts_with("config.") {
                let id = event.request_id.as_str();
                let record =
                    by_id.get(id).ok_or_else(|| format!("event {} is of {id}, which nobody asked", event.id))?;
                if took_effect.insert(id, event.revision).is_some() {
                    return Err(format!("{id} took effect twice, the second time at {}", event.revision));
                }
                replay(&mut state, namespace, event, record)?;
            }
        }
    }
    for record in records.iter().filter(|record| record.is_write()) {
        told_the_truth(record, took_effect.get(record.request_id.as_str()).copied())?;
    }
    scans.iter().try_for_each(|scan| same_state(&state, scan))
}

/// The little model: what an event does to an entry.
fn replay(
    state: &mut BTreeMap<Name, Seen>,
    namespace: &str,
    event: &AuditEvent,
    record: &Record,
) -> Result<(), String> {
    let wrong = |what: &str| format!("event {} ({}) of {}: {what}", event.id, event.action, record.request_id);
    let key = event.key.clone().ok_or_else(|| wrong("it names no key"))?;
    let name = Name { namespace: namespace.to_owned(), key };
    if record.name() != Some(&name) {
        return Err(wrong("it names another key than was asked for"));
    }
    let revision = event.revision;
    match (&record.request, event.action.as_str()) {
        (Request::Set { value, .. }, "config.set") => {
            let version = state.get(&name).map_or(1, |seen| seen.version + 1);
            if let Outcome::Set { created, version: told, .. } = record.outcome
                && (told != version || created != (version == 1))
            {
                return Err(wrong(&format!("told version {told}, new {created}; it is version {version}")));
            }
            state.insert(name, Seen { value: value.clone(), version, revision });
            Ok(())
        }
        (Request::Delete { .. }, "config.delete") => {
            state.remove(&name).map(|_| ()).ok_or_else(|| wrong("it deletes what was not there"))
        }
        _ => Err(wrong("that was not asked for")),
    }
}

fn told_the_truth(record: &Record, took_effect: Option<LogId>) -> Result<(), String> {
    let id = &record.request_id;
    match (record.acknowledged(), took_effect) {
        (Some(told), None) => Err(format!("{id} was acknowledged at {told} and has no event")),
        (Some(told), Some(at)) if told != at => Err(format!("{id} was acknowledged at {told} and took effect at {at}")),
        (None, Some(at)) if record.surely_changed_nothing() => {
            Err(format!("{id} took effect at {at}, and the client was told {:?}", record.outcome))
        }
        _ => Ok(()),
    }
}

fn same_state(state: &BTreeMap<Name, Seen>, scan: &Scan) -> Result<(), String> {
    let names = state.keys().chain(scan.entries.keys());
    match names.into_iter().find(|name| state.get(*name) != scan.entries.get(*name)) {
        None => Ok(()),
        Some(name) => {
            let brief = |seen: Option<&Seen>| {
                let shown = seen.map(|seen| format!("version {} at {}", seen.version, seen.revision));
                shown.unwrap_or_else(|| "absent".to_owned())
            };
            let (by_audit, shown) = (brief(state.get(name)), brief(scan.entries.get(name)));
            let Name { namespace, key } = name;
            Err(format!("node {} shows {namespace}/{key} {shown}; by the audit it is {by_audit}", scan.node))
        }
    }
}

pub const NAME: &str = "the audit witnesses every effect once";

#[cfg(test)]
mod tests {
    use super::super::testing::{delete, event, scan, set};
    use super::*;

    #[test]
    fn a_missing_a_double_and_a_foreign_event_are_seen() {
        let write = set("a", "k", 0, 10).acknowledged_at("1:5");
        let good = scan(&[("k", "a", "1:5")]).with(&[event("a", "config.set", "k", "1:5")]);
        let holds = |record: &Record, scan: Scan| check(std::slice::from_ref(record), &[scan]).is_ok();
        assert!(holds(&write, good.clone()));
        let missing = scan(&[("k", "a", "1:5")]).with(&[]);
        assert!(!holds(&write, missing));
        let later = event("a", "config.set", "k", "1:6");
        let twice = scan(&[("k", "a", "1:6")]).with(&[later, event("a", "config.set", "k", "1:5")]);
        assert!(!holds(&write, twice));
        let foreign = good.clone().with(&[event("z", "config.set", "k", "1:4"), event("a", "config.set", "k", "1:5")]);
        assert!(!holds(&write, foreign));
        let refused = set("a", "k", 0, 10).refused();
        assert!(!holds(&refused, good));
    }

    #[test]
    fn the_model_counts_versions_and_forgets_what_is_deleted() {
        let records = [
            set("a", "k", 0, 10).acknowledged_at("1:5"),
            delete("d", "k", 11, 20).acknowledged_at("1:6"),
            set("b", "k", 21, 30).unknown(),
        ];
        let events = [
            event("b", "config.set", "k", "1:7"),
            event("d", "config.delete", "k", "1:6"),
            event("a", "config.set", "k", "1:5"),
        ];
        check(&records, &[scan(&[("k", "b", "1:7")]).with(&events)]).unwrap();
        assert!(check(&records, &[scan(&[]).with(&events)]).is_err());
        let other = scan(&[("k", "b", "1:7")]).with(&events[1..]);
        assert!(check(&records, &[scan(&[("k", "b", "1:7")]).with(&events), other]).is_err());
    }
}
