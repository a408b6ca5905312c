//! Little histories to try the laws on.

use std::collections::BTreeMap;
use std::time::Duration;

use confman::base::LogId;

use crate::clients::{AuditEvent, Name, Outcome, Record, Request, Scan, Seen, Shown};

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
        invoked: Duration::from_secs(invoked),
        returned: Some(Duration::from_secs(returned)),
        outcome: Outcome::Unknown(String::new()),
        node: 1,
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

    pub fn found(mut self, value: &str, at: &str) -> Record {
        let Some(name) = self.name().cloned() else { panic!("a read of one entry") };
        self.outcome = Outcome::Found(Shown { name, value: value.to_owned(), version: 1, revision: revision(at) });
        self
    }
}

pub fn scan(entries: &[(&str, &str, &str)]) -> Scan {
    let seen = |at, value: &str| Seen { value: value.to_owned(), version: 1, revision: revision(at) };
    let entries = entries.iter().map(|(key, value, at)| (name(key), seen(at, value))).collect();
    Scan { node: 1, entries, audit: BTreeMap::new() }
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
        action: action.to_owned(),
        key: Some(key.to_owned()),
        revision: revision(at),
        request_id: request_id.to_owned(),
        hash: String::new(),
    }
}
