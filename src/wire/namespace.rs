use serde::{Deserialize, Serialize};

use super::Pagination;

/// The body of `PUT /namespaces/{ns}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SetNamespaceRequest {
    pub description: String,
    /// Who answers for it.
    pub owner: String,
}

/// One namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Namespace {
    pub path: String,
    pub description: String,
    pub owner: String,
    pub created_at: String,
    /// The version token of the write that last set description and owner. Opaque.
    pub revision: String,
}

/// A page of namespaces, in byte order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceList {
    pub items: Vec<Namespace>,
    /// The revision that all pages of one cursor show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    pub pagination: Pagination,
}
