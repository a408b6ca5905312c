//! Values alone, and namespaces as files.

use expect_test::expect;

use super::{ADMIN, READER, Rest};
use crate::base::limits::{FILE_BYTES_MAX, PAGE_ITEMS_MAX, VALUE_BYTES_MAX};

const TEXT: &str = "Content-Type: text/plain";

#[test]
fn a_value_alone_is_just_its_bytes() {
    let rest = Rest::node(1);
    let value = " \u{0}ä\r\n\"x\"\n";
    let body = serde_json::json!({ "value": value, "type": "string" }).to_string();
    rest.put("/api/v1/config/a/k", &body);
    let as_json = rest.get("/api/v1/config/a/k");
    for (line, accept) in [
        ("GET /api/v1/config/a/k", "Accept: text/plain"),
        ("GET /api/v1/config/a/k", "Accept: application/json;q=0.1, text/*"),
        ("GET /api/v1/config/a/k?format=raw", "Accept: */*"),
        ("GET /api/v1/config/a/-/k?format=raw", "Accept:"),
    ] {
        let seen = rest.send(line, &[READER, accept, "X-Request-ID: r"], "");
        assert_eq!((seen.status.as_u16(), seen.body.as_str()), (200, value), "{line} {accept}");
        assert_eq!(seen.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!((seen.header("etag"), seen.header("x-confman-version")), (Some("\"5:1;raw\""), Some("5:1")));
        let head = rest.send(&line.replace("GET", "HEAD"), &[READER, accept, "X-Request-ID: r"], "");
        assert_eq!((head.headers, head.body.as_str()), (seen.headers, ""));
    }
    for (line, accept) in [
        ("GET /api/v1/config/a/k?format=json", "Accept: */*"),
        ("GET /api/v1/config/a/k", "Accept: text/plain;q=0.5, application/json"),
        ("GET /api/v1/config/a/k", "Accept: text/plain, */*"),
    ] {
        let seen = rest.send(line, &[READER, accept], "");
        assert_eq!((seen.json(), seen.header("etag")), (as_json.json(), Some("\"5:1\"")), "{line} {accept}");
    }
    // What was asked for in the query is not given where the client says that it does not take it.
    let table = rest.table(&[
        ("GET /api/v1/config/a/k?format=raw", &[READER, "Accept: application/json"], ""),
        ("GET /api/v1/config/a/k?format=json", &[READER, "Accept: text/plain"], ""),
        ("GET /api/v1/config/a/k?format=xml", &[READER], ""),
        ("GET /api/v1/config/a/k", &[READER, "Accept: image/png"], ""),
        ("GET /api/v1/config/a/absent?format=raw", &[READER], ""),
        ("PUT /api/v1/config/a/k", &[ADMIN, TEXT, "Accept: text/plain"], "v"),
    ]);
    expect![[r#"
        GET /api/v1/config/a/k?format=raw ["X-API-Key: cm_reader_secret_000", "Accept: application/json"]  -> 406 not-acceptable: answers are text/plain: send Accept: text/plain, or none
        GET /api/v1/config/a/k?format=json ["X-API-Key: cm_reader_secret_000", "Accept: text/plain"]  -> 406 not-acceptable: answers are application/json: send Accept: application/json, or none
        GET /api/v1/config/a/k?format=xml ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: format is raw, for the value alone, or json
        GET /api/v1/config/a/k ["X-API-Key: cm_reader_secret_000", "Accept: image/png"]  -> 406 not-acceptable: answers are application/json or text/plain: send Accept: application/json, or none
        GET /api/v1/config/a/absent?format=raw ["X-API-Key: cm_reader_secret_000"]  -> 404 not-found: there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: text/plain", "Accept: text/plain"] v -> 406 not-acceptable: answers are application/json: send Accept: application/json, or none
    "#]].assert_eq(&table);
}

#[test]
fn each_representation_is_known_by_its_own_etag() {
    let rest = Rest::node(1);
    rest.put("/api/v1/config/a/k", r#"{"value":"v"}"#);
    for (path, tag, status) in [
        ("/api/v1/config/a/k?format=raw", "\"5:1;raw\"", 304),
        ("/api/v1/config/a/k?format=raw", "\"x\", W/\"5:1;raw\"", 304),
        ("/api/v1/config/a/k?format=raw", "*", 304),
        ("/api/v1/config/a/k?format=raw", "\"5:1\"", 200),
        ("/api/v1/config/a/k?format=raw", "\"5:2;raw\"", 200),
        ("/api/v1/config/a/k", "\"5:1;raw\"", 200),
        ("/api/v1/config/a/k", "\"5:1\"", 304),
    ] {
        let seen = rest.send(&format!("GET {path}"), &[READER, &format!("If-None-Match: {tag}")], "");
        assert_eq!(seen.status, status, "{path} {tag}");
        assert_eq!(seen.header("etag") == Some("\"5:1;raw\""), path.ends_with("raw"), "{path} {tag}");
    }
}

#[test]
fn a_body_of_text_is_the_value() {
    let rest = Rest::node(1);
    let put = |content_type: &str, body: &'static [u8]| {
        rest.send("PUT /api/v1/config/a/k", &[ADMIN, &format!("Content-Type: {content_type}")], body)
    };
    let seen = put("text/plain", b" {\"value\":\"v\"}\n");
    assert_eq!((seen.status.as_u16(), seen.header("content-type")), (201, Some("application/json")));
    assert_eq!(
        (seen.json()["value"].as_str(), seen.json()["type"].as_str()),
        (Some(" {\"value\":\"v\"}\n"), Some("string"))
    );
    assert_eq!(put("text/plain; charset=UTF-8", "ä".as_bytes()).json()["value"], "ä");
    assert_eq!(put("Text/Plain", b"").json()["value"], "");
    let mut table = String::new();
    for (content_type, body) in [
        ("text/plain", &b"a\xff"[..]),
        ("text/plain; charset=latin1", b"a"),
        ("text/html", b"a"),
        ("text/plain, text/plain", b"a"),
    ] {
        table += &format!("{content_type} -> {}\n", put(content_type, body).line());
    }
    expect![[r#"
        text/plain -> 400 invalid-request: byte 2 of the body is not UTF-8: values are text, encode it with base64 perhaps
        text/plain; charset=latin1 -> 415 unsupported-media-type: send the body in UTF-8
        text/html -> 415 unsupported-media-type: send JSON, and say so: Content-Type: application/json
        text/plain, text/plain -> 415 unsupported-media-type: send JSON, and say so: Content-Type: application/json
    "#]].assert_eq(&table);
    let long = |bytes: usize| rest.send("PUT /api/v1/config/a/k", &[ADMIN, TEXT], "v".repeat(bytes)).status.as_u16();
    assert_eq!((long(VALUE_BYTES_MAX), long(VALUE_BYTES_MAX + 1)), (200, 413));
    let gzip = rest.send("PUT /api/v1/config/a/k", &[ADMIN, TEXT, "Content-Encoding: gzip"], "a");
    assert_eq!(gzip.status, 415);
    // A value alone is of an entry; nothing else is set like that.
    assert_eq!(rest.send("PUT /api/v1/namespaces/a", &[ADMIN, TEXT], "a").status, 415);
}

/// A namespace `n` with a value of each type.
fn typed() -> Rest {
    let rest = Rest::node(1);
    for (key, value_type, value) in [
        ("db.url", "string", "postgres://db-1/pay?x='1'"),
        ("db/pool", "number", "10"),
        ("feature:on", "boolean", "true"),
        ("limits", "json", r#"{"perDay": 100}"#),
        ("rules", "yaml", "- a\n- b\n"),
    ] {
        let body = serde_json::json!({ "value": value, "type": value_type }).to_string();
        assert_eq!(rest.put(&format!("/api/v1/config/n/-/{key}"), &body).status, 201);
    }
    rest
}

#[test]
fn a_namespace_is_a_file_in_each_format() {
    let rest = typed();
    let mut files = String::new();
    for format in ["env", "properties", "yaml", "json"] {
        files += &rest.get(&format!("/api/v1/config/n?format={format}")).whole_text();
    }
    expect![[r#"
        200 OK
        x-confman-version: 5:5
        content-type: text/plain; charset=utf-8
        etag: "5:5;env"
        DB_URL='postgres://db-1/pay?x='\''1'\'''
        DB_POOL=10
        FEATURE_ON=true
        LIMITS='{"perDay": 100}'
        RULES='- a
        - b
        '
        200 OK
        x-confman-version: 5:5
        content-type: text/x-java-properties; charset=utf-8
        etag: "5:5;properties"
        db.url=postgres://db-1/pay?x='1'
        db/pool=10
        feature\:on=true
        limits={"perDay": 100}
        rules=- a\n- b\n
        200 OK
        x-confman-version: 5:5
        content-type: application/yaml
        etag: "5:5;yaml"
        db.url: "postgres://db-1/pay?x='1'"
        db/pool: 10
        "feature:on": true
        limits: {"perDay": 100}
        rules: "- a\n- b\n"
        200 OK
        x-confman-version: 5:5
        content-type: application/json
        etag: "5:5;json"
        {
          "db.url": "postgres://db-1/pay?x='1'",
          "db/pool": 10,
          "feature:on": true,
          "limits": {"perDay": 100},
          "rules": "- a\n- b\n"
        }
    "#]]
    .assert_eq(&files);
    assert_eq!(rest.get("/api/v1/config/n?format=env&prefix=db&type=number").body, "DB_POOL=10\n");
    assert_eq!(rest.get("/api/v1/config/unknown?format=json").body, "{}\n");
}

#[test]
fn what_cannot_be_a_file_is_said() {
    let rest = typed();
    for (key, body) in [
        ("db-url", r#"{"value":"x"}"#),
        ("zero", r#"{"value":"a\u0000"}"#),
        ("twice", r#"{"value":"{\"a\":1,\"a\":2}","type":"json"}"#),
    ] {
        rest.put(&format!("/api/v1/config/n/{key}"), body);
    }
    let table = rest.table(&[
        ("GET /api/v1/config/n?format=env", &[READER], ""),
        ("GET /api/v1/config/n?format=env&prefix=z", &[READER], ""),
        ("GET /api/v1/config/n?format=yaml", &[READER], ""),
        ("GET /api/v1/config/n?format=json", &[READER], ""),
        ("GET /api/v1/config/n?format=toml", &[READER], ""),
        ("GET /api/v1/config/n?format=raw", &[READER], ""),
        ("GET /api/v1/config/n?format=env&limit=5", &[READER], ""),
        ("GET /api/v1/config/n?format=env&cursor=x", &[READER], ""),
        ("GET /api/v1/config/n?format=env&fields=key", &[READER], ""),
        ("GET /api/v1/config/n?format=yaml", &[READER, "Accept: application/json"], ""),
        ("GET /api/v1/config/n", &[READER, "Accept: application/yaml"], ""),
        ("GET /api/v1/config/n", &[READER, "Accept: image/png"], ""),
    ]);
    expect![[r#"
        GET /api/v1/config/n?format=env ["X-API-Key: cm_reader_secret_000"]  -> 422 invalid-value: this cannot be said as env: the keys "db-url" and "db.url" would be one variable, DB_URL. Take another format, or a prefix or type without it
        GET /api/v1/config/n?format=env&prefix=z ["X-API-Key: cm_reader_secret_000"]  -> 422 invalid-value: this cannot be said as env: the value of the key "zero" has a zero byte, which ends a variable. Take another format, or a prefix or type without it
        GET /api/v1/config/n?format=yaml ["X-API-Key: cm_reader_secret_000"]  -> 422 invalid-value: this cannot be said as yaml: the value of the key "twice" has an object with two members of one name. Take another format, or a prefix or type without it
        GET /api/v1/config/n?format=json ["X-API-Key: cm_reader_secret_000"]  -> 200
        GET /api/v1/config/n?format=toml ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: format is one of env, properties, yaml, json; without it the answer is a list
        GET /api/v1/config/n?format=raw ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: format is one of env, properties, yaml, json; without it the answer is a list
        GET /api/v1/config/n?format=env&limit=5 ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: a file is whole: leave out either format or limit
        GET /api/v1/config/n?format=env&cursor=x ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: a file is whole: leave out either format or cursor
        GET /api/v1/config/n?format=env&fields=key ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: a file is whole: leave out either format or fields
        GET /api/v1/config/n?format=yaml ["X-API-Key: cm_reader_secret_000", "Accept: application/json"]  -> 406 not-acceptable: answers are application/yaml: send Accept: application/yaml, or none
        GET /api/v1/config/n ["X-API-Key: cm_reader_secret_000", "Accept: application/yaml"]  -> 406 not-acceptable: answers are application/json: send Accept: application/json, or none
        GET /api/v1/config/n ["X-API-Key: cm_reader_secret_000", "Accept: image/png"]  -> 406 not-acceptable: answers are application/json or application/yaml or text/plain or text/x-java-properties: send Accept: application/json, or none
    "#]]
    .assert_eq(&table);
    assert_eq!(rest.get("/api/v1/config/n?format=env").json()["keys"], serde_json::json!(["db-url", "db.url"]));
    assert_eq!(rest.get("/api/v1/config/n?format=yaml").json()["keys"], serde_json::json!(["twice"]));
}

#[test]
fn a_file_is_of_one_revision_and_bounded() {
    let rest = Rest::node(1);
    let count = PAGE_ITEMS_MAX + 2;
    for n in 0..count {
        rest.put(&format!("/api/v1/config/n/k{n:04}"), r#"{"value":"v"}"#);
    }
    let file = rest.get("/api/v1/config/n?format=env");
    assert_eq!((file.body.lines().count(), file.header("x-confman-version")), (count, Some("5:1002")));
    let value = "v".repeat(VALUE_BYTES_MAX);
    for n in 0..FILE_BYTES_MAX / VALUE_BYTES_MAX {
        rest.send(&format!("PUT /api/v1/config/large/k{n}"), &[ADMIN, TEXT], value.clone());
    }
    expect!["413 payload-too-large: the file has more than 8388608 bytes: take a prefix, or the list in pages"]
        .assert_eq(&rest.get("/api/v1/config/large?format=properties").line());
    rest.send("DELETE /api/v1/config/large/k0", &[ADMIN], "");
    assert_eq!(rest.get("/api/v1/config/large?format=properties").status, 200);
}
