//! What reads promise, on every node: what a version token names, and what a linearizable read must show.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use confman::client::{Client, ClientConfig, Consistency};
use confman::wire::ValueType;

use crate::support::node::signal;
use crate::support::raw::Raw;
use crate::support::{ADMIN, Cluster, READER, entry_url, wait_for};

/// `CONFMAN_PAIRS` asks for more.
const PAIRS: u64 = 3_000;
const CLIENTS: u64 = 8;

/// A client that asks one node alone.
fn client(url: &str, consistency: Consistency) -> Client {
    let config = ClientConfig::new([url]).expect("an address").with_key(ADMIN).with_consistency(consistency);
    let config = config.with_timeout(Duration::from_secs(20));
    Client::new(config, confman::real::client_host().expect("randomness"))
}

/// Pairs of a write by way of one node and a read by way of another.
#[derive(Default)]
struct Pairs {
    done: AtomicU64,
    /// Reads with the write's token that did not show it.
    stale: AtomicU64,
    /// The same without a token.
    stale_without: AtomicU64,
}

#[test]
fn with_its_token_a_write_is_read_on_every_node_while_leaders_are_killed() {
    let wanted = std::env::var("CONFMAN_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(PAIRS);
    let mut cluster = Cluster::start(3, "");
    cluster.wait_ready();
    let urls: Vec<String> = cluster.nodes.iter().map(|node| node.url.clone()).collect();
    let (pairs, kills) = (Pairs::default(), AtomicU64::new(0));
    let began = Instant::now();
    thread::scope(|scope| {
        let (urls, pairs) = (&urls, &pairs);
        let clients: Vec<_> =
            (0..CLIENTS).map(|n| scope.spawn(move || write_and_read(n, urls, pairs, wanted))).collect();
        // At a third and at two thirds of the way.
        while kills.load(Ordering::Relaxed) < 2 {
            let next = wanted / 3 * (kills.load(Ordering::Relaxed) + 1);
            if pairs.done.load(Ordering::Relaxed) >= next {
                let leader = cluster.wait_ready();
                cluster.node(leader).kill();
                thread::sleep(Duration::from_millis(500));
                cluster.node(leader).run();
                kills.fetch_add(1, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(5));
        }
        clients.into_iter().for_each(|client| client.join().expect("a client ends well"));
    });
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let Pairs { done, stale, stale_without } = &pairs;
    let (done, stale, stale_without, kills) = (count(done), count(stale), count(stale_without), count(&kills));
    eprintln!(
        "{done} pairs in {:?}, {kills} leaders killed: {stale} stale, {stale_without} without the token",
        began.elapsed()
    );
    assert_eq!(stale, 0);
    assert!(stale_without > 0, "nothing lagged: the test shows nothing");
}

/// Writes to a key of its own by way of one node after the other, and reads each write at once by way of another.
fn write_and_read(n: u64, urls: &[String], pairs: &Pairs, wanted: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let each = |consistency| urls.iter().map(|url| client(url, consistency)).collect::<Vec<Client>>();
    let (writers, readers, others) =
        (each(Consistency::Eventual), each(Consistency::Session), each(Consistency::Eventual));
    let key = format!("client-{n}");
    runtime.block_on(async {
        let mut number = 0u64;
        while pairs.done.load(Ordering::Relaxed) < wanted {
            number += 1;
            let (writer, reader) = ((n + number) as usize % urls.len(), (n + number * 2 + 1) as usize % urls.len());
            let value = number.to_string();
            // One that failed may still take effect; the next write of this key comes behind it.
            let Ok(written) = writers[writer].set("pairs", &key, &value, ValueType::Number).await else { continue };
            readers[reader].seen(&written.now.revision).expect("a revision is a version");
            let without = others[reader].get("pairs", &key).await;
            let with = readers[reader].get("pairs", &key).await;
            let shows = |entry: &confman::wire::Entry| entry.value == value;
            if let Ok(entry) = without {
                pairs.stale_without.fetch_add(u64::from(!entry.as_ref().is_some_and(shows)), Ordering::Relaxed);
            }
            if let Ok(entry) = with {
                pairs.stale.fetch_add(u64::from(!entry.as_ref().is_some_and(shows)), Ordering::Relaxed);
                pairs.done.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
}

/// A leader is stopped past every timeout while requests lie in its sockets, and goes on when another one leads.
#[test]
fn a_leader_that_was_paused_shows_nothing_old_to_linearizable_reads() {
    let cluster = Cluster::start(3, "");
    cluster.set("app", "key", "old");
    let old = cluster.wait_ready();
    let url = cluster.url(old);
    let pid = cluster.nodes[old as usize - 1].pid();
    let ask = |more: &str| {
        let mut connection = Raw::connect(url);
        // Served once before: so it is accepted, and what follows is read at once.
        connection.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is taken");
        connection.answer(false).expect("an answer").expect("an answer");
        (connection, format!("GET /api/v1/config/app/key HTTP/1.1\r\nHost: x\r\nX-API-Key: {READER}\r\n{more}\r\n"))
    };
    let mut asking: Vec<_> = (0..20).map(|_| ask("X-Confman-Consistency: linearizable\r\n")).collect();
    let mut eventual: Vec<_> = (0..20).map(|_| ask("")).collect();
    signal(pid, libc::SIGSTOP);
    for (connection, request) in asking.iter_mut().chain(&mut eventual) {
        connection.send(&*request).expect("the kernel takes it");
    }
    let other = (1..=3).find(|id| *id != old).expect("another node");
    let new = wait_for("another leader", || cluster.leader_seen_by(other).filter(|leader| *leader != old));
    let body = r#"{"value":"new"}"#;
    wait_for("the new leader to take a write", || {
        cluster
            .http
            .put(&entry_url(cluster.url(new), "app", "key"), Some(ADMIN), body)
            .ok()
            .filter(|put| put.status == 200)
    });
    signal(pid, libc::SIGCONT);
    let mut served = 0;
    for (connection, _) in &mut asking {
        let answer = connection.answer(false).expect("an answer").expect("an answer");
        match answer.status {
            200 => {
                assert_eq!(answer.json()["value"], "new", "an old value");
                served += 1;
            }
            503 => {}
            status => panic!("{status}: {}", answer.text()),
        }
    }
    let mut stale = 0;
    for (connection, _) in &mut eventual {
        let answer = connection.answer(false).expect("an answer").expect("an answer");
        stale += u64::from(answer.status == 200 && answer.json()["value"] == "old");
    }
    eprintln!("{served} linearizable reads served, {stale} eventual ones were stale");
    assert!(stale > 0, "the old leader had nothing old to show: the test shows nothing");
}

/// Without a quorum a linearizable read is refused within its deadline, and one with a version that is here is served.
#[test]
fn without_a_quorum_a_linearizable_read_is_refused_in_time() {
    let mut cluster = Cluster::start(3, "");
    let written = cluster.set("app", "key", "value").header("x-confman-version").to_owned();
    cluster.wait_same_state();
    let last = cluster.follower();
    for id in cluster.running().into_iter().filter(|id| *id != last) {
        cluster.node(id).kill();
    }
    let read = |query: &str| {
        let url = format!("{}?{query}", entry_url(cluster.url(last), "app", "key"));
        let began = Instant::now();
        (cluster.http.get(&url, Some(READER)).expect("an answer"), began.elapsed())
    };
    let (refused, took) = read("consistency=linearizable&timeout=700ms");
    assert_eq!((refused.status, refused.slug().as_str()), (503, "no-leader"));
    assert!(took >= Duration::from_millis(700) && took < Duration::from_secs(3), "{took:?}");
    assert_eq!(read(&format!("minVersion={written}")).0.expect(200).value().as_deref(), Some("value"));
    let (refused, took) = read("minVersion=1:999999&timeout=300ms");
    assert_eq!((refused.status, refused.slug().as_str()), (503, "version-not-reached"), "nobody can tell");
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(3), "{took:?}");
}

/// A thousand readers wait on a follower for one version, and none of them asks again and again.
#[test]
fn a_thousand_readers_wait_for_one_version() {
    let cluster = Cluster::start(3, "");
    let version = cluster.set("app", "key", "first").header("x-confman-version").to_owned();
    let (term, index) = version.split_once(':').expect("two numbers");
    let follower = cluster.follower();
    // Twenty writes ahead.
    let index: u64 = index.parse::<u64>().expect("a number") + 20;
    let request = format!(
        "GET /api/v1/config/app/key?minVersion={term}:{index} HTTP/1.1\r\nHost: x\r\nX-API-Key: {READER}\r\n\r\n"
    );
    let pid = cluster.nodes[follower as usize - 1].pid();
    signal(pid, libc::SIGSTOP);
    let mut waiting: Vec<Raw> = (0..1_000).map(|_| Raw::connect(cluster.url(follower))).collect();
    for connection in &mut waiting {
        connection.send(&request).expect("the kernel takes it");
    }
    for number in 0..20 {
        cluster.set("app", "key", &number.to_string());
    }
    signal(pid, libc::SIGCONT);
    for connection in &mut waiting {
        let answer = connection.answer(false).expect("an answer").expect("an answer");
        assert_eq!((answer.status, answer.json()["value"].as_str()), (200, Some("19")), "{}", answer.text());
    }
}
