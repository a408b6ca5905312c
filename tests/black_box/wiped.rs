//! A node that lost its data must not vote again under its old id.

use std::time::Duration;

use crate::support::{Cluster, wait_for, within};

#[test]
fn an_empty_data_directory_under_an_old_id_is_refused() {
    let mut cluster = Cluster::start(3, "");
    cluster.set("app", "a", "1");
    let follower = cluster.follower();
    cluster.node(follower).kill();
    std::fs::remove_dir_all(&cluster.node(follower).data).expect("the data goes away");
    std::fs::remove_file(&cluster.node(follower).log).expect("the log goes away");
    cluster.node(follower).run();

    let ready = within(Duration::from_secs(4), || cluster.leader_seen_by(follower));
    assert_eq!(ready, None, "a wiped node was let in under its old id");
    let says_so = || {
        let answer = cluster.http.get(&format!("{}/health/ready", cluster.url(follower)), None).ok()?;
        (answer.status == 503 && answer.slug() == "not-a-member").then_some(answer)
    };
    let says = wait_for("the wiped node to say why it is not ready", says_so);
    assert!(says.body.contains("confman cluster replace"), "{}", says.body);
    let log = cluster.node(follower).log_text();
    assert!(log.contains("new id") && log.contains("old directory"), "the log says what to do:\n{log}");
    // The others go on.
    cluster.node(follower).kill();
    cluster.wait_ready();
    cluster.set("app", "a", "2");
}

#[test]
fn two_wiped_nodes_of_three_form_no_cluster_of_their_own() {
    let mut cluster = Cluster::start(3, "");
    cluster.set("app", "a", "1");
    // Two that acknowledge a write are enough, and those may be the two.
    cluster.wait_same_state();
    for id in [1, 2] {
        cluster.node(id).kill();
        std::fs::remove_dir_all(&cluster.node(id).data).expect("the data goes away");
        cluster.node(id).run();
    }
    // The third names the leader that it had until that one has been silent for a while.
    let forgotten = within(Duration::from_secs(4), || cluster.leader_seen_by(3).is_none().then_some(()));
    assert_eq!(forgotten, Some(()), "the leader that is gone is still named");
    let led = within(Duration::from_secs(4), || cluster.leader());
    assert_eq!(led, None, "two wiped nodes formed a cluster");
    // What the third holds is still there for whoever repairs it.
    let read = cluster.get(3, "app", "a").expect("an answer").expect(200);
    assert_eq!(read.value().as_deref(), Some("1"));
}
