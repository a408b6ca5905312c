//! The node and the cluster: health, readiness, `/cluster`.

use expect_test::expect;

use super::Rest;
use crate::api::CallError;
use crate::api::testing::World;
use crate::config::FollowerWrites;

#[test]
fn readiness_needs_a_leader_and_a_recovered_node() {
    let rest = Rest::node(2);
    assert_eq!(rest.get("/health").json(), serde_json::json!({ "status": "healthy" }));
    assert_eq!(rest.get("/health/ready").json(), serde_json::json!({ "status": "ready", "leader": "http://n1:7400" }));
    rest.node.consensus.change(|status| status.leader = None);
    expect![[r#"
        503 Service Unavailable
        retry-after: 1
        content-type: application/problem+json
        {
          "detail": "this node is up, but can neither write nor pass writes on: no leader is known. Try again after the time in Retry-After; if it stays so, less than a majority of the nodes is up and connected: see GET /api/v1/cluster",
          "instance": "/health/ready",
          "status": 503,
          "title": "No leader",
          "type": "https://confman/errors/no-leader"
        }"#]].assert_eq(&rest.get("/health/ready").whole());
    assert_eq!(rest.get("/health").status, 200);
    assert_eq!(rest.get("/api/v1/config/a").status, 200, "eventual reads need no leader");
}

#[test]
fn nothing_is_read_before_recovery_is_done() {
    let rest = Rest::node(2);
    rest.node.consensus.change(|status| status.caught_up = false);
    assert_eq!(rest.get("/health/ready").slug().as_deref(), Some("version-not-reached"));
    for path in ["/api/v1/config/a/k", "/api/v1/config/a", "/api/v1/audit/a"] {
        let seen = rest.get(path);
        assert_eq!(
            (seen.slug().as_deref(), seen.header("retry-after")),
            (Some("version-not-reached"), Some("1")),
            "{path}"
        );
    }
    rest.node.consensus.change(|status| status.leader = None);
    assert_eq!(rest.get("/api/v1/config/a").slug().as_deref(), Some("no-leader"));
    rest.node.consensus.change(|status| status.caught_up = true);
    assert_eq!(rest.get("/api/v1/config/a").status, 200);
}

#[test]
fn a_broken_store_is_an_internal_error_without_its_words() {
    let rest = Rest::node(1);
    rest.node.state.break_store();
    let seen = rest.get("/api/v1/config/a/k");
    expect![[r#"
        500 Internal Server Error
        content-type: application/problem+json
        {
          "detail": "the node could not do it; its log says why, under this request id. Other nodes may",
          "instance": "/api/v1/config/a/k",
          "status": 500,
          "title": "Internal error",
          "type": "https://confman/errors/internal"
        }"#]]
    .assert_eq(&seen.whole());
}

#[test]
fn a_damaged_state_is_not_served() {
    let rest = Rest::node(1);
    rest.node.state.set_alarm(Some("row 3 differs: replace this node"));
    for path in ["/api/v1/config/a/k", "/api/v1/config/a", "/api/v1/audit/a", "/health/ready"] {
        let seen = rest.get(path);
        assert_eq!(seen.slug().as_deref(), Some("internal"), "{path}");
        assert!(seen.body.contains("ask another node"), "{}", seen.body);
    }
    let alarms = rest.get("/api/v1/cluster").json()["alarms"].clone();
    assert_eq!(alarms[0]["kind"], "state-damaged");
    assert_eq!(alarms[0]["detail"], "row 3 differs: replace this node");
    rest.node.state.set_alarm(None);
    assert_eq!(rest.get("/api/v1/config/a").status, 200);
}

#[test]
fn the_cluster_is_shown_with_what_is_wrong() {
    let world = World::new();
    let (first, third) = (world.node(1), world.node(3));
    let rest = Rest::of(world.node(2), world, FollowerWrites::Auto);
    rest.node.peers.connect(1, &first.api);
    rest.node.peers.connect(3, &third.api);
    first.state.set_hash(1);
    third.api.publish_key_set(7);
    rest.node.peers.answer(3, Err(CallError::NotDelivered("connection refused".to_owned())));
    expect![[r#"
        200 OK
        content-type: application/json
        {
          "alarms": [
            {
              "detail": "nodes 1 and 2 have different states at 5:0 in group 0: 00000000000000000000000000000001 and 00000000000000000000000000000000. Compare with the other nodes to see which one is wrong, and replace that node's data directory",
              "kind": "state-hash-mismatch",
              "nodes": [
                1,
                2
              ]
            },
            {
              "detail": "not all nodes know the same API keys: give all nodes the same [[auth.apiKeys]] and send them SIGHUP",
              "kind": "api-keys-differ",
              "nodes": [
                1,
                2
              ]
            }
          ],
          "cluster": "test",
          "node": 2,
          "nodes": [
            {
              "address": "10.0.0.1:7500",
              "groups": [
                {
                  "applied": "5:0",
                  "caughtUp": true,
                  "committed": "5:0",
                  "group": 0,
                  "lag": 0,
                  "lastLogIndex": 0,
                  "leader": 1,
                  "purged": null,
                  "role": "leader",
                  "snapshot": null,
                  "stateHash": "00000000000000000000000000000001",
                  "term": 5
                }
              ],
              "node": 1,
              "reachable": true,
              "storage": "00000000000000000000000000000001",
              "url": "http://n1:7400",
              "version": "0.1.0",
              "voter": true
            },
            {
              "address": "10.0.0.2:7500",
              "groups": [
                {
                  "applied": "5:0",
                  "caughtUp": true,
                  "committed": "5:0",
                  "group": 0,
                  "lag": 0,
                  "lastLogIndex": 0,
                  "leader": 1,
                  "purged": null,
                  "role": "follower",
                  "snapshot": null,
                  "stateHash": "00000000000000000000000000000000",
                  "term": 5
                }
              ],
              "node": 2,
              "reachable": true,
              "storage": "00000000000000000000000000000002",
              "url": "http://n2:7400",
              "version": "0.1.0",
              "voter": true
            },
            {
              "address": "10.0.0.3:7500",
              "error": "not delivered: connection refused",
              "groups": [],
              "node": 3,
              "reachable": false,
              "storage": "00000000000000000000000000000003",
              "url": "http://n3:7400",
              "voter": true
            }
          ]
        }"#]].assert_eq(&rest.get("/api/v1/cluster").whole());
    rest.node.peers.heal(3);
    let alarms = rest.get("/api/v1/cluster").json()["alarms"].clone();
    assert_eq!(alarms[2]["kind"], "api-keys-differ");
    assert_eq!(alarms[2]["nodes"], serde_json::json!([1, 2, 3]));
}
