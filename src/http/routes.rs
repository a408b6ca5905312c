//! The one table of routes and roles. What is not in it is closed.

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};

use super::admit::{self, Call};
use super::answer::Matched;
use super::problem::Problem;
use super::{
    HttpState, audit, backup, cluster, config, health, members, namespaces, openapi, past, path, swagger, txn,
};
use crate::config::Role;
use crate::host::BoxFuture;
use crate::wire::Slug;

/// One line of the table.
pub struct Route {
    pub method: Method,
    /// As axum writes it: `{name}` is one segment, with `%2F` for a slash in it.
    pub path: &'static str,
    pub access: Access,
    pub serves: Serves,
}

impl Route {
    /// It is of something that has an ETag.
    pub(super) fn takes_conditions(&self) -> bool {
        [ENTRY, LIST, NAMESPACE, NAMESPACES, ROLLBACK].contains(&self.path)
    }

    /// It changes the replicated state.
    pub(super) fn takes_idempotency_key(&self) -> bool {
        self.method != Method::GET && [ENTRY, NAMESPACE, TXN, ROLLBACK].contains(&self.path)
    }
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// A key of this role or a higher one.
    Role(Role),
}

/// What stands behind a route.
#[derive(Clone, Copy)]
pub enum Serves {
    Handler {
        /// The query parameters it takes.
        query: &'static [&'static str],
        /// It reads or writes replicated state, so that conditions and consistency would concern it.
        state: bool,
        /// The media types of its answers, beside problems: the first where the client has no choice of its own.
        answers: &'static [&'static str],
        handler: Handler,
    },
    /// Part of the contract that this release does not have.
    NotBuilt,
}

/// A handler: what it answers, or why not.
pub type Handler = fn(HttpState, Call) -> BoxFuture<'static, Result<Response, Problem>>;

/// What nearly all routes answer.
const JSON: &[&str] = &["application/json"];
/// An entry, and its value alone.
const ENTRY_OR_VALUE: &[&str] = &["application/json", config::VALUE];
/// A list, and the files that it can be.
const LIST_OR_FILE: &[&str] = &["application/json", "application/yaml", "text/plain", "text/x-java-properties"];
const READER: Access = Access::Role(Role::Reader);
const ADMIN: Access = Access::Role(Role::Admin);

const fn built(
    method: Method,
    path: &'static str,
    access: Access,
    query: &'static [&'static str],
    handler: Handler,
) -> Route {
    Route { method, path, access, serves: Serves::Handler { query, state: true, answers: JSON, handler } }
}

const fn stateless(method: Method, path: &'static str, access: Access, handler: Handler) -> Route {
    Route { method, path, access, serves: Serves::Handler { query: &[], state: false, answers: JSON, handler } }
}

/// A route of state whose answers are not only JSON.
const fn of_types(
    method: Method,
    path: &'static str,
    access: Access,
    query: &'static [&'static str],
    answers: &'static [&'static str],
    handler: Handler,
) -> Route {
    Route { method, path, access, serves: Serves::Handler { query, state: true, answers, handler } }
}

const fn not_built(method: Method, path: &'static str, access: Access) -> Route {
    Route { method, path, access, serves: Serves::NotBuilt }
}

pub(super) const ENTRY: &str = "/api/v1/config/{namespace}/{key}";
pub(super) const LIST: &str = "/api/v1/config/{namespace}";
pub(super) const HISTORY: &str = "/api/v1/config/{namespace}/{key}/history";
pub(super) const ROLLBACK: &str = "/api/v1/config/{namespace}/{key}/rollback";
pub(super) const DIFF: &str = "/api/v1/diff/{namespace}";
pub(super) const TXN: &str = "/api/v1/txn";
pub(super) const NAMESPACES: &str = "/api/v1/namespaces";
pub(super) const NAMESPACE: &str = "/api/v1/namespaces/{namespace}";
pub(super) const READY: &str = "/health/ready";
pub(super) const MEMBERS: &str = "/api/v1/cluster/members";
pub(super) const BACKUP: &str = "/api/v1/backup";
pub(super) const AUDIT_VERIFY: &str = "/api/v1/audit/verify";
pub(super) const AUDIT_OF: &str = "/api/v1/audit/{namespace}";
pub(super) const SWAGGER_ASSET: &str = "/swagger/{asset}";
pub(super) const MEMBER: &str = "/api/v1/cluster/members/{node}";
pub(super) const REPLACE: &str = "/api/v1/cluster/members/{node}/replace";
pub(super) const LEADER: &str = "/api/v1/cluster/leader";

