//! Lists, pages, the audit.

use std::time::Duration;

use expect_test::expect;

use super::{ADMIN, Rest};
use crate::base::{LogId, RequestId};
use crate::model::{Key, Namespace, Op, ValueType};

fn filled() -> Rest {
    let rest = Rest::node(1);
    for key in ["b/1", "a", "b/3", "b/2", "c"] {
        assert_eq!(rest.put(&format!("/api/v1/config/n/-/{key}"), r#"{"value":"v"}"#).status, 201);
    }
    rest.put("/api/v1/config/other/a", r#"{"value":"v"}"#);
    rest
}

/// Follows the cursor from page to page: what each page has in `member`.
fn pages(rest: &Rest, path: &str, member: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let seen = rest.send(&format!("GET {path}{cursor}"), &[ADMIN], "");
        assert_eq!(seen.status, 200, "{}", seen.body);
        let page = seen.json();
        let items = page["items"].as_array().expect("items");
        pages.push(items.iter().map(|item| item[member].as_str().expect("text").to_owned()).collect());
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(page["pagination"]["hasMore"], false);
                return pages;
            }
        }
        assert_eq!(page["pagination"]["hasMore"], true);
    }
}

#[test]
fn a_list_is_in_byte_order_and_paged() {
    let rest = filled();
    assert_eq!(pages(&rest, "/api/v1/config/n?limit=2", "key"), [vec!["a", "b/1"], vec!["b/2", "b/3"], vec!["c"]]);
    assert_eq!(pages(&rest, "/api/v1/config/n?limit=2&prefix=b/", "key"), [vec!["b/1", "b/2"], vec!["b/3"]]);
    assert_eq!(pages(&rest, "/api/v1/config/n?limit=5", "key").len(), 1);
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:6
        etag: W/"0:0"
        {
          "items": [],
          "pagination": {
            "hasMore": false,
            "limit": 7
          },
          "revision": "5:6"
        }"#]]
    .assert_eq(&rest.get("/api/v1/config/unknown?limit=7").whole());
}

