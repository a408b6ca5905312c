use serde::{Deserialize, Serialize};

use super::Pagination;

/// One effective change, chained to the one before by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// `{term}:{index}:{n}`: the revision, and which of its events this is.
    pub id: String,
    /// Log time.
    pub timestamp: String,
    /// Like `config.set`.
    pub action: String,
    pub actor: String,
    pub namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_value: Option<String>,
    /// Digest of the old value, just as it enters the hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_digest: Option<String>,
    /// Digest of the new value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_digest: Option<String>,
    pub revision: String,
    pub request_id: String,
    pub previous_hash: String,
    pub hash: String,
}

/// The answer of `GET /audit/verify`: the whole audit chain of one node, as it is in that node's store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditVerification {
    /// Whether every event is what its hash was made from and follows the one before it, and none is missing.
    pub valid: bool,
    /// How many events were found whole, from the first on.
    pub events: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_id: Option<String>,
    /// The last event that was found whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_id: Option<String>,
    /// Its hash, which stands for all events up to it: 64 zeros where there is none.
    pub last_hash: String,
    /// What the node had applied when the verification began: all events up to here were verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Present where `valid` is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<AuditBreak>,
}

/// Where and why an audit chain is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditBreak {
    /// The first event that does not fit. Absent where all events that are there fit and others are missing behind the
    /// last one, or where it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// A page of events, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditList {
    pub items: Vec<AuditEvent>,
    /// What the answering node had applied when it read this page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    pub pagination: Pagination,
}
