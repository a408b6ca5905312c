use std::collections::BTreeMap;
use std::ops::Bound;

use confman::base::LogId;

use super::history::Broken;
use super::lookup::Lookup;
use crate::clients::{AuditEvent, Name, Record, Request, Seen, Shown};

/// The little model: what every entry was at every revision, by replaying the audit and looking up what each request
/// asked for. It has nothing in common with the node's code but the meaning of set and delete.
pub struct Model<'a> {
    /// Each entry's states, from the oldest on.
    entries: BTreeMap<Name, Vec<Change<'a>>>,
    /// By request.
    effects: Lookup<&'a str, Effect>,
}

/// An entry's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<'a> {
    pub value: &'a str,
    pub version: u64,
    pub revision: LogId,
}

/// What a request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    pub revision: LogId,
    /// The entry's version after it; `None` where it was deleted.
    pub version: Option<u64>,
}

struct Change<'a> {
    at: LogId,
    /// `None`: absent.
    to: Option<State<'a>>,
}

impl<'a> Model<'a> {
    /// Replays the audit of all namespaces, each newest first. An event that cannot be is an error.
    pub fn replay(records: &'a [Record], audit: &'a BTreeMap<String, Vec<AuditEvent>>) -> Result<Model<'a>, Broken> {
        let by_id: Lookup<&str, &Record> = records.iter().map(|record| (record.request_id.as_str(), record)).collect();
        let mut model = Model { entries: BTreeMap::new(), effects: Lookup::default() };
        for (namespace, newest_first) in audit {
            let mut last = None;
            for event in newest_first.iter().rev() {
                if last.is_some_and(|last| event.revision < last) {
                    return Err(format!("event {} of {namespace} is older than the one before", event.id).into());
                }
                last = Some(event.revision);
                if !event.action.starts_with("config.") {
                    continue;
                }
                let id = event.request_id.as_str();
                let Some(record) = by_id.get(id) else {
                    return Err(format!("event {} is of {id}, which nobody asked", event.id).into());
                };
                let effect = model.apply(namespace, event, record).map_err(|what| {
                    let what = format!("event {} ({}) of {id}: {what}", event.id, event.action);
                    Broken::by(record, what)
                })?;
                if model.effects.insert(&record.request_id, effect).is_some() {
                    let what = format!("{id} took effect twice, the second time at {}", event.revision);
                    return Err(Broken::by(record, what));
                }
            }
        }
        Ok(model)
    }

    fn apply(&mut self, namespace: &str, event: &AuditEvent, record: &'a Record) -> Result<Effect, String> {
        let key = event.key.clone().ok_or("it names no key")?;
        let name = Name { namespace: namespace.to_owned(), key };
        if record.name() != Some(&name) {
            return Err("it names another key than was asked for".to_owned());
        }
        let changes = self.entries.entry(name).or_default();
        let before = changes.last().and_then(|change| change.to);
        let revision = event.revision;
        let to = match (&record.request, event.action.as_str()) {
            (Request::Set { value, .. }, "config.set") => {
                Some(State { value, version: before.map_or(1, |before| before.version + 1), revision })
            }
            (Request::Delete { .. }, "config.delete") if before.is_some() => None,
            (Request::Delete { .. }, "config.delete") => return Err("it deletes what was not there".to_owned()),
            _ => return Err("that was not asked for".to_owned()),
        };
        changes.push(Change { at: revision, to });
        Ok(Effect { revision, version: to.map(|state| state.version) })
    }

    /// What a request did, where it took effect.
    pub fn effect(&self, request_id: &str) -> Option<Effect> {
        self.effects.get(request_id).copied()
    }

    /// The entry as of a revision; `None` where it was absent.
    pub fn entry_at(&self, name: &Name, revision: LogId) -> Option<State<'a>> {
        self.entries.get(name).and_then(|changes| state_at(changes, revision))
    }

    /// Whether the entry was ever there.
    pub fn knows(&self, name: &Name) -> bool {
        self.entries.contains_key(name)
    }

    /// The entries of a namespace as of a revision whose keys begin with `prefix` and come after `after`, in byte order.
    pub fn list_at(
        &self,
        namespace: &str,
        prefix: &str,
        after: Option<&str>,
        revision: LogId,
    ) -> impl Iterator<Item = (&Name, State<'a>)> {
        let name = |key: &str| Name { namespace: namespace.to_owned(), key: key.to_owned() };
        let from = match after.filter(|after| *after >= prefix) {
            Some(after) => Bound::Excluded(name(after)),
            None => Bound::Included(name(prefix)),
        };
        self.entries
            .range((from, Bound::Unbounded))
            .take_while(move |(name, _)| name.namespace == namespace && name.key.starts_with(prefix))
            .filter_map(move |(name, changes)| Some((name, state_at(changes, revision)?)))
    }

    /// What every entry is in the end, the absent ones included.
    pub fn last(&self) -> impl Iterator<Item = (&Name, Option<State<'a>>)> {
        self.entries.iter().map(|(name, changes)| (name, changes.last().and_then(|change| change.to)))
    }
}

