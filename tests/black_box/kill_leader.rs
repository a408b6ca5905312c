//! Sixteen clients write while the leader is killed again and again. What was acknowledged is there, what was refused
//! is not, each effective change is one audit event, and all nodes tell the same story.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::http::{Failed, Http};
use crate::support::{ADMIN, Cluster, entry_url};

const CLIENTS: usize = 16;
const KEYS_PER_CLIENT: u64 = 5;
const NAMESPACE: &str = "load";

/// One request that a client sent, and what it knows about it.
#[derive(Clone, Debug)]
struct Attempt {
    request_id: String,
    key: String,
    /// `None` deletes.
    value: Option<String>,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    /// It took effect, as this revision.
    Acknowledged(String),
    /// It surely did not (the last word may have been a 404 for a delete of what is absent).
    Refused,
    /// Nobody knows.
    Unknown,
}

#[test]
fn no_acknowledged_write_is_lost_when_leaders_are_killed() {
    let soak: Option<u64> = std::env::var("CONFMAN_SOAK").ok().and_then(|seconds| seconds.parse().ok());
    let duration = Duration::from_secs(soak.unwrap_or(15));
    let mut cluster = Cluster::start(3, "");
    let urls: Vec<String> = cluster.nodes.iter().map(|node| node.url.clone()).collect();
    let (stop, acknowledged_at) = (AtomicBool::new(false), Mutex::new(Vec::<Instant>::new()));

    let (attempts, kills) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| Client { n, http: Http::with_patience(Duration::from_secs(8)), urls: &urls, sequence: 0 })
            .map(|client| scope.spawn(|| client.run(&stop, &acknowledged_at)))
            .collect();
        let kills = kill_leaders(&mut cluster, duration);
        stop.store(true, Ordering::SeqCst);
        let attempts = clients.into_iter().flat_map(|client| client.join().expect("a client ends well"));
        (attempts.collect::<Vec<Attempt>>(), kills)
    });

    cluster.wait_ready();
    cluster.wait_same_state();
    check_audit(&cluster, &attempts);
    check_entries(&cluster, &attempts);
    report(&attempts, &kills, &acknowledged_at.into_inner().expect("no client panicked"), soak.is_some());
}

struct Client<'a> {
    n: usize,
    http: Http,
    urls: &'a [String],
    sequence: u64,
}

impl Client<'_> {
    fn run(mut self, stop: &AtomicBool, acknowledged_at: &Mutex<Vec<Instant>>) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let attempt = self.attempt();
            match attempt.outcome {
                Outcome::Acknowledged(_) => acknowledged_at.lock().expect("no client panicked").push(Instant::now()),
                // Without a leader there is no use in asking at full speed.
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
            attempts.push(attempt);
        }
        attempts
    }

    /// One write to one node or another; half of them let the node forward, half follow redirects by themselves.
    fn attempt(&mut self) -> Attempt {
        self.sequence += 1;
        let request_id = format!("c{}-{}", self.n, self.sequence);
        let key = format!("c{}-k{}", self.n, self.sequence % KEYS_PER_CLIENT);
        let value = (self.sequence % 10 != 9).then(|| format!("value of {request_id}"));
        let base = &self.urls[(self.n + self.sequence as usize) % self.urls.len()];
        let outcome = self.send(&request_id, entry_url(base, NAMESPACE, &key), value.as_deref());
        Attempt { request_id, key, value, outcome }
    }

    fn send(&self, request_id: &str, mut url: String, value: Option<&str>) -> Outcome {
        let bearer = format!("Bearer {ADMIN}");
        let key =
            if self.sequence.is_multiple_of(2) { ("Authorization", bearer.as_str()) } else { ("X-API-Key", ADMIN) };
        let body = value.map(|value| serde_json::json!({ "value": value }).to_string());
        let method = if body.is_some() { "PUT" } else { "DELETE" };
        for _ in 0..4 {
            let answer = match self.http.send(method, &url, &[key, ("X-Request-ID", request_id)], body.as_deref()) {
                Ok(answer) => answer,
                Err(Failed::NotSent(_)) => return Outcome::Refused,
                Err(Failed::Unknown(_)) => return Outcome::Unknown,
            };
            match answer.status {
                200 | 201 | 204 => return Outcome::Acknowledged(answer.header("x-confman-version").to_owned()),
                307 => url = answer.header("location").to_owned(),
                404 if value.is_none() => return Outcome::Refused,
                503 => return Outcome::Refused,
                504 => {
                    assert_eq!(answer.slug(), "outcome-unknown");
                    return Outcome::Unknown;
                }
                status => panic!("{request_id}: a write was answered with {status}: {}", answer.body),
            }
        }
        Outcome::Refused
    }
}

