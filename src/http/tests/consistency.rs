//! Versions and consistency modes.

use std::time::Duration;

use expect_test::expect;

use super::{ADMIN, READER, Rest};
use crate::api::ReadIndexError;
use crate::base::{LogId, RequestId};
use crate::model::{Key, Namespace, Op, ValueType};

/// A key of the leader's namespace `n`, set on a node as if by the log.
fn apply(rest: &Rest, value: &str) {
    let op = Op::Set {
        namespace: Namespace::parse("n").expect("a namespace"),
        key: Key::parse("k").expect("a key"),
        value: value.to_owned(),
        value_type: ValueType::String,
    };
    rest.node.state.apply(op, "boss@test".to_owned(), RequestId::from_random(1));
}

/// A follower that has applied two writes, the last as `5:2`.
fn follower() -> Rest {
    let rest = Rest::node(2);
    apply(&rest, "1");
    apply(&rest, "2");
    rest
}

#[test]
fn what_a_request_may_say_of_consistency() {
    let rest = follower();
    let table = rest.table(&[
        ("GET /api/v1/config/n/k", &[READER], ""),
        ("GET /api/v1/config/n/k?consistency=eventual", &[READER], ""),
        ("GET /api/v1/config/n/k?minVersion=5:2", &[READER], ""),
        ("GET /api/v1/config/n/k?minVersion=5:1&consistency=read-your-writes", &[READER], ""),
        ("GET /api/v1/config/n/k", &[READER, "X-Confman-Min-Version: 5:2", "X-Confman-Consistency: linearizable"], ""),
        ("GET /api/v1/config/n/k?minVersion=5:2", &[READER, "X-Confman-Min-Version: 5:2"], ""),
        ("GET /api/v1/config/n/k?minVersion=5:2", &[READER, "X-Confman-Min-Version: 5:1"], ""),
        ("GET /api/v1/config/n/k", &[READER, "X-Confman-Min-Version: 5:2", "X-Confman-Min-Version: 5:1"], ""),
        ("GET /api/v1/config/n/k?consistency=read-your-writes", &[READER], ""),
        ("GET /api/v1/config/n/k?consistency=strong", &[READER], ""),
        ("GET /api/v1/config/n/k", &[READER, "X-Confman-Min-Version: five"], ""),
        ("GET /api/v1/config/n/k?minVersion=5", &[READER], ""),
        ("GET /api/v1/config/n/k?minVersion=", &[READER], ""),
        ("GET /api/v1/config/n/k?timeout=soon", &[READER], ""),
        ("GET /api/v1/config/n/k?onStale=wait", &[READER], ""),
        ("DELETE /api/v1/config/n/k", &[ADMIN, "X-Confman-Min-Version: five"], ""),
        ("GET /api/v1/cluster?consistency=linearizable", &[READER], ""),
    ]);
    expect![[r#"
        GET /api/v1/config/n/k ["X-API-Key: cm_reader_secret_000"]  -> 200
        GET /api/v1/config/n/k?consistency=eventual ["X-API-Key: cm_reader_secret_000"]  -> 200
        GET /api/v1/config/n/k?minVersion=5:2 ["X-API-Key: cm_reader_secret_000"]  -> 200
        GET /api/v1/config/n/k?minVersion=5:1&consistency=read-your-writes ["X-API-Key: cm_reader_secret_000"]  -> 200
        GET /api/v1/config/n/k ["X-API-Key: cm_reader_secret_000", "X-Confman-Min-Version: 5:2", "X-Confman-Consistency: linearizable"]  -> 200
        GET /api/v1/config/n/k?minVersion=5:2 ["X-API-Key: cm_reader_secret_000", "X-Confman-Min-Version: 5:2"]  -> 200
        GET /api/v1/config/n/k?minVersion=5:2 ["X-API-Key: cm_reader_secret_000", "X-Confman-Min-Version: 5:1"]  -> 400 invalid-request: x-confman-min-version and minVersion say different things: send one of them, once
        GET /api/v1/config/n/k ["X-API-Key: cm_reader_secret_000", "X-Confman-Min-Version: 5:2", "X-Confman-Min-Version: 5:1"]  -> 400 invalid-request: x-confman-min-version and minVersion say different things: send one of them, once
        GET /api/v1/config/n/k?consistency=read-your-writes ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: read-your-writes takes the version to see: send the X-Confman-Version of your last write as X-Confman-Min-Version, or as ?minVersion=
        GET /api/v1/config/n/k?consistency=strong ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: consistency is eventual, read-your-writes or linearizable
        GET /api/v1/config/n/k ["X-API-Key: cm_reader_secret_000", "X-Confman-Min-Version: five"]  -> 400 invalid-request: "five" is no version: send an X-Confman-Version or a revision just as it was answered
        GET /api/v1/config/n/k?minVersion=5 ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: "5" is no version: send an X-Confman-Version or a revision just as it was answered
        GET /api/v1/config/n/k?minVersion= ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: "" is no version: send an X-Confman-Version or a revision just as it was answered
        GET /api/v1/config/n/k?timeout=soon ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: timeout is a number and a unit: 500ms, 3s
        GET /api/v1/config/n/k?onStale=wait ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: onStale is redirect, or is left out
        DELETE /api/v1/config/n/k ["X-API-Key: cm_admin_secret_0000", "X-Confman-Min-Version: five"]  -> 400 invalid-request: "five" is no version: send an X-Confman-Version or a revision just as it was answered
        GET /api/v1/cluster?consistency=linearizable ["X-API-Key: cm_reader_secret_000"]  -> 400 invalid-request: unknown query parameter "consistency": this path takes none
    "#]].assert_eq(&table);
    assert_eq!(rest.world.elapsed(), Duration::ZERO);
}

#[test]
fn every_read_of_state_sees_the_version_that_it_names() {
    for path in [
        "/api/v1/config/n/k",
        "/api/v1/config/n",
        "/api/v1/namespaces",
        "/api/v1/namespaces/n",
        "/api/v1/audit",
        "/api/v1/audit/n",
        "/api/v1/audit/verify",
        "/api/v1/backup",
    ] {
        let rest = follower();
        rest.node.consensus.confirm(Ok(LogId::new(5, 3)));
        let behind = rest.send(&format!("GET {path}?minVersion=5:3&timeout=300ms"), &[ADMIN], "");
        assert_eq!((behind.slug().as_deref(), behind.header("retry-after")), (Some("version-not-reached"), Some("1")));
        assert_eq!(rest.world.elapsed(), Duration::from_millis(300), "{path}");
        let (state, clock) = (rest.node.state.clone(), rest.node.host.clone());
        rest.node.host.spawn("log", async move {
            clock.sleep(Duration::from_millis(100)).await;
            let op = Op::DeleteNamespace { namespace: Namespace::parse("none").expect("a namespace") };
            state.apply(op, "boss@test".to_owned(), RequestId::from_random(1));
        });
        let reached = rest.send(&format!("GET {path}"), &[ADMIN, "X-Confman-Min-Version: 5:3"], "");
        assert_eq!((reached.status.as_u16(), reached.header("x-confman-version")), (200, Some("5:3")), "{path}");
        assert_eq!(rest.world.elapsed(), Duration::from_millis(400), "{path}");
    }
}

#[test]
fn a_version_of_another_history_is_told_at_once() {
    let rest = follower();
    let table = rest.table(&[
        // The same index in another term: what was written there is lost.
        ("GET /api/v1/config/n/k?minVersion=4:2", &[READER], ""),
        ("GET /api/v1/config/n/k?minVersion=6:1", &[READER], ""),
        // A new leader's entries come later.
        ("GET /api/v1/config/n/k?minVersion=4:0", &[READER], ""),
    ]);
    expect![[r#"
        GET /api/v1/config/n/k?minVersion=4:2 ["X-API-Key: cm_reader_secret_000"]  -> 409 version-unknown: 4:2 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
        GET /api/v1/config/n/k?minVersion=6:1 ["X-API-Key: cm_reader_secret_000"]  -> 409 version-unknown: 6:1 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
        GET /api/v1/config/n/k?minVersion=4:0 ["X-API-Key: cm_reader_secret_000"]  -> 409 version-unknown: 4:0 is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it
    "#]].assert_eq(&table);
    assert_eq!(rest.world.elapsed(), Duration::ZERO);
    // Beyond all that the leader has.
    rest.node.consensus.confirm(Ok(LogId::new(5, 2)));
    let seen = rest.get("/api/v1/config/n/k?minVersion=4:3");
    assert_eq!(seen.slug().as_deref(), Some("version-unknown"));
    assert_eq!(rest.world.elapsed(), Duration::from_millis(20));
    // Where nobody leads nobody knows.
    rest.node.consensus.confirm(Err(ReadIndexError::NoLeader));
    let seen = rest.get("/api/v1/config/n/k?minVersion=4:3&timeout=1s");
    assert_eq!(seen.slug().as_deref(), Some("version-not-reached"));
    assert_eq!(rest.world.elapsed(), Duration::from_millis(1020));
}

#[test]
fn a_timeout_is_never_longer_than_the_nodes_own() {
    let rest = follower();
    rest.node.consensus.confirm(Ok(LogId::new(5, 3)));
    assert_eq!(rest.get("/api/v1/config/n/k?minVersion=5:3&timeout=1h").slug().as_deref(), Some("version-not-reached"));
    assert_eq!(rest.world.elapsed(), Duration::from_secs(5));
    assert_eq!(rest.get("/api/v1/config/n/k?minVersion=5:3&timeout=0s").slug().as_deref(), Some("version-not-reached"));
    assert_eq!(rest.world.elapsed(), Duration::from_secs(5));
}

#[test]
fn who_asks_for_it_is_sent_to_the_leader() {
    let rest = follower();
    rest.node.consensus.confirm(Ok(LogId::new(5, 3)));
    let asked = "/api/v1/config/n/k?minVersion=5:3&timeout=10ms&onStale=redirect";
    let sent = rest.get(asked);
    assert_eq!(sent.header("location"), Some(&*format!("http://n1:7400{asked}&hop=1")));
    expect![
        "307 not-leader: this node has not applied the version that the read needs: ask the leader at http://n1:7400"
    ]
    .assert_eq(&sent.line());
    assert_eq!(rest.get(&format!("{asked}&hop=1")).status, 307);
    assert_eq!(rest.get(&format!("{asked}&hop=2")).slug().as_deref(), Some("version-not-reached"));
    let leader = Rest::node(1);
    leader.node.consensus.confirm(Ok(LogId::new(5, 3)));
    assert_eq!(leader.get(asked).slug().as_deref(), Some("version-not-reached"));
    rest.node.consensus.change(|status| status.leader = None);
    assert_eq!(rest.get(asked).slug().as_deref(), Some("version-not-reached"));
}

#[test]
fn a_linearizable_read_takes_a_quorum() {
    let rest = follower();
    let rounds = || *rest.node.consensus.rounds.lock().unwrap();
    rest.get("/api/v1/config/n/k");
    rest.get("/api/v1/config/n/k?minVersion=5:2");
    assert_eq!(rounds(), 0, "what is here already asks nobody");
    assert_eq!(rest.get("/api/v1/config/n/k?consistency=linearizable").status, 200);
    assert_eq!(rounds(), 1);
    for (error, slug) in [
        (ReadIndexError::NoLeader, "no-leader"),
        (ReadIndexError::NotApplied { at: LogId::new(5, 3) }, "version-not-reached"),
        (ReadIndexError::Overloaded, "overloaded"),
        (ReadIndexError::Stopped, "overloaded"),
    ] {
        rest.node.consensus.confirm(Err(error));
        let seen = rest.send("GET /api/v1/config/n/k", &[READER, "X-Confman-Consistency: linearizable"], "");
        assert_eq!((seen.slug().as_deref(), seen.header("retry-after")), (Some(slug), Some("1")));
    }
}
