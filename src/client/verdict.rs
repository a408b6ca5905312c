//! What an answer, or none, allows: the rules of the table in [`super`], and nothing else.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};

use super::error::{Error, Refusal};
use super::settings::split_url;
use crate::host::SendError;
use crate::wire::{PROBLEM_CONTENT_TYPE, Problem, Slug};

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The operation reads this.
    Answered,
    /// Surely nothing was done: the same request goes there.
    Follow {
        base: String,
        path: String,
    },
    /// Surely nothing was done, or it was a read: another node may do it, this one not before `after`.
    Again {
        why: String,
        after: Option<Duration>,
    },
    Failed(Error),
}

/// Judges what came of one request.
pub(super) fn judge(is_write: bool, outcome: &Result<Response<Bytes>, SendError>) -> Verdict {
    let again = |why: String| Verdict::Again { why, after: None };
    // What a write may not be repeated after, and a read may.
    let unknown = |why: String| match is_write {
        true => Verdict::Failed(Error::OutcomeUnknown { why }),
        false => again(why),
    };
    let answer = match outcome {
        Ok(answer) => answer,
        Err(SendError::NotSent(why)) => return again(why.clone()),
        Err(SendError::Broken(why)) => return unknown(why.clone()),
    };
    let (status, problem) = (answer.status(), problem(answer));
    let slug = problem.as_ref().and_then(|problem| problem.slug());
    let why = || match &problem {
        Some(problem) => format!("{} {}: {}", status.as_u16(), slug_text(problem), problem.detail),
        None => format!("{} without a problem of Confman's", status.as_u16()),
    };
    match (status, slug) {
        (status, _) if status.is_success() => Verdict::Answered,
        // Of an entry or a namespace: the operation knows what that means.
        (StatusCode::NOT_FOUND, Some(Slug::NotFound)) => Verdict::Answered,
        (StatusCode::TEMPORARY_REDIRECT, _) => match location(answer) {
            Some((base, path)) => Verdict::Follow { base, path },
            None => unexpected("a redirect whose Location this client cannot follow".to_owned(), false),
        },
        // Only our own 503 says that nothing was done.
        (StatusCode::SERVICE_UNAVAILABLE, Some(_)) => Verdict::Again { why: why(), after: retry_after(answer) },
        (StatusCode::INSUFFICIENT_STORAGE, Some(_)) => Verdict::Failed(Error::Unavailable { why: why() }),
        (StatusCode::NOT_IMPLEMENTED, Some(_)) => refused(status, problem),
        (status, _) if status.is_client_error() => refused(status, problem),
        (status, _) if status.is_server_error() => unknown(why()),
        _ => unexpected(format!("status {}", status.as_u16()), is_write),
    }
}

/// Whether an answer is this problem.
pub(super) fn is_of(answer: &Response<Bytes>, slug: Slug) -> bool {
    answer.status().as_u16() == slug.status() && problem(answer).is_some_and(|problem| problem.slug() == Some(slug))
}

/// A refusal that an operation does not take for an answer.
pub(super) fn refusal(answer: &Response<Bytes>) -> Error {
    Error::Refused(Refusal { status: answer.status().as_u16(), problem: problem(answer).map(Box::new) })
}

fn refused(status: StatusCode, problem: Option<Problem>) -> Verdict {
    Verdict::Failed(Error::Refused(Refusal { status: status.as_u16(), problem: problem.map(Box::new) }))
}

fn unexpected(what: String, may_have_happened: bool) -> Verdict {
    Verdict::Failed(Error::Unexpected { what, may_have_happened })
}

fn slug_text(problem: &Problem) -> &str {
    problem.slug().map_or(problem.type_uri.as_str(), |slug| slug.as_str())
}

/// The problem in an answer, where it is one of ours.
fn problem(answer: &Response<Bytes>) -> Option<Problem> {
    let kind = answer.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let is_problem = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(PROBLEM_CONTENT_TYPE));
    let problem: Problem = is_problem.then(|| serde_json::from_slice(answer.body()).ok())??;
    // A newer node may have slugs that we do not know; what it says with a known status is still its word.
    problem.type_uri.starts_with(crate::wire::TYPE_BASE).then_some(problem)
}

fn location(answer: &Response<Bytes>) -> Option<(String, String)> {
    split_url(answer.headers().get(header::LOCATION)?.to_str().ok()?)
}

/// RFC 9110, section 10.2.3, in seconds.
fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds: u64 = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
