//! From the domain to the wire.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::api;
use crate::base::LogId;
use crate::model;
use crate::wire;

pub(super) const X_CONFMAN_VERSION: HeaderName = HeaderName::from_static("x-confman-version");

/// A version token as a header value.
pub(super) fn version(id: LogId) -> HeaderValue {
    HeaderValue::from_str(&id.to_string()).expect("a version token is ASCII")
}

/// The ETag of an entry at a revision, in JSON.
pub(super) fn etag(revision: LogId) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{revision}\"")).expect("a version token is ASCII")
}

/// The ETag of a page of a list that last changed at a revision, `None` where it never did. Weak: the page names the
/// revision that it shows, which grows while the list is the same.
pub(super) fn list_etag(changed: Option<LogId>) -> HeaderValue {
    let changed = changed.unwrap_or_default();
    HeaderValue::from_str(&format!("W/\"{changed}\"")).expect("a version token is ASCII")
}

/// The ETag of a list as a file, which shows nothing but what is in the list.
pub(super) fn file_etag(changed: Option<LogId>, format: &str) -> HeaderValue {
    let changed = changed.unwrap_or_default();
    HeaderValue::from_str(&format!("\"{changed};{format}\"")).expect("a version token and a word are ASCII")
}

/// The ETag of an entry's value alone: another representation has another one (RFC 9110, section 8.8.3).
pub(super) fn raw_etag(revision: LogId) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{revision};raw\"")).expect("a version token is ASCII")
}

/// A JSON answer, with the version that was read or written.
pub(super) fn json(status: StatusCode, version_seen: Option<LogId>, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("wire shapes are plain data with string keys");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    with_version(response, version_seen)
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode, version_seen: Option<LogId>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    with_version(response, version_seen)
}

fn with_version(mut response: Response, version_seen: Option<LogId>) -> Response {
    if let Some(seen) = version_seen {
        response.headers_mut().insert(X_CONFMAN_VERSION, version(seen));
    }
    response
}

pub(super) fn entry(entry: model::Entry) -> wire::Entry {
    wire::Entry {
        namespace: entry.namespace.to_string(),
        key: entry.key.to_string(),
        value: entry.value,
        value_type: match entry.value_type {
            model::ValueType::String => wire::ValueType::String,
            model::ValueType::Number => wire::ValueType::Number,
            model::ValueType::Boolean => wire::ValueType::Boolean,
            model::ValueType::Json => wire::ValueType::Json,
            model::ValueType::Yaml => wire::ValueType::Yaml,
        },
        version: entry.version,
        revision: entry.revision.to_string(),
        created_at: entry.created_at.to_string(),
        updated_at: entry.updated_at.to_string(),
        updated_by: entry.updated_by,
    }
}

pub(super) fn namespace(namespace: model::NamespaceState) -> wire::Namespace {
    wire::Namespace {
        path: namespace.path.to_string(),
        description: namespace.description,
        owner: namespace.owner,
        created_at: namespace.created_at.to_string(),
        revision: namespace.revision.to_string(),
    }
}

pub(super) fn value_type(value_type: wire::ValueType) -> model::ValueType {
    match value_type {
        wire::ValueType::String => model::ValueType::String,
        wire::ValueType::Number => model::ValueType::Number,
        wire::ValueType::Boolean => model::ValueType::Boolean,
        wire::ValueType::Json => model::ValueType::Json,
        wire::ValueType::Yaml => model::ValueType::Yaml,
    }
}

pub(super) fn pagination(limit: usize, next_cursor: Option<String>) -> wire::Pagination {
    wire::Pagination { limit, has_more: next_cursor.is_some(), next_cursor }
}

pub(super) fn audit_event(event: api::AuditEvent) -> wire::AuditEvent {
    wire::AuditEvent {
        id: event.id.to_string(),
        timestamp: event.timestamp.to_string(),
        action: event.action,
        actor: event.actor,
        namespace: event.namespace.to_string(),
        key: event.key.map(|key| key.to_string()),
        old_value: event.old_value,
        new_value: event.new_value,
        old_digest: event.old_digest,
        new_digest: event.new_digest,
        revision: event.id.revision.to_string(),
        request_id: event.request_id.to_string(),
        previous_hash: event.previous_hash,
        hash: event.hash,
    }
}
