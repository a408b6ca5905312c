use confman::base::LogId;

use super::lookup::Lookup;
use crate::clients::{Name, Outcome, Record, Request, Shown};

/// A read shows what some write wrote: to that entry, begun before the read ended, not refused, and at one revision
/// and version, which is the acknowledged one.
///
/// The "no garbage" half of a register's specification (Lamport, 1986: a regular register); how fresh a read must
/// be is another law's matter, and that a value is right to its last byte is seen in the end, by the laws that have all.
#[derive(Default)]
pub struct NoGarbage {
    /// By request: a value begins with the request that writes it.
    writes: Lookup<String, Write>,
}

struct Write {
    name: Name,
    value_bytes: usize,
    refused: bool,
    known: Option<Known>,
}

/// Where in the log a write is, by an answer.
struct Known {
    revision: LogId,
    version: u64,
    by: String,
}

pub const NAME: &str = "a read returns what was written";

impl NoGarbage {
    /// An operation has begun.
    pub fn began(&mut self, record: &Record) {
        if let Request::Set { name, value } = &record.request {
            let write = Write { name: name.clone(), value_bytes: value.len(), refused: false, known: None };
            self.writes.insert(record.request_id.clone(), write);
        }
    }

    /// An operation has ended.
    pub fn ended(&mut self, record: &Record) -> Result<(), String> {
        let id = &record.request_id;
        let checked = match (&record.request, &record.outcome) {
            (Request::Set { .. }, Outcome::Set { revision, version, .. }) => self.is_at(id, id, *revision, *version),
            (Request::Set { .. }, _) if record.surely_changed_nothing() => self.refused(id),
            (_, Outcome::Found { entry, .. }) if record.name() == Some(&entry.name) => self.genuine(id, entry),
            (_, Outcome::Found { entry, .. }) => Err(format!("shows {}/{}", entry.name.namespace, entry.name.key)),
            (_, Outcome::Listed { items, .. }) => items.iter().try_for_each(|shown| self.genuine(id, shown)),
            _ => Ok(()),
        };
        checked.map_err(|what| format!("{id} on node {}: {what}", record.node))
    }

    fn refused(&mut self, id: &str) -> Result<(), String> {
        let Some(write) = self.writes.get_mut(id) else { return Ok(()) };
        write.refused = true;
        match &write.known {
            Some(Known { revision, by, .. }) => Err(format!("is refused, and {by} was shown it at {revision}")),
            None => Ok(()),
        }
    }

    fn genuine(&mut self, read: &str, shown: &Shown) -> Result<(), String> {
        let Shown { name, value, revision, version } = shown;
        let id = value.split('|').next().unwrap_or_default();
        let written = self.writes.get(id).filter(|write| write.value_bytes == value.len());
        let checked = match written {
            None => Err("nobody wrote".to_owned()),
            Some(write) if write.name != *name => {
                Err(format!("was written to {}/{}", write.name.namespace, write.name.key))
            }
            Some(write) if write.refused => Err(format!("{id} was refused to write")),
            Some(_) => self.is_at(id, read, *revision, *version),
        };
        checked.map_err(|what| {
            let brief: String = value.chars().take(40).collect();
            format!("{}/{} at {revision} is {brief:?}, which {what}", name.namespace, name.key)
        })
    }

    /// What `id` wrote is at this revision, as `by` was told.
    fn is_at(&mut self, id: &str, by: &str, revision: LogId, version: u64) -> Result<(), String> {
        let Some(write) = self.writes.get_mut(id) else { return Ok(()) };
        let known = write.known.get_or_insert_with(|| Known { revision, version, by: by.to_owned() });
        if (known.revision, known.version) == (revision, version) {
            return Ok(());
        }
        let Known { revision: other, version: was, by: witness } = known;
        Err(format!("is version {version} at {revision}, and {witness} was told version {was} at {other}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, in_turn, set};
    use super::*;

    fn check(records: &[Record]) -> Result<(), String> {
        in_turn(&mut NoGarbage::default(), records, NoGarbage::began, NoGarbage::ended)
    }

    #[test]
    fn what_nobody_wrote_is_seen() {
        let write = set("a", "k", 0, 10).acknowledged_at("1:5");
        for returned in [5, 20] {
            check(&[write.clone(), get("r", "k", 2, returned).found("a", "1:5")]).unwrap();
            for bad in [
                get("r", "k", 2, returned).found("z", "1:5"),
                get("r", "k", 2, returned).found("a", "1:6"),
                get("r", "other", 2, returned).found("a", "1:5"),
            ] {
                assert!(check(&[write.clone(), bad.clone()]).is_err(), "{bad:?}");
            }
            let refused = set("a", "k", 0, 10).refused();
            assert!(check(&[refused, get("r", "k", 2, returned).found("a", "1:5")]).is_err());
        }
        let later = set("a", "k", 30, 40).acknowledged_at("1:5");
        assert!(check(&[later, get("r", "k", 2, 20).found("a", "1:5")]).is_err());
        let unknown = set("a", "k", 0, 10).unknown();
        check(&[unknown, get("r", "k", 2, 20).found("a", "1:5")]).unwrap();
    }

    #[test]
    fn one_write_in_two_places_is_seen() {
        let unknown = set("a", "k", 0, 10).unknown();
        let read = |id, returned| get(id, "k", 2, returned);
        check(&[unknown.clone(), read("r", 20).found("a", "1:5"), read("s", 21).found("a", "1:5")]).unwrap();
        assert!(check(&[unknown, read("r", 20).found("a", "1:5"), read("s", 21).found("a", "1:6")]).is_err());
    }
}
