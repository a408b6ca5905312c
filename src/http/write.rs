//! What all writes, and changes of the members, share: where they go, and what is said when they go wrong.

use axum::http::{HeaderMap, HeaderValue, header};

use super::HttpState;
use super::answer::Context;
use super::problem::Problem;
use crate::api::{WriteError, WriteRequest};
use crate::config::FollowerWrites;
use crate::model::{Applied, Op};
use crate::wire::Slug;

/// Redirects that one request may follow. The next one would be a loop, or an election that does not end.
const HOPS_MAX: usize = 2;

/// Writes, or says where to.
pub(super) async fn write(
    state: &HttpState,
    headers: &HeaderMap,
    context: Context,
    actor: String,
    hop: usize,
    op: Op,
) -> Result<Applied, Problem> {
    let (request_id, may_redirect) = (context.request_id.clone(), may_redirect(state, headers));
    let request = WriteRequest { write: op.into(), actor, request_id, forwarded: false, may_redirect };
    state.api().write(request).await.map_err(|error| or_redirect(error, &context, hop))
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
fn location(leader_url: &str, context: &Context, hop: usize) -> String {
    let base = leader_url.trim_end_matches('/');
    let others = context.uri.query().unwrap_or_default().split('&');
    let mut query: Vec<&str> = others.filter(|pair| !pair.is_empty() && !pair.starts_with("hop=")).collect();
    let hop = format!("hop={hop}");
    query.push(&hop);
    format!("{base}{}?{}", context.uri.path(), query.join("&"))
}
