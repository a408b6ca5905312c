use std::collections::BTreeMap;

use crate::clients::{Name, Outcome, Record, Request, Shown};

/// A read shows what some write wrote: to that entry, begun before the read ended, not refused, and at its revision.
/// Lists show each entry once, in the order of their keys, within the prefix.
///
/// The "no garbage" half of a register's specification (Lamport, 1986: a regular register); how fresh a read must
/// be is another law's matter.
pub fn check(records: &[Record]) -> Result<(), String> {
    let mut writes: BTreeMap<&str, (&Record, &Name)> = BTreeMap::new();
    for record in records {
        if let Request::Set { value, name } = &record.request {
            writes.insert(value, (record, name));
        }
    }
    for record in records {
        let checked = match &record.outcome {
            Outcome::Found(shown) if record.name() == Some(&shown.name) => genuine(&writes, record, shown),
            Outcome::Found(shown) => Err(format!("shows {}/{}", shown.name.namespace, shown.name.key)),
            Outcome::Listed { items, .. } => items
                .iter()
                .try_for_each(|shown| genuine(&writes, record, shown))
                .and_then(|()| in_order(record, items)),
            _ => Ok(()),
        };
        checked.map_err(|what| format!("{} on node {}: {what}", record.request_id, record.node))?;
    }
    Ok(())
}

fn genuine(writes: &BTreeMap<&str, (&Record, &Name)>, read: &Record, shown: &Shown) -> Result<(), String> {
    let Shown { name, value, revision, .. } = shown;
    let brief: String = value.chars().take(40).collect();
    let place = format!("{}/{} at {revision} is {brief:?}", name.namespace, name.key);
    let Some((write, to)) = writes.get(value.as_str()) else {
        return Err(format!("{place}, which nobody wrote"));
    };
    if *to != name {
        return Err(format!("{place}, which was written to {}/{}", to.namespace, to.key));
    }
    if read.returned.is_some_and(|returned| returned < write.invoked) {
        return Err(format!("{place}, which {} wrote only later", write.request_id));
    }
    if write.surely_changed_nothing() {
        return Err(format!("{place}, which {} was refused to write", write.request_id));
    }
    match write.acknowledged() {
        Some(acknowledged) if acknowledged != *revision => Err(format!("{place}, and was written at {acknowledged}")),
        _ => Ok(()),
    }
}

fn in_order(read: &Record, items: &[Shown]) -> Result<(), String> {
    let Request::List { namespace, prefix } = &read.request else { return Ok(()) };
    for pair in items.windows(2) {
        if pair[0].name.key >= pair[1].name.key {
            return Err(format!("{} comes before {}", pair[0].name.key, pair[1].name.key));
        }
    }
    match items.iter().find(|item| item.name.namespace != *namespace || !item.name.key.starts_with(prefix.as_str())) {
        Some(stranger) => Err(format!("lists {}/{}", stranger.name.namespace, stranger.name.key)),
        None => Ok(()),
    }
}

pub const NAME: &str = "a read returns what was written";

#[cfg(test)]
mod tests {
    use super::super::testing::{get, set};
    use super::*;

    #[test]
    fn what_nobody_wrote_is_seen() {
        let write = set("a", "k", 0, 10).acknowledged_at("1:5");
        check(&[write.clone(), get("r", "k", 2, 20).found("a", "1:5")]).unwrap();
        for bad in [
            get("r", "k", 2, 20).found("z", "1:5"),
            get("r", "k", 2, 20).found("a", "1:6"),
            get("r", "other", 2, 20).found("a", "1:5"),
        ] {
            assert!(check(&[write.clone(), bad.clone()]).is_err(), "{bad:?}");
        }
        let later = set("a", "k", 30, 40).acknowledged_at("1:5");
        assert!(check(&[later, get("r", "k", 2, 20).found("a", "1:5")]).is_err());
        let refused = set("a", "k", 0, 10).refused();
        assert!(check(&[refused, get("r", "k", 2, 20).found("a", "1:5")]).is_err());
        let unknown = set("a", "k", 0, 10).unknown();
        check(&[unknown, get("r", "k", 2, 20).found("a", "1:5")]).unwrap();
    }
}
