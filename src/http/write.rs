//! What all writes, and changes of the members, share: where they go, and what is said when they go wrong.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::HttpState;
use super::answer::Context;
use super::conditional;
use super::problem::Problem;
use crate::api::{WriteError, WriteRequest};
use crate::config::FollowerWrites;
use crate::model::{Applied, Condition, Fingerprint, IdempotencyKey, Once, Op, Outcome, Write};
use crate::wire::Slug;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Redirects that one request may follow. The next one would be a loop, or an election that does not end.
pub(super) const HOPS_MAX: usize = 2;

/// Writes under the conditions and the idempotency key of the headers, or says why not or where to.
pub(super) async fn write(
    state: &HttpState,
    headers: &HeaderMap,
    context: Context,
    actor: String,
    hop: usize,
    op: Op,
) -> Result<Applied, Problem> {
    let (request_id, may_redirect) = (context.request_id.clone(), may_redirect(state, headers));
    let condition = conditional::of_write(headers)?;
    let once = once(headers, &op, &condition)?;
    let write = Write { op, condition, once };
    let request = WriteRequest { write, actor, request_id, forwarded: false, may_redirect };
    let applied = state.api().write(request).await.map_err(|error| or_redirect(error, &context, hop))?;
    match applied.outcome {
        Outcome::PreconditionFailed { current } => Err(conditional::failed(current).version(Some(applied.revision))),
        Outcome::IdempotencyMismatch => Err(Problem::new(
            Slug::IdempotencyMismatch,
            "nothing was written: this idempotency key was used for another request within the last 24 hours. Take a new \
             one for each request, and the same one only to send a request again as it was",
        )
        .version(Some(applied.revision))),
        _ => Ok(applied),
    }
}

/// The idempotency key, with what it is for. Quotes around it, as the draft of the IETF has them, are not part of it.
fn once(headers: &HeaderMap, op: &Op, condition: &Condition) -> Result<Option<Box<Once>>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(Problem::invalid("Idempotency-Key is given twice: give it once"));
    }
    let text = value.to_str().unwrap_or_default();
    let bare = match text.strip_prefix('"') {
        // With one of the two it is more likely to be cut off than meant.
        Some(quoted) => quoted.strip_suffix('"').unwrap_or_default(),
        None => text,
    };
    let key = IdempotencyKey::parse(bare).map_err(|error| Problem::invalid(format!("Idempotency-Key: {error}")))?;
    Ok(Some(Box::new(Once { key, fingerprint: Fingerprint::of(op, condition) })))
}

/// Whether the client may be told where the leader is, rather than have its request passed on.
pub(super) fn may_redirect(state: &HttpState, headers: &HeaderMap) -> bool {
    match state.follower_writes() {
        FollowerWrites::Redirect => true,
        FollowerWrites::Forward => false,
        // curl drops Authorization on a redirect to another port, and browsers refuse to follow across origins.
        FollowerWrites::Auto => !headers.contains_key(header::AUTHORIZATION) && !headers.contains_key(header::ORIGIN),
    }
}

/// What went wrong; with where to go, where another node leads.
pub(super) fn or_redirect(error: WriteError, context: &Context, hop: usize) -> Problem {
    match error {
        WriteError::NotLeader { .. } if hop >= HOPS_MAX => Problem::new(
            Slug::NoLeader,
            format!(
                "nothing was written: {hop} redirects brought the request here, and this node does not lead either. The \
                 leadership is changing: try again after the time in Retry-After"
            ),
        )
        .retry_later(),
        WriteError::NotLeader { leader_url } => {
            let location = location(&leader_url, context, hop + 1);
            match HeaderValue::from_str(&location) {
                Ok(value) => Problem::from(WriteError::NotLeader { leader_url }).header(header::LOCATION, value),
                Err(_) => Problem::internal("the leader's advertised URL is no header value"),
            }
        }
        other => other.into(),
    }
}

/// The same request at the leader.
pub(super) fn location(leader_url: &str, context: &Context, hop: usize) -> String {
    let base = leader_url.trim_end_matches('/');
    let others = context.uri.query().unwrap_or_default().split('&');
    let mut query: Vec<&str> = others.filter(|pair| !pair.is_empty() && !pair.starts_with("hop=")).collect();
    let hop = format!("hop={hop}");
    query.push(&hop);
    format!("{base}{}?{}", context.uri.path(), query.join("&"))
}
