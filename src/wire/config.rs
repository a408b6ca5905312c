use serde::{Deserialize, Serialize};

use super::ValueType;

/// The body of `PUT /config/{ns}/{key}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SetRequest {
    pub value: String,
    /// `string` where it is absent.
    #[serde(rename = "type", default)]
    pub value_type: ValueType,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub namespace: String,
    pub key: String,
    pub value: String,
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Writes to this key since it was last absent, from 1.
    pub version: u64,
    /// The version token of the write that made this state. Opaque.
    pub revision: String,
    pub created_at: String,
    pub updated_at: String,
    pub updated_by: String,
}

/// A page of entries, keys in byte order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryList {
    pub items: Vec<Entry>,
    /// The revision that all pages of one cursor show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    pub pagination: Pagination,
}

/// Where a page ends and how to get the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    pub limit: usize,
    pub has_more: bool,
    /// Present where `hasMore` is true. Opaque, bound to its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
