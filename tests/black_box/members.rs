//! Nodes are added, promoted, replaced and removed, and the leadership is handed on, over REST.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::{Answer, Http};
use crate::support::{ADMIN, Cluster, READER, wait_for, within};

/// Nodes that bear a busy machine: here leaders change when they are told to, not because a process had to wait.
pub const CALM: &str = "[raft]\nheartbeat = \"100ms\"\nelectionTimeoutMin = \"500ms\"\nelectionTimeoutMax = \"1s\"\n";

/// Asks one node, which passes it on where another leads.
pub fn ask(cluster: &Cluster, by: u64, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let url = format!("{}/api/v1/cluster/{path}", cluster.url(by));
    let bearer = format!("Bearer {ADMIN}");
    let body = body.map(Value::to_string);
    // Longer than a node takes to say that it does not know.
    let http = Http::with_patience(Duration::from_secs(40));
    http.send(method, &url, &[("Authorization", &bearer)], body.as_deref()).expect("a running node answers")
}

/// The body that a node is added with.
pub fn newcomer(cluster: &Cluster, id: u64) -> Value {
    json!({ "id": id, "peer": cluster.peer(id), "url": cluster.url(id) })
}

/// Who is a member as one node knows it, and who of them votes.
pub fn voters(cluster: &Cluster, by: u64) -> Option<BTreeMap<u64, bool>> {
    let answer = cluster.http.get(&format!("{}/api/v1/cluster/members", cluster.url(by)), Some(READER));
    let list = answer.ok()?.expect(200).json();
    let member = |member: &Value| (member["id"].as_u64().expect("an id"), member["voter"] == true);
    Some(list["items"].as_array().expect("a list").iter().map(member).collect())
}

pub fn wait_voters(cluster: &Cluster, by: u64, expected: &[u64]) {
    wait_for("the membership to be as it was asked for", || {
        let found = voters(cluster, by)?;
        (found.keys().eq(expected) && found.values().all(|votes| *votes)).then_some(())
    });
}

/// What a node says to `/health/ready`.
fn standing(cluster: &Cluster, id: u64) -> Option<String> {
    let answer = cluster.http.get(&format!("{}/health/ready", cluster.url(id)), None).ok()?;
    (answer.status != 200).then(|| answer.slug())
}

#[test]
fn a_node_is_added_catches_up_and_votes() {
    let mut cluster = Cluster::start(3, CALM);
    cluster.set("app", "before", "1");
    cluster.prepare_another(4);
    let follower = cluster.follower();
    let early = ask(&cluster, follower, "POST", "members", Some(&newcomer(&cluster, 4)));
    assert_eq!((early.status, early.slug().as_str()), (409, "membership-conflict"), "{}", early.body);
    assert!(early.body.contains("Start it first"), "{}", early.body);

    cluster.node(4).run();
    let outside = wait_for("the new node to say that it was not added", || {
        standing(&cluster, 4).filter(|slug| slug == "not-a-member")
    });
    assert_eq!(outside, "not-a-member");
    let log = cluster.node(4).log_text();
    let command = format!("confman cluster add 4 --peer {} --url {}", cluster.peer(4), cluster.url(4));
    assert!(log.contains(&command), "the log says how to add it:\n{log}");

    let mut learner = newcomer(&cluster, 4);
    learner["promote"] = json!(false);
    ask(&cluster, follower, "POST", "members", Some(&learner)).expect(201);
    assert_eq!(voters(&cluster, follower).expect("a list").get(&4), Some(&false));
    ask(&cluster, follower, "PUT", "members/4", Some(&json!({ "voter": true }))).expect(200);
    wait_voters(&cluster, follower, &[1, 2, 3, 4]);
    cluster.wait_ready();
    let read = wait_for("the new node to serve what was written before", || {
        cluster.get(4, "app", "before").ok().filter(|answer| answer.status == 200)
    });
    assert_eq!(read.value().as_deref(), Some("1"));
    // With its vote the cluster lives on where it would not without.
    let leader = cluster.wait_ready();
    ask(&cluster, leader, "DELETE", &format!("members/{leader}"), None).expect(204);
    cluster.node(leader).kill();
    let next = cluster.wait_ready();
    cluster.node(next).kill();
    cluster.wait_ready();
    cluster.set("app", "after", "2");
    cluster.wait_same_state();
}

