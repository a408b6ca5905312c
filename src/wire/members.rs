use serde::{Deserialize, Serialize};

/// The answer of `GET /cluster/members`: who belongs to the cluster, as the node that answers knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberList {
    /// By id.
    pub items: Vec<Member>,
    /// The log entry that brought these members.
    pub revision: Option<String>,
    /// A change of voters is half done: the old and the new ones decide together.
    pub changing: bool,
}

/// One node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub id: u64,
    /// Host and port for other nodes.
    pub peer: String,
    /// The advertised base URL.
    pub url: String,
    /// The data directory that belongs to this id.
    pub storage: String,
    /// It has a vote; else it is a learner, which only receives.
    pub voter: bool,
    /// It leads, as the node that answers knows it.
    pub leader: bool,
}

/// The body of `POST /cluster/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddMemberRequest {
    /// An id that was never used in this cluster.
    pub id: u64,
    /// Where other nodes reach it, host and port.
    pub peer: String,
    /// Where clients reach it, a base URL.
    pub url: String,
    /// Whether it gets a vote once it has caught up. When absent: yes.
    #[serde(default = "yes")]
    pub promote: bool,
}

fn yes() -> bool {
    true
}

/// The body of `POST /cluster/members/{node}/replace`: the node that takes the place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplaceMemberRequest {
    /// An id that was never used in this cluster.
    pub id: u64,
    pub peer: String,
    pub url: String,
}

/// The body of `PUT /cluster/members/{node}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromoteMemberRequest {
    /// `true`: a voter is not made a learner again.
    pub voter: bool,
}

/// What became of a change that a node is added or promoted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberChanged {
    pub id: u64,
    /// The node is a learner so far; the leader goes on by itself once it has caught up.
    pub pending: bool,
    /// The log entry of the change, committed.
    pub revision: Option<String>,
}

/// The body of `POST /cluster/leader`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransferRequest {
    /// The voter that shall lead.
    pub node: u64,
}

/// The answer of `POST /cluster/leader`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leader {
    /// The node that leads now.
    pub node: u64,
}
