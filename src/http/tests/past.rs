//! What was: reads at a moment, history, differences, and the way back.

use expect_test::expect;
use serde_json::json;

use super::{ADMIN, JSON, READER, Rest};
use crate::api::testing::LOG_TIME;
use crate::base::{LogId, WallTime};

/// Entries of `n` with a past, each write a second after the one before: `a` set (1), set (2), deleted (3) and set (4);
/// `b` a number (5) and another (6); `c` json (7), more of it (8).
fn past() -> Rest {
    let rest = Rest::node(1);
    let mut second = 0;
    let mut next = || {
        second += 1;
        rest.node.state.set_log_time(WallTime(LOG_TIME.0 + second * 1000));
    };
    next();
    rest.put("/api/v1/config/n/a", r#"{"value":"one"}"#);
    next();
    rest.put("/api/v1/config/n/a", r#"{"value":"two"}"#);
    next();
    rest.send("DELETE /api/v1/config/n/a", &[ADMIN], "");
    next();
    rest.put("/api/v1/config/n/a", r#"{"value":"four"}"#);
    for (key, value_type, values) in
        [("b", "number", ["1", "2"]), ("c", "json", [r#"{"x":1,"y":[1]}"#, r#"{"x":1,"y":[1,2]}"#])]
    {
        for value in values {
            next();
            let body = json!({ "value": value, "type": value_type }).to_string();
            rest.put(&format!("/api/v1/config/n/{key}"), &body);
        }
    }
    rest
}

/// The time of the write with this index, and some milliseconds.
fn time(index: u64, millis: u64) -> String {
    WallTime(LOG_TIME.0 + index * 1000 + millis).to_string()
}

fn values(rest: &Rest, path: &str) -> String {
    let seen = rest.get(path);
    assert_eq!(seen.status, 200, "{path}: {}", seen.body);
    let list = seen.json();
    let items = list["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| format!("{}={}", item["key"].as_str().unwrap(), item["value"].as_str().unwrap_or("-")))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn an_entry_and_a_list_are_as_they_were() {
    let rest = past();
    let at = |at: &str| match rest.get(&format!("/api/v1/config/n/a?at={at}")) {
        seen if seen.status == 200 => seen.json()["value"].as_str().expect("a value").to_owned(),
        seen => seen.line()[..3].to_owned(),
    };
    for (index, value) in [(0, "404"), (1, "one"), (2, "two"), (3, "404"), (4, "four"), (8, "four")] {
        assert_eq!(at(&format!("5:{index}")), value);
        if index < 8 {
            assert_eq!([at(&time(index, 0)), at(&time(index, 999))], [value, value], "{index}");
        }
    }
    assert_eq!(at("1970-01-01T00:00:00Z"), "404");
    let seen = rest.get("/api/v1/config/n/a?at=5:2");
    assert_eq!((seen.header("etag"), seen.header("x-confman-version")), (Some("\"5:2\""), Some("5:8")));
    assert_eq!(rest.get("/api/v1/config/n/a?at=5:1&format=raw").body, "one");
    for (at, listed) in [("5:0", ""), ("5:2", "a=two"), ("5:3", ""), ("5:5", "a=four b=1"), ("5:6", "a=four b=2")] {
        assert_eq!(values(&rest, &format!("/api/v1/config/n?at={at}")), listed);
    }
    let list = rest.get(&format!("/api/v1/config/n?at={}", time(6, 500)));
    assert_eq!((list.json()["revision"].as_str(), list.header("x-confman-version")), (Some("5:6"), Some("5:8")));
    assert_eq!(rest.get("/api/v1/config/n?at=5:6&format=env").body, "A=four\nB=2\n");

    // All pages are of the moment, and a cursor is good for it alone.
    let first = rest.get("/api/v1/config/n?at=5:6&limit=1").json();
    let cursor = first["pagination"]["nextCursor"].as_str().expect("more pages");
    assert_eq!(values(&rest, &format!("/api/v1/config/n?at=5:6&limit=9&cursor={cursor}")), "b=2");
    for other in ["at=5:7&", ""] {
        assert_eq!(
            rest.get(&format!("/api/v1/config/n?{other}cursor={cursor}")).slug().as_deref(),
            Some("invalid-cursor")
        );
    }
}

#[test]
fn a_moment_that_is_none_is_refused_and_one_to_come_is_waited_for() {
    let rest = past();
    let table = rest.table(&[
        ("GET /api/v1/config/n/a?at=yesterday", &[READER], ""),
        ("GET /api/v1/config/n/a?at=", &[READER], ""),
        ("GET /api/v1/config/n/a?at=2023-11-14T22:13:20+01:00", &[READER], ""),
        ("GET /api/v1/config/n/a?at=4:2", &[READER], ""),
        ("GET /api/v1/config/n?at=6:2", &[READER], ""),
        ("GET /api/v1/config/n/a?at=5:99", &[READER], ""),
        ("GET /api/v1/config/n?at=5:99", &[READER], ""),
        ("GET /api/v1/config/n?at=2099-01-01T00:00:00Z", &[READER], ""),
        // Another write may come in that very millisecond.
        ("GET /api/v1/config/n/a?at=2023-11-14T22:13:28.123Z", &[READER], ""),
        ("GET /api/v1/diff/n", &[READER], ""),
        ("GET /api/v1/diff/n?from=5:1&to=4:2", &[READER], ""),
        ("GET /api/v1/diff/n?from=x", &[READER], ""),
    ]);
    expect![[r#"
        GET /api/v1/config/n/a?at=yesterday ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: at is a revision like 5:42, or a time like 2026-01-02T03:04:05Z: a '+' in a URL is written %2B
        GET /api/v1/config/n/a?at= ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: at is a revision like 5:42, or a time like 2026-01-02T03:04:05Z: a '+' in a URL is written %2B
        GET /api/v1/config/n/a?at=2023-11-14T22:13:20+01:00 ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: at is a revision like 5:42, or a time like 2026-01-02T03:04:05Z: a '+' in a URL is written %2B
        GET /api/v1/config/n/a?at=4:2 ["X-API-Key: cm_reader_secret_000"]  -> 409 version-unknown: 4:2 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
        GET /api/v1/config/n?at=6:2 ["X-API-Key: cm_reader_secret_000"]  -> 409 version-unknown: 6:2 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
        GET /api/v1/config/n/a?at=5:99 ["X-API-Key: cm_reader_secret_000"]  -> 409 version-unknown: 5:99 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
        GET /api/v1/config/n?at=5:99 ["X-API-Key: cm_reader_secret_000"]  -> 409 version-unknown: 5:99 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
        GET /api/v1/config/n?at=2099-01-01T00:00:00Z ["X-API-Key: cm_reader_secret_000"]  -> 503 version-not-reached: no write has passed that time yet, so that what was then is not settled: the last one was at 2023-11-14T22:13:28.123Z. Ask for a time before that, for a revision, or for what is now, without a time
        GET /api/v1/config/n/a?at=2023-11-14T22:13:28.123Z ["X-API-Key: cm_reader_secret_000"]  -> 503 version-not-reached: no write has passed that time yet, so that what was then is not settled: the last one was at 2023-11-14T22:13:28.123Z. Ask for a time before that, for a revision, or for what is now, without a time
        GET /api/v1/diff/n ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: from is missing: say since when, by a revision or a time. Without to it is up to now
        GET /api/v1/diff/n?from=5:1&to=4:2 ["X-API-Key: cm_reader_secret_000"]  -> 409 version-unknown: 4:2 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
        GET /api/v1/diff/n?from=x ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: from is a revision like 5:42, or a time like 2026-01-02T03:04:05Z: a '+' in a URL is written %2B
    "#]]
    .assert_eq(&table);
    // The two times were waited for.
    assert_eq!(rest.world.elapsed().as_secs(), 10);

    let (state, host) = (rest.node.state.clone(), rest.node.host.clone());
    let op = crate::model::Op::Delete {
        namespace: crate::model::Namespace::parse("n").expect("a namespace"),
        key: crate::model::Key::parse("a").expect("a key"),
    };
    rest.node.host.spawn("replication", async move {
        host.sleep(std::time::Duration::from_millis(20)).await;
        state.set_log_time(WallTime(LOG_TIME.0 + 9000));
        state.apply(op, "boss@test".to_owned(), crate::base::RequestId::from_random(1));
    });
    assert_eq!(rest.get(&format!("/api/v1/config/n/a?at={}", time(8, 5))).json()["value"], "four");
    assert_eq!(rest.get("/api/v1/config/n/a?at=5:9").status, 404);
    assert_eq!(rest.world.elapsed().as_secs(), 10);
}

/// All lists of a node take turns.
#[test]
fn who_waits_for_a_moment_keeps_nobody_else_waiting() {
    let rest = past();
    // The leader has what this node has not.
    rest.node.consensus.confirm(Ok(LogId::new(5, 200)));
    for path in
        ["config/n?at=5:99", "config/n?at=2099-01-01T00:00:00Z", "config/n?at=5:99&format=env", "diff/n?from=5:99"]
    {
        let (name, key) = READER.split_once(": ").expect("a header");
        let request = axum::http::Request::get(format!("/api/v1/{path}")).header(name, key);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let router = rest.router.clone();
        rest.node.host.spawn("waits", async move {
            let answer = tower::ServiceExt::oneshot(router, request).await.expect("a router always answers");
            assert_eq!(answer.status(), 503);
        });
        let began = rest.world.elapsed();
        // So that the other one comes first.
        let host = rest.node.host.clone();
        rest.world.run(async move { host.sleep(std::time::Duration::from_millis(10)).await });
        assert_eq!(rest.get("/api/v1/config/n").status, 200);
        assert_eq!((rest.world.elapsed() - began).as_millis(), 10, "{path}");
    }
}

#[test]
fn the_history_of_a_key_is_newest_first() {
    let rest = past();
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:8
        {
          "items": [
            {
              "createdAt": "2023-11-14T22:13:24.123Z",
              "deleted": false,
              "key": "a",
              "namespace": "n",
              "revision": "5:4",
              "type": "string",
              "updatedAt": "2023-11-14T22:13:24.123Z",
              "updatedBy": "boss@test",
              "value": "four",
              "version": 1
            },
            {
              "deleted": true,
              "key": "a",
              "namespace": "n",
              "revision": "5:3",
              "updatedAt": "2023-11-14T22:13:23.123Z",
              "updatedBy": "boss@test"
            }
          ],
          "pagination": {
            "hasMore": true,
            "limit": 2,
            "nextCursor": "AQUIAwMjFBJjPWH64sWD8-QeE12c"
          },
          "revision": "5:8"
        }"#]]
    .assert_eq(&rest.get("/api/v1/config/n/a/history?limit=2").whole());
    let cursor = rest.get("/api/v1/config/n/a/history?limit=2").json();
    let cursor = cursor["pagination"]["nextCursor"].as_str().expect("more pages").to_owned();
    rest.put("/api/v1/config/n/a", r#"{"value":"later"}"#);
    let second = rest.get(&format!("/api/v1/config/n/a/history?cursor={cursor}")).json();
    let revisions: Vec<_> =
        second["items"].as_array().expect("items").iter().map(|item| item["revision"].as_str()).collect();
    assert_eq!((revisions, &second["pagination"]["hasMore"]), (vec![Some("5:2"), Some("5:1")], &json!(false)));
    for other in ["/api/v1/config/n/b/history", "/api/v1/config/m/a/history"] {
        assert_eq!(rest.get(&format!("{other}?cursor={cursor}")).slug().as_deref(), Some("invalid-cursor"), "{other}");
    }
    expect!["404 not-found: this key was never set: GET the namespace to see its keys"]
        .assert_eq(&rest.get("/api/v1/config/n/never/history").line());
}

#[test]
fn a_diff_says_what_was_added_changed_and_removed() {
    let rest = past();
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:8
        {
          "from": "5:7",
          "items": [
            {
              "after": {
                "createdAt": "2023-11-14T22:13:27.123Z",
                "key": "c",
                "namespace": "n",
                "revision": "5:8",
                "type": "json",
                "updatedAt": "2023-11-14T22:13:28.123Z",
                "updatedBy": "boss@test",
                "value": "{\"x\":1,\"y\":[1,2]}",
                "version": 2
              },
              "before": {
                "createdAt": "2023-11-14T22:13:27.123Z",
                "key": "c",
                "namespace": "n",
                "revision": "5:7",
                "type": "json",
                "updatedAt": "2023-11-14T22:13:27.123Z",
                "updatedBy": "boss@test",
                "value": "{\"x\":1,\"y\":[1]}",
                "version": 1
              },
              "change": "changed",
              "key": "c",
              "patch": [
                {
                  "op": "add",
                  "path": "/y/1",
                  "value": 2
                }
              ]
            }
          ],
          "pagination": {
            "hasMore": false,
            "limit": 50
          },
          "to": "5:8"
        }"#]]
    .assert_eq(&rest.get("/api/v1/diff/n?from=5:7&to=5:8").whole());
    let diff = |query: &str| {
        let diff = rest.get(&format!("/api/v1/diff/n?{query}")).json();
        let value = |entry: &serde_json::Value| entry["value"].as_str().unwrap_or("-").to_owned();
        let said = |item: &serde_json::Value| {
            format!("{} {} {} {}", item["change"], item["key"], value(&item["before"]), value(&item["after"]))
                .replace('"', "")
        };
        let items: Vec<String> = diff["items"].as_array().expect("items").iter().map(said).collect();
        format!("{} {}: {}", diff["from"], diff["to"], items.join("; ")).replace('"', "")
    };
    let mut text = String::new();
    for query in
        ["from=5:1&to=5:2", "from=5:2&to=5:3", "from=5:3&to=5:5", "from=5:3&to=5:3", "from=5:5&to=5:2", "from=5:6"]
    {
        text += &format!("{query} -> {}\n", diff(query));
    }
    text += &format!("times -> {}\n", diff(&format!("from={}&to={}", time(1, 5), time(4, 5))));
    expect![[r#"
        from=5:1&to=5:2 -> 5:1 5:2: changed a one two
        from=5:2&to=5:3 -> 5:2 5:3: removed a two -
        from=5:3&to=5:5 -> 5:3 5:5: added a - four; added b - 1
        from=5:3&to=5:3 -> 5:3 5:3: 
        from=5:5&to=5:2 -> 5:5 5:2: changed a four two; removed b 1 -
        from=5:6 -> 5:6 5:8: added c - {x:1,y:[1,2]}
        times -> 5:1 5:4: changed a one four
    "#]]
    .assert_eq(&text);
    // A value that was set again as it was is no difference.
    rest.put("/api/v1/config/n/a", r#"{"value":"four"}"#);
    assert_eq!(diff("from=5:8&to=5:9"), "5:8 5:9: ");

    let first = rest.get("/api/v1/diff/n?from=5:3&limit=1").json();
    let cursor = first["pagination"]["nextCursor"].as_str().expect("more pages");
    rest.put("/api/v1/config/n/b", r#"{"value":"later"}"#);
    assert_eq!(diff(&format!("from=5:3&limit=9&cursor={cursor}")), "5:3 5:9: added b - 2; added c - {x:1,y:[1,2]}");
    assert_eq!(rest.get(&format!("/api/v1/diff/n?from=5:4&cursor={cursor}")).slug().as_deref(), Some("invalid-cursor"));
}

#[test]
fn a_rollback_is_a_new_revision() {
    let rest = past();
    let back = |revision: &str| {
        let body = json!({ "revision": revision }).to_string();
        rest.send("POST /api/v1/config/n/a/rollback", &[ADMIN, JSON], body)
    };
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:9
        etag: "5:9"
        {
          "createdAt": "2023-11-14T22:13:24.123Z",
          "key": "a",
          "namespace": "n",
          "revision": "5:9",
          "type": "string",
          "updatedAt": "2023-11-14T22:13:28.123Z",
          "updatedBy": "boss@test",
          "value": "one",
          "version": 2
        }"#]]
    .assert_eq(&back("5:1").whole());
    let to_the_deleted = back("5:3");
    assert_eq!((to_the_deleted.status.as_u16(), to_the_deleted.header("x-confman-version")), (204, Some("5:10")));
    let created = back("5:2");
    assert_eq!((created.status.as_u16(), created.json()["value"].as_str()), (201, Some("two")));
    assert_eq!(back("5:11").json()["version"], 2, "what is current is written anew");
    let mut table = String::new();
    back("5:3");
    for revision in ["5:3", "5:5", "4:1", "5:99", "x", ""] {
        table += &format!("{revision} -> {}\n", back(revision).line());
    }
    expect![[r#"
        5:3 -> 404 not-found: that revision deleted the entry, and there is none now: there is nothing to delete
        5:5 -> 404 not-found: the history of this key has no revision 5:5: GET the history to see those it has
        4:1 -> 404 not-found: the history of this key has no revision 4:1: GET the history to see those it has
        5:99 -> 404 not-found: the history of this key has no revision 5:99: GET the history to see those it has
        x -> 400 invalid-request: revision is one of the key's history, like 5:42: GET the history to see them
         -> 400 invalid-request: revision is one of the key's history, like 5:42: GET the history to see them
    "#]]
    .assert_eq(&table);
    let seen = rest.send("POST /api/v1/config/n/b/rollback", &[ADMIN, JSON], r#"{"revision":"5:5"}"#).json();
    assert_eq!((seen["value"].as_str(), seen["type"].as_str()), (Some("1"), Some("number")));
    let history = rest.get("/api/v1/config/n/b/history").json();
    assert_eq!(history["items"].as_array().map(Vec::len), Some(3), "nothing is taken out of history");
}

#[test]
fn a_rollback_is_conditional_and_done_once() {
    let rest = Rest::node(1);
    for value in ["one", "two"] {
        rest.put("/api/v1/config/n/a", &format!(r#"{{"value":"{value}"}}"#));
    }
    let back = |headers: &[&str], to: &str| {
        let headers = [&[super::ADMIN, super::JSON], headers].concat();
        rest.send("POST /api/v1/config/n/a/rollback", &headers, format!(r#"{{"revision":"{to}"}}"#))
    };
    let stale = back(&["If-Match: \"5:1\""], "5:1");
    assert_eq!((stale.slug().as_deref(), stale.header("etag")), (Some("precondition-failed"), Some("\"5:2\"")));
    let first = back(&["If-Match: \"5:2\"", "Idempotency-Key: once"], "5:1");
    assert_eq!((first.status.as_u16(), first.json()["value"].as_str()), (200, Some("one")));
    rest.put("/api/v1/config/n/a", r#"{"value":"three"}"#);
    let again = back(&["If-Match: \"5:2\"", "Idempotency-Key: once"], "5:1");
    assert_eq!((again.status, again.body), (first.status, first.body));
    assert_eq!(rest.get("/api/v1/config/n/a").json()["value"], "three");
    let other = back(&["If-Match: \"5:2\"", "Idempotency-Key: once"], "5:2");
    assert_eq!(other.slug().as_deref(), Some("idempotency-mismatch"));
    // What was not there is told first, and told again.
    for _ in 0..2 {
        assert_eq!(back(&["If-Match: \"5:1\"", "Idempotency-Key: none"], "5:9").slug().as_deref(), Some("not-found"));
    }
    // Back to where it was deleted.
    let gone = rest.send("DELETE /api/v1/config/n/a", &[super::ADMIN], "");
    let gone = gone.header("x-confman-version").expect("a version").to_owned();
    rest.put("/api/v1/config/n/a", r#"{"value":"four"}"#);
    let first = back(&["Idempotency-Key: delete"], &gone);
    assert_eq!(first.status, 204);
    assert_eq!(
        back(&["Idempotency-Key: delete"], &gone).header("x-confman-version"),
        first.header("x-confman-version")
    );
    assert_eq!(back(&[], &gone).status, 404, "it is deleted already");
}
