//! What was: the history of a key, what differs between two moments, and a way back.

use axum::http::StatusCode;
use axum::response::Response;

use super::HttpState;
use super::admit::Call;
use super::body;
use super::config;
use super::patch;
use super::problem::Problem;
use super::shape;
use super::write::write;
use crate::api::{Difference, Moment};
use crate::base::LogId;
use crate::model::{KeyState, Op, Outcome};
use crate::wire::{DiffChange, DiffItem, DiffList, HistoryItem, HistoryList, RollbackRequest, Slug};

/// A moment in a query.
pub(super) fn moment(call: &Call, name: &str) -> Result<Option<Moment>, Problem> {
    let Some(text) = call.query.get(name) else { return Ok(None) };
    let moment = Moment::parse(text).ok_or_else(|| {
        Problem::invalid(format!(
            "{name} is a revision like 5:42, or a time like 2026-01-02T03:04:05Z: a '+' in a URL is written %2B"
        ))
    })?;
    Ok(Some(moment))
}

pub(super) async fn history(state: HttpState, call: Call) -> Result<Response, Problem> {
    let page = call.query.page()?;
    let (namespace, key) = (call.namespace()?, call.key()?);
    let _turn = state.page_turn().await?;
    let answer = state.api().history(&namespace, &key, page).await?;
    let never_set = || {
        Problem::new(Slug::NotFound, "this key was never set: GET the namespace to see its keys")
            .version(answer.applied)
    };
    let history = answer.value.ok_or_else(never_set)?;
    let list = HistoryList {
        items: history.states.into_iter().map(item).collect(),
        revision: answer.applied.map(|applied| applied.to_string()),
        pagination: shape::pagination(page.limit, history.next_cursor),
    };
    Ok(shape::json(StatusCode::OK, answer.applied, &list))
}

fn item(state: KeyState) -> HistoryItem {
    match state {
        KeyState::Live(entry) => {
            let entry = shape::entry(entry);
            HistoryItem {
                namespace: entry.namespace,
                key: entry.key,
                revision: entry.revision,
                deleted: false,
                value: Some(entry.value),
                value_type: Some(entry.value_type),
                version: Some(entry.version),
                created_at: Some(entry.created_at),
                updated_at: entry.updated_at,
                updated_by: entry.updated_by,
            }
        }
        KeyState::Deleted(gone) => HistoryItem {
            namespace: gone.namespace.to_string(),
            key: gone.key.to_string(),
            revision: gone.revision.to_string(),
            deleted: true,
            value: None,
            value_type: None,
            version: None,
            created_at: None,
            updated_at: gone.deleted_at.to_string(),
            updated_by: gone.deleted_by,
        },
    }
}

pub(super) async fn diff(state: HttpState, call: Call) -> Result<Response, Problem> {
    let (namespace, page) = (call.namespace()?, call.query.page()?);
    let (from, to) = (moment(&call, "from")?, moment(&call, "to")?);
    let from = from.ok_or_else(|| {
        Problem::invalid("from is missing: say since when, by a revision or a time. Without to it is up to now")
    })?;
    if page.cursor.is_none() {
        reach(&state, [Some(from), to]).await?;
    }
    let _turn = state.page_turn().await?;
    let answer = state.api().diff(&namespace, from, to, page).await?;
    let list = DiffList {
        items: answer.value.differences.into_iter().map(difference).collect(),
        from: answer.value.from.to_string(),
        to: answer.value.to.to_string(),
        pagination: shape::pagination(page.limit, answer.value.next_cursor),
    };
    Ok(shape::json(StatusCode::OK, answer.applied, &list))
}

pub(super) fn absent(version: Option<LogId>) -> Problem {
    Problem::new(
        Slug::NotFound,
        "there was no entry of this namespace and key then: GET its history to see when there was one",
    )
    .version(version)
}

/// Waits for moments before the turn to make a page, which others wait for.
pub(super) async fn reach(state: &HttpState, moments: [Option<Moment>; 2]) -> Result<(), Problem> {
    for moment in moments.into_iter().flatten() {
        state.api().reach(moment).await?;
    }
    Ok(())
}

fn difference(difference: Difference) -> DiffItem {
    let Difference { key, before, after } = difference;
    let (before, after) = (before.map(shape::entry), after.map(shape::entry));
    let change = match (&before, &after) {
        (None, _) => DiffChange::Added,
        (Some(_), None) => DiffChange::Removed,
        (Some(_), Some(_)) => DiffChange::Changed,
    };
    let patch = before.as_ref().zip(after.as_ref()).and_then(|(before, after)| patch::between(before, after));
    DiffItem { key: key.to_string(), change, before, after, patch }
}

pub(super) async fn rollback(state: HttpState, call: Call) -> Result<Response, Problem> {
    let (namespace, key, hop) = (call.namespace()?, call.key()?, call.query.hop()?);
    let request: RollbackRequest = body::json(&call.headers, call.body, r#"{"revision":"5:42"}"#).await?;
    let revision: LogId = request.revision.parse().map_err(|_| {
        Problem::invalid("revision is one of the key's history, like 5:42: GET the history to see them")
    })?;
    let op = Op::Rollback { namespace, key, revision };
    let applied = write(&state, &call.headers, call.context, call.actor, hop, op).await?;
    match applied.outcome {
        Outcome::Set { entry, created } => Ok(config::was_set(applied.revision, entry, created)),
        Outcome::Deleted => Ok(shape::empty(StatusCode::NO_CONTENT, Some(applied.revision))),
        Outcome::Absent => {
            let detail = "that revision deleted the entry, and there is none now: there is nothing to delete";
            Err(Problem::new(Slug::NotFound, detail).version(Some(applied.revision)))
        }
        Outcome::NoSuchRevision => {
            let detail =
                format!("the history of this key has no revision {revision}: GET the history to see those it has");
            Err(Problem::new(Slug::NotFound, detail).version(Some(applied.revision)))
        }
        _ => Err(Problem::internal("a rollback had an outcome of another operation")),
    }
}
