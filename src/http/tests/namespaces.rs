//! The life of a namespace.

use std::time::Duration;

use expect_test::expect;

use super::{ADMIN, JSON, READER, Rest};
use crate::api::testing::{Scripted, World};
use crate::api::{CallError, ProposeError};
use crate::base::RequestId;
use crate::base::limits::{DESCRIPTION_BYTES_MAX, OWNER_BYTES_MAX};
use crate::config::FollowerWrites;
use crate::model::{Namespace, Op};

const BODY: &str = r#"{"description":"money","owner":"pay@example.org"}"#;

#[test]
fn a_namespace_is_set_read_and_deleted() {
    let rest = Rest::node(1);
    let path = "/api/v1/namespaces/teams%2Fpayments";
    expect![[r#"
        404 Not Found
        x-confman-version: 5:0
        content-type: application/problem+json
        {
          "detail": "there is no such namespace: make it with PUT, or by setting an entry in it. GET /api/v1/namespaces lists those there are",
          "instance": "/api/v1/namespaces/teams%2Fpayments",
          "status": 404,
          "title": "Not found",
          "type": "https://confman/errors/not-found"
        }"#]].assert_eq(&rest.get(path).whole());
    expect![[r#"
        201 Created
        content-type: application/json
        x-confman-version: 5:1
        etag: "5:1"
        {
          "createdAt": "2023-11-14T22:13:20.123Z",
          "description": "money",
          "owner": "pay@example.org",
          "path": "teams/payments",
          "revision": "5:1"
        }"#]]
    .assert_eq(&rest.put(path, BODY).whole());
    let changed = rest.put(path, r#"{"description":"","owner":"ann@example.org"}"#);
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:2
        etag: "5:2"
        {
          "createdAt": "2023-11-14T22:13:20.123Z",
          "description": "",
          "owner": "ann@example.org",
          "path": "teams/payments",
          "revision": "5:2"
        }"#]]
    .assert_eq(&changed.whole());
    assert_eq!(rest.get("/api/v1/namespaces/teams/payments/-").whole(), changed.whole(), "the other form of its name");
    expect![[r#"
        204 No Content
        x-confman-version: 5:3
    "#]]
    .assert_eq(&rest.send(&format!("DELETE {path}"), &[ADMIN], "").whole());
    expect!["404 not-found: there is no such namespace: make it with PUT, or by setting an entry in it. GET /api/v1/namespaces lists those there are"].assert_eq(&rest.send(&format!("DELETE {path}"), &[ADMIN], "").line());
    assert_eq!(rest.get(path).status, 404);
    assert_eq!(rest.put(path, BODY).status, 201, "made anew");
}

#[test]
fn the_first_entry_makes_a_namespace_and_the_last_one_lets_it_go() {
    let rest = Rest::node(1);
    let path = "/api/v1/namespaces/a";
    assert_eq!(rest.put("/api/v1/config/a/k", r#"{"value":"v"}"#).header("x-confman-version"), Some("5:1"));
    expect![[
        r#"{"path":"a","description":"","owner":"boss@test","createdAt":"2023-11-14T22:13:20.123Z","revision":"5:1"}"#
    ]]
    .assert_eq(&rest.get(path).body);
    expect![[r#"
        409 Conflict
        x-confman-version: 5:2
        content-type: application/problem+json
        {
          "detail": "the namespace has entries, nothing was deleted: delete first what GET /api/v1/config/a lists",
          "instance": "/api/v1/namespaces/a",
          "status": 409,
          "title": "Namespace not empty",
          "type": "https://confman/errors/namespace-not-empty"
        }"#]]
    .assert_eq(&rest.send(&format!("DELETE {path}"), &[ADMIN], "").whole());
    assert_eq!(rest.get("/api/v1/config/a/k").status, 200, "nothing was deleted");
    // Its settings are its own: entries come and go without touching them.
    assert_eq!(rest.put(path, BODY).status, 200);
    let before = rest.get(path).body;
    rest.put("/api/v1/config/a/other", r#"{"value":"v"}"#);
    for key in ["k", "other"] {
        assert_eq!(rest.send(&format!("DELETE /api/v1/config/a/{key}"), &[ADMIN], "").status, 204);
    }
    assert_eq!(rest.get(path).body, before, "an empty namespace stays until it is deleted");
    assert_eq!(rest.send(&format!("DELETE {path}"), &[ADMIN], "").status, 204);
}

#[test]
fn namespaces_are_listed_in_byte_order_page_by_page_as_of_one_revision() {
    let rest = Rest::node(1);
    for path in ["b", "a", "teams/x", "teams/y", "teamsters"] {
        assert_eq!(rest.put(&format!("/api/v1/namespaces/{path}/-"), BODY).status, 201);
    }
    let paths = |seen: super::Seen| -> Vec<String> {
        let page = seen.json();
        let items = page["items"].as_array().expect("items");
        items.iter().map(|item| item["path"].as_str().expect("a path").to_owned()).collect()
    };
    assert_eq!(paths(rest.get("/api/v1/namespaces")), ["a", "b", "teams/x", "teams/y", "teamsters"]);
    assert_eq!(paths(rest.get("/api/v1/namespaces?prefix=teams/")), ["teams/x", "teams/y"]);
    let first = rest.get("/api/v1/namespaces?limit=2");
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:5
        etag: W/"5:5"
        {
          "items": [
            {
              "createdAt": "2023-11-14T22:13:20.123Z",
              "description": "money",
              "owner": "pay@example.org",
              "path": "teamsters",
              "revision": "5:5"
            }
          ],
          "pagination": {
            "hasMore": false,
            "limit": 1
          },
          "revision": "5:5"
        }"#]]
    .assert_eq(&rest.get("/api/v1/namespaces?limit=1&prefix=teamst").whole());
    let cursor = first.json()["pagination"]["nextCursor"].as_str().expect("more pages").to_owned();
    rest.send("DELETE /api/v1/namespaces/teams%2Fx", &[ADMIN], "");
    rest.put("/api/v1/namespaces/teams%2Fy", r#"{"description":"new","owner":"new"}"#);
    rest.put("/api/v1/namespaces/c", BODY);
    let rest_of = rest.get(&format!("/api/v1/namespaces?cursor={cursor}"));
    assert_eq!((rest_of.json()["revision"].as_str(), rest_of.header("x-confman-version")), (Some("5:5"), Some("5:8")));
    assert_eq!(rest_of.json()["items"][1]["description"], "money");
    assert_eq!(paths(rest_of), ["teams/x", "teams/y", "teamsters"], "what the first page showed");
    for wrong in [
        format!("/api/v1/namespaces?prefix=t&cursor={cursor}"),
        format!("/api/v1/config/a?cursor={cursor}"),
        format!("/api/v1/audit/a?cursor={cursor}"),
    ] {
        assert_eq!(rest.get(&wrong).slug().as_deref(), Some("invalid-cursor"), "{wrong}");
    }
    assert_eq!(rest.get("/api/v1/namespaces?limit=0").status, 400);
}

#[test]
fn head_and_known_etags_are_as_for_entries() {
    let rest = Rest::node(1);
    rest.put("/api/v1/namespaces/a", BODY);
    for path in ["/api/v1/namespaces/a", "/api/v1/namespaces", "/api/v1/namespaces/absent"] {
        let id = "X-Request-ID: same";
        let get = rest.send(&format!("GET {path}"), &[READER, id], "");
        let head = rest.send(&format!("HEAD {path}"), &[READER, id], "");
        assert_eq!((head.status, &head.headers, head.body.as_str()), (get.status, &get.headers, ""), "{path}");
    }
    let known = rest.send("GET /api/v1/namespaces/a", &[READER, "If-None-Match: \"5:1\""], "");
    assert_eq!((known.status.as_u16(), known.body.as_str()), (304, ""));
    assert_eq!(rest.send("GET /api/v1/namespaces/a", &[READER, "If-None-Match: \"5:2\""], "").status, 200);
}

#[test]
fn malformed_namespaces_are_told_what_is_wrong() {
    let rest = Rest::node(1);
    let put = "PUT /api/v1/namespaces/a";
    let admin: &[&str] = &[ADMIN, JSON];
    let long = |description: usize, owner: usize| {
        serde_json::json!({ "description": "d".repeat(description), "owner": "o".repeat(owner) }).to_string()
    };
    let table = rest.table(&[
        (put, admin, "{}"),
        (put, admin, r#"{"description":"x"}"#),
        (put, admin, r#"{"owner":"x"}"#),
        (put, admin, r#"{"description":"x","owner":""}"#),
        (put, admin, r#"{"description":"x","owner":"x","entries":3}"#),
        (put, &[ADMIN], BODY),
        ("PUT /api/v1/namespaces/-a", admin, BODY),
        ("PUT /api/v1/namespaces/a?force", admin, BODY),
        ("DELETE /api/v1/namespaces/a?recursive=true", &[ADMIN], ""),
        ("GET /api/v1/namespaces/a/b", &[READER], ""),
        ("GET /api/v1/namespaces/a%2F", &[READER], ""),
    ]);
    expect![[r#"
        PUT /api/v1/namespaces/a ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {} -> 400 invalid-request: the body does not fit: missing field `description` at line 1 column 2. Send one like {"description":"...","owner":"team@example.org"}
        PUT /api/v1/namespaces/a ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"description":"x"} -> 400 invalid-request: the body does not fit: missing field `owner` at line 1 column 19. Send one like {"description":"...","owner":"team@example.org"}
        PUT /api/v1/namespaces/a ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"owner":"x"} -> 400 invalid-request: the body does not fit: missing field `description` at line 1 column 13. Send one like {"description":"...","owner":"team@example.org"}
        PUT /api/v1/namespaces/a ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"description":"x","owner":""} -> 400 invalid-request: a namespace has an owner: name who answers for it
        PUT /api/v1/namespaces/a ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"description":"x","owner":"x","entries":3} -> 400 invalid-request: the body does not fit: unknown field `entries`, expected `description` or `owner` at line 1 column 40. Send one like {"description":"...","owner":"team@example.org"}
        PUT /api/v1/namespaces/a ["X-API-Key: cm_admin_secret_0000"] {"description":"money","owner":"pay@example.org"} -> 415 unsupported-media-type: send JSON, and say so: Content-Type: application/json
        PUT /api/v1/namespaces/-a ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"description":"money","owner":"pay@example.org"} -> 400 invalid-request: a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -
        PUT /api/v1/namespaces/a?force ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"description":"money","owner":"pay@example.org"} -> 400 invalid-request: unknown query parameter "force": this path takes none
        DELETE /api/v1/namespaces/a?recursive=true ["X-API-Key: cm_admin_secret_0000"]  -> 400 invalid-request: unknown query parameter "recursive": this path takes none
        GET /api/v1/namespaces/a/b ["X-API-Key: cm_reader_secret_000"]  -> 404 not-found: there is no such path. A '/' within a namespace or a key is written %2F, or the namespace is ended with /-/ as in /api/v1/config/teams/payments/-/db/url
        GET /api/v1/namespaces/a%2F ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -
    "#]].assert_eq(&table);
    assert_eq!(rest.node.state.applied().expect("applied").index.0, 0, "none of it was proposed");
    let line = |body: String| rest.send(put, admin, body).line();
    expect!["413 payload-too-large: a description is at most 4096 bytes, this one has 4097"]
        .assert_eq(&line(long(DESCRIPTION_BYTES_MAX + 1, 1)));
    expect!["413 payload-too-large: an owner is at most 256 bytes, this one has 257"]
        .assert_eq(&line(long(0, OWNER_BYTES_MAX + 1)));
    assert_eq!(rest.send(put, admin, long(DESCRIPTION_BYTES_MAX, OWNER_BYTES_MAX)).status, 201);
}

#[test]
fn writes_of_namespaces_go_where_other_writes_go() {
    let rest = Rest::node(2);
    let seen = rest.put("/api/v1/namespaces/teams/pay/-", BODY);
    assert_eq!(seen.header("location"), Some("http://n1:7400/api/v1/namespaces/teams/pay/-?hop=1"));
    assert_eq!((seen.status.as_u16(), seen.slug().as_deref()), (307, Some("not-leader")));
    assert_eq!(rest.send("DELETE /api/v1/namespaces/a?hop=2", &[ADMIN], "").slug().as_deref(), Some("no-leader"));

    let world = World::new();
    let leader = world.node(1);
    let rest = Rest::of(world.node(2), world, FollowerWrites::Forward);
    rest.node.peers.connect(1, &leader.api);
    // The namespace reaches this node by replication.
    let (namespace, owner) = (Namespace::parse("a").expect("a namespace"), "pay@example.org".to_owned());
    let op = Op::SetNamespace { namespace, description: "money".to_owned(), owner };
    rest.node.state.apply(op, "boss@test".to_owned(), RequestId::from_random(1));
    let seen = rest.put("/api/v1/namespaces/a", BODY);
    assert_eq!((seen.status.as_u16(), seen.header("etag")), (201, Some("\"5:1\"")));
    assert_eq!(seen.json()["owner"], "pay@example.org", "the answer is the leader's");

    rest.node.peers.answer(1, Err(CallError::NoAnswer("broken".to_owned())));
    assert_eq!(rest.put("/api/v1/namespaces/a", BODY).slug().as_deref(), Some("outcome-unknown"));
    let rest = Rest::node(1);
    rest.node.consensus.script([Scripted::Fail(ProposeError::StorageFull { free_bytes: 1 }), Scripted::Hang]);
    assert_eq!(rest.put("/api/v1/namespaces/a", BODY).slug().as_deref(), Some("storage-full"));
    let hung = rest.send("DELETE /api/v1/namespaces/a", &[ADMIN], "");
    assert_eq!((hung.status.as_u16(), rest.world.elapsed()), (504, Duration::from_secs(5)));
}

#[test]
fn changes_of_namespaces_are_in_the_audit() {
    let rest = Rest::node(1);
    rest.put("/api/v1/config/a/k", r#"{"value":"v"}"#);
    rest.put("/api/v1/namespaces/a", BODY);
    rest.send("DELETE /api/v1/namespaces/a", &[ADMIN], "");
    rest.send("DELETE /api/v1/config/a/k", &[ADMIN], "");
    rest.send("DELETE /api/v1/namespaces/a", &[ADMIN, "X-Request-ID: gone-1"], "");
    let page = rest.get("/api/v1/audit/a").json();
    let items = page["items"].as_array().expect("items");
    let words: Vec<String> = items
        .iter()
        .map(|event| {
            let has = |name: &str| event.get(name).is_some();
            let (id, action, request) = (&event["id"], &event["action"], &event["requestId"]);
            let request = if request == "gone-1" { " gone-1" } else { "" };
            format!("{id} {action} {} {}>{}{request}", has("key"), has("oldDigest"), has("newDigest"))
        })
        .collect();
    expect![[r#"
        "5:5:0" "namespace.delete" false true>false gone-1
        "5:4:0" "config.delete" true true>false
        "5:2:0" "namespace.set" false true>true
        "5:1:1" "config.set" true false>true
        "5:1:0" "namespace.set" false false>true"#]]
    .assert_eq(&words.join("\n"));
}
