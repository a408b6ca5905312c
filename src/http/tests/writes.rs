//! Where a write goes, and what is said when it goes wrong.

use std::time::Duration;

use expect_test::expect;

use super::{ADMIN, JSON, Rest};
use crate::api::testing::{Scripted, World};
use crate::api::{CallError, ProposeError};
use crate::base::RequestId;
use crate::config::FollowerWrites;
use crate::model::{Key, Namespace, Op, ValueType};

const BODY: &str = r#"{"value":"v"}"#;

#[test]
fn a_follower_redirects_with_path_query_and_a_count() {
    let rest = Rest::node(2);
    expect![[r#"
        307 Temporary Redirect
        location: http://n1:7400/api/v1/config/teams/pay/-/db/url?hop=1
        content-type: application/problem+json
        {
          "detail": "nothing was written: send the request to the leader at http://n1:7400, or follow the Location",
          "instance": "/api/v1/config/teams/pay/-/db/url",
          "leader": "http://n1:7400",
          "status": 307,
          "title": "Not the leader",
          "type": "https://confman/errors/not-leader"
        }"#]]
    .assert_eq(&rest.put("/api/v1/config/teams/pay/-/db/url", BODY).whole());
    let location = |path: &str| rest.put(path, BODY).header("location").map(str::to_owned);
    assert_eq!(location("/api/v1/config/a%2Fb/k?hop=1").as_deref(), Some("http://n1:7400/api/v1/config/a%2Fb/k?hop=2"));
    expect![[r#"
        503 Service Unavailable
        retry-after: 1
        content-type: application/problem+json
        {
          "detail": "nothing was written: 2 redirects brought the request here, and this node does not lead either. The leadership is changing: try again after the time in Retry-After",
          "instance": "/api/v1/config/a/k",
          "status": 503,
          "title": "No leader",
          "type": "https://confman/errors/no-leader"
        }"#]].assert_eq(&rest.put("/api/v1/config/a/k?hop=2", BODY).whole());
    assert_eq!(rest.send("DELETE /api/v1/config/a/k", &[ADMIN], "").status, 307);
    // A leader does not mind how the request came.
    assert_eq!(Rest::node(1).put("/api/v1/config/a/k?hop=2", BODY).status, 201);
}

/// What a follower does with a write: 307, or 201 where it passed it on.
fn followed(follower_writes: FollowerWrites, headers: &[&str]) -> u16 {
    let world = World::new();
    let leader = world.node(1);
    let rest = Rest::of(world.node(2), world, follower_writes);
    rest.node.peers.connect(1, &leader.api);
    // The entry reaches this node by replication.
    rest.node.state.apply(
        Op::Set {
            namespace: Namespace::parse("a").expect("a namespace"),
            key: Key::parse("k").expect("a key"),
            value: "v".to_owned(),
            value_type: ValueType::String,
        },
        "boss@test".to_owned(),
        RequestId::from_random(1),
    );
    let seen = rest.send("PUT /api/v1/config/a/k", headers, BODY);
    assert_eq!(leader.state.applied().is_some_and(|applied| applied.index.0 == 1), seen.status == 201);
    seen.status.as_u16()
}

#[test]
fn auto_forwards_where_a_redirect_would_fail_the_client() {
    let bearer = "Authorization: Bearer cm_admin_secret_0000";
    let origin = "Origin: https://example.org";
    for (follower_writes, headers, want) in [
        (FollowerWrites::Auto, &[JSON, ADMIN][..], 307),
        (FollowerWrites::Auto, &[JSON, bearer], 201),
        (FollowerWrites::Auto, &[JSON, ADMIN, origin], 201),
        (FollowerWrites::Redirect, &[JSON, bearer, origin], 307),
        (FollowerWrites::Forward, &[JSON, ADMIN], 201),
    ] {
        assert_eq!(followed(follower_writes, headers), want, "{follower_writes:?} {headers:?}");
    }
}

#[test]
fn errors_say_whether_the_write_may_have_happened() {
    let rest = Rest::node(1);
    let mut seen = String::new();
    for error in [ProposeError::Overloaded, ProposeError::StorageFull { free_bytes: 10 }, ProposeError::OutcomeUnknown]
    {
        rest.node.consensus.script([Scripted::Fail(error)]);
        seen += &(rest.put("/api/v1/config/a/k", BODY).whole() + "\n");
    }
    rest.node.consensus.script([Scripted::Hang]);
    seen += &rest.put("/api/v1/config/a/k", BODY).line();
    expect![[r#"
        503 Service Unavailable
        retry-after: 1
        content-type: application/problem+json
        {
          "detail": "nothing was written: too many requests are waiting. Try again after the time in Retry-After",
          "instance": "/api/v1/config/a/k",
          "status": 503,
          "title": "Overloaded",
          "type": "https://confman/errors/overloaded"
        }
        507 Insufficient Storage
        content-type: application/problem+json
        {
          "detail": "nothing was written: the leader's disk has 10 bytes free, less than the reserve. Free some disk there; writes go on by themselves then",
          "freeBytes": 10,
          "instance": "/api/v1/config/a/k",
          "status": 507,
          "title": "Storage full",
          "type": "https://confman/errors/storage-full"
        }
        504 Gateway Timeout
        content-type: application/problem+json
        {
          "detail": "the write may or may not take effect, also later: read what it was to change before you write again",
          "instance": "/api/v1/config/a/k",
          "status": 504,
          "title": "Outcome unknown",
          "type": "https://confman/errors/outcome-unknown"
        }
        504 outcome-unknown: the write may or may not take effect, also later: read what it was to change before you write again"#]].assert_eq(&seen);
    assert_eq!(rest.world.elapsed(), Duration::from_secs(5));

    let rest = Rest::with(2, FollowerWrites::Forward);
    rest.node.peers.answer(1, Err(CallError::NoAnswer("broken".to_owned())));
    assert_eq!(rest.put("/api/v1/config/a/k", BODY).status, 504);
    rest.node.consensus.change(|status| status.leader = None);
    expect![[r#"
        503 Service Unavailable
        retry-after: 1
        content-type: application/problem+json
        {
          "detail": "nothing was written: no leader is known. Try again after the time in Retry-After; if it stays so, less than a majority of the nodes is up and connected: see GET /api/v1/cluster",
          "instance": "/api/v1/config/a/k",
          "status": 503,
          "title": "No leader",
          "type": "https://confman/errors/no-leader"
        }"#]].assert_eq(&rest.put("/api/v1/config/a/k", BODY).whole());
}

#[test]
fn a_stopping_node_finishes_what_it_has_and_takes_no_more() {
    let rest = Rest::node(1);
    let api = rest.node.api.clone();
    rest.world.run(async move { api.stop().await });
    expect!["503 overloaded: nothing was written: this node is stopping. Send the request to another node"]
        .assert_eq(&rest.put("/api/v1/config/a/k", BODY).line());
    assert_eq!(rest.get("/api/v1/config/a").status, 200);
}
