//! Each route with each kind of key, from the table itself.

use std::fmt::Write as _;

use expect_test::expect;

use super::{ADMIN, JSON, READER, Rest};
use crate::config::Role;
use crate::http::routes::{Access, NAMESPACE, ROUTES, Serves};

/// A path of the route, with names filled in.
fn path_of(template: &str) -> String {
    template.replace("{namespace}", "a").replace("{key}", "k").replace("{node}", "1").replace("{asset}", "start.js")
}

#[test]
fn every_route_is_closed_to_those_it_is_not_for() {
    let rest = Rest::node(1);
    let mut table = String::new();
    for route in ROUTES {
        let line = format!("{} {}", route.method, path_of(route.path));
        let body = match route.path {
            NAMESPACE => r#"{"description":"d","owner":"o"}"#,
            _ => r#"{"value":"v"}"#,
        };
        let mut statuses = Vec::new();
        for key in [&[JSON][..], &[JSON, "X-API-Key: cm_unknown_secret_0"], &[JSON, READER], &[JSON, ADMIN]] {
            let seen = rest.send(&line, key, body);
            if seen.status == 401 {
                let challenge = seen.header("www-authenticate").expect("a 401 challenges");
                assert!(challenge.starts_with("Bearer realm=\"confman\""), "{challenge}");
            }
            statuses.push(seen.status.as_u16());
        }
        let admitted = |status: u16| status != 401 && status != 403;
        let expected = match route.access {
            Access::Open => [true, true, true, true],
            Access::Role(Role::Reader) => [false, false, true, true],
            Access::Role(Role::Admin) => [false, false, false, true],
        };
        assert_eq!(statuses.iter().map(|&status| admitted(status)).collect::<Vec<_>>(), expected, "{line}");
        if matches!(route.serves, Serves::NotBuilt) {
            assert_eq!(statuses[3], 501, "{line}");
        }
        let _ = writeln!(table, "{line} {statuses:?}");
    }
    // No key, an unknown key, a reader, an admin.
    expect![[r#"
        GET /api/v1/config/a/k [401, 401, 404, 404]
        PUT /api/v1/config/a/k [401, 401, 403, 201]
        DELETE /api/v1/config/a/k [401, 401, 403, 204]
        GET /api/v1/config/a [401, 401, 200, 200]
        GET /api/v1/config/a/k/history [401, 401, 200, 200]
        POST /api/v1/config/a/k/rollback [401, 401, 403, 400]
        GET /api/v1/diff/a [401, 401, 400, 400]
        POST /api/v1/txn [401, 401, 403, 400]
        GET /api/v1/watch [401, 401, 501, 501]
        POST /api/v1/watch/ticket [401, 401, 501, 501]
        GET /api/v1/namespaces [401, 401, 200, 200]
        GET /api/v1/namespaces/a [401, 401, 200, 200]
        PUT /api/v1/namespaces/a [401, 401, 403, 200]
        DELETE /api/v1/namespaces/a [401, 401, 403, 204]
        GET /api/v1/audit [401, 401, 403, 200]
        GET /api/v1/audit/verify [401, 401, 403, 200]
        GET /api/v1/audit/a [401, 401, 200, 200]
        GET /api/v1/backup [401, 401, 403, 200]
        GET /api/v1/cluster [401, 401, 200, 200]
        GET /api/v1/cluster/members [401, 401, 200, 200]
        POST /api/v1/cluster/members [401, 401, 403, 400]
        GET /api/v1/cluster/members/1 [401, 401, 200, 200]
        PUT /api/v1/cluster/members/1 [401, 401, 403, 400]
        DELETE /api/v1/cluster/members/1 [401, 401, 403, 204]
        POST /api/v1/cluster/members/1/replace [401, 401, 403, 400]
        POST /api/v1/cluster/leader [401, 401, 403, 400]
        GET /health [200, 200, 200, 200]
        GET /health/ready [200, 200, 200, 200]
        GET /openapi.json [200, 200, 200, 200]
        GET /swagger [200, 200, 200, 200]
        GET /swagger/start.js [200, 200, 200, 200]
    "#]]
    .assert_eq(&table);
}

#[test]
fn another_method_is_told_the_ones_there_are() {
    let rest = Rest::node(1);
    let mut table = String::new();
    for route in ROUTES {
        let seen = rest.send(&format!("PATCH {}", path_of(route.path)), &[ADMIN], "");
        assert_eq!(seen.slug().as_deref(), Some("method-not-allowed"));
        let line = format!("{} {}\n", route.path, seen.header("allow").expect("a 405 has Allow"));
        if !table.ends_with(&line) {
            table.push_str(&line);
        }
    }
    expect![[r#"
        /api/v1/config/{namespace}/{key} GET, HEAD, PUT, DELETE
        /api/v1/config/{namespace} GET, HEAD
        /api/v1/config/{namespace}/{key}/history GET, HEAD
        /api/v1/config/{namespace}/{key}/rollback POST
        /api/v1/diff/{namespace} GET, HEAD
        /api/v1/txn POST
        /api/v1/watch GET, HEAD
        /api/v1/watch/ticket POST
        /api/v1/namespaces GET, HEAD
        /api/v1/namespaces/{namespace} GET, HEAD, PUT, DELETE
        /api/v1/audit GET, HEAD
        /api/v1/audit/verify GET, HEAD
        /api/v1/audit/{namespace} GET, HEAD
        /api/v1/backup GET, HEAD
        /api/v1/cluster GET, HEAD
        /api/v1/cluster/members GET, HEAD, POST
        /api/v1/cluster/members/{node} GET, HEAD, PUT, DELETE
        /api/v1/cluster/members/{node}/replace POST
        /api/v1/cluster/leader POST
        /health GET, HEAD
        /health/ready GET, HEAD
        /openapi.json GET, HEAD
        /swagger GET, HEAD
        /swagger/{asset} GET, HEAD
    "#]]
    .assert_eq(&table);
    assert_eq!(rest.send("OPTIONS /api/v1/cluster", &[], "").status, 405);
    assert_eq!(rest.send("HEAD /api/v1/txn", &[ADMIN], "").status, 405);
}

#[test]
fn what_a_key_lacks_is_named() {
    let rest = Rest::node(1);
    let seen = rest.send("PUT /api/v1/config/a/k", &[READER, JSON], r#"{"value":"v"}"#);
    expect![[r#"
        403 Forbidden
        content-type: application/problem+json
        {
          "detail": "the key 'watcher' has the role reader, this takes admin: use another key",
          "instance": "/api/v1/config/a/k",
          "status": 403,
          "title": "Not permitted",
          "type": "https://confman/errors/forbidden"
        }"#]]
    .assert_eq(&seen.whole());
    expect![[r#"
        401 Unauthorized
        www-authenticate: Bearer realm="confman"
        content-type: application/problem+json
        {
          "detail": "send an API key, as 'X-API-Key: ...' or as 'Authorization: Bearer ...'",
          "instance": "/api/v1/config/a/k",
          "status": 401,
          "title": "Authentication required",
          "type": "https://confman/errors/unauthorized"
        }"#]]
    .assert_eq(&rest.send("GET /api/v1/config/a/k", &[], "").whole());
    assert_eq!(rest.send("GET /api/v1/cluster", &["Authorization: Bearer cm_reader_secret_000"], "").status, 200);
}

#[test]
fn reloaded_keys_replace_the_others() {
    let rest = Rest::node(1);
    assert_eq!(rest.get("/api/v1/cluster").status, 200);
    rest.state.reload_keys(Vec::new());
    assert_eq!(rest.get("/api/v1/cluster").status, 401);
    assert_eq!(rest.get("/health").status, 200);
}
