//! Errors on their way out. A problem travels as an extension of an empty response; `answer` alone gives it its body.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::shape;
use crate::api::{ReadError, WriteError};
use crate::base::LogId;
use crate::wire::Slug;

/// How long to wait before trying again what may pass: an election's time.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// An error answer, before it knows its request.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(super) slug: Slug,
    pub(super) detail: String,
    pub(super) members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What the log is told and the client is not.
    pub(super) reason: Option<String>,
}

impl Problem {
    /// `detail` says what to do next.
    pub(super) fn new(slug: Slug, detail: impl Into<String>) -> Problem {
        Problem { slug, detail: detail.into(), members: Map::new(), headers: Vec::new(), reason: None }
    }

    /// A request that breaks a rule of its form.
    pub(super) fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(Slug::InvalidRequest, detail)
    }

    pub(super) fn not_built(what: impl std::fmt::Display) -> Problem {
        Problem::new(Slug::NotImplemented, format!("{what} is not built yet in this release: do without it"))
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.push((name, value));
        self
    }

    /// What was applied when the answer was found.
    pub(super) fn version(self, version: Option<LogId>) -> Problem {
        match version {
            Some(version) => self.header(shape::X_CONFMAN_VERSION, shape::version(version)),
            None => self,
        }
    }

    pub(super) fn member(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// It is of one operation of a transaction.
    pub(super) fn of_op(self, n: usize) -> Problem {
        Problem { detail: format!("op {n}: {}", self.detail), ..self }.member("op", n)
    }

    pub(super) fn retry_later(self) -> Problem {
        self.header(header::RETRY_AFTER, RETRY_AFTER)
    }

    /// What the framework itself refused, by its status alone.
    pub(super) fn of_status(status: StatusCode) -> Problem {
        let (slug, detail) = match status {
            StatusCode::NOT_FOUND => (Slug::NotFound, "there is no such path"),
            StatusCode::METHOD_NOT_ALLOWED => (Slug::MethodNotAllowed, "see the Allow header"),
            StatusCode::PAYLOAD_TOO_LARGE => (Slug::PayloadTooLarge, "send less"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (Slug::UnsupportedMediaType, "send application/json"),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (Slug::HeaderTooLarge, "send shorter headers"),
            status if status.is_client_error() => (Slug::InvalidRequest, "the request is malformed"),
            _ => (Slug::Internal, INTERNAL),
        };
        Problem::new(slug, detail)
    }

    /// A fault of the node's own. `reason` goes to the log alone.
    pub(super) fn internal(reason: &str) -> Problem {
        Problem { reason: Some(reason.to_owned()), ..Problem::new(Slug::Internal, INTERNAL) }
    }
}

const INTERNAL: &str = "the node could not do it; its log says why, under this request id. Other nodes may";

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.slug.status()).expect("the table of slugs has valid status codes");
        for (name, value) in &self.headers {
            response.headers_mut().append(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Problem {
        match error {
            WriteError::NotLeader { leader_url } => Problem::new(
                Slug::NotLeader,
                format!("nothing was written: send the request to the leader at {leader_url}, or follow the Location"),
            )
            .member("leader", leader_url),
            WriteError::NoLeader => no_leader("nothing was written"),
            WriteError::OutcomeUnknown => Problem::new(
                Slug::OutcomeUnknown,
                "the write may or may not take effect, also later: read what it was to change before you write again",
            ),
            WriteError::Overloaded => Problem::new(
                Slug::Overloaded,
                "nothing was written: too many requests are waiting. Try again after the time in Retry-After",
            )
            .retry_later(),
            WriteError::StorageFull { free_bytes } => Problem::new(
                Slug::StorageFull,
                format!(
                    "nothing was written: the leader's disk has {free_bytes} bytes free, less than the reserve. \
                     Free some disk there; writes go on by themselves then"
                ),
            )
            .member("freeBytes", free_bytes),
            WriteError::Conflict(why) => Problem::new(Slug::MembershipConflict, why),
            WriteError::NoSuchMember(node) => Problem::new(
                Slug::NotFound,
                format!("node {node} is not a member: see GET /api/v1/cluster/members for those there are"),
            ),
            WriteError::Stopping => Problem::new(
                Slug::Overloaded,
                "nothing was written: this node is stopping. Send the request to another node",
            )
            .retry_later(),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Problem {
        match error {
            ReadError::NotCaughtUp { leader_known: false } => no_leader("this node has just started and has not caught up"),
            ReadError::NotCaughtUp { leader_known: true } => Problem::new(
                Slug::VersionNotReached,
                "this node has just started and has not caught up: try again after the time in Retry-After, or ask another",
            )
            .retry_later(),
            ReadError::NotAMember => Problem::new(
                Slug::NotAMember,
                "this node was removed from the cluster, and what it has grows old: ask another",
            )
            .retry_later(),
            ReadError::InvalidCursor => Problem::new(
                Slug::InvalidCursor,
                "the cursor was not made for this query: begin again without it, with the same path and query on all pages",
            ),
            ReadError::Damaged(reason) => Problem {
                reason: Some(reason),
                ..Problem::new(
                    Slug::Internal,
                    "this node found its own state damaged and does not serve it: ask another node. Its log and \
                     GET /api/v1/cluster say what to do",
                )
            },
            ReadError::VersionNotReached(version) => Problem::new(
                Slug::VersionNotReached,
                format!(
                    "this node has not applied {version}, which the read needs: try again after the time in Retry-After, ask \
                     another, or add onStale=redirect"
                ),
            )
            .retry_later(),
            ReadError::UnknownVersion(version) => Problem::new(
                Slug::VersionUnknown,
                format!(
                    "{version} is not in this cluster's history: the write behind it is lost, most likely since a backup was \
                     restored, or the version is of another cluster. Read again without it"
                ),
            ),
            ReadError::NoLeader => no_leader("nothing was read"),
            ReadError::BehindTime { log_time } => Problem::new(
                Slug::VersionNotReached,
                format!(
                    "no write has passed that time yet, so that what was then is not settled: the last one was at \
                     {log_time}. Ask for a time before that, for a revision, or for what is now, without a time"
                ),
            )
            .retry_later(),
            ReadError::Stopping => Problem::new(Slug::Overloaded, "this node is stopping: ask another").retry_later(),
            ReadError::Overloaded => Problem::new(
                Slug::Overloaded,
                "too many reads are waiting: try again after the time in Retry-After, or with a lower limit",
            )
            .retry_later(),
            ReadError::Failed(reason) => Problem::internal(&reason),
        }
    }
}

/// `what` says what that means for the request.
pub(super) fn no_leader(what: &str) -> Problem {
    Problem::new(
        Slug::NoLeader,
        format!(
            "{what}: no leader is known. Try again after the time in Retry-After; if it stays so, less than a majority \
             of the nodes is up and connected: see GET /api/v1/cluster"
        ),
    )
    .retry_later()
}
