//! A page to try the REST interface: Swagger UI, out of the node itself. The crate that vendors it holds the archive of its
//! release as it is; two files of it are served, in the compressed form in which they lie there.

mod archive;

use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

use super::HttpState;
use super::admit::Call;
use super::problem::Problem;
use crate::wire::Slug;

/// What the page loads.
pub(super) const ASSETS: &[&str] = &["swagger-ui.css", "swagger-ui-bundle.js", "start.js"];

const PAGE: &str = include_str!("page.html");
const START: &str = include_str!("start.js");

/// Nothing from elsewhere, whatever a later release of the page would like; styles it writes itself.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const X_CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");

static STYLE: LazyLock<Bytes> = LazyLock::new(|| vendored("dist/swagger-ui.css"));
static BUNDLE: LazyLock<Bytes> = LazyLock::new(|| vendored("dist/swagger-ui-bundle.js"));

/// A file of the vendored archive, as gzip.
fn vendored(path: &str) -> Bytes {
    archive::gzip_of(SWAGGER_UI_VENDORED, path).expect("a test has found this file in this archive").into()
}

pub(super) async fn page(_: HttpState, _: Call) -> Result<Response, Problem> {
    let mut response = answer("text/html; charset=utf-8", PAGE.into());
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    Ok(response)
}

pub(super) async fn asset(_: HttpState, call: Call) -> Result<Response, Problem> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    match call.param("asset") {
        "start.js" => Ok(answer(SCRIPT, START.into())),
        "swagger-ui.css" => Ok(compressed(answer("text/css; charset=utf-8", STYLE.clone()))),
        "swagger-ui-bundle.js" => Ok(compressed(answer(SCRIPT, BUNDLE.clone()))),
        _ => Err(Problem::new(Slug::NotFound, "the page loads nothing of this name: see /swagger")),
    }
}

fn answer(content_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

fn compressed(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}
