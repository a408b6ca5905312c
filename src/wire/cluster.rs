use serde::{Deserialize, Serialize};

/// The answer of `GET /cluster`: the cluster as one node sees it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    pub cluster: String,
    /// The node that answers.
    pub node: u64,
    /// All members, by id.
    pub nodes: Vec<ClusterNode>,
    /// What needs a person. Empty when all is well.
    pub alarms: Vec<Alarm>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterNode {
    pub node: u64,
    /// Host and port for other nodes.
    pub address: String,
    /// The advertised base URL.
    pub url: String,
    pub storage: String,
    pub voter: bool,
    /// Whether it answered within the deadline. Where it did not, what follows is absent.
    pub reachable: bool,
    /// Why it did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub groups: Vec<ClusterGroup>,
}

/// One Raft group on one member, as that member reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterGroup {
    pub group: u32,
    /// `leader`, `follower`, `candidate` or `learner`.
    pub role: String,
    /// The leader as this member knows it.
    pub leader: Option<u64>,
    pub term: u64,
    pub last_log_index: Option<u64>,
    pub committed: Option<String>,
    pub applied: Option<String>,
    pub snapshot: Option<String>,
    pub purged: Option<String>,
    /// Sum of row hashes of the state at `applied`, in hexadecimal.
    pub state_hash: String,
    /// How many log entries its state is behind the highest committed index that any member reported.
    pub lag: u64,
    /// Whether it has recovered and serves reads.
    pub caught_up: bool,
}

/// Something that should not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    pub kind: AlarmKind,
    /// The members concerned.
    pub nodes: Vec<u64>,
    /// What was seen, and what to do.
    pub detail: String,
}

/// See [`Alarm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// Two members have different states at one applied id. Stays until the node restarts.
    StateHashMismatch,
    /// A member found its own state damaged, and does not serve it.
    StateDamaged,
    /// Two members do not know the same API keys.
    ApiKeysDiffer,
    /// The clock of a member is far from those of the others.
    ClocksDiffer,
    /// The node that answers was removed from the cluster, or was not added yet.
    NotAMember,
}

/// The answer of `GET /health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Always `healthy`.
    pub status: String,
}

/// The answer of `GET /health/ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// Always `ready`.
    pub status: String,
    /// The leader's advertised base URL.
    pub leader: String,
}
