//! The form of requests: what is malformed, unknown or not built is said, never ignored.

use axum::body::Body;
use expect_test::expect;

use super::{ADMIN, JSON, READER, Rest};
use crate::base::limits::{BODY_BYTES_MAX, VALUE_BYTES_MAX};

const A: &[&str] = &[ADMIN, JSON];
const R: &[&str] = &[READER];

#[test]
fn malformed_requests_are_told_what_is_wrong() {
    let rest = Rest::node(1);
    let table = rest.table(&[
        ("GET /", R, ""),
        ("GET /api/v1/nothing", R, ""),
        ("GET /api/v1/config", R, ""),
        ("GET /api/v1/config/a/b/c", R, ""),
        ("GET /api/v1/config/a/", R, ""),
        ("GET /api/v1/config/%zz/k", R, ""),
        ("GET /api/v1/config/%ff/k", R, ""),
        ("GET /api/v1/config/a%20b/k", R, ""),
        ("GET /api/v1/config/a/b%2F%2Fc", R, ""),
        ("GET /api/v1/config/a/-/../k", R, ""),
        ("GET /api/v1/config/a/k?colour=red", R, ""),
        ("GET /api/v1/config/a/k?minVersion=5:42", R, ""),
        ("GET /api/v1/config/a/k?consistency=linearizable", R, ""),
        ("GET /api/v1/config/a/k?consistency=strong", R, ""),
        ("GET /api/v1/config/a?limit=1&limit=2", R, ""),
        ("GET /api/v1/config/a?limit=0", R, ""),
        ("GET /api/v1/config/a?limit=1001", R, ""),
        ("GET /api/v1/config/a?limit=%2B5", R, ""),
        ("GET /api/v1/config/a?prefix=%f", R, ""),
        ("GET /api/v1/config/a?cursor=abc", R, ""),
        ("GET /api/v1/cluster?pretty", R, ""),
        ("PUT /api/v1/config/a/k?hop=x", A, r#"{"value":"v"}"#),
        ("PUT /api/v1/config/a/k", A, ""),
        ("PUT /api/v1/config/a/k", A, "[\"v\"]"),
        ("PUT /api/v1/config/a/k", A, r#"{"value":5}"#),
        ("PUT /api/v1/config/a/k", A, r#"{"type":"string"}"#),
        ("PUT /api/v1/config/a/k", A, r#"{"value":"v","kind":"json"}"#),
        ("PUT /api/v1/config/a/k", A, r#"{"value":"v","value":"w"}"#),
        ("PUT /api/v1/config/a/k", A, r#"{"value":"v","type":"xml"}"#),
        ("PUT /api/v1/config/a/k", A, r#"{"value":"v"} {}"#),
        ("PUT /api/v1/config/a/k", A, r#"{"value":"1,5","type":"number"}"#),
        ("PUT /api/v1/config/a/k", A, r#"{"value":"yes","type":"boolean"}"#),
        ("PUT /api/v1/config/a/k", A, r#"{"value":"{\n\"a\":}","type":"json"}"#),
        ("PUT /api/v1/config/a/k", A, r#"{"value":"a: [1","type":"yaml"}"#),
    ]);
    expect![[r#"
        GET / ["X-API-Key: cm_reader_secret_000"]  -> 404 not-found: there is no such path. GET /openapi.json has all there are
        GET /api/v1/nothing ["X-API-Key: cm_reader_secret_000"]  -> 404 not-found: there is no such path. GET /openapi.json has all there are
        GET /api/v1/config ["X-API-Key: cm_reader_secret_000"]  -> 404 not-found: there is no such path. GET /openapi.json has all there are
        GET /api/v1/config/a/b/c ["X-API-Key: cm_reader_secret_000"]  -> 404 not-found: there is no such path. A '/' within a namespace or a key is written %2F, or the namespace is ended with /-/ as in /api/v1/config/teams/payments/-/db/url
        GET /api/v1/config/a/ ["X-API-Key: cm_reader_secret_000"]  -> 404 not-found: there is no such path. A '/' within a namespace or a key is written %2F, or the namespace is ended with /-/ as in /api/v1/config/teams/payments/-/db/url
        GET /api/v1/config/%zz/k ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: a '%' in a URL is followed by two hexadecimal digits; a '%' itself is written %25
        GET /api/v1/config/%ff/k ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: what is percent-encoded in a URL must be UTF-8
        GET /api/v1/config/a%20b/k ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -
        GET /api/v1/config/a/b%2F%2Fc ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: a key has no empty, '.' or '..' segment between its slashes
        GET /api/v1/config/a/-/../k ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: a key has no empty, '.' or '..' segment between its slashes
        GET /api/v1/config/a/k?colour=red ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: unknown query parameter "colour": this path takes at, format, consistency, minVersion, timeout, onStale
        GET /api/v1/config/a/k?minVersion=5:42 ["X-API-Key: cm_reader_secret_000"]  -> 409 version-unknown: 5:42 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
        GET /api/v1/config/a/k?consistency=linearizable ["X-API-Key: cm_reader_secret_000"]  -> 404 not-found: there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys
        GET /api/v1/config/a/k?consistency=strong ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: consistency is eventual, read-your-writes or linearizable
        GET /api/v1/config/a?limit=1&limit=2 ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: query parameter "limit" is given twice: give it once
        GET /api/v1/config/a?limit=0 ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: limit is a number from 1 to 1000
        GET /api/v1/config/a?limit=1001 ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: limit is a number from 1 to 1000
        GET /api/v1/config/a?limit=%2B5 ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: limit is a number from 1 to 1000
        GET /api/v1/config/a?prefix=%f ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: a '%' in a URL is followed by two hexadecimal digits; a '%' itself is written %25
        GET /api/v1/config/a?cursor=abc ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-cursor: the cursor was not made for this query: begin again without it, with the same path and query on all pages
        GET /api/v1/cluster?pretty ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: unknown query parameter "pretty": this path takes none
        PUT /api/v1/config/a/k?hop=x ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":"v"} -> 400 invalid-request: hop counts redirects and is for Confman's own use: leave it out
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"]  -> 400 invalid-request: the body does not fit: it is empty. Send one like {"value":"...","type":"string"}
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] ["v"] -> 400 invalid-request: the body does not fit: it is not a JSON object. Send one like {"value":"...","type":"string"}
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":5} -> 400 invalid-request: the body does not fit: invalid type: integer `5`, expected a string at line 1 column 10. Send one like {"value":"...","type":"string"}
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"type":"string"} -> 400 invalid-request: the body does not fit: missing field `value` at line 1 column 17. Send one like {"value":"...","type":"string"}
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":"v","kind":"json"} -> 400 invalid-request: the body does not fit: unknown field `kind`, expected `value` or `type` at line 1 column 19. Send one like {"value":"...","type":"string"}
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":"v","value":"w"} -> 400 invalid-request: the body does not fit: duplicate field `value` at line 1 column 20. Send one like {"value":"...","type":"string"}
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":"v","type":"xml"} -> 400 invalid-request: the body does not fit: unknown variant `xml`, expected one of `string`, `number`, `boolean`, `json`, `yaml` at line 1 column 25. Send one like {"value":"...","type":"string"}
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":"v"} {} -> 400 invalid-request: the body does not fit: trailing characters at line 1 column 15. Send one like {"value":"...","type":"string"}
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":"1,5","type":"number"} -> 422 invalid-value: the value is no number: trailing characters (line 1, column 2). Correct it, or set it as a string
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":"yes","type":"boolean"} -> 422 invalid-value: the value is no boolean: a boolean is true or false, in lower case with nothing around it (line 1, column 1). Correct it, or set it as a string
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":"{\n\"a\":}","type":"json"} -> 422 invalid-value: the value is no json: expected value (line 2, column 5). Correct it, or set it as a string
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"value":"a: [1","type":"yaml"} -> 422 invalid-value: the value is no yaml: while parsing a flow sequence, expected ',' or ']' (line 2, column 1). Correct it, or set it as a string
    "#]].assert_eq(&table);
    assert_eq!(rest.node.state.applied().expect("applied").index.0, 0, "none of it was proposed");
}

#[test]
fn headers_that_would_be_ignored_are_refused() {
    let rest = Rest::node(1);
    let (get, put) = ("GET /api/v1/config/a/k", "PUT /api/v1/config/a/k");
    let body = r#"{"value":"v"}"#;
    let table = rest.table(&[
        (get, &[READER, "X-Confman-Min-Version: 5:1"], ""),
        (get, &[READER, "X-Confman-Consistency: linearizable"], ""),
        (get, &[READER, "X-Confman-Consistency: sloppy"], ""),
        (get, &[READER, "X-Confman-Consistency: eventual"], ""),
        (get, &[READER, "Accept: text/html"], ""),
        (put, &[ADMIN], body),
        (put, &[ADMIN, "Content-Type: application/x-www-form-urlencoded"], body),
        (put, &[ADMIN, "Content-Type: text/html"], body),
        (put, &[ADMIN, "Content-Type: application/json; charset=latin1"], body),
        (put, &[ADMIN, JSON, "Content-Encoding: gzip"], body),
        ("GET /health", &["Accept: text/html", "X-Confman-Consistency: linearizable"], ""),
    ]);
    expect![[r#"
        GET /api/v1/config/a/k ["X-API-Key: cm_reader_secret_000", "X-Confman-Min-Version: 5:1"]  -> 409 version-unknown: 5:1 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
        GET /api/v1/config/a/k ["X-API-Key: cm_reader_secret_000", "X-Confman-Consistency: linearizable"]  -> 404 not-found: there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys
        GET /api/v1/config/a/k ["X-API-Key: cm_reader_secret_000", "X-Confman-Consistency: sloppy"]  -> 400 invalid-request: consistency is eventual, read-your-writes or linearizable
        GET /api/v1/config/a/k ["X-API-Key: cm_reader_secret_000", "X-Confman-Consistency: eventual"]  -> 404 not-found: there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys
        GET /api/v1/config/a/k ["X-API-Key: cm_reader_secret_000", "Accept: text/html"]  -> 406 not-acceptable: answers are application/json or text/plain: send Accept: application/json, or none
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000"] {"value":"v"} -> 415 unsupported-media-type: send JSON, and say so: Content-Type: application/json
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/x-www-form-urlencoded"] {"value":"v"} -> 415 unsupported-media-type: the body came as a form, which is what curl -d sends: add -H 'Content-Type: application/json'
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: text/html"] {"value":"v"} -> 415 unsupported-media-type: send JSON, and say so: Content-Type: application/json
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json; charset=latin1"] {"value":"v"} -> 415 unsupported-media-type: send the body in UTF-8
        PUT /api/v1/config/a/k ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json", "Content-Encoding: gzip"] {"value":"v"} -> 415 unsupported-media-type: send the body without Content-Encoding "gzip"
        GET /health ["Accept: text/html", "X-Confman-Consistency: linearizable"]  -> 200
    "#]].assert_eq(&table);
    assert_eq!(rest.send(put, &[ADMIN, "Content-Type: Application/JSON; charset=\"UTF-8\""], body).status, 201);
}

#[test]
fn bodies_and_values_are_bounded() {
    let rest = Rest::node(1);
    let put = "PUT /api/v1/config/a/k";
    let whole = |bytes: usize| format!("{{\"value\":\"{}\"}}", "v".repeat(bytes));
    assert_eq!(rest.send(put, A, whole(VALUE_BYTES_MAX)).status, 201);
    expect!["413 payload-too-large: a value is at most 1048576 bytes, this one has 1048577"]
        .assert_eq(&rest.send(put, A, whole(VALUE_BYTES_MAX + 1)).line());
    // Every character escaped: the largest body there can be, and one more.
    let escaped = format!("{{\"value\":\"{}\"}}", "\\u0076".repeat(VALUE_BYTES_MAX));
    assert_eq!(rest.send(put, A, escaped).status, 200);
    let too_long = whole(BODY_BYTES_MAX);
    expect!["413 payload-too-large: a body is at most 8388608 bytes"]
        .assert_eq(&rest.send(put, A, too_long.clone()).line());
    // Without a length to tell beforehand.
    let pieces =
        too_long.into_bytes().chunks(1 << 20).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>();
    let stream = Body::from_stream(futures_util::stream::iter(pieces));
    assert_eq!(rest.send(put, A, stream).status, 413);
    // A length alone is enough to refuse: nothing is read.
    let announced = format!("Content-Length: {}", BODY_BYTES_MAX + 1);
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(rest.send(put, &[ADMIN, JSON, &announced], never).status, 413);
    // Without a key nothing is read either.
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(rest.send(put, &[JSON], never).status, 401);
    let broken = Body::from_stream(futures_util::stream::iter([Ok(b"{".to_vec()), Err(std::io::Error::other("gone"))]));
    expect!["400 invalid-request: the body ended before it was complete: send it again"]
        .assert_eq(&rest.send(put, A, broken).line());
}

#[test]
fn a_sane_request_id_is_kept_and_another_is_made() {
    let rest = Rest::node(1);
    let with = |id: &str| {
        let seen = rest.send("GET /api/v1/nothing", &[&format!("X-Request-ID: {id}")], "");
        assert_eq!(seen.json()["requestId"].as_str(), seen.header("x-request-id"));
        seen.header("x-request-id").expect("a request id").to_owned()
    };
    assert_eq!(with("my-id.1"), "my-id.1");
    let (first, second) = (with("two words"), with(&"x".repeat(129)));
    assert_eq!((first.len(), second.len()), (32, 32));
    assert_ne!(first, second);
}
