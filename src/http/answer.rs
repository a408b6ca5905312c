//! What every request and every answer passes, whatever becomes of it: request id, the canonical path, standard
//! headers, the form of errors, the log line.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::HttpState;
use super::path;
use super::problem::Problem;
use super::routes::READY;
use crate::base::RequestId;
use crate::wire;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache");
const VARY: HeaderValue =
    HeaderValue::from_static("Accept, Authorization, X-API-Key, X-Confman-Consistency, X-Confman-Min-Version");

/// What a handler may need to know of the request as it came.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub request_id: RequestId,
    /// Before its path was brought into canonical form.
    pub uri: Uri,
}

/// The path template of the route that a request matched, on its answer, for the log.
#[derive(Clone, Copy)]
pub(super) struct Matched(pub &'static str);

/// The outermost layer.
pub(super) async fn answer(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let began = state.host().clock.now();
    let given = request.headers().get(X_REQUEST_ID).and_then(|value| RequestId::parse(value.to_str().ok()?));
    let request_id = given.unwrap_or_else(|| state.new_request_id());
    let context = Context { request_id, uri: request.uri().clone() };
    let method = request.method().clone();

    let mut response = match canonical_uri(request.uri()) {
        Ok(uri) => {
            *request.uri_mut() = uri;
            request.extensions_mut().insert(context.clone());
            next.run(request).await
        }
        Err(reason) => Problem::invalid(reason).into_response(),
    };

    let reason = give_problem_its_body(&mut response, &context, &method);
    let says_no_length = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let headers = response.headers_mut();
    if says_no_length {
        // The framework gives every HEAD one; here it would be of another answer (RFC 9110, section 8.6).
        headers.remove(header::CONTENT_LENGTH);
    }
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    headers.insert(header::VARY, VARY);
    let id = HeaderValue::from_str(context.request_id.as_str()).expect("a request id is visible ASCII");
    headers.insert(X_REQUEST_ID, id);

    let template = response.extensions().get::<Matched>().map_or("-", |matched| matched.0);
    let identity = state.api().identity();
    let (node, group) = (identity.node.0, identity.group.0);
    let (status, micros) = (response.status().as_u16(), state.host().clock.now().since(began).as_micros() as u64);
    let request_id = context.request_id.as_str();
    // Neither query nor names nor values: a template says enough. That a node is not ready is told to who asks, each
    // second perhaps; the log has the reason once.
    if let Some(reason) = reason {
        tracing::error!(request_id, node, group, %method, path = template, status, micros, reason, "request failed");
    } else if response.status().is_server_error() && template != READY {
        tracing::info!(request_id, node, group, %method, path = template, status, micros, "request failed");
    } else {
        tracing::debug!(request_id, node, group, %method, path = template, status, micros, "request");
    }
    response
}

/// `uri` with the path that the table of routes knows.
fn canonical_uri(uri: &Uri) -> Result<Uri, &'static str> {
    let canonical = path::canonical(uri.path())?;
    if canonical == uri.path() {
        return Ok(uri.clone());
    }
    let path_and_query = match uri.query() {
        Some(query) => format!("{canonical}?{query}"),
        None => canonical.into_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().map_err(|_| "the path is too long")?);
    Uri::from_parts(parts).map_err(|_| "the path is malformed")
}

/// Errors take the form of a problem here and nowhere else, those of the framework included. Returns what the log is to
/// be told.
fn give_problem_its_body(response: &mut Response, context: &Context, method: &Method) -> Option<String> {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_error => Problem::of_status(status),
        None => return None,
    };
    let instance = context.uri.path().to_owned();
    let request_id = context.request_id.to_string();
    let body = wire::Problem::new(problem.slug, problem.detail, instance, request_id, problem.members);
    *response.status_mut() = StatusCode::from_u16(body.status).expect("the table of slugs has valid status codes");
    let bytes = serde_json::to_vec(&body).expect("a problem is plain data with string keys");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(wire::PROBLEM_CONTENT_TYPE));
    // What HEAD shows is the headers that GET would have (RFC 9110, section 9.3.2).
    *response.body_mut() = if *method == Method::HEAD { Body::empty() } else { Body::from(bytes) };
    problem.reason
}