/// The log's order is that of the indices.
fn state_at<'a>(changes: &[Change<'a>], revision: LogId) -> Option<State<'a>> {
    let later = changes.partition_point(|change| change.at.index <= revision.index);
    changes.get(later.checked_sub(1)?)?.to
}

impl State<'_> {
    /// Whether a scan saw this.
    pub fn is(&self, seen: &Seen) -> bool {
        (self.value, self.version, self.revision) == (seen.value.as_str(), seen.version, seen.revision)
    }

    /// Whether an answer shows this.
    pub fn shows(&self, shown: &Shown) -> bool {
        (self.value, self.version, self.revision) == (shown.value.as_str(), shown.version, shown.revision)
    }
}

/// A state in words.
pub fn brief(state: Option<State<'_>>) -> String {
    state.map_or("absent".to_owned(), |State { version, revision, .. }| format!("version {version} at {revision}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{delete, event, scan, set};
    use super::*;

    #[test]
    fn every_state_is_known_by_its_revision() {
        let records = [
            set("a", "k", 0, 1).unknown(),
            set("b", "k", 0, 1).unknown(),
            delete("d", "k", 0, 1).unknown(),
            set("e", "k", 0, 1).unknown(),
            set("l", "key", 0, 1).unknown(),
        ];
        let scan = scan(&[]).with(&[
            event("l", "config.set", "key", "2:12"),
            event("e", "config.set", "k", "2:11"),
            event("d", "config.delete", "k", "1:9"),
            event("b", "config.set", "k", "1:7"),
            event("a", "config.set", "k", "1:5"),
        ]);
        let model = Model::replay(&records, &scan.audit).unwrap();
        let name = Name { namespace: "n".to_owned(), key: "k".to_owned() };
        let at = |index| model.entry_at(&name, LogId::new(2, index)).map(|state| (state.value, state.version));
        for (index, expected) in [
            (4, None),
            (5, Some(("a", 1))),
            (6, Some(("a", 1))),
            (7, Some(("b", 2))),
            (9, None),
            (10, None),
            (11, Some(("e", 1))),
            (99, Some(("e", 1))),
        ] {
            assert_eq!(at(index), expected, "at {index}");
        }
        let list = |prefix, after, index| {
            let listed = model.list_at("n", prefix, after, LogId::new(2, index));
            listed.map(|(name, state)| format!("{}={}", name.key, state.value)).collect::<Vec<_>>()
        };
        assert_eq!(list("", None, 12), ["k=e", "key=l"]);
        assert_eq!(list("", None, 11), ["k=e"]);
        assert_eq!(list("", Some("k"), 12), ["key=l"]);
        assert_eq!(list("ke", Some("a"), 12), ["key=l"]);
        assert_eq!(list("key.", None, 12), [""; 0]);
    }
}
