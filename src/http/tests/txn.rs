//! Transactions.

use expect_test::expect;
use serde_json::{Value, json};

use super::{ADMIN, JSON, READER, Rest, Seen};
use crate::base::limits::{TXN_OPS_MAX, VALUE_BYTES_MAX};

fn post(rest: &Rest, headers: &[&str], body: &Value) -> Seen {
    rest.send("POST /api/v1/txn", &[&[ADMIN, JSON], headers].concat(), body.to_string())
}

fn set(key: &str, value: &str) -> Value {
    json!({ "set": { "namespace": "a", "key": key, "value": value } })
}

fn delete(key: &str) -> Value {
    json!({ "delete": { "namespace": "a", "key": key } })
}

fn compare(key: &str, revision: Option<&str>) -> Value {
    json!({ "namespace": "a", "key": key, "revision": revision })
}

#[test]
fn all_changes_are_made_at_one_revision() {
    let rest = Rest::node(1);
    let first =
        json!({ "ops": [set("k", "1"), { "set": { "namespace": "b", "key": "k", "value": "1", "type": "number" } }] });
    assert_eq!(post(&rest, &[], &first).status, 200);
    let second = json!({
        "compare": [compare("k", Some("5:1")), compare("new", None)],
        "ops": [set("new", "2"), set("k", "2"), delete("zzz"), { "delete": { "namespace": "b", "key": "k" } }]
    });
    expect![[r#"
        200 OK
        content-type: application/json
        x-confman-version: 5:2
        {
          "results": [
            {
              "key": "new",
              "namespace": "a",
              "outcome": "created",
              "version": 1
            },
            {
              "key": "k",
              "namespace": "a",
              "outcome": "set",
              "version": 2
            },
            {
              "key": "zzz",
              "namespace": "a",
              "outcome": "absent"
            },
            {
              "key": "k",
              "namespace": "b",
              "outcome": "deleted"
            }
          ],
          "revision": "5:2"
        }"#]]
    .assert_eq(&post(&rest, &[], &second).whole());
    for (path, status) in [("a/k", 200), ("a/new", 200), ("b/k", 404)] {
        let seen = rest.get(&format!("/api/v1/config/{path}"));
        assert_eq!(seen.status, status, "{path}");
        assert!(status == 404 || seen.json()["revision"] == "5:2", "{path}");
    }
    let audit = rest.send("GET /api/v1/audit", &[ADMIN], "").json();
    let events: Vec<String> = audit["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|event| {
            format!(
                "{} {} {}/{} {}->{}",
                event["id"], event["action"], event["namespace"], event["key"], event["oldValue"], event["newValue"]
            )
        })
        .collect();
    expect![[r#"
        "5:2:2" "config.delete" "b"/"k" "1"->null
        "5:2:1" "config.set" "a"/"k" "1"->"2"
        "5:2:0" "config.set" "a"/"new" null->"2"
        "5:1:3" "config.set" "b"/"k" null->"1"
        "5:1:2" "namespace.set" "b"/null null->null
        "5:1:1" "config.set" "a"/"k" null->"1"
        "5:1:0" "namespace.set" "a"/null null->null"#]]
    .assert_eq(&events.join("\n"));
}

#[test]
fn a_comparison_that_fails_is_named_and_nothing_is_made() {
    let rest = Rest::node(1);
    post(&rest, &[], &json!({ "ops": [set("k", "1"), set("l", "1")] }));
    let asked = json!({
        "compare": [compare("k", Some("5:1")), compare("l", None), compare("zzz", Some("4:9"))],
        "ops": [set("k", "2"), set("new", "2")]
    });
    let first = post(&rest, &["Idempotency-Key: one"], &asked);
    expect![[r#"
        412 Precondition Failed
        x-confman-version: 5:2
        content-type: application/problem+json
        {
          "detail": "nothing was written: 2 of 3 comparisons do not hold, see `failed`. Read those entries, and decide again",
          "failed": [
            {
              "current": "5:1",
              "expected": null,
              "key": "l",
              "namespace": "a"
            },
            {
              "current": null,
              "expected": "4:9",
              "key": "zzz",
              "namespace": "a"
            }
          ],
          "instance": "/api/v1/txn",
          "status": 412,
          "title": "Precondition failed",
          "type": "https://confman/errors/precondition-failed"
        }"#]].assert_eq(&first.whole());
    assert_eq!(rest.get("/api/v1/config/a/k").json()["value"], "1");
    assert_eq!(rest.get("/api/v1/config/a/new").status, 404);
    rest.send("DELETE /api/v1/config/a/l", &[ADMIN], "");
    assert_eq!(post(&rest, &["Idempotency-Key: one"], &asked).whole(), first.whole());
}

#[test]
fn a_transaction_is_done_once_under_its_key() {
    let rest = Rest::node(1);
    let asked = json!({ "ops": [set("k", "1"), delete("l")] });
    let first = post(&rest, &["Idempotency-Key: one"], &asked);
    assert_eq!(first.status, 200);
    rest.put("/api/v1/config/a/k", r#"{"value":"2"}"#);
    assert_eq!(post(&rest, &["Idempotency-Key: \"one\""], &asked).whole(), first.whole());
    assert_eq!(rest.get("/api/v1/config/a/k").json()["value"], "2");
    let other = json!({ "ops": [set("k", "1"), delete("m")] });
    assert_eq!(post(&rest, &["Idempotency-Key: one"], &other).slug().as_deref(), Some("idempotency-mismatch"));
}

#[test]
fn what_is_no_transaction_is_refused() {
    let rest = Rest::node(1);
    let line = |body: &Value| post(&rest, &[], body).line();
    let many = |count: usize| (0..count).map(|n| delete(&n.to_string())).collect::<Vec<_>>();
    let mut seen = String::new();
    for body in [
        json!({}),
        json!({ "ops": [] }),
        json!({ "ops": [{}] }),
        json!({ "ops": [{ "move": {} }] }),
        json!({ "ops": [{ "set": { "namespace": "a", "key": "k", "value": "v", "ttl": 1 } }] }),
        json!({ "ops": [{ "set": { "namespace": "a", "key": "k", "value": "v" }, "delete": { "namespace": "a", "key": "k" } }] }),
        json!({ "ops": [delete("k"), set("k", "v")] }),
        json!({ "compare": [compare("k", None), compare("k", Some("1:1"))], "ops": [delete("k")] }),
        json!({ "compare": [{ "namespace": "a", "key": "k" }], "ops": [delete("k")] }),
        json!({ "compare": [compare("k", Some("\"5:1\""))], "ops": [delete("k")] }),
        json!({ "compare": [compare("", None)], "ops": [delete("k")] }),
        json!({ "ops": [delete("k"), delete("a//b")] }),
        json!({ "ops": [delete("l"), { "set": { "namespace": "a", "key": "k", "value": "one", "type": "number" } }] }),
        json!({ "ops": [delete("k")], "mode": "fast" }),
    ] {
        seen += &format!("{body} -> {}\n", line(&body));
    }
    expect![[r#"
        {} -> 400 invalid-request: the body does not fit: missing field `ops` at line 1 column 2. Send one like {"compare":[{"namespace":"a","key":"k","revision":"5:42"}],"ops":[{"set":{"namespace":"a","key":"k","value":"..."}},{"delete":{"namespace":"a","key":"old"}}]}
        {"ops":[]} -> 400 invalid-request: a transaction has 1 to 512 operations, this one has 0
        {"ops":[{}]} -> 400 invalid-request: the body does not fit: expected value at line 1 column 10. Send one like {"compare":[{"namespace":"a","key":"k","revision":"5:42"}],"ops":[{"set":{"namespace":"a","key":"k","value":"..."}},{"delete":{"namespace":"a","key":"old"}}]}
        {"ops":[{"move":{}}]} -> 400 invalid-request: the body does not fit: unknown variant `move`, expected `set` or `delete` at line 1 column 15. Send one like {"compare":[{"namespace":"a","key":"k","revision":"5:42"}],"ops":[{"set":{"namespace":"a","key":"k","value":"..."}},{"delete":{"namespace":"a","key":"old"}}]}
        {"ops":[{"set":{"key":"k","namespace":"a","ttl":1,"value":"v"}}]} -> 400 invalid-request: the body does not fit: unknown field `ttl`, expected one of `namespace`, `key`, `value`, `type` at line 1 column 47. Send one like {"compare":[{"namespace":"a","key":"k","revision":"5:42"}],"ops":[{"set":{"namespace":"a","key":"k","value":"..."}},{"delete":{"namespace":"a","key":"old"}}]}
        {"ops":[{"delete":{"key":"k","namespace":"a"},"set":{"key":"k","namespace":"a","value":"v"}}]} -> 400 invalid-request: the body does not fit: expected value at line 1 column 45. Send one like {"compare":[{"namespace":"a","key":"k","revision":"5:42"}],"ops":[{"set":{"namespace":"a","key":"k","value":"..."}},{"delete":{"namespace":"a","key":"old"}}]}
        {"ops":[{"delete":{"key":"k","namespace":"a"}},{"set":{"key":"k","namespace":"a","value":"v"}}]} -> 400 invalid-request: a/-/k is changed twice: name each key in one operation
        {"compare":[{"key":"k","namespace":"a","revision":null},{"key":"k","namespace":"a","revision":"1:1"}],"ops":[{"delete":{"key":"k","namespace":"a"}}]} -> 400 invalid-request: a/-/k is compared twice: name each key in one comparison
        {"compare":[{"key":"k","namespace":"a"}],"ops":[{"delete":{"key":"k","namespace":"a"}}]} -> 400 invalid-request: the body does not fit: missing field `revision` at line 1 column 39. Send one like {"compare":[{"namespace":"a","key":"k","revision":"5:42"}],"ops":[{"set":{"namespace":"a","key":"k","value":"..."}},{"delete":{"namespace":"a","key":"old"}}]}
        {"compare":[{"key":"k","namespace":"a","revision":"\"5:1\""}],"ops":[{"delete":{"key":"k","namespace":"a"}}]} -> 400 invalid-request: compare 0: a version token is two decimal numbers, term and index, joined by a colon, like 5:42
        {"compare":[{"key":"","namespace":"a","revision":null}],"ops":[{"delete":{"key":"k","namespace":"a"}}]} -> 400 invalid-request: compare 0: a key is 1 to 512 characters of A-Z a-z 0-9 . _ ~ : @ / -
        {"ops":[{"delete":{"key":"k","namespace":"a"}},{"delete":{"key":"a//b","namespace":"a"}}]} -> 400 invalid-request: op 1: a key has no empty, '.' or '..' segment between its slashes
        {"ops":[{"delete":{"key":"l","namespace":"a"}},{"set":{"key":"k","namespace":"a","type":"number","value":"one"}}]} -> 422 invalid-value: op 1: the value is no number: a number is written as in JSON, like 42, -0.5 or 1e6, with nothing around it (line 1, column 1). Correct it, or set it as a string
        {"mode":"fast","ops":[{"delete":{"key":"k","namespace":"a"}}]} -> 400 invalid-request: the body does not fit: unknown field `mode`, expected `compare` or `ops` at line 1 column 7. Send one like {"compare":[{"namespace":"a","key":"k","revision":"5:42"}],"ops":[{"set":{"namespace":"a","key":"k","value":"..."}},{"delete":{"namespace":"a","key":"old"}}]}
    "#]].assert_eq(&seen);
    expect!["400 invalid-request: a transaction has 1 to 512 operations, this one has 513"]
        .assert_eq(&line(&json!({ "ops": many(TXN_OPS_MAX + 1) })));
    assert_eq!(
        line(&json!({ "ops": [set("k", &"x".repeat(VALUE_BYTES_MAX + 1))] })),
        format!(
            "413 payload-too-large: op 0: a value is at most {VALUE_BYTES_MAX} bytes, this one has {}",
            VALUE_BYTES_MAX + 1
        )
    );
    assert_eq!(rest.node.state.applied().expect("applied").index.0, 0, "none of it was proposed");
    assert_eq!(line(&json!({ "ops": many(TXN_OPS_MAX) })), "200");
    assert_eq!(rest.send("POST /api/v1/txn", &[READER, JSON], "{}").status, 403);
}
