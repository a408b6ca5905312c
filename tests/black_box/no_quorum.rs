//! A minority says that it cannot write, goes on reading, and heals by itself.

use std::time::Duration;

use crate::support::http::Http;
use crate::support::{ADMIN, Cluster, entry_url, wait_for};

#[test]
fn without_a_quorum_nothing_is_acknowledged_and_it_heals_by_itself() {
    let mut cluster = Cluster::start(3, "[requests]\nwriteTimeout = \"1s\"\nreadTimeout = \"1s\"\n");
    cluster.set("app", "kept", "before");
    cluster.wait_same_state();
    let left = cluster.wait_ready();
    for id in [1, 2, 3].into_iter().filter(|id| *id != left) {
        cluster.node(id).kill();
    }
    let http = Http::with_patience(Duration::from_secs(10));
    let url = entry_url(cluster.url(left), "app", "lost");
    for _ in 0..3 {
        let answer = http.put(&url, Some(ADMIN), r#"{"value":"x"}"#).expect("the node that is left answers");
        match answer.status {
            503 => assert_eq!(answer.slug(), "no-leader"),
            504 => assert_eq!(answer.slug(), "outcome-unknown"),
            status => panic!("a write without a quorum was answered with {status}: {}", answer.body),
        }
    }
    let base = cluster.url(left).to_owned();
    wait_for("the node to say that it is not ready", || {
        http.get(&format!("{base}/health/ready"), None).ok().filter(|answer| answer.status == 503)
    });
    http.get(&format!("{base}/health"), None).expect("an answer").expect(200);
    let log = cluster.node(left).log_text();
    assert!(!log.contains("/health/ready"), "who asks each second must not fill the log:\n{log}");
    let read = cluster.get(left, "app", "kept").expect("an answer").expect(200);
    assert_eq!(read.value().as_deref(), Some("before"), "an eventual read needs nobody else");

    let back = [1, 2, 3].into_iter().find(|id| *id != left).expect("a node that was killed");
    cluster.node(back).run();
    cluster.wait_ready();
    cluster.set("app", "kept", "after");
    wait_for("both nodes to have the new value", || {
        let reads = [left, back].map(|id| cluster.get(id, "app", "kept").ok().and_then(|answer| answer.value()));
        reads.iter().all(|value| value.as_deref() == Some("after")).then_some(())
    });
}
