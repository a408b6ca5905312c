use axum::http::StatusCode;
use bytes::Bytes;
use confman::base::LogId;
use serde_json::Value;

use super::{Name, Outcome, Request, Shown};

type Answer = axum::http::Response<Bytes>;

/// What an answer means to the client that asked. `None` for a redirect, which is for the caller to follow.
pub(super) fn read(request: &Request, answer: &Answer) -> Option<Outcome> {
    let status = answer.status();
    let slug = || slug_of(answer);
    let outcome = match (request, status) {
        (_, StatusCode::TEMPORARY_REDIRECT) => return None,
        (Request::Set { .. }, StatusCode::OK | StatusCode::CREATED) => set(answer, status == StatusCode::CREATED),
        (Request::Delete { .. }, StatusCode::NO_CONTENT) => {
            version(answer).map(|revision| Outcome::Deleted { revision })
        }
        (Request::Delete { .. } | Request::Get { .. }, StatusCode::NOT_FOUND) => {
            version(answer).map(|revision| Outcome::Absent { revision })
        }
        (Request::Set { .. } | Request::Delete { .. }, StatusCode::PRECONDITION_FAILED) => failed(answer),
        (Request::Get { .. }, StatusCode::OK) => found(answer),
        (Request::List { .. }, StatusCode::OK) => list(answer),
        (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE) => {
            Ok(Outcome::Refused(format!("{} {}", status.as_u16(), slug())))
        }
        (_, StatusCode::GATEWAY_TIMEOUT) => Ok(Outcome::Unknown(format!("504 {}", slug()))),
        _ => Err("a status that the contract does not have here".to_owned()),
    };
    Some(outcome.unwrap_or_else(|what| Outcome::Wrong(format!("{} {}: {what}", status.as_u16(), slug()))))
}

/// Where a redirect leads.
pub(super) fn location(answer: &Answer) -> Option<&str> {
    answer.headers().get("location")?.to_str().ok()
}

fn slug_of(answer: &Answer) -> String {
    let kind = json(answer).ok().and_then(|body| Some(body["type"].as_str()?.to_owned()));
    kind.and_then(|kind| Some(kind.rsplit('/').next()?.to_owned())).unwrap_or_default()
}

fn set(answer: &Answer, created: bool) -> Result<Outcome, String> {
    let entry = shown(&json(answer)?)?;
    let told = version(answer)?;
    if told != entry.revision {
        return Err(format!("X-Confman-Version {told} and revision {} for one write", entry.revision));
    }
    Ok(Outcome::Set { revision: entry.revision, created, version: entry.version })
}

fn failed(answer: &Answer) -> Result<Outcome, String> {
    let etag = answer.headers().get("etag").map(|etag| etag.to_str().unwrap_or_default());
    let current = etag.map(|etag| etag.trim_matches('"').parse().map_err(|_| format!("an ETag that is none: {etag}")));
    Ok(Outcome::Failed { current: current.transpose()?, revision: version(answer)? })
}

fn found(answer: &Answer) -> Result<Outcome, String> {
    Ok(Outcome::Found { entry: shown(&json(answer)?)?, applied: version(answer)? })
}

fn list(answer: &Answer) -> Result<Outcome, String> {
    let body = json(answer)?;
    let items = body["items"].as_array().ok_or("a list without items")?;
    let items = items.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
    let revision = body["revision"].as_str().ok_or("a list without revision")?;
    let revision = revision.parse().map_err(|_| format!("a list whose revision is none: {revision}"))?;
    let more = body["pagination"]["hasMore"].as_bool().ok_or("a list without pagination.hasMore")?;
    let next = body["pagination"]["nextCursor"].as_str().map(str::to_owned);
    if next.is_some() != more {
        return Err(format!("hasMore is {more}, and nextCursor {next:?}"));
    }
    Ok(Outcome::Listed { items, revision, applied: version(answer)?, next })
}

/// The body as JSON.
pub(super) fn json(answer: &Answer) -> Result<Value, String> {
    serde_json::from_slice(answer.body()).map_err(|error| format!("a body that is no JSON: {error}"))
}

/// An entry in a body.
pub(super) fn shown(entry: &Value) -> Result<Shown, String> {
    let text = |member: &str| entry[member].as_str().map(str::to_owned).ok_or(format!("an entry without {member}"));
    Ok(Shown {
        name: Name { namespace: text("namespace")?, key: text("key")? },
        value: text("value")?,
        version: entry["version"].as_u64().ok_or("an entry without version")?,
        revision: text("revision")?.parse().map_err(|_| "an entry whose revision is none".to_owned())?,
    })
}

fn version(answer: &Answer) -> Result<LogId, String> {
    let header = answer.headers().get("x-confman-version").ok_or("no X-Confman-Version")?;
    let text = header.to_str().map_err(|_| "an X-Confman-Version that is no text")?;
    text.parse().map_err(|_| format!("an X-Confman-Version that is none: {text}"))
}
