//! Which problems a route can answer with, and an example of each.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::operations::Operation;
use crate::config::Role;
use crate::http::routes::{Access, Route, Serves};
use crate::wire::{self, Slug};

/// The status of a request that came too slowly: the server's own answer, of the kind `invalid-request`.
const TOO_SLOW: u16 = 408;

/// All problems of a route, each with its status, in the order of statuses.
pub(super) fn problems_of(route: &Route, operation: &Operation) -> BTreeSet<(u16, Slug)> {
    let mut slugs: Vec<Slug> = operation.problems.to_vec();
    slugs.extend([Slug::InvalidRequest, Slug::HeaderTooLarge, Slug::Overloaded, Slug::Internal]);
    if let Access::Role(role) = route.access {
        slugs.extend([Slug::Unauthorized, Slug::NotAcceptable]);
        if role == Role::Admin {
            slugs.push(Slug::Forbidden);
        }
    }
    if let Serves::Handler { state: true, .. } = route.serves {
        slugs.extend([Slug::NotImplemented, Slug::NoLeader]);
        if route.method == Method::GET {
            slugs.extend([Slug::VersionNotReached, Slug::VersionUnknown, Slug::NotAMember, Slug::NotLeader]);
        } else {
            slugs.extend([Slug::NotLeader, Slug::OutcomeUnknown, Slug::StorageFull]);
        }
    }
    if route.takes_conditions() {
        slugs.push(Slug::PreconditionFailed);
    }
    if route.takes_idempotency_key() {
        slugs.push(Slug::IdempotencyMismatch);
    }
    if operation.body.is_some() {
        slugs.extend([Slug::PayloadTooLarge, Slug::UnsupportedMediaType]);
    }
    let own = slugs.into_iter().map(|slug| (slug.status(), slug));
    own.chain([(TOO_SLOW, Slug::InvalidRequest)]).collect()
}

/// The statuses among `problems`.
pub(super) fn in_group(problems: &BTreeSet<(u16, Slug)>) -> BTreeSet<u16> {
    problems.iter().map(|(status, _)| *status).collect()
}

pub(super) fn type_of(slug: Slug) -> String {
    format!("{}{slug}", wire::TYPE_BASE)
}

pub(super) fn example_name(status: u16, slug: Slug) -> String {
    if status == TOO_SLOW { "too-slow".to_owned() } else { slug.to_string() }
}

/// An example of every problem there is, those of later releases too: their names are settled.
pub(super) fn examples() -> Value {
    let mut examples: Map<String, Value> =
        Slug::ALL.iter().map(|slug| (slug.to_string(), example(slug.status(), *slug))).collect();
    examples.insert(example_name(TOO_SLOW, Slug::InvalidRequest), example(TOO_SLOW, Slug::InvalidRequest));
    Value::Object(examples)
}

fn example(status: u16, slug: Slug) -> Value {
    let mut members = Map::new();
    match slug {
        Slug::NotLeader => drop(members.insert("leader".to_owned(), "http://10.0.0.1:7400".into())),
        Slug::StorageFull => drop(members.insert("freeBytes".to_owned(), 1_048_576.into())),
        Slug::PreconditionFailed => drop(members.insert("current".to_owned(), "5:43".into())),
        Slug::InvalidValue => {
            members.insert("line".to_owned(), 2.into());
            members.insert("column".to_owned(), 5.into());
        }
        _ => {}
    }
    let (instance, request_id) = ("/api/v1/config/payments/db%2Furl", "0d6f6f2b0f9a4c3e8b7a6d5c4b3a2910");
    let detail = detail(status, slug).to_owned();
    let mut problem = wire::Problem::new(slug, detail, instance.to_owned(), request_id.to_owned(), members);
    if status == TOO_SLOW {
        problem.status = status;
    }
    json!({ "summary": meaning(status, slug), "value": problem })
}

