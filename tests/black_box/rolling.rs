//! All nodes of a cluster are restarted, or replaced, one after the other, and clients do not notice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::members::{CALM, ask, newcomer, wait_voters};
use crate::support::http::{Failed, Http};
use crate::support::{ADMIN, Cluster, entry_url, wait_for};

const WRITERS: usize = 4;
/// How long a client tries one write before it takes it for failed.
const TRIES: Duration = Duration::from_secs(30);

/// What one client wrote last, by key, and how it went.
#[derive(Default)]
struct Written {
    last: BTreeMap<String, String>,
    acknowledged: u64,
    unknown: u64,
    longest: Duration,
}

/// Runs `work` while clients write to all these addresses, and checks that each write was acknowledged.
fn under_load(cluster: &mut Cluster, urls: &[String], work: impl FnOnce(&mut Cluster)) -> Vec<Written> {
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                scope.spawn({
                    let stop = &stop;
                    move || write(n, urls, stop)
                })
            })
            .collect();
        // Even where the work fails the writers end.
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(cluster)));
        stop.store(true, Ordering::SeqCst);
        let written: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        worked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.into_iter().map(|one| one.expect("a writer ends well")).collect::<Vec<_>>()
    });
    let acknowledged: u64 = written.iter().map(|one| one.acknowledged).sum();
    let unknown: u64 = written.iter().map(|one| one.unknown).sum();
    let longest = written.iter().map(|one| one.longest).max().unwrap_or_default();
    eprintln!(
        "rolling: {acknowledged} writes acknowledged, {unknown} asked again after an unknown outcome, longest {longest:?}"
    );
    assert!(acknowledged > 50, "{acknowledged} writes were acknowledged");
    written
}

fn write(n: usize, urls: &[String], stop: &AtomicBool) -> Written {
    let http = Http::with_patience(Duration::from_secs(8));
    let (mut written, mut turn) = (Written::default(), n);
    while !stop.load(Ordering::SeqCst) {
        let key = format!("w{n}-{}", written.acknowledged % 10);
        let value = written.acknowledged.to_string();
        let body = serde_json::json!({ "value": value }).to_string();
        let begun = Instant::now();
        let mut url = entry_url(&urls[turn % urls.len()], "load", &key);
        let mut said = Vec::new();
        loop {
            assert!(begun.elapsed() < TRIES, "a write was not acknowledged: {said:?}");
            match http.put(&url, Some(ADMIN), &body) {
                Ok(answer) if matches!(answer.status, 200 | 201) => break,
                Ok(answer) if answer.status == 307 => {
                    url = answer.header("location").to_owned();
                    continue;
                }
                Ok(answer) if answer.status == 503 => said.push(answer.slug()),
                // The same value again: whichever of the two took effect.
                Ok(answer) if answer.status == 504 => {
                    written.unknown += 1;
                    said.push(answer.slug());
                }
                Ok(answer) => panic!("a write was answered with {}: {}", answer.status, answer.body),
                Err(Failed::NotSent(_)) => {}
                Err(Failed::Unknown(why)) => {
                    written.unknown += 1;
                    said.push(why);
                }
            }
            std::thread::sleep(Duration::from_millis(20));
            turn += 1;
            url = entry_url(&urls[turn % urls.len()], "load", &key);
        }
        written.longest = written.longest.max(begun.elapsed());
        written.acknowledged += 1;
        written.last.insert(key, value);
    }
    written
}

/// All that was acknowledged is there, on every node.
fn check(cluster: &Cluster, written: &[Written]) {
    cluster.wait_ready();
    cluster.wait_same_state();
    for id in cluster.running() {
        for (key, value) in written.iter().flat_map(|one| &one.last) {
            let read = cluster.get(id, "load", key).expect("an answer").expect(200);
            assert_eq!(read.value().as_ref(), Some(value), "{key} on node {id}");
        }
    }
}

#[test]
fn a_rolling_restart_fails_no_write() {
    let mut cluster = Cluster::start(3, CALM);
    let urls: Vec<String> = cluster.nodes.iter().map(|node| node.url.clone()).collect();
    let written = under_load(&mut cluster, &urls, |cluster| {
        for id in [1, 2, 3] {
            cluster.node(id).stop();
            cluster.node(id).run();
            cluster.wait_ready();
        }
    });
    check(&cluster, &written);
}

#[test]
fn all_three_nodes_are_replaced_one_after_the_other_and_no_write_fails() {
    let mut cluster = Cluster::start(3, CALM);
    for id in [4, 5, 6] {
        cluster.prepare_another(id);
    }
    let urls: Vec<String> = cluster.nodes.iter().map(|node| node.url.clone()).collect();
    let written = under_load(&mut cluster, &urls, |cluster| {
        for (old, new) in [(1, 4), (2, 5), (3, 6)] {
            cluster.node(new).run();
            let answer = wait_for("a node to take another's place", || {
                let by = cluster.running().into_iter().find(|id| *id != old && *id != new)?;
                let answer = ask(cluster, by, "POST", &format!("members/{old}/replace"), Some(&newcomer(cluster, new)));
                // What is done already is not done twice.
                (!matches!(answer.status, 409 | 503 | 504)).then_some(answer)
            });
            assert!(matches!(answer.status, 201 | 202), "{}", answer.body);
            let voters: Vec<u64> = (old + 1..=new).collect();
            wait_voters(cluster, new, &voters);
            cluster.node(old).stop();
        }
    });
    assert_eq!(cluster.running(), [4, 5, 6]);
    check(&cluster, &written);
}
