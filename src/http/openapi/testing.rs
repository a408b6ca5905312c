//! Holds what the router answers in any test against the document.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use axum::http::{HeaderMap, StatusCode};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{HEADERS_OF_ALL, document};
use crate::http::path;

/// The document, with objects closed: clients must bear members that they do not know, we must not send any.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = document();
    for schema in document["components"]["schemas"].as_object_mut().expect("schemas").values_mut() {
        if schema.get("properties").is_some() {
            schema["unevaluatedProperties"] = false.into();
        }
    }
    document
});

/// Validators by the place of their schema.
static VALIDATORS: Mutex<BTreeMap<String, Validator>> = Mutex::new(BTreeMap::new());

/// An answer that came.
pub struct Came<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub body: &'a str,
}

/// What of the answer to `METHOD /path` is not as the document says. What the document does not have is not judged.
pub fn contradiction(line: &str, sent: Option<&str>, came: &Came<'_>) -> Option<String> {
    let (method, uri) = line.split_once(' ').expect("a method and a path");
    let asked = uri.split('?').next().expect("a path");
    let canonical = path::canonical(asked).ok()?;
    let (template, methods) =
        STRICT["paths"].as_object().expect("paths").iter().find(|(it, _)| fits(it, &canonical))?;
    let method = method.to_ascii_lowercase();
    let operation = methods.get(&method)?;
    let status = came.status.as_u16().to_string();
    let Some(response) = operation["responses"].get(&status) else {
        return Some(format!("{status} is not documented: {}", came.body));
    };
    let place = format!("/paths/{}/{method}", escaped(template));
    let of_body = body(&format!("{place}/responses/{status}"), response, &method, came);
    of_body.or_else(|| headers(response, came)).or_else(|| {
        let schema = operation.pointer("/requestBody/content/application~1json/schema")?;
        assert!(schema.is_object(), "{template}");
        let sent = sent.filter(|_| came.status.is_success())?;
        invalid(&format!("{place}/requestBody/content/application~1json/schema"), sent)
            .map(|why| format!("a body was taken that the document refuses: {why}"))
    })
}

fn headers(response: &Value, came: &Came<'_>) -> Option<String> {
    let documented = response["headers"].as_object().expect("headers");
    let is_documented = |name: &str| documented.keys().any(|it| it.eq_ignore_ascii_case(name));
    let of_http = ["content-type", "content-length"];
    let unknown = came.headers.keys().find(|name| !of_http.contains(&name.as_str()) && !is_documented(name.as_str()));
    if let Some(unknown) = unknown {
        return Some(format!("the header {unknown} is not documented"));
    }
    let missing = documented.keys().find(|name| {
        let place = documented[name.as_str()]["$ref"].as_str().and_then(|place| place.strip_prefix('#'));
        let required = STRICT.pointer(place.expect("a reference")).expect("a header")["required"] == true;
        required && !came.headers.contains_key(name.as_str())
    });
    missing.map(|name| format!("the header {name} is missing"))
}

fn body(place: &str, response: &Value, method: &str, came: &Came<'_>) -> Option<String> {
    let content = response.get("content");
    if method == "head" || content.is_none() {
        assert!(method != "head" || content.is_none(), "{place}: HEAD has no content");
        return (!came.body.is_empty()).then(|| format!("there is a body: {}", came.body));
    }
    let given = came.headers.get("content-type")?.to_str().ok()?.split(';').next()?;
    let documented = content?.as_object().expect("content");
    if documented.contains_key("*/*") {
        return None;
    }
    if !documented.contains_key(given) {
        let documented: Vec<&String> = documented.keys().collect();
        return Some(format!("the content type is {given} and none of {documented:?}"));
    }
    if !given.ends_with("json") {
        return None;
    }
    invalid(&format!("{place}/content/{}/schema", escaped(given)), came.body)
}

/// Why `text` does not fit the schema at `place` in the document.
pub fn invalid(place: &str, text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    let mut validators = VALIDATORS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let validator = validators.entry(place.to_owned()).or_insert_with(|| {
        let mut root = STRICT.pointer(place).expect("a place in the document").clone();
        root["components"] = json!({ "schemas": STRICT["components"]["schemas"] });
        jsonschema::validator_for(&root).unwrap_or_else(|error| panic!("{place}: {error}"))
    });
    validator.iter_errors(&value).next().map(|error| format!("at '{}': {error}", error.instance_path()))
}

/// Whether a canonical path is one of a template. A template without parameters goes first, as in the router.
fn fits(template: &str, path: &str) -> bool {
    let exact = STRICT["paths"].get(path).is_some();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return !exact || template == path,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

/// RFC 6901, section 3.
fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

#[test]
fn a_contradiction_is_found() {
    let came = |status: u16, body: &'static str, headers: &[(&'static str, &'static str)]| {
        let mut map = HeaderMap::new();
        for name in HEADERS_OF_ALL {
            map.insert(
                name.to_ascii_lowercase().parse::<axum::http::HeaderName>().expect("a name"),
                "x".parse().expect("a value"),
            );
        }
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        contradiction("GET /health", None, &Came { status, headers: &map, body }).unwrap_or_default()
    };
    let json = ("content-type", "application/json");
    let healthy = r#"{"status":"healthy"}"#;
    assert_eq!(came(200, healthy, &[json]), "");
    for (found, wanted) in [
        (came(202, healthy, &[json]), "202 is not documented"),
        (came(200, healthy, &[("content-type", "text/plain")]), "content type"),
        (came(200, healthy, &[json, ("x-other", "1")]), "the header x-other is not documented"),
        (came(200, r#"{"status":"ill"}"#, &[json]), "at '/status'"),
        (came(200, r#"{}"#, &[json]), "required"),
        (came(200, r#"{"status":"healthy","mood":1}"#, &[json]), "mood"),
    ] {
        assert!(found.contains(wanted), "{wanted}: {found}");
    }
}
