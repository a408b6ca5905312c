//! Entries: get, set, delete, list.

use axum::http::{StatusCode, header};
use axum::response::Response;

use super::HttpState;
use super::admit::Call;
use super::body;
use super::conditional;
use super::problem::Problem;
use super::shape;
use super::write::write;
use crate::base::LogId;
use crate::base::limits::VALUE_BYTES_MAX;
use crate::model::{self, Op, Outcome};
use crate::wire::{self, EntryList, SetRequest, Slug};

pub(super) async fn get(state: HttpState, call: Call) -> Result<Response, Problem> {
    let answer = state.api().read(&call.namespace()?, &call.key()?)?;
    let entry = answer.value.ok_or_else(|| absent(answer.applied))?;
    conditional::read(&call.headers, shape::etag(entry.revision), answer.applied, || {
        shape::json(StatusCode::OK, answer.applied, &shape::entry(entry))
    })
}

pub(super) async fn list(state: HttpState, call: Call) -> Result<Response, Problem> {
    let page = call.query.page()?;
    let prefix = call.query.get("prefix").unwrap_or_default();
    let _turn = state.page_turn().await?;
    let answer = state.api().list(&call.namespace()?, prefix, page).await?;
    let list = EntryList {
        items: answer.value.entries.into_iter().map(shape::entry).collect(),
        revision: answer.value.revision.map(|revision| revision.to_string()),
        pagination: shape::pagination(page.limit, answer.value.next_cursor),
    };
    let etag = shape::list_etag(answer.value.changed);
    conditional::read(&call.headers, etag, answer.applied, || shape::json(StatusCode::OK, answer.applied, &list))
}

pub(super) async fn put(state: HttpState, call: Call) -> Result<Response, Problem> {
    let (namespace, key, hop) = (call.namespace()?, call.key()?, call.query.hop()?);
    let set: SetRequest = body::json(&call.headers, call.body, r#"{"value":"...","type":"string"}"#).await?;
    let value_type = checked_value(&set.value, set.value_type)?;
    let op = Op::Set { namespace, key, value: set.value, value_type };
    let applied = write(&state, &call.headers, call.context, call.actor, hop, op).await?;
    let Outcome::Set { entry, created } = applied.outcome else {
        return Err(Problem::internal("a set had an outcome of another operation"));
    };
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let etag = shape::etag(entry.revision);
    let mut response = shape::json(status, Some(applied.revision), &shape::entry(entry));
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

pub(super) async fn delete(state: HttpState, call: Call) -> Result<Response, Problem> {
    let (namespace, key, hop) = (call.namespace()?, call.key()?, call.query.hop()?);
    let op = Op::Delete { namespace, key };
    let applied = write(&state, &call.headers, call.context, call.actor, hop, op).await?;
    match applied.outcome {
        Outcome::Deleted => Ok(shape::empty(StatusCode::NO_CONTENT, Some(applied.revision))),
        Outcome::Absent => Err(absent(Some(applied.revision))),
        _ => Err(Problem::internal("a delete had an outcome of another operation")),
    }
}

/// The type of a value that is one.
pub(super) fn checked_value(value: &str, value_type: wire::ValueType) -> Result<model::ValueType, Problem> {
    if value.len() > VALUE_BYTES_MAX {
        let detail = format!("a value is at most {VALUE_BYTES_MAX} bytes, this one has {}", value.len());
        return Err(Problem::new(Slug::PayloadTooLarge, detail));
    }
    let checked = value_type.check(value);
    let value_type = shape::value_type(value_type);
    checked.map_err(|error| {
        let name = value_type.as_str();
        Problem::new(Slug::InvalidValue, format!("the value is no {name}: {error}. Correct it, or set it as a string"))
            .member("line", error.line)
            .member("column", error.column)
    })?;
    Ok(value_type)
}

fn absent(version: Option<LogId>) -> Problem {
    Problem::new(
        Slug::NotFound,
        "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
    )
    .version(version)
}
