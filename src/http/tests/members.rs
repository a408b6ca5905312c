//! The members of the cluster, and changes of them.

use expect_test::expect;

use super::{ADMIN, JSON, READER, Rest};
use crate::api::{ChangeError, ChangeRequest, Changed, MemberChange, Standing};
use crate::base::{LogId, NodeId};

const FOUR: &str = r#"{"id":4,"peer":"10.0.0.4:7500","url":"http://10.0.0.4:7400/"}"#;
const MEMBERS: &str = "/api/v1/cluster/members";

fn post(rest: &Rest, path: &str, body: &str) -> super::Seen {
    rest.send(&format!("POST {path}"), &[ADMIN, JSON], body.to_owned())
}

#[test]
fn members_are_listed_and_read() {
    let rest = Rest::node(2);
    rest.node.consensus.change(|status| {
        status.members.remove(&NodeId(3));
        status.members.get_mut(&NodeId(2)).expect("a member").voter = false;
    });
    expect![[r#"
        200 OK
        content-type: application/json
        {
          "changing": false,
          "items": [
            {
              "id": 1,
              "leader": true,
              "peer": "10.0.0.1:7500",
              "storage": "00000000000000000000000000000001",
              "url": "http://n1:7400",
              "voter": true
            },
            {
              "id": 2,
              "leader": false,
              "peer": "10.0.0.2:7500",
              "storage": "00000000000000000000000000000002",
              "url": "http://n2:7400",
              "voter": false
            }
          ],
          "revision": "5:0"
        }"#]]
    .assert_eq(&rest.get(MEMBERS).whole());
    assert_eq!(rest.get("/api/v1/cluster/members/1").json()["leader"], true);
    assert_eq!(rest.get("/api/v1/cluster/members/3").slug().as_deref(), Some("not-found"));
}

#[test]
fn a_change_is_asked_for_as_the_path_says_and_answered_as_it_came_out() {
    let rest = Rest::node(1);
    let (node, old) = (NodeId(4), NodeId(3));
    let (peer, url) = ("10.0.0.4:7500".to_owned(), "http://10.0.0.4:7400".to_owned());
    let pending = Changed { at: Some(LogId::new(5, 7)), pending: true };
    rest.node.consensus.script_changes([Ok(Changed { pending: false, ..pending }), Ok(pending)]);
    expect![[r#"
        201 Created
        content-type: application/json
        x-confman-version: 5:7
        location: /api/v1/cluster/members/4
        {
          "id": 4,
          "pending": false,
          "revision": "5:7"
        }"#]]
    .assert_eq(&post(&rest, MEMBERS, FOUR).whole());
    expect![[r#"
        202 Accepted
        content-type: application/json
        x-confman-version: 5:7
        location: /api/v1/cluster/members/4
        {
          "id": 4,
          "pending": true,
          "revision": "5:7"
        }"#]]
    .assert_eq(&post(&rest, "/api/v1/cluster/members/3/replace?force=true", FOUR).whole());
    let learner = FOUR.replace('}', r#","promote":false}"#);
    assert_eq!(post(&rest, MEMBERS, &learner).status, 201);
    assert_eq!(rest.put("/api/v1/cluster/members/4", r#"{"voter":true}"#).status, 200);
    assert_eq!(rest.send("DELETE /api/v1/cluster/members/3?force=true", &[ADMIN], "").status, 204);
    assert_eq!(post(&rest, "/api/v1/cluster/leader", r#"{"node":3}"#).json(), serde_json::json!({ "node": 3 }));
    let asked = |change, force| ChangeRequest { change, force };
    assert_eq!(
        *rest.node.consensus.changes.lock().expect("no panic"),
        [
            asked(MemberChange::Add { node, peer: peer.clone(), url: url.clone(), promote: true }, false),
            asked(MemberChange::Replace { old, node, peer: peer.clone(), url: url.clone() }, true),
            asked(MemberChange::Add { node, peer, url, promote: false }, false),
            asked(MemberChange::Promote { node }, false),
            asked(MemberChange::Remove { node: old }, true),
            asked(MemberChange::Lead { node: old }, false),
        ]
    );
}

#[test]
fn refusals_say_what_to_do() {
    let rest = Rest::node(1);
    rest.node.consensus.script_changes([
        Err(ChangeError::Conflict("adding node 4 is under way".to_owned())),
        Err(ChangeError::NoSuchMember(NodeId(9))),
        Err(ChangeError::OutcomeUnknown),
    ]);
    let form: &[&str] = &[ADMIN, JSON];
    let follower = Rest::node(2);
    let mut table = rest.table(&[
        ("POST /api/v1/cluster/members", form, FOUR),
        ("DELETE /api/v1/cluster/members/9", form, ""),
        ("DELETE /api/v1/cluster/members/3", form, ""),
        ("POST /api/v1/cluster/members", form, r#"{"id":0,"peer":"a:1","url":"http://a"}"#),
        ("POST /api/v1/cluster/members", form, r#"{"id":4,"peer":"0.0.0.0:1","url":"http://a"}"#),
        ("POST /api/v1/cluster/members", form, r#"{"id":4,"peer":"a:1","url":"a:2"}"#),
        ("POST /api/v1/cluster/members", form, r#"{"id":4,"peer":"a:1"}"#),
        ("PUT /api/v1/cluster/members/3", form, r#"{"voter":false}"#),
        ("DELETE /api/v1/cluster/members/three", form, ""),
        ("DELETE /api/v1/cluster/members/3?force=maybe", form, ""),
        ("DELETE /api/v1/cluster/members/3", &[ADMIN, "Idempotency-Key: a"], ""),
    ]);
    table += &follower.table(&[("DELETE /api/v1/cluster/members/3", form, "")]);
    expect![[r#"
        POST /api/v1/cluster/members ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"id":4,"peer":"10.0.0.4:7500","url":"http://10.0.0.4:7400/"} -> 409 membership-conflict: adding node 4 is under way
        DELETE /api/v1/cluster/members/9 ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"]  -> 404 not-found: node 9 is not a member: see GET /api/v1/cluster/members for those there are
        DELETE /api/v1/cluster/members/3 ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"]  -> 504 outcome-unknown: the change may or may not take effect, also later, or in part: see GET /api/v1/cluster/members, and ask for it again where it is not so yet
        POST /api/v1/cluster/members ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"id":0,"peer":"a:1","url":"http://a"} -> 400 invalid-request: id is a number from 1 that was never used in this cluster
        POST /api/v1/cluster/members ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"id":4,"peer":"0.0.0.0:1","url":"http://a"} -> 400 invalid-request: peer is where other nodes reach the node, host and port like 10.0.0.4:7500
        POST /api/v1/cluster/members ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"id":4,"peer":"a:1","url":"a:2"} -> 400 invalid-request: url is where clients reach the node, like http://10.0.0.4:7400
        POST /api/v1/cluster/members ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"id":4,"peer":"a:1"} -> 400 invalid-request: the body does not fit: missing field `url` at line 1 column 21. Send one like {"id":4,"peer":"10.0.0.4:7500","url":"http://10.0.0.4:7400"}
        PUT /api/v1/cluster/members/3 ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {"voter":false} -> 400 invalid-request: a voter is not made a learner again: remove it, or leave it as it is
        DELETE /api/v1/cluster/members/three ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"]  -> 400 invalid-request: a node is named by its id, a number from 1
        DELETE /api/v1/cluster/members/3?force=maybe ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"]  -> 400 invalid-request: force is true or false
        DELETE /api/v1/cluster/members/3 ["X-API-Key: cm_admin_secret_0000", "Idempotency-Key: a"]  -> 400 invalid-request: the cluster is not changed under an Idempotency-Key: leave it out. What is so already is not done again
        DELETE /api/v1/cluster/members/3 ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"]  -> 307 not-leader: nothing was written: send the request to the leader at http://n1:7400, or follow the Location
    "#]].assert_eq(&table);
    let redirect = follower.send("DELETE /api/v1/cluster/members/3?force=true", form, "");
    let to = "http://n1:7400/api/v1/cluster/members/3?force=true&hop=1";
    assert_eq!((redirect.status.as_u16(), redirect.header("location")), (307, Some(to)));
}

#[test]
fn a_node_that_was_removed_says_so_and_serves_nothing() {
    let rest = Rest::node(2);
    *rest.node.consensus.standing.lock().expect("no panic") = Standing::Removed { at: LogId::new(5, 9) };
    let table = rest.table(&[
        ("GET /health", &[], ""),
        ("GET /health/ready", &[], ""),
        ("GET /api/v1/config/a/k", &[READER], ""),
        ("GET /api/v1/config/a", &[READER], ""),
    ]);
    expect![[r#"
        GET /health []  -> 200
        GET /health/ready []  -> 503 not-a-member: this node was removed from the cluster, and what it has grows old: stop it. To bring the machine back, give it an empty data directory and a new id, and add it
        GET /api/v1/config/a/k ["X-API-Key: cm_reader_secret_000"]  -> 503 not-a-member: this node was removed from the cluster, and what it has grows old: ask another
        GET /api/v1/config/a ["X-API-Key: cm_reader_secret_000"]  -> 503 not-a-member: this node was removed from the cluster, and what it has grows old: ask another
    "#]].assert_eq(&table);
    assert_eq!(rest.get("/api/v1/cluster").json()["alarms"][0]["kind"], "not-a-member");
}
