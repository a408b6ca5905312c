use super::history::Broken;
use super::model::{Model, brief};
use super::reached::Reached;
use crate::clients::{Name, Outcome, Record, Scan};

/// The audit is a true witness: the same on all nodes, in one order, one event for each change that took effect and
/// none for what did not. Every write was told what the replay says of it at its revision; what took effect did so
/// after it was asked for; and the end of the replay is the state that each node shows.
///
/// The witness check that openraft's and etcd's simulations do with the committed log, on what users see. That the
/// order is a linearization: Herlihy and Wing, 1990, section 2.3.
pub fn check(records: &[Record], model: &Model<'_>, scans: &[Scan]) -> Result<(), Broken> {
    for record in records.iter().filter(|record| record.is_write()) {
        told_the_truth(record, model).map_err(|what| Broken::by(record, what))?;
    }
    nothing_before_its_time(records, model)?;
    scans.iter().try_for_each(|scan| same_state(model, scan))
}

/// All nodes show one audit.
pub fn one_audit(scans: &[Scan]) -> Result<(), Broken> {
    let Some(first) = scans.first() else { return Ok(()) };
    for scan in scans {
        if let Some(namespace) =
            first.audit.keys().find(|namespace| scan.audit.get(*namespace) != first.audit.get(*namespace))
        {
            let none = Vec::new();
            let [ours, theirs] = [first, scan].map(|scan| scan.audit.get(namespace).unwrap_or(&none));
            let at = ours.iter().zip(theirs).position(|(a, b)| a != b).unwrap_or(ours.len().min(theirs.len()));
            let what = format!(
                "nodes {} and {} show different audits of {namespace}: {} and {} events; from the newest on, number {} is {:?} and {:?}",
                first.node,
                scan.node,
                ours.len(),
                theirs.len(),
                at + 1,
                ours.get(at),
                theirs.get(at)
            );
            return Err(what.into());
        }
    }
    Ok(())
}

fn told_the_truth(record: &Record, model: &Model<'_>) -> Result<(), String> {
    let id = &record.request_id;
    let effect = model.effect(id);
    let Some(effect) = effect else {
        return match record.acknowledged() {
            Some(told) => Err(format!("{id} was acknowledged at {told} and has no event")),
            None => Ok(()),
        };
    };
    let at = effect.revision;
    match record.outcome {
        Outcome::Set { revision, .. } | Outcome::Deleted { revision } if revision != at => {
            Err(format!("{id} was acknowledged at {revision} and took effect at {at}"))
        }
        Outcome::Set { created, version, .. }
            if effect.version != Some(version) || created != (effect.version == Some(1)) =>
        {
            let replayed = effect.version.unwrap_or_default();
            Err(format!("{id} at {at} was told version {version}, new {created}; it is version {replayed}"))
        }
        _ if record.surely_changed_nothing() => {
            Err(format!("{id} took effect at {at}, and the client was told {:?}", record.outcome))
        }
        _ => Ok(()),
    }
}

/// Real-time order, also of the writes whose outcome the client does not know.
fn nothing_before_its_time(records: &[Record], model: &Model<'_>) -> Result<(), Broken> {
    let mut ended: Vec<&Record> = records.iter().filter(|record| record.returned.is_some()).collect();
    ended.sort_by_key(|record| record.returned);
    let mut reached: Reached<&str> = Reached::default();
    for record in ended {
        if let Some(applied) = record.applied() {
            reached.add(record, applied);
        }
    }
    for record in records {
        let Some(effect) = model.effect(&record.request_id) else { continue };
        if let Some((earlier, by)) = reached.before(record.invoked)
            && earlier.index >= effect.revision.index
        {
            let (id, at) = (&record.request_id, effect.revision);
            let what = format!("{id} took effect at {at}, and {by} had been told {earlier} before it began");
            return Err(Broken::by(record, what));
        }
    }
    Ok(())
}

