//! Every route of the document that a live node gives, with each kind of key.

use serde_json::Value;

use crate::support::raw::{Raw, RawAnswer};
use crate::support::{ADMIN, Cluster, READER};

/// A path of the document, with its examples in place of its parameters.
fn path_of(template: &str, operation: &Value) -> String {
    let mut path = template.to_owned();
    for parameter in operation["parameters"].as_array().expect("parameters") {
        if parameter["in"] == "path" {
            let example = parameter["example"].to_string().trim_matches('"').replace('/', "%2F");
            path = path.replace(&format!("{{{}}}", parameter["name"].as_str().expect("a name")), &example);
        }
    }
    assert!(!path.contains('{'), "{template}: a parameter has no example");
    path
}

#[test]
fn every_route_of_the_document_is_closed_to_those_it_is_not_for() {
    let cluster = Cluster::start(1, "");
    let base = cluster.url(1);
    let get = |path: &str| cluster.http.get(&format!("{base}{path}"), None).expect("an answer");
    let document = get("/openapi.json").json();
    let mut seen = 0;
    for (template, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let path = path_of(template, operation);
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let body = body.is_object().then(|| body.to_string());
            let ask = |key: Option<&str>| -> RawAnswer {
                let key = key.map(|key| format!("X-API-Key: {key}\r\n")).unwrap_or_default();
                let body = body.clone().unwrap_or_default();
                let framing = format!("Content-Type: application/json\r\nContent-Length: {}", body.len());
                let method = method.to_ascii_uppercase();
                let mut connection = Raw::connect(base);
                let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{key}{framing}\r\n\r\n{body}");
                connection.send(request).expect("it is taken");
                connection.answer(method == "HEAD").expect("an answer").expect("an answer")
            };
            let role = operation["x-confman-role"].as_str().expect("a role");
            let wanted = match role {
                "none" => [true, true, true, true],
                "reader" => [false, false, true, true],
                "admin" => [false, false, false, true],
                other => panic!("{other} is no role"),
            };
            let keys = [None, Some("some-other-key-of-length"), Some(READER), Some(ADMIN)];
            for (key, wanted) in keys.into_iter().zip(wanted) {
                let answer = ask(key);
                let refused = if key == Some(READER) { 403 } else { 401 };
                assert_eq!(answer.status != refused, wanted, "{method} {template} with {key:?}: {answer:?}");
                assert!(wanted || answer.body.is_empty() || !answer.slug().is_empty());
                // In a healthy node no request is a fault of the node's own.
                assert_ne!(answer.status, 500, "{method} {template} with {key:?}: {answer:?}");
                let documented = operation["responses"].get(answer.status.to_string()).is_some();
                assert!(documented, "{method} {template}: {} is not documented", answer.status);
            }
            seen += 1;
        }
    }
    assert!(seen >= 34, "only {seen} operations");
    // What a path does not have is told to anybody, and so is a path that there is not.
    assert_eq!(get("/api/v1/txn").status, 405);
    assert_eq!(get("/api/v1/nothing").status, 404);
}
