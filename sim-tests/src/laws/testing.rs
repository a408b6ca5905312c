//! Little histories to try the laws on.

use std::collections::BTreeMap;
use std::time::Duration;

use confman::base::LogId;

use crate::clients::{AuditEvent, Name, Outcome, PageEnd, Record, Request, Scan, Seen, Shown, Terms};
use crate::schedule::Consistency;

fn name(key: &str) -> Name {
    Name { namespace: "n".to_owned(), key: key.to_owned() }
}

fn revision(text: &str) -> LogId {
    text.parse().expect("written in a test")
}

fn record(id: &str, request: Request, invoked: u64, returned: u64) -> Record {
    Record {
        client: 1,
        request_id: id.to_owned(),
        request,
        consistency: Consistency::Eventual,
        terms: Terms::default(),
        invoked: Duration::from_secs(invoked),
        returned: Some(Duration::from_secs(returned)),
        outcome: Outcome::Unknown(String::new()),
        node: 1,
        events: Vec::new(),
    }
}

pub fn set(id: &str, key: &str, invoked: u64, returned: u64) -> Record {
    record(id, Request::Set { name: name(key), value: id.to_owned() }, invoked, returned)
}

pub fn delete(id: &str, key: &str, invoked: u64, returned: u64) -> Record {
    record(id, Request::Delete { name: name(key) }, invoked, returned)
}

pub fn get(id: &str, key: &str, invoked: u64, returned: u64) -> Record {
    record(id, Request::Get { name: name(key) }, invoked, returned)
}

/// A page of a list; `after`: where the page before ended, and what it was of.
pub fn list(prefix: &str, limit: u64, after: Option<(&str, &str)>) -> Record {
    let after = after.map(|(key, of)| PageEnd { cursor: String::new(), key: key.to_owned(), revision: revision(of) });
    let (namespace, prefix) = ("n".to_owned(), prefix.to_owned());
    record("l", Request::List { namespace, prefix, limit, after }, 2, 3)
}

/// Shows operations to a law as they begin and as they end.
pub fn in_turn<L>(
    law: &mut L,
    records: &[Record],
    mut began: impl FnMut(&mut L, &Record),
    mut ended: impl FnMut(&mut L, &Record) -> Result<(), String>,
) -> Result<(), String> {
    let mut events: Vec<(Duration, bool, &Record)> = Vec::new();
    for record in records {
        events.push((record.invoked, false, record));
        events.extend(record.returned.map(|returned| (returned, true, record)));
    }
    events.sort_by_key(|(at, ends, _)| (*at, *ends));
    events.into_iter().try_for_each(|(_, ends, record)| match ends {
        true => ended(law, record),
        false => {
            began(law, record);
            Ok(())
        }
    })
}

impl Record {
    pub fn acknowledged_at(mut self, at: &str) -> Record {
        let revision = revision(at);
        self.outcome = match self.request {
            Request::Delete { .. } => Outcome::Deleted { revision },
            _ => Outcome::Set { revision, created: true, version: 1 },
        };
        self
    }

    pub fn refused(mut self) -> Record {
        self.outcome = Outcome::Refused("503".to_owned());
        self
    }

    pub fn unknown(mut self) -> Record {
        self.outcome = Outcome::Unknown("504".to_owned());
        self
    }

    /// Shown as version 1, on a node that had applied no more than that write.
    pub fn found(mut self, value: &str, at: &str) -> Record {
        let Some(name) = self.name().cloned() else { panic!("a read of one entry") };
        let entry = Shown { name, value: value.to_owned(), version: 1, revision: revision(at) };
        self.outcome = Outcome::Found { entry, applied: revision(at) };
        self
    }

    /// What was found is this version.
    pub fn version(mut self, is: u64) -> Record {
        match &mut self.outcome {
            Outcome::Found { entry: Shown { version, .. }, .. } | Outcome::Set { version, .. } => *version = is,
            other => panic!("{other:?} shows no version"),
        }
        self
    }

    /// What was found, was found on a node that had applied this.
    pub fn as_of(mut self, at: &str) -> Record {
        let Outcome::Found { applied, .. } = &mut self.outcome else { panic!("{:?} found nothing", self.outcome) };
        *applied = revision(at);
        self
    }

    pub fn absent_as_of(mut self, at: &str) -> Record {
        self.outcome = Outcome::Absent { revision: revision(at) };
        self
    }

    /// Entries by key, value, version and revision.
    pub fn listed(mut self, items: &[(&str, &str, u64, &str)], of: &str, applied: &str, more: bool) -> Record {
        let shown = |&(key, value, version, at): &(&str, &str, u64, &str)| Shown {
            name: name(key),
            value: value.to_owned(),
            version,
            revision: revision(at),
        };
        let (revision, applied, next) = (revision(of), revision(applied), more.then(String::new));
        self.outcome = Outcome::Listed { items: items.iter().map(shown).collect(), revision, applied, next };
        self
    }
}

pub fn scan(entries: &[(&str, &str, &str)]) -> Scan {
    let seen = |at, value: &str| Seen { value: value.to_owned(), version: 1, revision: revision(at) };
    let entries = entries.iter().map(|(key, value, at)| (name(key), seen(at, value))).collect();
    let at = Duration::from_secs(1_000);
    Scan { node: 1, began: at, ended: at, entries, audit: BTreeMap::new() }
}

impl Scan {
    /// With these events, newest first.
    pub fn with(mut self, events: &[AuditEvent]) -> Scan {
        self.audit.insert("n".to_owned(), events.to_vec());
        self
    }
}

pub fn event(request_id: &str, action: &str, key: &str, at: &str) -> AuditEvent {
    AuditEvent {
        id: format!("{at}:0"),
        time: String::new(),
        action: action.to_owned(),
        key: Some(key.to_owned()),
        revision: revision(at),
        request_id: request_id.to_owned(),
        hash: String::new(),
    }
}
