//! Entries: get, set, delete, list.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::HttpState;
use super::admit::Call;
use super::answer::Context;
use super::body;
use super::problem::Problem;
use super::shape;
use crate::api::{WriteError, WriteRequest};
use crate::base::LogId;
use crate::base::limits::VALUE_BYTES_MAX;
use crate::config::FollowerWrites;
use crate::model::{Applied, Op, Outcome};
use crate::wire::{EntryList, SetRequest, Slug};

/// Redirects that one request may follow. The next one would be a loop, or an election that does not end.
const HOPS_MAX: usize = 2;

pub(super) async fn get(state: HttpState, call: Call) -> Result<Response, Problem> {
    let answer = state.api().read(&call.namespace()?, &call.key()?)?;
    let entry = answer.value.ok_or_else(|| absent(answer.applied))?;
    let etag = shape::etag(entry.revision);
    let mut response = if none_match(&call.headers, entry.revision) {
        shape::json(StatusCode::OK, answer.applied, &shape::entry(entry))
    } else {
        shape::empty(StatusCode::NOT_MODIFIED, answer.applied)
    };
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

pub(super) async fn list(state: HttpState, call: Call) -> Result<Response, Problem> {
    let page = call.query.page()?;
    let prefix = call.query.get("prefix").unwrap_or_default();
    let answer = state.api().list(&call.namespace()?, prefix, page).await?;
    let list = EntryList {
        items: answer.value.entries.into_iter().map(shape::entry).collect(),
        revision: answer.value.revision.map(|revision| revision.to_string()),
        pagination: shape::pagination(page.limit, answer.value.next_cursor),
    };
    Ok(shape::json(StatusCode::OK, answer.applied, &list))
}

pub(super) async fn put(state: HttpState, call: Call) -> Result<Response, Problem> {
    let (namespace, key, hop) = (call.namespace()?, call.key()?, call.query.hop()?);
    let set: SetRequest = body::json(&call.headers, call.body, r#"{"value":"...","type":"string"}"#).await?;
    if set.value.len() > VALUE_BYTES_MAX {
        let detail = format!("a value is at most {VALUE_BYTES_MAX} bytes, this one has {}", set.value.len());
        return Err(Problem::new(Slug::PayloadTooLarge, detail));
    }
    set.value_type.check(&set.value).map_err(|error| {
        Problem::new(Slug::InvalidValue, format!("{error}: correct the value, or set it as a string"))
            .member("line", error.line)
            .member("column", error.column)
    })?;
    let op = Op::Set { namespace, key, value: set.value, value_type: shape::value_type(set.value_type) };
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

/// Writes, or says where to.
async fn write(
    state: &HttpState,
    headers: &HeaderMap,
    context: Context,
    actor: String,
    hop: usize,
    op: Op,
) -> Result<Applied, Problem> {
    let may_redirect = match state.follower_writes() {
        FollowerWrites::Redirect => true,
        FollowerWrites::Forward => false,
        // curl drops Authorization on a redirect to another port, and browsers refuse to follow across origins.
        FollowerWrites::Auto => !headers.contains_key(header::AUTHORIZATION) && !headers.contains_key(header::ORIGIN),
    };
    let request_id = context.request_id.clone();
    let request = WriteRequest { op, actor, request_id, forwarded: false, may_redirect };
    match state.api().write(request).await {
        Err(WriteError::NotLeader { .. }) if hop >= HOPS_MAX => Err(WriteError::NoLeader.into()),
        Err(WriteError::NotLeader { leader_url }) => {
            let location = location(&leader_url, &context, hop + 1);
            let value = HeaderValue::from_str(&location)
                .map_err(|_| Problem::internal("the leader's advertised URL is no header value"))?;
            Err(Problem::from(WriteError::NotLeader { leader_url }).header(header::LOCATION, value))
        }
        result => result.map_err(Problem::from),
    }
}

/// The same request at the leader.
fn location(leader_url: &str, context: &Context, hop: usize) -> String {
    let base = leader_url.trim_end_matches('/');
    let others = context.uri.query().unwrap_or_default().split('&');
    let mut query: Vec<&str> = others.filter(|pair| !pair.is_empty() && !pair.starts_with("hop=")).collect();
    let hop = format!("hop={hop}");
    query.push(&hop);
    format!("{base}{}?{}", context.uri.path(), query.join("&"))
}

/// RFC 9110, section 13.1.2, with the weak comparison. Malformed members match nothing.
fn none_match(headers: &HeaderMap, revision: LogId) -> bool {
    let current = format!("\"{revision}\"");
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = given.flat_map(|value| value.split(',')).map(str::trim);
    !tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == current)
}

fn absent(version: Option<LogId>) -> Problem {
    Problem::new(
        Slug::NotFound,
        "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
    )
    .version(version)
}
