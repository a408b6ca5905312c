//! The router as a client sees it, over fakes of what is below the API actor.

mod backup;
mod conditions;
mod consistency;
mod entries;
mod files;
mod form;
mod lists;
mod members;
mod namespaces;
mod nodes;
mod past;
mod roles;
mod txn;
mod writes;

use std::fmt::Write as _;

use axum::Router;
use axum::body::Body;
use axum::body::HttpBody as _;
use axum::http::{HeaderMap, Request, StatusCode};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::openapi::testing::{Came, contradiction};
use super::{HttpState, router};
use crate::api::testing::{FakeNode, World};
use crate::config::{ApiKey, FollowerWrites, Role};

pub const ADMIN: &str = "X-API-Key: cm_admin_secret_0000";
pub const READER: &str = "X-API-Key: cm_reader_secret_000";
pub const JSON: &str = "Content-Type: application/json";

/// A node, its router, and virtual time.
pub struct Rest {
    pub world: World,
    pub node: FakeNode,
    pub state: HttpState,
    router: Router,
}

/// An answer.
pub struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Rest {
    /// Node `id` of three, of which node 1 leads.
    pub fn node(id: u64) -> Rest {
        Rest::with(id, FollowerWrites::Auto)
    }

    pub fn with(id: u64, follower_writes: FollowerWrites) -> Rest {
        let world = World::new();
        Rest::of(world.node(id), world, follower_writes)
    }

    pub fn of(node: FakeNode, world: World, follower_writes: FollowerWrites) -> Rest {
        let key = |name: &str, secret: &str, role| ApiKey {
            name: name.to_owned(),
            principal: format!("{name}@test"),
            role,
            sha256: Sha256::digest(secret).into(),
        };
        let keys = vec![
            key("boss", ADMIN.split_once(": ").expect("a header").1, Role::Admin),
            key("watcher", READER.split_once(": ").expect("a header").1, Role::Reader),
        ];
        let state = HttpState::new(&node.host, node.api.clone(), keys, follower_writes);
        Rest { world, node, router: router(state.clone()), state }
    }

    /// Sends `METHOD /path` with headers written `Name: value`.
    pub fn send(&self, line: &str, headers: &[&str], body: impl Into<Body>) -> Seen {
        let (method, uri) = line.split_once(' ').expect("a method and a path");
        let mut request = Request::builder().method(method).uri(uri);
        for header in headers {
            let (name, value) = header.split_once(':').expect("a name and a value");
            request = request.header(name, value.trim());
        }
        let body = body.into();
        let text = body.size_hint().exact().filter(|bytes| *bytes <= 4096).is_some();
        let (body, sent) = if text { known(body) } else { (body, None) };
        let request = request.body(body).expect("a request");
        let router = self.router.clone();
        let seen = self.world.run(async move {
            let response = router.oneshot(request).await.expect("a router always answers");
            let (parts, body) = response.into_parts();
            let body = body.collect().await.expect("bodies here are in memory").to_bytes();
            let is_text = parts.headers.get("content-encoding").is_none();
            let body =
                if is_text { String::from_utf8(body.to_vec()).expect("answers are UTF-8") } else { String::new() };
            Seen { status: parts.status, headers: parts.headers, body }
        });
        seen.must_have_standard_headers();
        // The document's schema is of bodies in JSON.
        let sent = sent
            .filter(|_| !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("content-type: text/")));
        let came = Came { status: seen.status, headers: &seen.headers, body: &seen.body };
        if let Some(what) = contradiction(line, sent.as_deref(), &came) {
            panic!("the OpenAPI document says otherwise of {line}: {what}");
        }
        seen
    }

    pub fn get(&self, path: &str) -> Seen {
        self.send(&format!("GET {path}"), &[READER], "")
    }

    pub fn put(&self, path: &str, body: &str) -> Seen {
        self.send(&format!("PUT {path}"), &[ADMIN, JSON], body.to_owned())
    }

    /// One line per request: what was asked, and what came of it.
    pub fn table(&self, requests: &[(&str, &[&str], &str)]) -> String {
        let mut table = String::new();
        for (line, headers, body) in requests {
            let seen = self.send(line, headers, (*body).to_owned());
            let _ = writeln!(table, "{line} {headers:?} {body} -> {}", seen.line());
        }
        table
    }
}

/// A body, and what is in it.
fn known(body: Body) -> (Body, Option<String>) {
    let bytes = body.collect().now_or_never().expect("a short body is in memory").expect("it cannot fail").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).ok();
    (Body::from(bytes), text)
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The slug of a problem.
    pub fn slug(&self) -> Option<String> {
        let problem = self.header("content-type") == Some("application/problem+json") && !self.body.is_empty();
        let slug = |body: Value| body["type"].as_str()?.strip_prefix("https://confman/errors/").map(str::to_owned);
        if problem { slug(self.json()) } else { None }
    }

    /// Status, slug and detail.
    pub fn line(&self) -> String {
        let mut line = self.status.as_u16().to_string();
        if let Some(slug) = self.slug() {
            let _ = write!(line, " {slug}: {}", self.json()["detail"].as_str().expect("a problem has a detail"));
        }
        line
    }

    /// Status, the headers that tell something, and the body.
    pub fn whole(&self) -> String {
        let mut text = format!("{}\n", self.status);
        let standard = ["cache-control", "vary", "content-length", "x-request-id"];
        for (name, value) in self.headers.iter().filter(|(name, _)| !standard.contains(&name.as_str())) {
            let _ = writeln!(text, "{name}: {}", value.to_str().expect("ASCII"));
        }
        match serde_json::from_str::<Value>(&self.body) {
            Ok(mut json) => {
                if let Some(problem) = json.as_object_mut() {
                    problem.remove("requestId");
                }
                text + &serde_json::to_string_pretty(&json).expect("JSON")
            }
            Err(_) => text + &self.body,
        }
    }

    /// Status, the headers that tell something, and the body as it is.
    pub fn whole_text(&self) -> String {
        let head = Seen { status: self.status, headers: self.headers.clone(), body: String::new() };
        head.whole() + &self.body
    }

    fn must_have_standard_headers(&self) {
        assert_eq!(self.header("cache-control"), Some("private, no-cache"));
        assert_eq!(
            self.header("vary"),
            Some("Accept, Authorization, X-API-Key, X-Confman-Consistency, X-Confman-Min-Version")
        );
        let id = self.header("x-request-id").expect("every answer has a request id");
        assert_eq!(self.headers.get_all("x-request-id").iter().count(), 1);
        let is_error = self.status.is_client_error() || self.status.is_server_error();
        assert!(!is_error || self.header("content-type") == Some("application/problem+json"), "{}", self.body);
        if self.slug().is_some() {
            let problem = self.json();
            assert_eq!(problem["requestId"], id);
            assert_eq!(problem["status"], self.status.as_u16());
            assert!(problem["instance"].as_str().is_some_and(|path| !path.contains('?')), "{problem}");
        }
    }
}
