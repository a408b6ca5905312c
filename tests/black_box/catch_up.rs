//! A node that was away for longer than the log reaches back is brought up by a snapshot.

use serde_json::Value;

use crate::support::{Cluster, wait_for};

const SETTINGS: &str =
    "[raft]\nlogEntriesKept = 10\n[storage]\nsegmentBytes = \"64KiB\"\nsnapshotLogBytes = \"128KiB\"\n";

#[test]
fn a_follower_that_was_away_past_the_purged_log_catches_up() {
    let mut cluster = Cluster::start(3, SETTINGS);
    cluster.set("app", "early", "1");
    cluster.wait_same_state();
    let away = cluster.follower();
    let behind = index(&cluster.group(away, away)["lastLog"]);
    cluster.node(away).kill();

    let value = |n: u64| format!("{n}-{}", "x".repeat(4096));
    let mut written = 0;
    wait_for("the leader to purge its log", || {
        for _ in 0..20 {
            written += 1;
            cluster.set("app", &format!("key-{written}"), &value(written));
        }
        let leader = cluster.leader()?;
        let purged = index(&cluster.group(leader, leader)["purged"]);
        (purged > behind).then_some(())
    });

    cluster.node(away).run();
    cluster.wait_ready();
    cluster.wait_same_state();
    for n in 1..=written {
        let read = cluster.get(away, "app", &format!("key-{n}")).expect("an answer").expect(200);
        assert_eq!(read.value(), Some(value(n)));
    }
    assert!(index(&cluster.group(away, away)["snapshot"]) > behind, "it came by a snapshot, not by the log");

    // And it is a whole member again: with its vote the cluster lives without one of the others.
    let leader = cluster.wait_ready();
    cluster.node(leader).kill();
    cluster.wait_ready();
    cluster.set("app", "late", "1");
}

fn index(revision: &Value) -> Option<u64> {
    revision.as_str()?.rsplit(':').next()?.parse().ok()
}
