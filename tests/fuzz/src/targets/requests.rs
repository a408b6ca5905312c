//! HTTP requests, from their bytes to what the API is asked, and the answers.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use bytes::Bytes;
use confman::base::RequestId;
use confman::base::limits::{DESCRIPTION_BYTES_MAX, OWNER_BYTES_MAX, VALUE_BYTES_MAX};
use confman::model::{self, Key, Namespace, Op, TxnOp};
use confman::wire::ValueType;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::frames::has_names;
use super::input::Input;
use super::memory::bounded;
use super::node::{ADMIN, FakeNode, READER};

/// What one small request may allocate: the archive of the Swagger page is the most that an answer is made of.
const REQUEST_MEMORY: usize = 8 << 20;

thread_local! {
    static NODE: (FakeNode, axum::Router) = {
        let node = FakeNode::new();
        let router = node.router();
        // The OpenAPI document is made once, by whoever asks first: no request's own memory.
        let document = Request::get("/openapi.json").body(Body::empty()).expect("a request");
        assert_eq!(send(&node, &router, document).status, StatusCode::OK);
        (node, router)
    };
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub fn run(data: &[u8]) {
    NODE.with(|(node, router)| {
        if let [0, rest @ ..] = data {
            return name(node, router, &mut Input::new(rest));
        }
        let Some((request, asked)) = parse(data) else { return };
        // What an earlier input left behind when it failed.
        node.seen.forget();
        let answer = bounded(REQUEST_MEMORY, || send(node, router, request));
        is_well_formed(&asked, &answer);
        let (proposed, names) = (node.seen.proposed(), node.seen.names());
        knows_its_keys(&asked, &answer, &proposed, &names);
        for op in &proposed {
            assert!([Method::PUT, Method::DELETE, Method::POST].contains(&asked.method), "{op:?} by {}", asked.method);
            is_within_the_limits(op);
            if let Op::Txn(_) = op {
                continue;
            }
            let (Op::Set { namespace, .. }
            | Op::Delete { namespace, .. }
            | Op::SetNamespace { namespace, .. }
            | Op::Rollback { namespace, .. }
            | Op::DeleteNamespace { namespace }) = op
            else {
                panic!("a client proposed {op:?}");
            };
            let key = match op {
                Op::Set { key, .. } | Op::Delete { key, .. } | Op::Rollback { key, .. } => Some(key),
                _ => None,
            };
            has_one_path(node, router, namespace, key);
        }
        for (namespace, key) in &names {
            has_one_path(node, router, namespace, key.as_ref());
        }
    });
}

/// What a path, or the table of routes, has a meaning of its own for; and what names are made of.
const WORDS: [&str; 16] = [
    "a", "verify", "-", "history", "rollback", "config", "..", ".", "", "%2F", "k", "members", "~:@", "%", "a.b-c_d",
    "\u{0}",
];

/// A namespace and a key of such words: each is reached by its own paths, or it is no name and is refused.
fn name(node: &FakeNode, router: &axum::Router, input: &mut Input<'_>) {
    let mut drawn = || {
        let mut words = Vec::new();
        for _ in 0..1 + input.below(4) {
            let choice = input.u8();
            let word = WORDS.get(usize::from(choice)).map(|word| (*word).to_owned());
            words.push(word.unwrap_or_else(|| String::from_utf8_lossy(input.piece()).into_owned()));
        }
        words.join("/")
    };
    let (namespace, key) = (drawn(), drawn());
    node.seen.forget();
    match (Namespace::parse(&namespace), Key::parse(&key)) {
        (Ok(namespace), Ok(key)) => {
            has_one_path(node, router, &namespace, None);
            has_one_path(node, router, &namespace, Some(&key));
        }
        _ => {
            let path = format!("/api/v1/config/{}/{}", escape(&namespace), escape(&key));
            let request = Request::get(&path).header("x-api-key", READER).body(Body::empty()).expect("a plain request");
            let status = send(node, router, request).status;
            assert!(status.is_client_error() && node.seen.names().is_empty(), "GET {path}: {status}");
        }
    }
}

/// What the answer is judged by.
struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

/// A request line, headers up to an empty line, and the body; none where the `http` crate knows no such request.
fn parse(data: &[u8]) -> Option<(Request<Body>, Asked)> {
    let mut rest = data;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    };
    let first = line()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let mut request = Request::builder().method(&first[..space]).uri(&first[space + 1..]);
    while let Some(header) = line().filter(|line| !line.is_empty()) {
        let colon = header.iter().position(|byte| *byte == b':')?;
        request = request.header(&header[..colon], header[colon + 1..].trim_ascii());
    }
    let request = request.body(Body::from(rest.to_vec())).ok()?;
    let asked =
        Asked { method: request.method().clone(), uri: request.uri().clone(), headers: request.headers().clone() };
    Some((request, asked))
}