pub(super) fn same_state(model: &Model<'_>, scan: &Scan) -> Result<(), Broken> {
    let wrong = |name: &Name, shown: String, replayed: String| {
        let (node, place) = (scan.node, format!("{}/{}", name.namespace, name.key));
        Err(format!("node {node} shows {place} {shown}; by the audit it is {replayed}").into())
    };
    for (name, state) in model.last() {
        let seen = scan.entries.get(name);
        let same = match (state, seen) {
            (Some(state), Some(seen)) => state.is(seen),
            (state, seen) => state.is_none() && seen.is_none(),
        };
        if !same {
            let shown =
                seen.map_or("absent".to_owned(), |seen| format!("version {} at {}", seen.version, seen.revision));
            return wrong(name, shown, brief(state));
        }
    }
    match scan.entries.keys().find(|name| !model.knows(name)) {
        Some(stranger) => wrong(stranger, "present".to_owned(), "absent".to_owned()),
        None => Ok(()),
    }
}

pub const NAME: &str = "the audit witnesses every effect once";

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::super::testing::{delete, event, scan, set};
    use super::*;

    fn holds(records: &[Record], scans: &[Scan]) -> bool {
        let judged = one_audit(scans)
            .and_then(|()| Model::replay(records, &scans[0].audit))
            .and_then(|model| check(records, &model, scans));
        judged.is_ok()
    }

    #[test]
    fn a_missing_a_double_and_a_foreign_event_are_seen() {
        let write = [set("a", "k", 0, 10).acknowledged_at("1:5")];
        let good = scan(&[("k", "a", "1:5")]).with(&[event("a", "config.set", "k", "1:5")]);
        assert!(holds(&write, from_ref(&good)));
        let missing = scan(&[("k", "a", "1:5")]).with(&[]);
        assert!(!holds(&write, &[missing]));
        let later = event("a", "config.set", "k", "1:6");
        let twice = scan(&[("k", "a", "1:6")]).with(&[later, event("a", "config.set", "k", "1:5")]);
        assert!(!holds(&write, &[twice]));
        let foreign = good.clone().with(&[event("z", "config.set", "k", "1:4"), event("a", "config.set", "k", "1:5")]);
        assert!(!holds(&write, &[foreign]));
        let refused = [set("a", "k", 0, 10).refused()];
        assert!(!holds(&refused, &[good]));
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
        let good = scan(&[("k", "b", "1:7")]).with(&events);
        assert!(holds(&records, from_ref(&good)));
        assert!(!holds(&records, &[scan(&[]).with(&events)]));
        assert!(!holds(&records, &[scan(&[("k", "b", "1:7"), ("j", "b", "1:7")]).with(&events)]));
        assert!(!holds(&records, &[good, scan(&[("k", "b", "1:7")]).with(&events[1..])]));
    }

    #[test]
    fn a_wrong_version_and_a_wrong_revision_are_seen() {
        let good = scan(&[("k", "a", "1:5")]).with(&[event("a", "config.set", "k", "1:5")]);
        for (at, created, version) in [("1:5", false, 1), ("1:5", true, 2), ("1:5", false, 2), ("1:6", true, 1)] {
            let told = Outcome::Set { revision: at.parse().unwrap(), created, version };
            let record = Record { outcome: told, ..set("a", "k", 0, 10) };
            assert!(!holds(from_ref(&record), from_ref(&good)), "{record:?}");
        }
    }

    #[test]
    fn an_unknown_write_that_takes_effect_before_it_is_asked_for_is_seen() {
        let later = set("a", "k", 0, 10).acknowledged_at("1:6");
        let unknown = |invoked| set("b", "k", invoked, 20).unknown();
        let events = [event("a", "config.set", "k", "1:6"), event("b", "config.set", "k", "1:5")];
        let mut scan = scan(&[("k", "a", "1:6")]).with(&events);
        scan.entries.values_mut().for_each(|seen| seen.version = 2);
        let later =
            Record { outcome: Outcome::Set { revision: "1:6".parse().unwrap(), created: false, version: 2 }, ..later };
        assert!(holds(&[later.clone(), unknown(9)], &[scan.clone()]));
        assert!(!holds(&[later, unknown(11)], &[scan]));
    }
}
