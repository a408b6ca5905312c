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
