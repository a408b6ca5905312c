//! Namespaces: list, get, set, delete.

use axum::http::{StatusCode, header};
use axum::response::Response;

use super::HttpState;
use super::admit::Call;
use super::body;
use super::conditional::none_match;
use super::problem::Problem;
use super::shape;
use super::write::write;
use crate::base::LogId;
use crate::base::limits::{DESCRIPTION_BYTES_MAX, OWNER_BYTES_MAX};
use crate::model::{Op, Outcome};
use crate::wire::{NamespaceList, SetNamespaceRequest, Slug};

pub(super) async fn list(state: HttpState, call: Call) -> Result<Response, Problem> {
    let page = call.query.page()?;
    let prefix = call.query.get("prefix").unwrap_or_default();
    let _turn = state.page_turn().await?;
    let answer = state.api().namespaces(prefix, page).await?;
    let list = NamespaceList {
        items: answer.value.namespaces.into_iter().map(shape::namespace).collect(),
        revision: answer.value.revision.map(|revision| revision.to_string()),
        pagination: shape::pagination(page.limit, answer.value.next_cursor),
    };
    Ok(shape::json(StatusCode::OK, answer.applied, &list))
}

pub(super) async fn get(state: HttpState, call: Call) -> Result<Response, Problem> {
    let answer = state.api().namespace(&call.namespace()?)?;
    let namespace = answer.value.ok_or_else(|| absent(answer.applied))?;
    let etag = shape::etag(namespace.revision);
    let mut response = if none_match(&call.headers, &etag) {
        shape::json(StatusCode::OK, answer.applied, &shape::namespace(namespace))
    } else {
        shape::empty(StatusCode::NOT_MODIFIED, answer.applied)
    };
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

pub(super) async fn put(state: HttpState, call: Call) -> Result<Response, Problem> {
    let (namespace, hop) = (call.namespace()?, call.query.hop()?);
    let example = r#"{"description":"...","owner":"team@example.org"}"#;
    let set: SetNamespaceRequest = body::json(&call.headers, call.body, example).await?;
    let SetNamespaceRequest { description, owner } = set;
    must_fit("a description", &description, DESCRIPTION_BYTES_MAX)?;
    must_fit("an owner", &owner, OWNER_BYTES_MAX)?;
    if owner.is_empty() {
        return Err(Problem::invalid("a namespace has an owner: name who answers for it"));
    }
    let op = Op::SetNamespace { namespace, description, owner };
    let applied = write(&state, &call.headers, call.context, call.actor, hop, op).await?;
    let Outcome::NamespaceSet { namespace, created } = applied.outcome else {
        return Err(Problem::internal("the set of a namespace had an outcome of another operation"));
    };
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let etag = shape::etag(namespace.revision);
    let mut response = shape::json(status, Some(applied.revision), &shape::namespace(namespace));
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

pub(super) async fn delete(state: HttpState, call: Call) -> Result<Response, Problem> {
    let (namespace, hop) = (call.namespace()?, call.query.hop()?);
    let op = Op::DeleteNamespace { namespace: namespace.clone() };
    let applied = write(&state, &call.headers, call.context, call.actor, hop, op).await?;
    match applied.outcome {
        Outcome::Deleted => Ok(shape::empty(StatusCode::NO_CONTENT, Some(applied.revision))),
        Outcome::Absent => Err(absent(Some(applied.revision))),
        Outcome::NamespaceNotEmpty => {
            let list = format!("/api/v1/config/{}", namespace.as_str().replace('/', "%2F"));
            let detail = format!("the namespace has entries, nothing was deleted: delete first what GET {list} lists");
            Err(Problem::new(Slug::NamespaceNotEmpty, detail).version(Some(applied.revision)))
        }
        _ => Err(Problem::internal("the delete of a namespace had an outcome of another operation")),
    }
}

fn must_fit(what: &str, text: &str, bytes_max: usize) -> Result<(), Problem> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    let detail = format!("{what} is at most {bytes_max} bytes, this one has {}", text.len());
    Err(Problem::new(Slug::PayloadTooLarge, detail))
}

fn absent(version: Option<LogId>) -> Problem {
    Problem::new(
        Slug::NotFound,
        "there is no such namespace: make it with PUT, or by setting an entry in it. GET /api/v1/namespaces lists those \
         there are",
    )
    .version(version)
}
