//! What all writes share: where they go, and what is said when they go wrong.

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
    let may_redirect = match state.follower_writes() {
        FollowerWrites::Redirect => true,
        FollowerWrites::Forward => false,
        // curl drops Authorization on a redirect to another port, and browsers refuse to follow across origins.
        FollowerWrites::Auto => !headers.contains_key(header::AUTHORIZATION) && !headers.contains_key(header::ORIGIN),
    };
    let request_id = context.request_id.clone();
    let request = WriteRequest { op, actor, request_id, forwarded: false, may_redirect };
    match state.api().write(request).await {
        Err(WriteError::NotLeader { .. }) if hop >= HOPS_MAX => Err(Problem::new(
            Slug::NoLeader,
            format!(
                "nothing was written: {hop} redirects brought the request here, and this node does not lead either. The \
                 leadership is changing: try again after the time in Retry-After"
            ),
        )
        .retry_later()),
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
