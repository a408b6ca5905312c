//! The clients of a run, and the history of what they asked and were told.

mod answer;
mod operations;
mod reader;
mod scan;
mod transport;
mod worker;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use confman::base::LogId;
pub use operations::Issued;
pub use reader::IndexReader;
pub use scan::{AuditEvent, Scan, Seen, scan};
pub use transport::{Reply, call};
pub use worker::{Worker, probe};

use crate::laws::Laws;

/// An entry's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub namespace: String,
    pub key: String,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Set { name: Name, value: String },
    Delete { name: Name },
    Get { name: Name },
    List { namespace: String, prefix: String },
}

/// An entry as an answer showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub name: Name,
    pub value: String,
    pub version: u64,
    pub revision: LogId,
}

/// What a client was told, by what it may conclude.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The entry is set, as `revision`.
    Set { revision: LogId, created: bool, version: u64 },
    /// The entry is deleted, as `revision`.
    Deleted { revision: LogId },
    /// There is no such entry, as of `revision`.
    Absent { revision: Option<LogId> },
    /// The entry is this.
    Found(Shown),
    /// A page of entries is this.
    Listed { items: Vec<Shown>, more: bool },
    /// It surely did not happen.
    Refused(String),
    /// It may have happened or not, or may yet.
    Unknown(String),
    /// An answer that the contract does not allow.
    Wrong(String),
}

/// One operation of one client.
#[derive(Clone, Debug)]
pub struct Record {
    pub client: u64,
    pub request_id: String,
    pub request: Request,
    pub invoked: Duration,
    /// `None` while it runs.
    pub returned: Option<Duration>,
    pub outcome: Outcome,
    /// Who answered, after redirects.
    pub node: u64,
}

impl Record {
    /// Whether this asked for a change.
    pub fn is_write(&self) -> bool {
        matches!(self.request, Request::Set { .. } | Request::Delete { .. })
    }

    /// The entry that this is about.
    pub fn name(&self) -> Option<&Name> {
        match &self.request {
            Request::Set { name, .. } | Request::Delete { name } | Request::Get { name } => Some(name),
            Request::List { .. } => None,
        }
    }

    /// The revision of the change that was acknowledged.
    pub fn acknowledged(&self) -> Option<LogId> {
        match self.outcome {
            Outcome::Set { revision, .. } | Outcome::Deleted { revision } => Some(revision),
            _ => None,
        }
    }

    /// Whether it surely changed nothing.
    pub fn surely_changed_nothing(&self) -> bool {
        match self.outcome {
            Outcome::Refused(_) | Outcome::Absent { .. } | Outcome::Found(_) | Outcome::Listed { .. } => true,
            Outcome::Set { .. } | Outcome::Deleted { .. } | Outcome::Unknown(_) | Outcome::Wrong(_) => !self.is_write(),
        }
    }
}

/// All operations of a run, in the order of their invocations. The laws see each acknowledgement.
#[derive(Clone, Default)]
pub struct History {
    records: Arc<Mutex<Vec<Record>>>,
    laws: Laws,
}

impl History {
    /// A history that these laws judge as it goes.
    pub fn judged_by(laws: Laws) -> History {
        History { records: Arc::default(), laws }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().expect("no panic under this lock")
    }

    /// An operation begins; the number is for [`end`](Self::end).
    pub fn begin(&self, record: Record) -> usize {
        let mut records = self.lock();
        records.push(record);
        records.len() - 1
    }

    /// An operation ends.
    pub fn end(&self, number: usize, returned: Duration, node: u64, outcome: Outcome) {
        let mut records = self.lock();
        let record = &mut records[number];
        (record.returned, record.node, record.outcome) = (Some(returned), node, outcome);
        if let Some(revision) = record.acknowledged() {
            self.laws.acknowledged(revision);
        }
    }

    /// All operations so far.
    pub fn records(&self) -> Vec<Record> {
        self.lock().clone()
    }
}