#[test]
fn all_pages_of_a_cursor_show_one_revision() {
    let rest = filled();
    let first = rest.get("/api/v1/config/n?limit=2");
    let cursor = first.json()["pagination"]["nextCursor"].as_str().expect("more pages").to_owned();
    rest.put("/api/v1/config/n/-/b/2", r#"{"value":"changed"}"#);
    rest.put("/api/v1/config/n/-/b/22", r#"{"value":"new"}"#);
    rest.send("DELETE /api/v1/config/n/-/b/3", &[ADMIN], "");
    let second = rest.get(&format!("/api/v1/config/n?limit=3&cursor={cursor}"));
    let items = second.json()["items"].clone();
    let seen: Vec<_> = items.as_array().expect("items").iter().map(|item| (&item["key"], &item["value"])).collect();
    assert_eq!(seen, [(&"b/2".into(), &"v".into()), (&"b/3".into(), &"v".into()), (&"c".into(), &"v".into())]);
    assert_eq!(second.json()["revision"], "5:6");
    assert_eq!(first.json()["revision"], "5:6");
    assert_eq!(second.header("x-confman-version"), Some("5:9"));

    // Another node, that has not come so far.
    let behind = Rest::node(2);
    assert_eq!(behind.get(&format!("/api/v1/config/n?cursor={cursor}")).slug().as_deref(), Some("invalid-cursor"));
    let (state, clock) = (behind.node.state.clone(), behind.node.host.clone());
    let set = |key: &str| Op::Set {
        namespace: Namespace::parse("n").expect("a namespace"),
        key: Key::parse(key).expect("a key"),
        value: "v".to_owned(),
        value_type: ValueType::String,
    };
    state.apply(set("a"), "boss@test".to_owned(), RequestId::from_random(1));
    behind.node.consensus.confirm(Ok(LogId::new(5, 9)));
    let seen = behind.get(&format!("/api/v1/config/n?cursor={cursor}"));
    assert_eq!((seen.slug().as_deref(), behind.world.elapsed().as_secs()), (Some("version-not-reached"), 5));
    let (b, c) = (set("b"), set("c"));
    behind.node.host.spawn("replication", async move {
        clock.sleep(Duration::from_millis(20)).await;
        for op in [b.clone(), b.clone(), b.clone(), b, c] {
            state.apply(op, "boss@test".to_owned(), RequestId::from_random(1));
        }
    });
    let seen = behind.get(&format!("/api/v1/config/n?cursor={cursor}"));
    assert_eq!((seen.json()["revision"].as_str(), seen.json()["items"][0]["key"].as_str()), (Some("5:6"), Some("c")));
}

#[test]
fn a_cursor_is_of_its_query_alone() {
    let rest = filled();
    let page = rest.get("/api/v1/config/n?limit=1&prefix=b").json();
    let cursor = page["pagination"]["nextCursor"].as_str().expect("more pages").to_owned();
    for (path, status) in [
        (format!("/api/v1/config/n?limit=1&prefix=b&cursor={cursor}"), 200),
        (format!("/api/v1/config/n?prefix=b&cursor={cursor}"), 200),
        (format!("/api/v1/config/n?cursor={cursor}"), 400),
        (format!("/api/v1/config/other?prefix=b&cursor={cursor}"), 400),
        (format!("/api/v1/audit/n?cursor={cursor}"), 400),
        (format!("/api/v1/config/n?prefix=b&cursor={cursor}A"), 400),
        ("/api/v1/config/n?prefix=b&cursor=".to_owned(), 400),
    ] {
        let seen = rest.get(&path);
        assert_eq!(seen.status, status, "{path}");
        assert!(status == 200 || seen.slug().as_deref() == Some("invalid-cursor"), "{path}");
    }
}

#[test]
fn a_list_shows_the_types_and_members_that_are_asked_for() {
    let rest = filled();
    for (key, value_type, value) in [("b/0", "number", "1"), ("b/2", "number", "2"), ("d", "json", "{}")] {
        let body = format!(r#"{{"value":"{value}","type":"{value_type}"}}"#);
        rest.put(&format!("/api/v1/config/n/-/{key}"), &body);
    }
    assert_eq!(pages(&rest, "/api/v1/config/n?limit=1&type=number", "key"), [vec!["b/0"], vec!["b/2"]]);
    assert_eq!(pages(&rest, "/api/v1/config/n?limit=9&type=string&prefix=b", "key"), [vec!["b/1", "b/3"]]);
    assert_eq!(pages(&rest, "/api/v1/config/n?type=yaml", "key"), [vec![""; 0]]);
    let shown = rest.get("/api/v1/config/n?type=number&fields=value,key,value&limit=1").json();
    assert_eq!(shown["items"], serde_json::json!([{ "key": "b/0", "value": "1" }]));
    let all = "namespace,key,value,type,version,revision,createdAt,updatedAt,updatedBy";
    let whole = rest.get(&format!("/api/v1/config/n?fields={all}"));
    assert_eq!(whole.json()["items"], rest.get("/api/v1/config/n").json()["items"]);

    let cursor = shown["pagination"]["nextCursor"].as_str().expect("more pages");
    for (query, status) in [
        ("type=number&fields=value,key,value", 200),
        ("type=string&fields=value,key,value", 400),
        ("fields=value,key,value", 400),
        ("type=number&fields=value", 400),
        ("type=number", 400),
    ] {
        let seen = rest.get(&format!("/api/v1/config/n?{query}&cursor={cursor}"));
        assert_eq!(seen.status, status, "{query}");
        assert!(status == 200 || seen.slug().as_deref() == Some("invalid-cursor"), "{query}");
    }
    let mut table = String::new();
    for query in ["type=text", "type=", "fields=", "fields=key,%20value", "fields=key,Value", "fields=key,"] {
        table += &format!("{query} -> {}\n", rest.get(&format!("/api/v1/config/n?{query}")).line());
    }
    expect![[r#"
        type=text -> 400 invalid-request: type is one of string, number, boolean, json, yaml
        type= -> 400 invalid-request: type is one of string, number, boolean, json, yaml
        fields= -> 400 invalid-request: fields has "": it names members of an entry, namespace, key, value, type, version, revision, createdAt, updatedAt, updatedBy, with commas between them
        fields=key,%20value -> 400 invalid-request: fields has " value": it names members of an entry, namespace, key, value, type, version, revision, createdAt, updatedAt, updatedBy, with commas between them
        fields=key,Value -> 400 invalid-request: fields has "Value": it names members of an entry, namespace, key, value, type, version, revision, createdAt, updatedAt, updatedBy, with commas between them
        fields=key, -> 400 invalid-request: fields has "": it names members of an entry, namespace, key, value, type, version, revision, createdAt, updatedAt, updatedBy, with commas between them
    "#]]
    .assert_eq(&table);
}

#[test]
fn the_whole_chain_is_verified_when_asked() {
    let rest = Rest::node(1);
    let verify = |rest: &Rest| rest.send("GET /api/v1/audit/verify", &[ADMIN], "");
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:0
        {
          "events": 0,
          "lastHash": "0000000000000000000000000000000000000000000000000000000000000000",
          "revision": "5:0",
          "valid": true
        }"#]]
    .assert_eq(&verify(&rest).whole());
    rest.put("/api/v1/config/verify/a", r#"{"value":"v"}"#);
    rest.put("/api/v1/config/n/a", r#"{"value":"v"}"#);
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:2
        {
          "events": 4,
          "firstId": "5:1:0",
          "lastHash": "e0b8255c6b680d0d410d76bc38d218fc387b7a70e6749b452dadb3a9cd815c8a",
          "lastId": "5:2:1",
          "revision": "5:2",
          "valid": true
        }"#]]
    .assert_eq(&verify(&rest).whole());
    rest.node.state.break_audit();
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:2
        {
          "broken": {
            "id": "5:2:1",
            "reason": "it was altered. Verify on the other nodes: where the chain is whole there, this node's store is damaged and the node is to be replaced; where it breaks at the same event, the audit was altered: keep all data directories as evidence"
          },
          "events": 3,
          "firstId": "5:1:0",
          "lastHash": "7b220d719d86891e69ef777d5a2791d1bd6b48f60efa52a041c4647e62cdfcd9",
          "lastId": "5:2:0",
          "revision": "5:2",
          "valid": false
        }"#]].assert_eq(&verify(&rest).whole());
    rest.node.state.set_alarm(Some("row 3 differs"));
    assert_eq!(verify(&rest).slug().as_deref(), Some("internal"));
    rest.node.state.set_alarm(None);
    // The namespace of that name.
    let of_namespace = rest.get("/api/v1/audit/verify/-").json();
    assert_eq!(of_namespace["items"][0]["namespace"], "verify");
    assert_eq!(rest.get("/api/v1/audit/%76erify").json(), of_namespace);
}

#[test]
fn the_audit_is_newest_first_of_one_namespace_or_of_all() {
    let rest = filled();
    rest.send("DELETE /api/v1/config/n/a", &[ADMIN, "X-Request-ID: del-1"], "");
    let ids = pages(&rest, "/api/v1/audit/n?limit=4", "id");
    assert_eq!(ids, [vec!["5:7:0", "5:5:0", "5:4:0", "5:3:0"], vec!["5:2:0", "5:1:1", "5:1:0"]]);
    assert_eq!(pages(&rest, "/api/v1/audit?limit=1000", "id").concat().len(), 9);
    expect![[r#"{"action":"config.delete","actor":"boss@test","hash":"6f6cf1219c6638ffe9d5a8691687cf6a90075dd78b9014a0cad22ddef63bbc80","id":"5:7:0","key":"a","namespace":"n","oldDigest":"sha256:b513a01f2b1579e7dd2268c7c4a575993541730b0c31f63cf18b5ad0687517b0","oldValue":"v","previousHash":"fe03d2cc8b24ed591d77e24e3bf9ed4169f4503d7b084ebfffcddeb426598a5b","requestId":"del-1","revision":"5:7","timestamp":"2023-11-14T22:13:20.123Z"}"#]].assert_eq(&rest.get("/api/v1/audit/n?limit=1").json()["items"][0].to_string());
    assert_eq!(rest.get("/api/v1/audit/unknown").json()["items"], serde_json::json!([]));
}
