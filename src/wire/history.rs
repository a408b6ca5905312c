use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Entry, Pagination, ValueType};

/// One revision of a key: an entry as it was set then, or its delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryItem {
    pub namespace: String,
    pub key: String,
    /// The version token of the write or delete. Opaque.
    pub revision: String,
    /// Whether this revision deleted the entry. Then there is no value.
    pub deleted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub value_type: Option<ValueType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When it was set or deleted.
    pub updated_at: String,
    /// Who set or deleted it.
    pub updated_by: String,
}

/// A page of the history of a key, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryList {
    pub items: Vec<HistoryItem>,
    /// What the answering node had applied when it read this page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    pub pagination: Pagination,
}

/// How a key differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiffChange {
    Added,
    Changed,
    Removed,
}

/// A key whose value or type is not the same at two revisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffItem {
    pub key: String,
    pub change: DiffChange,
    /// At the first revision. Absent where it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Entry>,
    /// At the second revision. Absent where it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Entry>,
    /// Where both are `json`: what makes the one of the other (RFC 6902).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Value>,
}

/// A page of what differs between two revisions of a namespace, keys in byte order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffList {
    pub items: Vec<DiffItem>,
    /// The revisions that all pages of one cursor compare.
    pub from: String,
    pub to: String,
    pub pagination: Pagination,
}

/// The body of `POST /config/{ns}/{key}/rollback`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RollbackRequest {
    /// A revision of the key's history.
    pub revision: String,
}