/// What it means for the client.
pub(super) fn meaning(status: u16, slug: Slug) -> &'static str {
    match slug {
        Slug::NotFound => "Nothing is there.",
        Slug::MethodNotAllowed => "The path takes other methods: see `Allow`.",
        Slug::Unauthorized => "No key, or one that this node does not know.",
        Slug::Forbidden => "The key's role is not enough.",
        Slug::InvalidRequest if status == TOO_SLOW => "The request did not come in time.",
        Slug::InvalidRequest => "The request breaks a rule of its form.",
        Slug::InvalidCursor => "The cursor is not of this query.",
        Slug::CursorExpired => "The cursor is from before what is kept.",
        Slug::InvalidValue => "A value does not parse as its type, or cannot be said in the format.",
        Slug::PayloadTooLarge => "The body, something in it, or the file is beyond its bound.",
        Slug::HeaderTooLarge => "The request's line and headers are too long.",
        Slug::UnsupportedMediaType => "The body is not JSON in UTF-8, or of another type that this takes.",
        Slug::NotAcceptable => "The client accepts nothing that this can answer.",
        Slug::PreconditionFailed => "A condition did not hold; nothing was written.",
        Slug::IdempotencyMismatch => "The idempotency key was used for another request.",
        Slug::NamespaceNotEmpty => "The namespace has entries; nothing was deleted.",
        Slug::MembershipConflict => "The change of the members is refused; what was done of it is said.",
        Slug::NotAMember => "This node was removed from the cluster, or was not added yet: ask another.",
        Slug::VersionNotReached => "This node has not applied what the read needs: try again, or ask another.",
        Slug::VersionUnknown => "The version token is of a write that does not exist.",
        Slug::Compacted => "The history that was asked for is no longer kept.",
        Slug::NoLeader => "No leader is known; nothing was written. Of a read: no quorum answered, nothing was read.",
        Slug::NotLeader => {
            "Another node leads; nothing was written. Of a read: this node is behind, and `onStale=redirect`."
        }
        Slug::OutcomeUnknown => "The write may or may not take effect.",
        Slug::Overloaded => "The node is too busy, or stopping; nothing was done.",
        Slug::StorageFull => "The leader is short of disk; nothing was written.",
        Slug::NotImplemented => "The contract has it, this release does not.",
        Slug::Internal => "A fault of the node's own: its log says more.",
    }
}

/// What a client is told to do.
fn detail(status: u16, slug: Slug) -> &'static str {
    match slug {
        Slug::NotFound => {
            "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys"
        }
        Slug::MethodNotAllowed => "this path takes GET, HEAD, PUT, DELETE",
        Slug::Unauthorized => "send an API key, as 'X-API-Key: ...' or as 'Authorization: Bearer ...'",
        Slug::Forbidden => "the key 'dashboard' has the role reader, this takes admin: use another key",
        Slug::InvalidRequest if status == TOO_SLOW => "the request's body did not come in time: send it again",
        Slug::InvalidRequest => {
            "unknown query parameter \"colour\": this path takes at, format, consistency, minVersion, timeout, onStale"
        }
        Slug::InvalidCursor => {
            "the cursor was not made for this query: begin again without it, with the same path and query on all pages"
        }
        Slug::CursorExpired => "the cursor is too old: begin again without it",
        Slug::InvalidValue => {
            "the value is no json: expected value (line 2, column 5). Correct it, or set it as a string"
        }
        Slug::PayloadTooLarge => "a value is at most 1048576 bytes, this one has 1048577",
        Slug::HeaderTooLarge => "a request's line and headers have at most 32768 bytes and 100 headers: send less",
        Slug::UnsupportedMediaType => {
            "the body came as a form, which is what curl -d sends: add -H 'Content-Type: application/json'"
        }
        Slug::NotAcceptable => "answers are application/json: send Accept: application/json, or none",
        Slug::PreconditionFailed => "nothing was written: it is at 5:43 now. Read it, and decide again",
        Slug::IdempotencyMismatch => {
            "nothing was written: this idempotency key was used for another request within the last 24 hours. Take a new one \
             for each request, and the same one only to send a request again as it was"
        }
        Slug::NamespaceNotEmpty => {
            "the namespace has entries, nothing was deleted: delete first what GET /api/v1/config/payments lists"
        }
        Slug::MembershipConflict => {
            "of the 2 voters after it only 1 would answer, and a majority is 2: node 3 does not answer. Bring them back, or \
             remove or replace those first. With force it is done all the same; the cluster then takes no writes until enough \
             voters answer"
        }
        Slug::NotAMember => "this node was removed from the cluster, and what it has grows old: ask another",
        Slug::VersionNotReached => {
            "this node has just started and has not caught up: try again after the time in Retry-After, or ask another"
        }
        Slug::VersionUnknown => {
            "5:42 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or \
             the version is of another cluster. Read again without it"
        }
        Slug::Compacted => "history begins later: ask for a later revision",
        Slug::NoLeader => {
            "nothing was written: no leader is known. Try again after the time in Retry-After; if it stays so, less than a \
             majority of the nodes is up and connected: see GET /api/v1/cluster"
        }
        Slug::NotLeader => {
            "nothing was written: send the request to the leader at http://10.0.0.1:7400, or follow the Location"
        }
        Slug::OutcomeUnknown => {
            "the write may or may not take effect, also later: read what it was to change before you write again"
        }
        Slug::Overloaded => {
            "nothing was written: too many requests are waiting. Try again after the time in Retry-After"
        }
        Slug::StorageFull => {
            "nothing was written: the leader's disk has 1048576 bytes free, less than the reserve. Free some disk there; \
             writes go on by themselves then"
        }
        Slug::NotImplemented => "the header x-confman-min-version is not built yet in this release: do without it",
        Slug::Internal => "the node could not do it; its log says why, under this request id. Other nodes may",
    }
}
