//! Conditions and idempotency keys while nodes are killed: who asks again under the same key is told what came of the
//! first time, and of those who race with one ETag one wins. And a transaction as large as a body may be.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::http::{Answer, Http};
use crate::support::{ADMIN, Cluster, entry_url, wait_for};

const CLIENTS: usize = 12;

/// Sends a write again and again, to one node after the other, until one says what came of it.
fn until_told(
    http: &Http,
    urls: &[String],
    first: usize,
    method: &str,
    path: &str,
    key: &str,
    more: Asked<'_>,
) -> Answer {
    let bearer = format!("Bearer {ADMIN}");
    let mut headers = vec![("Authorization", bearer.as_str()), ("Idempotency-Key", key)];
    headers.extend(more.if_match.map(|etag| ("If-Match", etag)));
    let begun = Instant::now();
    for node in (0..urls.len()).cycle().skip(first) {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody says what came of {key}");
        match http.send(method, &format!("{}{path}", urls[node]), &headers, more.body) {
            Ok(answer) if ![307, 503, 504].contains(&answer.status) => return answer,
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    unreachable!("a cycle has no end")
}

#[derive(Clone, Copy, Default)]
struct Asked<'a> {
    if_match: Option<&'a str>,
    body: Option<&'a str>,
}

/// What a client won: the ETag that it named, and the one that it was told.
type Wins = Vec<(String, String)>;

fn race(n: usize, urls: &[String], stop: &AtomicBool) -> Wins {
    let http = Http::with_patience(Duration::from_secs(8));
    let (mut wins, mut tries) = (Vec::new(), 0);
    let mut etag = None;
    while !stop.load(Ordering::SeqCst) {
        tries += 1;
        let Some(named) = etag.take() else {
            let read = http.get(&entry_url(&urls[(n + tries) % urls.len()], "race", "k"), Some(ADMIN));
            etag = read.ok().filter(|answer| answer.status == 200).map(|answer| answer.header("etag").to_owned());
            continue;
        };
        let body = json!({ "value": format!("{n}-{tries}") }).to_string();
        let (key, asked) = (format!("{n}-{tries}"), Asked { if_match: Some(&named), body: Some(&body) });
        let answer = until_told(&http, urls, n + tries, "PUT", "/api/v1/config/race/k", &key, asked);
        match answer.status {
            200 => wins.push((named, answer.header("etag").to_owned())),
            412 => {}
            other => panic!("{other}: {}", answer.body),
        }
        etag = Some(answer.header("etag").to_owned());
    }
    wins
}

#[test]
fn of_those_who_race_with_one_etag_one_wins_and_is_told_so() {
    let mut cluster = Cluster::start(3, "");
    let urls: Vec<String> = cluster.nodes.iter().map(|node| node.url.clone()).collect();
    cluster.set("race", "k", "0").expect(201);
    let stop = AtomicBool::new(false);
    let wins: Wins = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                scope.spawn({
                    let (urls, stop) = (&urls, &stop);
                    move || race(n, urls, stop)
                })
            })
            .collect();
        for _ in 0..3 {
            std::thread::sleep(Duration::from_secs(2));
            let leader = cluster.wait_ready();
            cluster.node(leader).kill();
            std::thread::sleep(Duration::from_secs(1));
            cluster.node(leader).run();
        }
        cluster.wait_ready();
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::SeqCst);
        clients.into_iter().flat_map(|client| client.join().expect("a client ends well")).collect()
    });
    cluster.wait_same_state();
    let mut winners = BTreeMap::new();
    for (named, told) in &wins {
        if let Some(other) = winners.insert(named, told) {
            panic!("{named} was won twice, as {told} and as {other}");
        }
    }
    // Each change was told to who made it: none was made twice, and nobody who made one was told 412.
    let version = cluster.get(1, "race", "k").expect("an answer").expect(200).json()["version"].as_u64();
    assert_eq!(version, Some(wins.len() as u64 + 1));
    eprintln!("{} rounds were won", wins.len());
    assert!(wins.len() > 10, "{}", wins.len());
}

#[test]
fn what_came_of_a_request_is_told_again_after_a_failover_and_by_nodes_that_start_again() {
    let mut cluster = Cluster::start(3, "");
    let urls: Vec<String> = cluster.nodes.iter().map(|node| node.url.clone()).collect();
    let http = Http::new();
    let value = json!({ "value": "a" }).to_string();
    let txn = json!({ "ops": [{ "set": { "namespace": "once", "key": "b", "value": "1" } }] }).to_string();
    let set = |first| {
        let asked = Asked { body: Some(&value), ..Asked::default() };
        until_told(&http, &urls, first, "PUT", "/api/v1/config/once/a", "set", asked)
    };
    let transact = |first| {
        let asked = Asked { body: Some(&txn), ..Asked::default() };
        until_told(&http, &urls, first, "POST", "/api/v1/txn", "txn", asked)
    };
    let delete = |first| until_told(&http, &urls, first, "DELETE", "/api/v1/config/once/a", "del", Asked::default());
    let all = |first| {
        [set(first), transact(first), delete(first)].map(|answer| {
            (
                answer.status,
                answer.header("x-confman-version").to_owned(),
                answer.header("etag").to_owned(),
                answer.body,
            )
        })
    };
    let told = all(0);
    assert_eq!(told.each_ref().map(|told| told.0), [201, 200, 204]);
    let leader = cluster.wait_ready();
    cluster.node(leader).kill();
    cluster.wait_ready();
    assert_eq!(all(1), told);
    for id in cluster.running() {
        cluster.node(id).kill();
    }
    for id in [1, 2, 3] {
        cluster.node(id).run();
    }
    cluster.wait_ready();
    for first in 0..3 {
        assert_eq!(all(first), told);
    }
    assert_eq!(cluster.pages(1, "/audit/once").len(), 4, "the namespace, the set, the transaction, the delete");
    wait_for("nothing was made again", || {
        cluster.get(2, "once", "a").ok().filter(|answer| answer.status == 404).map(drop)
    });
}

#[test]
fn a_transaction_as_large_as_a_body_may_be_goes_through_a_follower() {
    let cluster = Cluster::start(3, "");
    let value = "x".repeat(1 << 20);
    let ops: Vec<_> =
        (0..7).map(|n| json!({ "set": { "namespace": "large", "key": format!("k{n}"), "value": value } })).collect();
    let body = json!({ "ops": ops }).to_string();
    let follower = cluster.url(cluster.follower()).to_owned();
    let bearer = format!("Bearer {ADMIN}");
    let answer =
        cluster.http.send("POST", &format!("{follower}/api/v1/txn"), &[("Authorization", &bearer)], Some(&body));
    let revision = answer.expect("an answer").expect(200).json()["revision"].as_str().expect("a revision").to_owned();
    cluster.wait_same_state();
    for id in [1, 2, 3] {
        for n in 0..7 {
            let entry = cluster.get(id, "large", &format!("k{n}")).expect("an answer").expect(200);
            assert_eq!(entry.header("etag"), format!("\"{revision}\""));
            assert_eq!(entry.value().as_deref(), Some(value.as_str()));
        }
    }
}