/// Kills the leader every three seconds and starts it again a second later. When each was killed.
fn kill_leaders(cluster: &mut Cluster, duration: Duration) -> Vec<Instant> {
    let (begun, mut kills) = (Instant::now(), Vec::new());
    while begun.elapsed() < duration {
        std::thread::sleep(Duration::from_secs(2));
        let leader = cluster.wait_ready();
        cluster.node(leader).kill();
        kills.push(Instant::now());
        std::thread::sleep(Duration::from_secs(1));
        cluster.node(leader).run();
    }
    cluster.wait_ready();
    std::thread::sleep(Duration::from_secs(1));
    kills
}

/// The audit is the same on all nodes, chained, and holds each acknowledged request once, under its revision, each
/// refused one never, and each unknown one at most once.
fn check_audit(cluster: &Cluster, attempts: &[Attempt]) {
    let path = format!("/audit/{NAMESPACE}");
    let events = cluster.pages(1, &path);
    for id in [2, 3] {
        assert!(cluster.pages(id, &path) == events, "node {id} tells another story than node 1");
    }
    for pair in events.windows(2) {
        assert_eq!(pair[0]["previousHash"], pair[1]["hash"], "the chain has a gap");
    }
    let mut by_request: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["key"].is_string()) {
        by_request.entry(event["requestId"].as_str().expect("an event has its request")).or_default().push(event);
    }
    for attempt in attempts {
        let found = by_request.remove(attempt.request_id.as_str()).unwrap_or_default();
        match &attempt.outcome {
            Outcome::Acknowledged(revision) => {
                assert_eq!(found.len(), 1, "an acknowledged write has one event: {attempt:?} {found:?}");
                assert_eq!(found[0]["revision"], revision.as_str(), "{attempt:?}");
                assert_eq!(found[0]["key"], attempt.key.as_str());
            }
            Outcome::Refused => assert!(found.is_empty(), "a refused write took effect: {attempt:?} {found:?}"),
            Outcome::Unknown => assert!(found.len() <= 1, "a write took effect twice: {attempt:?} {found:?}"),
        }
    }
    assert!(by_request.is_empty(), "events that nobody asked for: {by_request:?}");
}

/// On each node each key is as its newest event left it. (The order of a client's own requests does not tell: one of
/// unknown outcome may take effect after a later one was acknowledged.)
fn check_entries(cluster: &Cluster, attempts: &[Attempt]) {
    let values: BTreeMap<&str, Option<&str>> =
        attempts.iter().map(|attempt| (attempt.request_id.as_str(), attempt.value.as_deref())).collect();
    let mut expected: BTreeMap<String, Option<&str>> = BTreeMap::new();
    for event in cluster.pages(1, &format!("/audit/{NAMESPACE}")) {
        let (Some(key), Some(request)) = (event["key"].as_str(), event["requestId"].as_str()) else { continue };
        // Newest first: what comes later was overwritten.
        expected.entry(key.to_owned()).or_insert(values[request]);
    }
    expected.retain(|_, value| value.is_some());
    for id in cluster.running() {
        let list = cluster.pages(id, &format!("/config/{NAMESPACE}"));
        let found: BTreeMap<String, Option<&str>> = list
            .iter()
            .map(|entry| (entry["key"].as_str().expect("a key").to_owned(), entry["value"].as_str()))
            .collect();
        assert_eq!(found, expected, "node {id}");
    }
}

/// How fast it was, and whether that is good enough.
fn report(attempts: &[Attempt], kills: &[Instant], acknowledged_at: &[Instant], soak: bool) {
    let count = |wanted: fn(&Outcome) -> bool| attempts.iter().filter(|attempt| wanted(&attempt.outcome)).count();
    let acknowledged = count(|outcome| matches!(outcome, Outcome::Acknowledged(_)));
    let unknown = count(|outcome| *outcome == Outcome::Unknown);
    let after = |kill: &Instant| {
        // An answer that was already on its way proves nothing: the first write that began after the kill would be
        // better, and this is within a few milliseconds of it.
        let settled = *kill + Duration::from_millis(50);
        acknowledged_at.iter().filter(|at| **at > settled).min().map(|at| *at - *kill)
    };
    let mut gaps: Vec<Duration> = kills.iter().filter_map(after).collect();
    gaps.sort();
    let (median, worst) = (gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
    let text = format!(
        "{acknowledged} writes acknowledged, {unknown} of unknown outcome, {} kills; to the next write: median {median:?}, worst {worst:?}",
        kills.len()
    );
    eprintln!("kill_leader: {text}");
    assert_eq!(gaps.len(), kills.len(), "writes came back after every kill");
    assert!(kills.len() >= 2 && acknowledged > 100, "{text}");
    assert!(worst < Duration::from_secs(if soak { 2 } else { 5 }), "{text}");
    if soak {
        assert!(kills.len() >= 10 && acknowledged >= 10_000 && median < Duration::from_secs(1), "{text}");
    }
}
