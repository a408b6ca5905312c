//! Entries: get, set, delete, list.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;

use super::HttpState;
use super::accept;
use super::admit::Call;
use super::body;
use super::conditional;
use super::file;
use super::past;
use super::problem::Problem;
use super::shape;
use super::write::write;
use crate::api::{ListRequest, Selection};
use crate::base::LogId;
use crate::base::limits::VALUE_BYTES_MAX;
use crate::model::{self, Op, Outcome, ValueType};
use crate::wire::{self, Entry, EntryList, SetRequest, Slug};

/// The media type of a value alone.
pub(super) const VALUE: &str = "text/plain";

pub(super) async fn get(state: HttpState, call: Call) -> Result<Response, Problem> {
    let is_raw = is_raw(&call)?;
    let (namespace, key) = (call.namespace()?, call.key()?);
    let at = past::moment(&call, "at")?;
    let answer = match at {
        None => state.api().read(&namespace, &key)?,
        Some(at) => state.api().read_at(&namespace, &key, at).await?,
    };
    let entry = answer.value.ok_or_else(|| match at {
        None => absent(answer.applied),
        Some(_) => past::absent(answer.applied),
    })?;
    let etag = if is_raw { shape::raw_etag(entry.revision) } else { shape::etag(entry.revision) };
    conditional::read(&call.headers, etag, answer.applied, || {
        if !is_raw {
            return shape::json(StatusCode::OK, answer.applied, &shape::entry(entry));
        }
        let mut response = shape::empty(StatusCode::OK, answer.applied);
        *response.body_mut() = Body::from(entry.value);
        response.headers_mut().insert(header::CONTENT_TYPE, file::content_type(VALUE));
        response
    })
}

/// Whether the client wants the value alone, by `format` or else by `Accept`.
fn is_raw(call: &Call) -> Result<bool, Problem> {
    const JSON: &str = "application/json";
    let offers: &[&str] = match call.query.get("format") {
        None => &[JSON, VALUE],
        Some("raw") => &[VALUE],
        Some("json") => &[JSON],
        Some(_) => return Err(Problem::invalid("format is raw, for the value alone, or json")),
    };
    Ok(accept::choose(&call.headers, offers)? == VALUE)
}

pub(super) async fn list(state: HttpState, call: Call) -> Result<Response, Problem> {
    let (namespace, prefix) = (call.namespace()?, call.query.get("prefix").unwrap_or_default());
    let of = Selection { namespace: &namespace, prefix, value_type: value_type(&call)? };
    let at = past::moment(&call, "at")?;
    if let Some(format) = file::format(&call)? {
        return file::whole(&state, &call.headers, of, at, format).await;
    }
    accept::choose(&call.headers, &["application/json"])?;
    let (page, fields) = (call.query.page()?, call.query.get("fields"));
    let shown = fields.map(members).transpose()?;
    let shows = |member: &str| shown.as_ref().is_none_or(|shown| shown.contains(&member));
    if page.cursor.is_none() {
        past::reach(&state, [at, None]).await?;
    }
    let _turn = state.page_turn().await?;
    let answer = state.api().list(ListRequest { of, fields: fields.unwrap_or_default(), at, page }).await?;
    let list = EntryList {
        items: answer.value.entries.into_iter().map(|entry| shape::entry(entry).listed(shows)).collect(),
        revision: answer.value.revision.map(|revision| revision.to_string()),
        pagination: shape::pagination(page.limit, answer.value.next_cursor),
    };
    let etag = shape::list_etag(answer.value.changed);
    conditional::read(&call.headers, etag, answer.applied, || shape::json(StatusCode::OK, answer.applied, &list))
}

/// `type=`.
fn value_type(call: &Call) -> Result<Option<ValueType>, Problem> {
    let Some(text) = call.query.get("type") else { return Ok(None) };
    let found = ValueType::ALL.into_iter().find(|value_type| value_type.as_str() == text);
    let all = || ValueType::ALL.map(ValueType::as_str).join(", ");
    found.map(Some).ok_or_else(|| Problem::invalid(format!("type is one of {}", all())))
}

/// `fields=`: the members of an entry that are named, with commas between them.
fn members(text: &str) -> Result<Vec<&str>, Problem> {
    let named: Vec<&str> = text.split(',').collect();
    match named.iter().find(|name| !Entry::MEMBERS.contains(name)) {
        None => Ok(named),
        Some(unknown) => {
            let all = Entry::MEMBERS.join(", ");
            let detail =
                format!("fields has {unknown:?}: it names members of an entry, {all}, with commas between them");
            Err(Problem::invalid(detail))
        }
    }
}

pub(super) async fn put(state: HttpState, call: Call) -> Result<Response, Problem> {
    let (namespace, key, hop) = (call.namespace()?, call.key()?, call.query.hop()?);
    let set = if body::is_text(&call.headers)? {
        let value = body::text(&call.headers, call.body).await?;
        SetRequest { value, value_type: Default::default() }
    } else {
        body::json(&call.headers, call.body, r#"{"value":"...","type":"string"}"#).await?
    };
    let value_type = checked_value(&set.value, set.value_type)?;
    let op = Op::Set { namespace, key, value: set.value, value_type };
    let applied = write(&state, &call.headers, call.context, call.actor, hop, op).await?;
    let Outcome::Set { entry, created } = applied.outcome else {
        return Err(Problem::internal("a set had an outcome of another operation"));
    };
    Ok(was_set(applied.revision, entry, created))
}

/// What a write that set an entry is answered with.
pub(super) fn was_set(revision: LogId, entry: model::Entry, created: bool) -> Response {
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let etag = shape::etag(entry.revision);
    let mut response = shape::json(status, Some(revision), &shape::entry(entry));
    response.headers_mut().insert(header::ETAG, etag);
    response
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
