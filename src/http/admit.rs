//! What a request must pass before its handler: key and role first, then its form.

use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::{IntoResponse, Response};

use super::HttpState;
use super::accept;
use super::answer::{Context, Matched};
use super::auth::role_name;
use super::problem::Problem;
use super::query::Query;
use super::routes::{Access, Route, Serves};
use crate::base::NodeId;
use crate::model::{Key, Namespace};
use crate::wire::Slug;

const X_CONFMAN_MIN_VERSION: HeaderName = HeaderName::from_static("x-confman-min-version");
const X_CONFMAN_CONSISTENCY: HeaderName = HeaderName::from_static("x-confman-consistency");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

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
    let query = Query::parse(parts.uri.query(), known, of_state)?;
    if of_state {
        refuse_what_is_not_built(&route.method, &parts.headers, &query)?;
    }
    let context = parts.extensions.remove().expect("the outermost layer gives every request its context");
    handler(state, Call { context, headers: parts.headers, query, body, actor, params }).await
}

/// To ignore a condition or a promise of consistency would mislead.
fn refuse_what_is_not_built(method: &Method, headers: &HeaderMap, query: &Query) -> Result<(), Problem> {
    let is_read = *method == Method::GET;
    let mut refused = vec![header::IF_MATCH, X_CONFMAN_MIN_VERSION];
    if !is_read {
        refused.extend([header::IF_NONE_MATCH, IDEMPOTENCY_KEY]);
    }
    if let Some(name) = refused.into_iter().find(|name| headers.contains_key(name)) {
        return Err(Problem::not_built(format!("the header {name}")));
    }
    let in_headers = headers.get_all(X_CONFMAN_CONSISTENCY).iter().map(|value| value.to_str().unwrap_or_default());
    for asked in in_headers.chain(query.get("consistency")) {
        match asked {
            "eventual" => {}
            "read-your-writes" | "linearizable" => return Err(Problem::not_built(format!("consistency {asked}"))),
            _ => return Err(Problem::invalid("consistency is eventual, read-your-writes or linearizable")),
        }
    }
    Ok(())
}
