//! What a read asks of consistency: its mode, the version it must see, and how long it may wait for that.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::HttpState;
use super::answer::Context;
use super::problem::Problem;
use super::query::Query;
use super::write::{HOPS_MAX, location};
use crate::api::Freshness;
use crate::base::LogId;
use crate::config::parse_duration;
use crate::wire::Slug;

/// The query parameters of every read of state, beside its own.
pub const OF_READS: &[&str] = &["consistency", "minVersion", "timeout", "onStale", "hop"];

pub(super) const X_CONFMAN_MIN_VERSION: HeaderName = HeaderName::from_static("x-confman-min-version");
pub(super) const X_CONFMAN_CONSISTENCY: HeaderName = HeaderName::from_static("x-confman-consistency");

/// What one read asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Consistency {
    pub freshness: Freshness,
    /// Where this node is not as new in time, the leader is to be asked.
    pub redirect: bool,
}

/// What a request of either kind may say, and a read means.
pub(super) fn asked(headers: &HeaderMap, query: &Query, is_read: bool) -> Result<Consistency, Problem> {
    let min_version = one(headers, &X_CONFMAN_MIN_VERSION, query, "minVersion")?;
    let min_version = min_version.map(version).transpose()?;
    let linearizable = match one(headers, &X_CONFMAN_CONSISTENCY, query, "consistency")? {
        None | Some("eventual") => false,
        Some("linearizable") => true,
        Some("read-your-writes") if min_version.is_some() => false,
        Some("read-your-writes") if is_read => {
            return Err(Problem::invalid(
                "read-your-writes takes the version to see: send the X-Confman-Version of your last write as \
                 X-Confman-Min-Version, or as ?minVersion=",
            ));
        }
        Some("read-your-writes") => false,
        Some(_) => return Err(Problem::invalid("consistency is eventual, read-your-writes or linearizable")),
    };
    let timeout = query
        .get("timeout")
        .map(|text| parse_duration(text).ok_or_else(|| Problem::invalid("timeout is a number and a unit: 500ms, 3s")));
    let redirect = match query.get("onStale") {
        None => false,
        Some("redirect") => true,
        Some(_) => return Err(Problem::invalid("onStale is redirect, or is left out")),
    };
    Ok(Consistency { freshness: Freshness { min_version, linearizable, timeout: timeout.transpose()? }, redirect })
}

/// What a header or, in its place, a parameter says.
fn one<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
    query: &'a Query,
    parameter: &str,
) -> Result<Option<&'a str>, Problem> {
    let mut given = headers.get_all(header).iter().map(|value| value.to_str().unwrap_or_default());
    let first = given.next().or(query.get(parameter));
    if given.chain(query.get(parameter)).any(|other| Some(other) != first) {
        return Err(Problem::invalid(format!("{header} and {parameter} say different things: send one of them, once")));
    }
    Ok(first)
}

pub(super) fn version(text: &str) -> Result<LogId, Problem> {
    text.parse().map_err(|_| {
        Problem::invalid(format!(
            "{text:?} is no version: send an X-Confman-Version or a revision just as it was answered"
        ))
    })
}

/// Waits until a read here is as new as it asks for.
pub(super) async fn reach(
    state: &HttpState,
    consistency: &Consistency,
    query: &Query,
    context: &Context,
) -> Result<(), Problem> {
    let reached = state.api().fresh(&consistency.freshness, query.get("cursor")).await;
    let problem = match reached.map_err(Problem::from) {
        Err(problem) if consistency.redirect && problem.slug == Slug::VersionNotReached => problem,
        other => return other,
    };
    let hop = query.hop()?;
    match state.api().leader_elsewhere() {
        Some(leader_url) if hop < HOPS_MAX => {
            let location = HeaderValue::from_str(&location(&leader_url, context, hop + 1))
                .map_err(|_| Problem::internal("the leader's advertised URL is no header value"))?;
            let detail =
                format!("this node has not applied the version that the read needs: ask the leader at {leader_url}");
            Err(Problem::new(Slug::NotLeader, detail).member("leader", leader_url).header(header::LOCATION, location))
        }
        _ => Err(problem),
    }
}
