//! The life of an entry.

use expect_test::expect;

use super::{ADMIN, JSON, READER, Rest};

#[test]
fn an_entry_is_set_read_and_deleted() {
    let rest = Rest::node(1);
    let path = "/api/v1/config/payments/db.url";
    expect![[r#"
        404 Not Found
        x-confman-version: 5:0
        content-type: application/problem+json
        {
          "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
          "instance": "/api/v1/config/payments/db.url",
          "status": 404,
          "title": "Not found",
          "type": "https://confman/errors/not-found"
        }"#]]
    .assert_eq(&rest.get(path).whole());
    expect![[r#"
        201 Created
        content-type: application/json
        x-confman-version: 5:1
        etag: "5:1"
        {
          "createdAt": "2023-11-14T22:13:20.123Z",
          "key": "db.url",
          "namespace": "payments",
          "revision": "5:1",
          "type": "number",
          "updatedAt": "2023-11-14T22:13:20.123Z",
          "updatedBy": "boss@test",
          "value": "5432",
          "version": 1
        }"#]]
    .assert_eq(&rest.put(path, r#"{"value":"5432","type":"number"}"#).whole());
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:1
        etag: "5:1"
        {
          "createdAt": "2023-11-14T22:13:20.123Z",
          "key": "db.url",
          "namespace": "payments",
          "revision": "5:1",
          "type": "number",
          "updatedAt": "2023-11-14T22:13:20.123Z",
          "updatedBy": "boss@test",
          "value": "5432",
          "version": 1
        }"#]]
    .assert_eq(&rest.get(path).whole());
    // An equal value is still a write.
    let again = rest.put(path, r#"{"value":"5432","type":"number"}"#);
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, Some("\"5:2\"")));
    assert_eq!(again.json()["version"], 2);
    expect![[r#"
        204 No Content
        x-confman-version: 5:3
    "#]]
    .assert_eq(&rest.send(&format!("DELETE {path}"), &[ADMIN], "").whole());
    expect![[r#"
        404 Not Found
        x-confman-version: 5:4
        content-type: application/problem+json
        {
          "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
          "instance": "/api/v1/config/payments/db.url",
          "status": 404,
          "title": "Not found",
          "type": "https://confman/errors/not-found"
        }"#]]
    .assert_eq(&rest.send(&format!("DELETE {path}"), &[ADMIN], "").whole());
}

#[test]
fn names_with_slashes_have_two_forms() {
    let rest = Rest::node(1);
    assert_eq!(rest.put("/api/v1/config/teams/payments/-/db/url", r#"{"value":"v"}"#).status, 201);
    for same in ["/api/v1/config/teams%2Fpayments/db%2Furl", "/api/v1/config/teams%2fpayments/-/db%2Furl"] {
        let seen = rest.get(same);
        assert_eq!((&seen.json()["namespace"], &seen.json()["key"]), (&"teams/payments".into(), &"db/url".into()));
    }
    for list in ["/api/v1/config/teams%2Fpayments", "/api/v1/config/teams/payments/-?prefix=db%2F"] {
        assert_eq!(rest.get(list).json()["items"].as_array().map(Vec::len), Some(1), "{list}");
    }
    assert_eq!(rest.put("/api/v1/config/a/-/-", r#"{"value":"v"}"#).json()["key"], "-");
    // The path is named as it came.
    let seen = rest.get("/api/v1/config/a/-/b/c");
    assert_eq!(seen.json()["instance"], "/api/v1/config/a/-/b/c");
}

#[test]
fn a_known_etag_is_not_sent_again() {
    let rest = Rest::node(1);
    rest.put("/api/v1/config/a/k", r#"{"value":"v"}"#);
    let with = |tags: &str| {
        let seen = rest.send("GET /api/v1/config/a/k", &[READER, &format!("If-None-Match: {tags}")], "");
        assert_eq!(seen.header("etag"), Some("\"5:1\""));
        assert_eq!(seen.header("x-confman-version"), Some("5:1"));
        assert_eq!(seen.body.is_empty(), seen.status == 304);
        seen.status.as_u16()
    };
    for known in ["\"5:1\"", "W/\"5:1\"", "*", "\"x\", \"5:1\""] {
        assert_eq!(with(known), 304, "{known}");
    }
    for other in ["\"5:2\"", "\"x\""] {
        assert_eq!(with(other), 200, "{other}");
    }
}

#[test]
fn head_is_get_without_the_body() {
    let rest = Rest::node(1);
    rest.put("/api/v1/config/a/k", r#"{"value":"v"}"#);
    for path in ["/api/v1/config/a/k", "/api/v1/config/a/absent", "/api/v1/config/a", "/health", "/api/v1/config/a/k?x"]
    {
        let id = "X-Request-ID: same";
        let get = rest.send(&format!("GET {path}"), &[READER, id], "");
        let head = rest.send(&format!("HEAD {path}"), &[READER, id], "");
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.body, "", "{path}");
        assert_eq!(head.headers, get.headers, "{path}");
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
    }
}

#[test]
fn every_type_is_kept_as_it_came() {
    let rest = Rest::node(1);
    for (value_type, value) in
        [("string", " \u{0} "), ("number", "1e3"), ("boolean", "true"), ("json", " [1] "), ("yaml", "a: 1\n")]
    {
        let body = serde_json::json!({ "value": value, "type": value_type }).to_string();
        let set = rest.send("PUT /api/v1/config/a/k", &[ADMIN, JSON], body).json();
        let got = rest.get("/api/v1/config/a/k").json();
        assert_eq!(set, got);
        assert_eq!((got["value"].as_str(), got["type"].as_str()), (Some(value), Some(value_type)));
    }
}
