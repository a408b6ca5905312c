use serde::{Serialize, Serializer};

use crate::base::LogId;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<SegmentReport>,
    /// Empty where all is whole.
    pub damage: Vec<Damage>,
    /// What is worth knowing, and no damage.
    pub notes: Vec<Note>,
}

/// Something is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Damage {
    /// Relative to the data directory.
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The row, where it is one that cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    pub what: String,
}

/// Something that a crash or a node leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    pub what: String,
}

/// More is not told: somebody has to look at the disk then.
pub const DAMAGE_TOLD_MAX: usize = 100;

impl Report {
    /// Whether all is as it was written.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }

    pub(super) fn damaged(&mut self, file: &str, offset: Option<u64>, what: impl Into<String>) {
        self.add(Damage { file: file.to_owned(), offset, row: None, what: what.into() });
    }

    pub(super) fn add(&mut self, damage: Damage) {
        if self.damage.len() < DAMAGE_TOLD_MAX {
            self.damage.push(damage);
        }
    }

    pub(super) fn note(&mut self, file: &str, offset: Option<u64>, what: &str) {
        self.notes.push(Note { file: file.to_owned(), offset, what: what.to_owned() });
    }
}

/// A data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryReport {
    pub identity: Option<IdentityReport>,
    pub log: Option<LogReport>,
    pub snapshots: Vec<SnapshotReport>,
    pub store: Option<StoreReport>,
    /// A backup that the next start makes a node of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<SnapshotReport>,
}

/// Whose directory it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityReport {
    pub cluster: String,
    pub node: u64,
    pub storage: String,
}

/// The write-ahead log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogReport {
    pub vote: Option<VoteReport>,
    /// Entries up to here are gone: a snapshot has them.
    #[serde(serialize_with = "token")]
    pub purged: Option<LogId>,
    #[serde(serialize_with = "token")]
    pub committed: Option<LogId>,
    #[serde(serialize_with = "token")]
    pub last: Option<LogId>,
    pub entries: u64,
    pub payload_bytes: u64,
    pub segments: Vec<SegmentReport>,
}

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentReport {
    pub file: String,
    pub bytes: u64,
    pub records: u64,
    /// Where its records end; zeros follow.
    pub end: u64,
    pub highest_index: Option<u64>,
}

/// Whom the node has voted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VoteReport {
    pub term: u64,
    pub node: u64,
    /// A quorum elected it.
    pub committed: bool,
}

/// A snapshot or a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotReport {
    pub file: String,
    pub bytes: u64,
    /// The last log entry in it.
    #[serde(rename = "revision", serialize_with = "token_of")]
    pub last: LogId,
    /// SHA-256 of the file.
    pub sha256: String,
    pub state: StateReport,
}

/// A store, as the node's own pointer names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreReport {
    pub name: String,
    pub bytes: u64,
    /// None where it holds nothing yet, or could not be read.
    pub state: Option<StateReport>,
}

/// The rows of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateReport {
    #[serde(rename = "revision", serialize_with = "token")]
    pub applied: Option<LogId>,
    pub log_time: String,
    pub state_hash: String,
    pub rows: u64,
    pub namespaces: u64,
    /// Entries that are there now.
    pub entries: u64,
    /// Entries that were deleted.
    pub tombstones: u64,
    /// States that were superseded.
    pub history: u64,
    pub audit_events: u64,
    pub audit_head: String,
    /// Requests with an idempotency key whose outcome is kept.
    pub receipts: u64,
    /// One per leader whose entries were committed.
    pub terms: Vec<TermReport>,
    pub membership: Option<MembershipReport>,
}

/// From this index on the log is of this term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TermReport {
    pub first_index: u64,
    pub term: u64,
}

/// The nodes of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipReport {
    /// The log entry that it came with.
    #[serde(serialize_with = "token")]
    pub at: Option<LogId>,
    /// It is in the midst of a change.
    pub changing: bool,
    pub members: Vec<MemberReport>,
}

/// One node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberReport {
    pub node: u64,
    pub voter: bool,
    pub peer: String,
    pub url: String,
    pub storage: String,
}

fn token<S: Serializer>(id: &Option<LogId>, serializer: S) -> Result<S::Ok, S::Error> {
    id.map(|id| id.to_string()).serialize(serializer)
}

fn token_of<S: Serializer>(id: &LogId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