#[test]
fn a_node_that_is_lost_is_replaced_and_says_so_when_it_comes_back() {
    let mut cluster = Cluster::start(3, CALM);
    cluster.set("app", "a", "1");
    let lost = cluster.follower();
    cluster.node(lost).kill();
    cluster.prepare_another(4);
    cluster.node(4).run();
    let leader = cluster.leader().expect("two of three go on");
    let replaced = wait_for("the new node to be there", || {
        let answer = ask(&cluster, leader, "POST", &format!("members/{lost}/replace"), Some(&newcomer(&cluster, 4)));
        (answer.status != 409).then_some(answer)
    });
    assert!(matches!(replaced.status, 201 | 202), "{}", replaced.body);
    let left: Vec<u64> = [1, 2, 3, 4].into_iter().filter(|id| *id != lost).collect();
    wait_voters(&cluster, leader, &left);
    cluster.wait_ready();

    cluster.node(lost).run();
    wait_for("the replaced node to say that it was removed", || {
        standing(&cluster, lost).filter(|slug| slug == "not-a-member")
    });
    assert!(cluster.node(lost).log_text().contains("this node was removed from the cluster"));
    let read = cluster.get(lost, "app", "a").expect("an answer");
    assert_eq!((read.status, read.slug().as_str()), (503, "not-a-member"), "what it has grows old");
    let shown = cluster.http.get(&format!("{}/api/v1/cluster", cluster.url(lost)), Some(READER)).expect("an answer");
    assert_eq!(shown.json()["alarms"][0]["kind"], "not-a-member");
    cluster.node(lost).kill();
    cluster.set("app", "a", "2");
    cluster.wait_same_state();
}

#[test]
fn a_node_with_data_or_of_another_cluster_is_not_added() {
    let mut cluster = Cluster::start(3, CALM);
    let alone = Cluster::start(1, CALM);
    let leader = cluster.wait_ready();
    let foreign = json!({ "id": 1, "peer": alone.peer(1), "url": alone.url(1) });
    let taken = ask(&cluster, leader, "POST", "members", Some(&foreign));
    assert_eq!(taken.status, 409);
    assert!(taken.body.contains("is a member already"), "{}", taken.body);
    let elsewhere = json!({ "id": 9, "peer": alone.peer(1), "url": alone.url(1) });
    let wrong = ask(&cluster, leader, "POST", "members", Some(&elsewhere));
    assert!(wrong.status == 409 && wrong.body.contains("do not fit together"), "{}", wrong.body);

    // A wiped node, under its old id: the way back has its command.
    let wiped = cluster.follower();
    cluster.node(wiped).kill();
    std::fs::remove_dir_all(&cluster.node(wiped).data).expect("the data goes away");
    cluster.node(wiped).run();
    let peer = cluster.peer(wiped);
    let command = format!("confman cluster replace {wiped} 4 --peer {peer} --url {}", cluster.url(wiped));
    for id in [wiped, leader] {
        let found = within(Duration::from_secs(8), || cluster.node(id).log_text().contains(&command).then_some(()));
        assert_eq!(found, Some(()), "node {id} logs {command}:\n{}", cluster.node(id).log_text());
    }
}

#[test]
fn the_leadership_goes_where_it_is_sent() {
    let cluster = Cluster::start(3, CALM);
    for round in 0..4 {
        let leader = cluster.wait_ready();
        let to = leader % 3 + 1;
        ask(&cluster, round % 3 + 1, "POST", "leader", Some(&json!({ "node": to }))).expect(200);
        assert_eq!(cluster.wait_ready(), to);
        cluster.set("app", "a", &round.to_string());
    }
    let unknown = ask(&cluster, 1, "POST", "leader", Some(&json!({ "node": 9 })));
    assert_eq!((unknown.status, unknown.slug().as_str()), (404, "not-found"));
}

#[test]
fn what_loses_the_quorum_is_refused_unless_it_is_forced() {
    let mut cluster = Cluster::start(3, CALM);
    cluster.set("app", "a", "1");
    let leader = cluster.wait_ready();
    let [alive, silent] = [leader % 3 + 1, (leader + 1) % 3 + 1];
    cluster.node(silent).kill();
    let refused = ask(&cluster, leader, "DELETE", &format!("members/{alive}"), None);
    assert_eq!((refused.status, refused.slug().as_str()), (409, "membership-conflict"), "{}", refused.body);
    assert!(refused.body.contains(&format!("node {silent} does not answer")), "{}", refused.body);
    cluster.set("app", "a", "2");

    // It is in the log, and happens once enough voters are there.
    let forced = ask(&cluster, leader, "DELETE", &format!("members/{alive}?force=true"), None);
    assert_eq!((forced.status, forced.slug().as_str()), (504, "outcome-unknown"), "{}", forced.body);
    cluster.node(silent).run();
    let mut left = [leader, silent];
    left.sort();
    wait_voters(&cluster, silent, &left);
    cluster.node(alive).kill();
    cluster.wait_ready();
    cluster.set("app", "a", "3");
}