/// Every route there is. `HEAD` follows `GET`.
#[rustfmt::skip]
pub static ROUTES: &[Route] = &[
    of_types(Method::GET, ENTRY, READER, &["at", "format"], ENTRY_OR_VALUE,
        |s, c| Box::pin(config::get(s, c))),
    built(Method::PUT, ENTRY, ADMIN, &["hop"], |s, c| Box::pin(config::put(s, c))),
    built(Method::DELETE, ENTRY, ADMIN, &["hop"], |s, c| Box::pin(config::delete(s, c))),
    of_types(Method::GET, LIST, READER,
        &["prefix", "type", "fields", "at", "limit", "cursor", "format"], LIST_OR_FILE,
        |s, c| Box::pin(config::list(s, c))),
    built(Method::GET, HISTORY, READER, &["limit", "cursor"], |s, c| Box::pin(past::history(s, c))),
    built(Method::POST, ROLLBACK, ADMIN, &["hop"], |s, c| Box::pin(past::rollback(s, c))),
    built(Method::GET, DIFF, READER, &["from", "to", "limit", "cursor"],
        |s, c| Box::pin(past::diff(s, c))),
    built(Method::POST, TXN, ADMIN, &["hop"], |s, c| Box::pin(txn::post(s, c))),
    not_built(Method::GET, "/api/v1/watch", READER),
    not_built(Method::POST, "/api/v1/watch/ticket", READER),
    built(Method::GET, NAMESPACES, READER, &["prefix", "limit", "cursor"],
        |s, c| Box::pin(namespaces::list(s, c))),
    built(Method::GET, NAMESPACE, READER, &[], |s, c| Box::pin(namespaces::get(s, c))),
    built(Method::PUT, NAMESPACE, ADMIN, &["hop"], |s, c| Box::pin(namespaces::put(s, c))),
    built(Method::DELETE, NAMESPACE, ADMIN, &["hop"], |s, c| Box::pin(namespaces::delete(s, c))),
    built(Method::GET, "/api/v1/audit", ADMIN, &["limit", "cursor"],
        |s, c| Box::pin(audit::all(s, c))),
    built(Method::GET, AUDIT_VERIFY, ADMIN, &[], |s, c| Box::pin(audit::verify(s, c))),
    built(Method::GET, AUDIT_OF, READER, &["limit", "cursor"],
        |s, c| Box::pin(audit::of_namespace(s, c))),
    of_types(Method::GET, BACKUP, ADMIN, &[], &[backup::MEDIA_TYPE], |s, c| Box::pin(backup::get(s, c))),
    stateless(Method::GET, "/api/v1/cluster", READER, |s, c| Box::pin(cluster::get(s, c))),
    stateless(Method::GET, MEMBERS, READER, |s, c| Box::pin(members::list(s, c))),
    built(Method::POST, MEMBERS, ADMIN, &["force", "hop"], |s, c| Box::pin(members::add(s, c))),
    stateless(Method::GET, MEMBER, READER, |s, c| Box::pin(members::get(s, c))),
    built(Method::PUT, MEMBER, ADMIN, &["force", "hop"], |s, c| Box::pin(members::promote(s, c))),
    built(Method::DELETE, MEMBER, ADMIN, &["force", "hop"], |s, c| Box::pin(members::remove(s, c))),
    built(Method::POST, REPLACE, ADMIN, &["force", "hop"],
        |s, c| Box::pin(members::replace(s, c))),
    built(Method::POST, LEADER, ADMIN, &["hop"], |s, c| Box::pin(members::transfer(s, c))),
    stateless(Method::GET, "/health", Access::Open, |s, c| Box::pin(health::health(s, c))),
    stateless(Method::GET, READY, Access::Open, |s, c| Box::pin(health::ready(s, c))),
    stateless(Method::GET, "/openapi.json", Access::Open, |s, c| Box::pin(openapi::get(s, c))),
    stateless(Method::GET, "/swagger", Access::Open, |s, c| Box::pin(swagger::page(s, c))),
    stateless(Method::GET, SWAGGER_ASSET, Access::Open, |s, c| Box::pin(swagger::asset(s, c))),
];

/// The router of the table.
pub(super) fn table(state: HttpState) -> Router {
    let mut paths: Vec<&'static str> = Vec::new();
    for route in ROUTES {
        if !paths.contains(&route.path) {
            paths.push(route.path);
        }
    }
    let mut router = Router::new();
    for path in paths {
        let mut methods = MethodRouter::new();
        for route in ROUTES.iter().filter(|route| route.path == path) {
            let filter = MethodFilter::try_from(route.method.clone()).expect("the table has standard methods");
            let serve = move |State(state): State<HttpState>, params: RawPathParams, request: Request| {
                admit::serve(route, state, params, request)
            };
            methods = methods.on(filter, serve);
        }
        router = router.route(path, methods.fallback(move || async move { method_not_allowed(path) }));
    }
    router.fallback(not_found).with_state(state)
}

/// The methods of a path, for `Allow` (RFC 9110, section 10.2.1).
pub(super) fn allowed(path: &str) -> String {
    let mut methods = Vec::new();
    for route in ROUTES.iter().filter(|route| route.path == path) {
        methods.push(route.method.as_str());
        if route.method == Method::GET {
            methods.push("HEAD");
        }
    }
    methods.join(", ")
}

fn method_not_allowed(path: &'static str) -> Response {
    let allowed = allowed(path);
    let value = HeaderValue::from_str(&allowed).expect("method names are ASCII");
    let problem = Problem::new(Slug::MethodNotAllowed, format!("this path takes {allowed}"));
    let mut response = problem.header(header::ALLOW, value).into_response();
    response.extensions_mut().insert(Matched(path));
    response
}

async fn not_found(uri: Uri) -> Problem {
    let hint = if path::is_in_collection(uri.path()) {
        "A '/' within a namespace or a key is written %2F, or the namespace is ended with /-/ as in \
         /api/v1/config/teams/payments/-/db/url"
    } else {
        "GET /openapi.json has all there are"
    };
    Problem::new(Slug::NotFound, format!("there is no such path. {hint}"))
}
