//! What the rooms below tell the API actor: plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::{LogId, LogIndex, NodeId, ParseLogIdError, RequestId, StorageId, Term, WallTime};
use crate::model::{Entry, Key, Namespace, NamespaceState};

/// What a node is in its Raft group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RaftRole {
    Leader,
    Follower,
    Candidate,
    Learner,
}

/// One member of the cluster, from the replicated membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Host and port for other nodes.
    pub peer: String,
    /// The advertised base URL, without a slash at the end.
    pub url: String,
    pub storage: StorageId,
    pub voter: bool,
}

/// A Raft group as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftStatus {
    pub node: NodeId,
    pub role: RaftRole,
    pub term: Term,
    /// The leader, this node or another; `None` where none is known. The sooner a leader that lost its quorum is no
    /// longer named, the sooner its clients hear `no-leader` instead of `outcome-unknown`.
    pub leader: Option<NodeId>,
    /// The last entry of the log, durable or not.
    pub last_log: Option<LogIndex>,
    pub committed: Option<LogId>,
    pub applied: Option<LogId>,
    pub snapshot: Option<LogId>,
    pub purged: Option<LogId>,
    pub members: BTreeMap<NodeId, Member>,
    /// The entry that brought these members.
    pub members_at: Option<LogId>,
    /// A change of voters is half done: the old and the new ones decide together.
    pub joint: bool,
    /// Recovered, and applied up to what was committed when the cluster was first heard of. Stays true.
    pub caught_up: bool,
}

impl RaftStatus {
    /// The leader and where to find it, where both are known.
    pub fn leader_member(&self) -> Option<(NodeId, &Member)> {
        let leader = self.leader?;
        Some((leader, self.members.get(&leader)?))
    }
}

/// What the state machine has applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyStatus {
    pub applied: Option<LogId>,
    /// Sum of row hashes of the state at `applied`.
    pub state_hash: u128,
    /// The state was found damaged and must not be served: says what to do.
    pub alarm: Option<String>,
}

/// A proposal that was not answered with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This node does not lead. Surely not proposed.
    #[error("this node is not the leader")]
    NotLeader,
    /// Too many proposals wait. Surely not proposed.
    #[error("too many proposals are waiting")]
    Overloaded,
    /// Less disk is free than must stay free. Surely not proposed.
    #[error("{free_bytes} bytes of disk are free, less than the reserve")]
    StorageFull { free_bytes: u64 },
    /// Proposed, perhaps; whether it commits is not known. Anything that does not fit above is this.
    #[error("whether the proposal commits is not known")]
    OutcomeUnknown,
}

/// A piece of a list of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    pub entries: Vec<Entry>,
    /// Where the next piece begins, behind this key; `None` where there surely is none.
    pub next: Option<Key>,
}

/// A piece of the list of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespacePage {
    pub namespaces: Vec<NamespaceState>,
    /// Whether namespaces follow the last of these.
    pub more: bool,
}

/// The id of an audit event: the revision that it belongs to, and which of that revision's events it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId {
    pub revision: LogId,
    pub n: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.revision, self.n)
    }
}

impl FromStr for EventId {
    type Err = ParseLogIdError;

    fn from_str(text: &str) -> Result<EventId, ParseLogIdError> {
        let (revision, n) = text.rsplit_once(':').ok_or(ParseLogIdError)?;
        Ok(EventId { revision: revision.parse()?, n: n.parse().map_err(|_| ParseLogIdError)? })
    }
}

/// One effective change, as the audit has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    pub id: EventId,
    /// Log time.
    pub timestamp: WallTime,
    /// Like `config.set`.
    pub action: String,
    pub actor: String,
    pub namespace: Namespace,
    pub key: Option<Key>,
    pub old_value: Option<String>,
    pub new_value: Option<String>,
    /// Digests and hashes as text, just as they enter the hash, so that a client can verify the chain.
    pub old_digest: Option<String>,
    pub new_digest: Option<String>,
    pub request_id: RequestId,
    pub previous_hash: String,
    pub hash: String,
}

/// A piece of the audit, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    pub events: Vec<AuditEvent>,
    /// Whether older events follow the last of these.
    pub more: bool,
    /// What was applied when this was read.
    pub applied: Option<LogId>,
}

/// What came of verifying the whole audit chain of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditVerification {
    /// How many events follow each other as they must, from the first.
    pub events: u64,
    pub first: Option<EventId>,
    /// The last of these events, and its hash as text.
    pub last: Option<EventId>,
    pub last_hash: String,
    /// What was applied: no event up to here was left out.
    pub applied: Option<LogId>,
    pub broken: Option<AuditBreak>,
}

/// Why an audit chain is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditBreak {
    /// The first event that does not fit, where there is one.
    pub event: Option<EventId>,
    pub reason: String,
}

/// What one node's API actor asks of another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerCall {
    /// A client's write, for the leader.
    Forward,
    /// A [`super::NodeReport`].
    Status,
}

/// A call to another node that brought no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It surely did not arrive (no connection, or refused by the handshake).
    #[error("not delivered: {0}")]
    NotDelivered(String),
    /// It may have arrived and been acted upon.
    #[error("no answer: {0}")]
    NoAnswer(String),
}
