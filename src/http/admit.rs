//! What a request must pass before its handler: key and role first, then its form.

use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};

use super::HttpState;
use super::accept;
use super::answer::{Context, Matched};
use super::auth::role_name;
use super::consistency;
use super::problem::Problem;
use super::query::Query;
use super::routes::{Access, Route, Serves, TXN};
use super::write::IDEMPOTENCY_KEY;
use crate::base::NodeId;
use crate::model::{Key, Namespace};
use crate::wire::Slug;

/// An admitted request.
pub struct Call {
    pub(super) context: Context,
    pub(super) headers: HeaderMap,
    pub(super) query: Query,
    pub(super) body: Body,
    /// The principal; empty on open routes.
    pub(super) actor: String,
    /// Path parameters by name, decoded.
    params: Vec<(String, String)>,
}

impl Call {
    pub(super) fn namespace(&self) -> Result<Namespace, Problem> {
        Namespace::parse(self.param("namespace")).map_err(|error| Problem::invalid(error.to_string()))
    }

    pub(super) fn key(&self) -> Result<Key, Problem> {
        Key::parse(self.param("key")).map_err(|error| Problem::invalid(error.to_string()))
    }

    pub(super) fn node(&self) -> Result<NodeId, Problem> {
        let text = self.param("node");
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse().ok().filter(|id| plain && *id > 0);
        id.map(NodeId).ok_or_else(|| Problem::invalid("a node is named by its id, a number from 1"))
    }

    pub(super) fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(param, _)| param == name);
        &found.expect("handlers ask for the parameters of their own path").1
    }
}

/// Serves a request that matched `route`.
pub(super) async fn serve(
    route: &'static Route,
    state: HttpState,
    params: RawPathParams,
    request: Request,
) -> Response {
    let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut response = match pass(route, state, params, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(Matched(route.path));
    response
}

async fn pass(
    route: &'static Route,
    state: HttpState,
    params: Vec<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let actor = match route.access {
        Access::Open => String::new(),
        Access::Role(needed) => {
            let key = state.keys().authenticate(&parts.headers)?;
            if key.role < needed {
                return Err(Problem::new(
                    Slug::Forbidden,
                    format!(
                        "the key '{}' has the role {}, this takes {}: use another key",
                        key.name,
                        role_name(key.role),
                        role_name(needed)
                    ),
                ));
            }
            key.principal
        }
    };
    let Serves::Handler { query: known, state: of_state, answers, handler } = route.serves else {
        return Err(Problem::not_built(format!("{} {}", route.method, route.path)));
    };
    if route.access != Access::Open {
        accept::choose(&parts.headers, answers)?;
    }
    let is_read = route.method == Method::GET;
    let more = if of_state && is_read { consistency::OF_READS } else { &[] };
    let query = Query::parse(parts.uri.query(), known, more)?;
    let context = parts.extensions.remove().expect("the outermost layer gives every request its context");
    if of_state {
        refuse_what_has_no_meaning(route, &parts.headers)?;
        let asked = consistency::asked(&parts.headers, &query, is_read)?;
        if is_read {
            consistency::reach(&state, &asked, &query, &context).await?;
        }
    }
    handler(state, Call { context, headers: parts.headers, query, body, actor, params }).await
}

/// No condition is ignored, and no promise to do something once.
fn refuse_what_has_no_meaning(route: &Route, headers: &HeaderMap) -> Result<(), Problem> {
    let is_read = route.method == Method::GET;
    // A read of what has no ETag fits any If-None-Match.
    let conditional =
        headers.contains_key(header::IF_MATCH) || (!is_read && headers.contains_key(header::IF_NONE_MATCH));
    if conditional && !route.takes_conditions() {
        let instead = if route.path == TXN {
            ": say in `compare` what must be so"
        } else {
            ": leave out If-Match and If-None-Match"
        };
        return Err(Problem::invalid(format!("what is here has no ETag{instead}")));
    }
    if !is_read && headers.contains_key(IDEMPOTENCY_KEY) && !route.takes_idempotency_key() {
        return Err(Problem::invalid(
            "the cluster is not changed under an Idempotency-Key: leave it out. What is so already is not done again",
        ));
    }
    Ok(())
}
