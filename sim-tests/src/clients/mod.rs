//! The clients of a run, and the history of what they asked and were told.

mod answer;
mod library;
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
use crate::runtime::elapsed;
use crate::schedule::Consistency;

/// An entry's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub namespace: String,
    pub key: String,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Set {
        name: Name,
        value: String,
    },
    Delete {
        name: Name,
    },
    Get {
        name: Name,
    },
    /// One page of a list.
    List {
        namespace: String,
        prefix: String,
        limit: u64,
        after: Option<PageEnd>,
    },
}

/// On what terms a write is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Under an idempotency key, which is the request's id: it may be sent again.
    pub once: bool,
    pub must_be: Option<MustBe>,
}

/// What an entry must be for a write to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MustBe {
    At(LogId),
    Absent,
}

impl MustBe {
    /// Whether that is so of an entry at `current`, or absent.
    pub fn holds(self, current: Option<LogId>) -> bool {
        match self {
            MustBe::At(revision) => current == Some(revision),
            MustBe::Absent => current.is_none(),
        }
    }
}

/// Where the page before ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEnd {
    pub cursor: String,
    /// The last key that was shown.
    pub key: String,
    /// What all pages of the list show.
    pub revision: LogId,
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
    /// There is no such entry, as of `revision`: a delete's own place in the log, or what the node of a read had applied.
    Absent { revision: LogId },
    /// The write's condition did not hold at its place in the log, `revision`: there the entry is at `current`, or absent.
    Failed { current: Option<LogId>, revision: LogId },
    /// The entry is this, on a node that had applied as much.
    Found { entry: Shown, applied: LogId },
    /// A page of the entries as of `revision` is this, on a node that had applied as much. `next`: a cursor, where
    /// more follow.
    Listed { items: Vec<Shown>, revision: LogId, applied: LogId, next: Option<String> },
    /// It surely did not happen.
    Refused(String),
    /// It may have happened or not, or may yet.
    Unknown(String),
    /// An answer that the contract does not allow.
    Wrong(String),
}

impl Outcome {
    /// What the node that answered had applied, at least.
    pub fn applied(&self) -> Option<LogId> {
        match *self {
            Outcome::Set { revision, .. }
            | Outcome::Deleted { revision }
            | Outcome::Absent { revision }
            | Outcome::Failed { revision, .. } => Some(revision),
            Outcome::Found { applied, .. } | Outcome::Listed { applied, .. } => Some(applied),
            Outcome::Refused(_) | Outcome::Unknown(_) | Outcome::Wrong(_) => None,
        }
    }
}

/// One operation of one client.
#[derive(Clone, Debug)]
pub struct Record {
    pub client: u64,
    pub request_id: String,
    pub request: Request,
    /// Of a read.
    pub consistency: Consistency,
    pub terms: Terms,
    pub invoked: Duration,
    /// `None` while it runs.
    pub returned: Option<Duration>,
    pub outcome: Outcome,
    /// Who answered, after redirects.
    pub node: u64,
    /// The events of the trace that show it.
    pub events: Vec<u64>,
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

    /// The place in the log of a write that was decided, whether it changed anything or not.
    pub fn decided(&self) -> Option<LogId> {
        match self.outcome {
            Outcome::Absent { revision } | Outcome::Failed { revision, .. } if self.is_write() => Some(revision),
            _ => self.acknowledged(),
        }
    }

    /// What the node that answered had applied, at least.
    pub fn applied(&self) -> Option<LogId> {
        self.outcome.applied()
    }

    /// Whether it surely changed nothing.
    pub fn surely_changed_nothing(&self) -> bool {
        match self.outcome {
            Outcome::Refused(_)
            | Outcome::Absent { .. }
            | Outcome::Failed { .. }
            | Outcome::Found { .. }
            | Outcome::Listed { .. } => true,
            Outcome::Set { .. } | Outcome::Deleted { .. } | Outcome::Unknown(_) | Outcome::Wrong(_) => !self.is_write(),
        }
    }
}

/// All operations of a run, in the order of their invocations. The laws see each as it begins and as it ends.
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
        self.laws.operation_began(&record);
        let mut records = self.lock();
        records.push(record);
        records.len() - 1
    }

    /// An operation ends now: this event says so.
    pub fn end(&self, number: usize, told: u64, node: u64, outcome: Outcome) {
        let mut records = self.lock();
        let record = &mut records[number];
        (record.returned, record.node, record.outcome) = (Some(elapsed()), node, outcome);
        record.events.push(told);
        self.laws.operation_ended(record);
        if let Some(revision) = record.acknowledged() {
            self.laws.acknowledged(revision);
        }
    }

    /// All operations so far.
    pub fn records(&self) -> Vec<Record> {
        self.lock().clone()
    }
}