fn send(node: &FakeNode, router: &axum::Router, request: Request<Body>) -> Answer {
    node.run(async {
        let answer = router.clone().oneshot(request).await.expect("a router always answers");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a body of ours ends").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    })
}

/// Sends one request to a node of its own: for seeds that need an answer.
pub fn answer_to(data: &[u8]) -> Option<Answer> {
    let (request, _) = parse(data)?;
    let node = FakeNode::new();
    Some(send(&node, &node.router(), request))
}

/// A healthy node never fails, and says what is wrong in the one form that problems have.
fn is_well_formed(asked: &Asked, answer: &Answer) {
    let status = answer.status;
    assert!(!status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED, "{status}: {:?}", answer.body);
    let text = |name| answer.headers.get(name).map(|value| value.to_str().expect("our headers are text"));
    let id = text(header::HeaderName::from_static("x-request-id")).expect("every answer has a request id");
    let given = asked.headers.get("x-request-id").and_then(|given| RequestId::parse(given.to_str().ok()?));
    assert!(RequestId::parse(id).is_some() && given.is_none_or(|given| given.as_str() == id), "{id:?}");
    if asked.method == Method::HEAD {
        assert!(answer.body.is_empty(), "an answer to HEAD has a body");
        return;
    }
    let content_type = text(header::CONTENT_TYPE);
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(content_type, Some("application/problem+json"), "{status}");
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).expect("a problem is JSON");
        assert_eq!(problem["status"], u64::from(status.as_u16()));
        assert_eq!(problem["requestId"], id);
        assert_eq!(problem["instance"], asked.uri.path());
    } else if content_type == Some("application/json") {
        serde_json::from_slice::<serde_json::Value>(&answer.body).expect("what says to be JSON is JSON");
    }
}

/// Nothing of the state for who does not send a key, and no change of it for who does not send an admin's.
fn knows_its_keys(asked: &Asked, answer: &Answer, proposed: &[Op], names: &[(Namespace, Option<Key>)]) {
    let has = |secret: &str| {
        let sends =
            |value: &header::HeaderValue| value.as_bytes().windows(secret.len()).any(|at| at == secret.as_bytes());
        asked.headers.values().any(sends)
    };
    let (admin, reader) = (has(ADMIN), has(READER));
    assert!(admin || proposed.is_empty(), "proposed without an admin's key: {proposed:?}");
    assert!(admin || reader || names.is_empty(), "looked up without a key: {names:?}");
    if !admin && !reader && asked.uri.path().starts_with("/api/") {
        assert!(answer.status.is_client_error(), "{} without a key", answer.status);
    }
}

fn is_within_the_limits(op: &Op) {
    has_names(op);
    match op {
        Op::Set { value, value_type, .. } => {
            assert!(value.len() <= VALUE_BYTES_MAX);
            let value_type = match value_type {
                model::ValueType::String => ValueType::String,
                model::ValueType::Number => ValueType::Number,
                model::ValueType::Boolean => ValueType::Boolean,
                model::ValueType::Json => ValueType::Json,
                model::ValueType::Yaml => ValueType::Yaml,
            };
            assert_eq!(value_type.check(value), Ok(()), "{value:?} was proposed");
            // What another parser of JSON takes, for numbers too large for both.
            if matches!(value_type, ValueType::Json | ValueType::Number) {
                serde_json::from_str::<serde::de::IgnoredAny>(value).expect("a value of type json is JSON");
            }
        }
        Op::SetNamespace { description, owner, .. } => {
            assert!(description.len() <= DESCRIPTION_BYTES_MAX && (1..=OWNER_BYTES_MAX).contains(&owner.len()));
        }
        Op::Txn(txn) => {
            for op in txn.ops() {
                is_within_the_limits(&match op.clone() {
                    TxnOp::Set { namespace, key, value, value_type } => Op::Set { namespace, key, value, value_type },
                    TxnOp::Delete { namespace, key } => Op::Delete { namespace, key },
                });
            }
        }
        Op::Delete { .. } | Op::DeleteNamespace { .. } | Op::Rollback { .. } | Op::Bootstrap { .. } => {}
    }
}

/// A name that came out of a path goes into one again, in either form, and comes out as the same.
fn has_one_path(node: &FakeNode, router: &axum::Router, namespace: &Namespace, key: Option<&Key>) {
    let (plain, escaped) = (namespace.as_str(), escape(namespace.as_str()));
    let mut paths = Vec::new();
    match key {
        Some(key) => {
            paths.push(format!("/api/v1/config/{escaped}/{}", escape(key.as_str())));
            paths.push(format!("/api/v1/config/{plain}/-/{key}"));
        }
        None => {
            for collection in ["config", "namespaces", "audit"] {
                paths.push(format!("/api/v1/{collection}/{plain}/-"));
                if (collection, plain) != ("audit", "verify") {
                    paths.push(format!("/api/v1/{collection}/{escaped}"));
                }
            }
        }
    }
    for path in paths {
        let request = Request::get(&path).header("x-api-key", READER).body(Body::empty()).expect("a plain request");
        let status = send(node, router, request).status;
        assert_eq!(status, StatusCode::OK, "GET {path}");
        assert_eq!(node.seen.names(), [(namespace.clone(), key.cloned())], "GET {path} was taken for another name");
    }
}

/// All but letters and digits, so that nothing between has a meaning of its own.
fn escape(name: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") }
    };
    name.bytes().map(one).collect()
}
