//! Conditions, and requests that are to be done once.

use expect_test::expect;

use super::{ADMIN, JSON, READER, Rest};

const KEY: &str = "/api/v1/config/a/k";
const NAMESPACE: &str = "/api/v1/namespaces/a";

fn put(rest: &Rest, path: &str, headers: &[&str], body: &str) -> super::Seen {
    rest.send(&format!("PUT {path}"), &[&[ADMIN, JSON], headers].concat(), body.to_owned())
}

fn delete(rest: &Rest, path: &str, headers: &[&str]) -> super::Seen {
    rest.send(&format!("DELETE {path}"), &[&[ADMIN], headers].concat(), "")
}

#[test]
fn a_write_under_a_condition_is_made_or_told_what_is_there() {
    let rest = Rest::node(1);
    let value = r#"{"value":"v"}"#;
    expect![[r#"
        412 Precondition Failed
        x-confman-version: 5:1
        content-type: application/problem+json
        {
          "current": null,
          "detail": "nothing was written: there is none now. Decide again",
          "instance": "/api/v1/config/a/k",
          "status": 412,
          "title": "Precondition failed",
          "type": "https://confman/errors/precondition-failed"
        }"#]]
    .assert_eq(&put(&rest, KEY, &["If-Match: *"], value).whole());
    assert_eq!(put(&rest, KEY, &["If-None-Match: *"], value).status, 201);
    expect![[r#"
        412 Precondition Failed
        etag: "5:2"
        x-confman-version: 5:3
        content-type: application/problem+json
        {
          "current": "5:2",
          "detail": "nothing was written: it is at 5:2 now. Read it, and decide again",
          "instance": "/api/v1/config/a/k",
          "status": 412,
          "title": "Precondition failed",
          "type": "https://confman/errors/precondition-failed"
        }"#]]
    .assert_eq(&put(&rest, KEY, &["If-None-Match: *"], value).whole());
    for (header, status) in [
        ("If-Match: \"5:1\"", 412),
        ("If-Match: W/\"5:2\"", 412),
        ("If-Match: \"5:1\", \"5:2\"", 200),
        ("If-None-Match: W/\"5:5\"", 200),
    ] {
        assert_eq!(put(&rest, KEY, &[header], value).status, status, "{header}");
    }
    assert_eq!(rest.get(KEY).json()["version"], 3);
    assert_eq!(delete(&rest, KEY, &["If-Match: \"5:2\""]).header("etag"), Some("\"5:7\""));
    assert_eq!(delete(&rest, KEY, &["If-Match: \"5:7\"", "If-None-Match: \"5:7\""]).status, 412);
    assert_eq!(delete(&rest, KEY, &["If-Match: \"5:7\"", "If-None-Match: \"5:2\""]).status, 204);
    assert_eq!(delete(&rest, KEY, &["If-Match: \"5:7\""]).status, 404, "what is absent is absent");

    let settings = r#"{"description":"d","owner":"o"}"#;
    assert_eq!(put(&rest, NAMESPACE, &["If-None-Match: *"], settings).header("etag"), Some("\"5:2\""));
    assert_eq!(put(&rest, NAMESPACE, &["If-Match: \"5:2\""], settings).header("etag"), Some("\"5:13\""));
    assert_eq!(delete(&rest, NAMESPACE, &["If-Match: \"5:2\""]).status, 412);
    assert_eq!(delete(&rest, NAMESPACE, &["If-Match: \"5:13\""]).status, 204);
    assert_eq!(put(&rest, NAMESPACE, &["If-Match: *"], settings).status, 412);
    expect![
        "400 invalid-request: If-Match takes ETags as they came, with their quotes and commas between them, or * alone"
    ]
    .assert_eq(&put(&rest, KEY, &["If-Match: 5:1"], value).line());
}

#[test]
fn a_read_under_a_condition() {
    let rest = Rest::node(1);
    put(&rest, KEY, &[], r#"{"value":"v"}"#);
    for path in [KEY, NAMESPACE] {
        for (headers, status) in [
            (&["If-Match: \"5:1\""][..], 200),
            (&["If-Match: *"], 200),
            (&["If-Match: \"5:2\""], 412),
            (&["If-Match: W/\"5:1\""], 412),
            (&["If-Match: \"5:2\"", "If-None-Match: *"], 412),
            (&["If-Match: \"5:1\"", "If-None-Match: *"], 304),
            (&["If-Match: 5:1"], 400),
            (&["If-None-Match: 5:1"], 400),
        ] {
            let seen = rest.send(&format!("GET {path}"), &[&[READER], headers].concat(), "");
            assert_eq!(seen.status, status, "{path} {headers:?}");
            assert_eq!(seen.header("etag").is_some(), status != 400, "{path} {headers:?}");
        }
    }
    let absent = rest.send("GET /api/v1/config/a/zzz", &[READER, "If-Match: *"], "");
    assert_eq!(absent.status, 404);
    expect![[r#"
        412 Precondition Failed
        x-confman-version: 5:1
        etag: W/"5:1"
        content-type: application/problem+json
        {
          "detail": "what is there has another ETag now: see the header, and read it without If-Match",
          "instance": "/api/v1/config/a",
          "status": 412,
          "title": "Precondition failed",
          "type": "https://confman/errors/precondition-failed"
        }"#]]
    .assert_eq(&rest.send("GET /api/v1/config/a", &[READER, "If-Match: \"5:1\""], "").whole());
}

#[test]
fn a_list_has_an_etag_that_changes_with_each_write_and_delete_in_it() {
    let rest = Rest::node(1);
    let etag = |path: &str| rest.get(path).header("etag").expect("a list has an ETag").to_owned();
    let (list, namespaces) = ("/api/v1/config/a", "/api/v1/namespaces");
    assert_eq!((etag(list), etag(namespaces)), ("W/\"0:0\"".to_owned(), "W/\"0:0\"".to_owned()));
    put(&rest, KEY, &[], r#"{"value":"v"}"#);
    put(&rest, "/api/v1/config/b/k", &[], r#"{"value":"v"}"#);
    assert_eq!((etag(list), etag(namespaces)), ("W/\"5:1\"".to_owned(), "W/\"5:2\"".to_owned()));
    let known = rest.send("GET /api/v1/config/a?limit=1", &[READER, "If-None-Match: W/\"5:1\""], "");
    assert_eq!((known.status.as_u16(), known.header("etag"), known.body.as_str()), (304, Some("W/\"5:1\""), ""));
    put(&rest, KEY, &[], r#"{"value":"v"}"#);
    put(&rest, "/api/v1/config/a/l", &[], r#"{"value":"v"}"#);
    let page = rest.get("/api/v1/config/a?limit=1").json();
    delete(&rest, KEY, &[]);
    delete(&rest, KEY, &[]);
    assert_eq!((etag(list), etag(namespaces)), ("W/\"5:5\"".to_owned(), "W/\"5:2\"".to_owned()));
    // The pages behind the first stand still.
    let cursor = page["pagination"]["nextCursor"].as_str().expect("more pages");
    assert_eq!(etag(&format!("/api/v1/config/a?limit=1&cursor={cursor}")), "W/\"5:4\"");
    put(&rest, "/api/v1/namespaces/b", &[], r#"{"description":"d","owner":"o"}"#);
    assert_eq!((etag(list), etag(namespaces)), ("W/\"5:5\"".to_owned(), "W/\"5:7\"".to_owned()));
}

#[test]
fn a_request_with_an_idempotency_key_is_done_once() {
    let rest = Rest::node(1);
    let key = "Idempotency-Key: one";
    let value = r#"{"value":"v","type":"json"}"#.replace("\"v\"", "\"[1]\"");
    let first = put(&rest, KEY, &[key], &value);
    assert_eq!(first.status, 201);
    put(&rest, KEY, &[], r#"{"value":"w"}"#);
    // The same request, however it is written.
    let spaced = value.replace(',', " ,\n");
    for (path, header, body) in [
        (KEY, key, &value),
        ("/api/v1/config/a/-/k", "Idempotency-Key: \"one\"", &value),
        ("/api/v1/config/%61/k?hop=1", key, &spaced),
    ] {
        assert_eq!(put(&rest, path, &[header], body).whole(), first.whole(), "{path}");
    }
    assert_eq!(rest.get(KEY).json()["value"], "w");
    expect![[r#"
        422 Unprocessable Entity
        x-confman-version: 5:6
        content-type: application/problem+json
        {
          "detail": "nothing was written: this idempotency key was used for another request within the last 24 hours. Take a new one for each request, and the same one only to send a request again as it was",
          "instance": "/api/v1/config/a/k",
          "status": 422,
          "title": "Idempotency key used for another request",
          "type": "https://confman/errors/idempotency-mismatch"
        }"#]].assert_eq(&put(&rest, KEY, &[key], r#"{"value":"w"}"#).whole());
    for (path, headers, body) in [
        ("/api/v1/config/a/l", &[key][..], value.as_str()),
        (KEY, &[key, "If-Match: \"5:2\""], &value),
        (NAMESPACE, &[key], r#"{"description":"d","owner":"o"}"#),
    ] {
        assert_eq!(put(&rest, path, headers, body).slug().as_deref(), Some("idempotency-mismatch"), "{path}");
    }
    assert_eq!(delete(&rest, KEY, &[key]).status, 422);

    let twice = |send: &dyn Fn() -> super::Seen, between: &dyn Fn()| {
        let first = send().whole();
        between();
        assert_eq!(send().whole(), first);
        first.lines().next().expect("a status").to_owned()
    };
    let nothing = &|| ();
    let set = &|| drop(put(&rest, "/api/v1/config/b/k", &[], r#"{"value":"v"}"#));
    let gone = &|| drop(delete(&rest, "/api/v1/config/b/k", &[]));
    let other = "/api/v1/config/b/k";
    assert_eq!(twice(&|| delete(&rest, other, &["Idempotency-Key: 404"]), set), "404 Not Found");
    assert_eq!(
        twice(&|| put(&rest, other, &["Idempotency-Key: 412", "If-None-Match: *"], &value), gone),
        "412 Precondition Failed"
    );
    set();
    assert_eq!(twice(&|| delete(&rest, "/api/v1/namespaces/b", &["Idempotency-Key: 409"]), gone), "409 Conflict");
    set();
    assert_eq!(twice(&|| delete(&rest, other, &["Idempotency-Key: 204"]), set), "204 No Content");
    let settings = r#"{"description":"d","owner":"o"}"#;
    assert_eq!(twice(&|| put(&rest, NAMESPACE, &["Idempotency-Key: ns"], settings), nothing), "200 OK");

    for bad in ["\"one", "one two", "\"\"", &"x".repeat(256)] {
        assert_eq!(put(&rest, KEY, &[&format!("Idempotency-Key: {bad}")], &value).status, 400, "{bad:?}");
    }
    assert_eq!(put(&rest, KEY, &[key, key], &value).status, 400, "twice");
    assert_eq!(put(&rest, KEY, &[&format!("Idempotency-Key: {}", "x".repeat(255))], &value).status, 200);
}

#[test]
fn what_has_no_meaning_is_refused() {
    let rest = Rest::node(1);
    let transfer = r#"{"node":1}"#;
    let table = rest.table(&[
        ("POST /api/v1/cluster/leader", &[ADMIN, JSON, "Idempotency-Key: x"], transfer),
        ("POST /api/v1/cluster/leader", &[ADMIN, JSON, "If-None-Match: *"], transfer),
        ("DELETE /api/v1/cluster/members/3", &[ADMIN, "If-Match: *"], ""),
        ("GET /api/v1/audit/a", &[READER, "If-Match: \"5:1\""], ""),
        ("GET /api/v1/audit/a", &[READER, "If-None-Match: \"5:1\"", "Idempotency-Key: x"], ""),
        ("POST /api/v1/txn", &[ADMIN, JSON, "If-Match: *"], r#"{"ops":[{"delete":{"namespace":"a","key":"k"}}]}"#),
    ]);
    expect![[r#"
        POST /api/v1/cluster/leader ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json", "Idempotency-Key: x"] {"node":1} -> 400 invalid-request: the cluster is not changed under an Idempotency-Key: leave it out. What is so already is not done again
        POST /api/v1/cluster/leader ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json", "If-None-Match: *"] {"node":1} -> 400 invalid-request: what is here has no ETag: leave out If-Match and If-None-Match
        DELETE /api/v1/cluster/members/3 ["X-API-Key: cm_admin_secret_0000", "If-Match: *"]  -> 400 invalid-request: what is here has no ETag: leave out If-Match and If-None-Match
        GET /api/v1/audit/a ["X-API-Key: cm_reader_secret_000", "If-Match: \"5:1\""]  -> 400 invalid-request: what is here has no ETag: leave out If-Match and If-None-Match
        GET /api/v1/audit/a ["X-API-Key: cm_reader_secret_000", "If-None-Match: \"5:1\"", "Idempotency-Key: x"]  -> 200
        POST /api/v1/txn ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json", "If-Match: *"] {"ops":[{"delete":{"namespace":"a","key":"k"}}]} -> 400 invalid-request: what is here has no ETag: say in `compare` what must be so
    "#]].assert_eq(&table);
}
