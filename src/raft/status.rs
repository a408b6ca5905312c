use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{LogId, NodeId, StorageId, Term};

/// One node of the group, as the replicated membership knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where other nodes reach it, host and port.
    pub peer: String,
    /// Where clients reach it, a base URL.
    pub url: String,
    /// The data directory that belongs to this node id. Another one is refused.
    pub storage: StorageId,
}

/// What a node does in its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RaftRole {
    #[default]
    Learner,
    Follower,
    Candidate,
    Leader,
    /// Consensus has stopped on this node.
    Stopped,
}

/// Whether this node belongs to its cluster, as far as it has heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    #[default]
    Member,
    /// It is empty, and the cluster that it is configured for exists without it.
    NotAdded,
    /// It was a member, or was about to be; as of this entry, which is committed, it is none.
    Removed { at: LogId },
}

/// What this node knows of its group, as of the last change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RaftStatus {
    pub node: NodeId,
    pub role: RaftRole,
    pub term: Term,
    /// The leader of `term`, where this node knows it.
    pub leader: Option<NodeId>,
    /// The last log entry, durable or not.
    pub last_log: Option<LogId>,
    pub committed: Option<LogId>,
    pub applied: Option<LogId>,
    pub snapshot: Option<LogId>,
    pub purged: Option<LogId>,
    /// Voters and learners of the effective membership.
    pub members: Arc<BTreeMap<NodeId, Member>>,
    pub voters: Arc<Vec<NodeId>>,
    /// The entry that brought this membership, and whether it is known to be committed.
    pub members_at: Option<LogId>,
    pub members_committed: bool,
    /// A change of voters is half done: the old and the new ones decide together.
    pub joint: bool,
    pub standing: Standing,
    /// Since the start, this node has once applied all that a leader had committed.
    pub caught_up: bool,
    /// Free bytes on the disk of the data directory, and whether they are too few to take writes.
    pub disk_free: u64,
    pub storage_full: bool,
}

impl RaftStatus {
    /// The leader with its addresses, where both are known.
    pub fn leader_member(&self) -> Option<(NodeId, &Member)> {
        let leader = self.leader?;
        self.members.get(&leader).map(|member| (leader, member))
    }
}
