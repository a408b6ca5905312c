//! The Rust client against real nodes.

use std::time::Duration;

use confman::client::{Client, ClientConfig, Error};
use confman::wire::{Compare, Slug, TxnOp, TxnOutcome, TxnRequest, ValueType};

use crate::support::{ADMIN, Cluster, READER, wait_for};

fn client(cluster: &Cluster, key: &str) -> Client {
    let config = ClientConfig::new(cluster.nodes.iter().map(|node| node.url.as_str())).expect("addresses");
    let config = config.with_key(key).with_timeout(Duration::from_secs(20));
    Client::new(config, confman::real::client_host().expect("randomness"))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
}

#[test]
fn what_is_written_is_read_listed_and_audited() {
    let cluster = Cluster::start(3, "");
    let client = client(&cluster, ADMIN);
    block_on(async {
        for number in 0..25 {
            let written =
                client.set("teams/app", &format!("a/{number:02}"), "1", ValueType::Number).await.expect("set");
            assert!(written.created && written.now.version == 1);
        }
        cluster.wait_same_state();
        let entry = client.get("teams/app", "a/07").await.expect("an answer").expect("an entry");
        assert_eq!((entry.value.as_str(), entry.value_type), ("1", ValueType::Number));
        assert_eq!(client.get("teams/app", "b").await, Ok(None));
        let pages = client.list("teams/app", "a/").expect("a list").with_page_size(10);
        let keys: Vec<String> = pages.all().await.expect("all pages").into_iter().map(|entry| entry.key).collect();
        assert_eq!(keys, (0..25).map(|number| format!("a/{number:02}")).collect::<Vec<_>>());
        let events =
            client.audit(Some("teams/app")).expect("a list").with_page_size(7).all().await.expect("all events");
        // One of them made the namespace.
        assert!(events.len() >= 25 && events.windows(2).all(|pair| pair[0].previous_hash == pair[1].hash));
        assert!(client.delete("teams/app", "a/07").await.expect("an answer").is_some());
        assert_eq!(client.delete("teams/app", "a/07").await, Ok(None));
        let names = |key: &str| ("teams/app".to_owned(), key.to_owned());
        let (namespace, key) = names("a/08");
        let compare = Compare { namespace, key, revision: None };
        let ((namespace, key), value) = (names("a/07"), "2".to_owned());
        let set = TxnOp::Set { namespace, key, value, value_type: ValueType::Number };
        let mut txn = TxnRequest { compare: vec![compare], ops: vec![set] };
        let error = client.txn(&txn).await.expect_err("there is such an entry");
        assert_eq!((error.slug(), error.may_have_happened()), (Some(Slug::PreconditionFailed), false));
        txn.compare.clear();
        let answer = client.txn(&txn).await.expect("a transaction");
        assert_eq!((answer.results[0].outcome, answer.results[0].version), (TxnOutcome::Created, Some(1)));
        let error = client.delete_namespace("teams/app").await.expect_err("it has entries");
        assert_eq!(error.slug(), Some(Slug::NamespaceNotEmpty));
        assert_eq!(client.cluster().await.expect("a cluster").nodes.len(), 3);
        assert_eq!(client.health().await.expect("an answer").status, "healthy");
        assert!(client.ready().await.is_ok());
    });
}

#[test]
fn refusals_are_typed() {
    let cluster = Cluster::start(1, "");
    block_on(async {
        let reader = client(&cluster, READER);
        let error = reader.set("app", "a", "1", ValueType::String).await.expect_err("a reader");
        assert_eq!((error.slug(), error.may_have_happened()), (Some(Slug::Forbidden), false));
        let error = client(&cluster, ADMIN).set("app", "a", "x", ValueType::Json).await.expect_err("no JSON");
        assert!(matches!(&error, Error::Refused(refusal) if refusal.status == 422), "{error}");
    });
}

#[test]
fn writes_go_on_while_nodes_are_killed_and_none_is_done_twice() {
    let mut cluster = Cluster::start(3, "");
    let client = client(&cluster, ADMIN);
    let (mut acknowledged, mut unknown) = (0, 0);
    for round in 0..3 {
        for _ in 0..20 {
            match block_on(client.set("app", "count", "x", ValueType::String)) {
                Ok(_) => acknowledged += 1,
                Err(error) if error.may_have_happened() => unknown += 1,
                Err(error) => panic!("a majority runs: {error}"),
            }
        }
        let leader = cluster.wait_ready();
        cluster.node(leader).kill();
        if round < 2 {
            block_on(client.set("app", "other", "x", ValueType::String))
                .map(|_| ())
                .or_else(|error| if error.may_have_happened() { Ok(()) } else { Err(error) })
                .expect("the other two go on");
        }
        cluster.node(leader).run();
        cluster.wait_ready();
    }
    cluster.wait_same_state();
    // The version counts the writes that took effect: each at most once.
    let version = wait_for("the entry", || block_on(client.get("app", "count")).ok().flatten()).version;
    assert!((acknowledged..=acknowledged + unknown).contains(&version), "{version} of {acknowledged} and {unknown}");
}
