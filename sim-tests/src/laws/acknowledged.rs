use std::collections::BTreeMap;

use confman::base::LogId;

use crate::clients::{Name, Record, Request, Scan};

/// Acknowledged writes survive. On every node, each entry is what its last acknowledged write made it, unless a write
/// whose outcome is unknown came after that; what was refused is nowhere.
///
/// Durability as Jepsen's set and register workloads test it; the audit is not asked here, only the entries.
pub fn check(records: &[Record], scans: &[Scan]) -> Result<(), String> {
    let mut by_name: BTreeMap<&Name, Vec<&Record>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.is_write()) {
        if let Some(name) = record.name() {
            by_name.entry(name).or_default().push(record);
        }
    }
    for scan in scans {
        for (name, seen) in &scan.entries {
            if !by_name.contains_key(name) {
                return Err(format!(
                    "node {} shows {}/{}, never written: {seen:?}",
                    scan.node, name.namespace, name.key
                ));
            }
        }
        for (name, writes) in &by_name {
            check_entry(name, writes, scan)
                .map_err(|what| format!("node {}, {}/{}: {what}", scan.node, name.namespace, name.key))?;
        }
    }
    Ok(())
}

fn check_entry(name: &Name, writes: &[&Record], scan: &Scan) -> Result<(), String> {
    let last = writes.iter().filter_map(|write| Some((write.acknowledged()?, *write))).max_by_key(|(at, _)| *at);
    let unknown = |write: &&&Record| write.acknowledged().is_none() && !write.surely_changed_nothing();
    let Some(seen) = scan.entries.get(name) else {
        return match last {
            Some((at, write)) if matches!(write.request, Request::Set { .. }) => {
                let deletes = |write: &&&Record| unknown(write) && matches!(write.request, Request::Delete { .. });
                let why = format!("absent, though {} was acknowledged at {at}", write.request_id);
                writes.iter().find(deletes).map(|_| ()).ok_or(why)
            }
            _ => Ok(()),
        };
    };
    let wrote = |write: &&&Record| matches!(&write.request, Request::Set { value, .. } if *value == seen.value);
    let Some(writer) = writes.iter().find(wrote) else {
        return Err(format!("at {} is a value that nobody wrote", seen.revision));
    };
    let who = &writer.request_id;
    if writer.surely_changed_nothing() {
        return Err(format!("at {} is what {who} was refused to write", seen.revision));
    }
    if let Some(acknowledged) = writer.acknowledged()
        && acknowledged != seen.revision
    {
        return Err(format!("{who} was acknowledged at {acknowledged} and is there at {}", seen.revision));
    }
    match last {
        Some((at, write)) if at > seen.revision => {
            Err(format!("is at {} by {who}, though {} was acknowledged at {at}", seen.revision, write.request_id))
        }
        _ => unknown_takes_effect_after_it_began(writer, seen.revision, writes),
    }
}

/// Nothing takes effect before it is asked for.
fn unknown_takes_effect_after_it_began(writer: &Record, revision: LogId, writes: &[&Record]) -> Result<(), String> {
    let before = writes.iter().filter(|write| write.returned.is_some_and(|returned| returned < writer.invoked));
    match before.filter_map(|write| write.acknowledged()).max() {
        Some(earlier) if earlier > revision => {
            let who = &writer.request_id;
            Err(format!("{who} is at {revision}, though {earlier} was acknowledged before it began"))
        }
        _ => Ok(()),
    }
}

pub const NAME: &str = "acknowledged writes survive, refused ones do not happen";

#[cfg(test)]
mod tests {
    use super::super::testing::{delete, scan, set};
    use super::*;

    #[test]
    fn a_lost_write_is_seen() {
        let first = set("a", "k", 0, 10).acknowledged_at("1:5");
        let second = set("b", "k", 11, 20).acknowledged_at("1:6");
        let both = [first.clone(), second.clone()];
        check(&both, &[scan(&[("k", "b", "1:6")])]).unwrap();
        assert!(check(&both, &[scan(&[("k", "a", "1:5")])]).is_err());
        assert!(check(&both, &[scan(&[])]).is_err());
        assert!(check(&both, &[scan(&[("k", "b", "1:7")])]).is_err());
        assert!(check(&both, &[scan(&[("k", "b", "1:6"), ("j", "b", "1:6")])]).is_err());
        let deleted = delete("d", "k", 21, 30).acknowledged_at("1:9");
        let all = [first, second, deleted];
        check(&all, &[scan(&[])]).unwrap();
        assert!(check(&all, &[scan(&[("k", "b", "1:6")])]).is_err());
    }

    #[test]
    fn the_unknown_may_have_happened_and_the_refused_may_not() {
        let first = set("a", "k", 0, 10).acknowledged_at("1:5");
        let unknown = [first.clone(), set("b", "k", 11, 20).unknown()];
        check(&unknown, &[scan(&[("k", "a", "1:5")])]).unwrap();
        check(&unknown, &[scan(&[("k", "b", "1:6")])]).unwrap();
        assert!(check(&unknown, &[scan(&[("k", "b", "1:4")])]).is_err());
        let refused = [first.clone(), set("b", "k", 11, 20).refused()];
        assert!(check(&refused, &[scan(&[("k", "b", "1:6")])]).is_err());
        let maybe_deleted = [first, delete("d", "k", 11, 20).unknown()];
        check(&maybe_deleted, &[scan(&[])]).unwrap();
        check(&maybe_deleted, &[scan(&[("k", "a", "1:5")])]).unwrap();
    }
}
