//! What a client sees of a healthy cluster.

use crate::support::http::Answer;
use crate::support::{ADMIN, Cluster, READER, entry_url, wait_for};

#[test]
fn a_write_to_the_leader_is_read_from_each_node() {
    let cluster = Cluster::start(3, "");
    let leader = cluster.wait_ready();
    let url = entry_url(cluster.url(leader), "payments", "db/url");
    let made = cluster.http.put(&url, Some(ADMIN), r#"{"value":"postgres://a"}"#).expect("an answer").expect(201);
    assert_eq!(made.header("x-confman-version"), made.json()["revision"]);
    assert_eq!((made.json()["version"].as_u64(), made.json()["updatedBy"].as_str()), (Some(1), Some("admin@test")));
    for id in cluster.running() {
        let read = wait_for("the write to reach each node", || {
            cluster.get(id, "payments", "db/url").ok().filter(|answer| answer.status == 200)
        });
        assert_eq!(read.json(), made.json(), "node {id}");
        assert!(!read.header("x-request-id").is_empty());
        let escaped = format!("{}/api/v1/config/payments/db%2Furl", cluster.url(id));
        assert_eq!(cluster.http.get(&escaped, Some(READER)).expect("an answer").expect(200).json(), made.json());
    }
    let again = cluster.http.put(&url, Some(ADMIN), r#"{"value":"postgres://b"}"#).expect("an answer").expect(200);
    assert_eq!(again.json()["version"], 2);
    cluster.http.delete(&url, Some(ADMIN)).expect("an answer").expect(204);
    assert_eq!(cluster.http.delete(&url, Some(ADMIN)).expect("an answer").expect(404).slug(), "not-found");
    for id in cluster.running() {
        wait_for("the delete to reach each node", || {
            cluster.get(id, "payments", "db/url").ok().filter(|answer| answer.status == 404)
        });
    }
    cluster.wait_same_state();
}

#[test]
fn a_follower_redirects_what_can_follow_and_forwards_what_cannot() {
    let cluster = Cluster::start(3, "");
    let (leader, follower) = (cluster.wait_ready(), cluster.follower());
    let url = entry_url(cluster.url(follower), "app", "colour");

    let redirect = cluster.http.put(&url, Some(ADMIN), r#"{"value":"red"}"#).expect("an answer").expect(307);
    assert_eq!(redirect.slug(), "not-leader");
    let location = redirect.header("location");
    assert!(location.starts_with(cluster.url(leader)), "{location}");
    let made = cluster.http.put(location, Some(ADMIN), r#"{"value":"red"}"#).expect("an answer").expect(201);

    let bearer = format!("Bearer {ADMIN}");
    let headers = [("Authorization", bearer.as_str())];
    let forwarded =
        cluster.http.send("PUT", &url, &headers, Some(r#"{"value":"blue"}"#)).expect("an answer").expect(200);
    assert_eq!(forwarded.json()["version"], 2);
    assert_ne!(forwarded.json()["revision"], made.json()["revision"]);
    // The follower answered only after it had applied the write itself.
    let read = cluster.get(follower, "app", "colour").expect("an answer").expect(200);
    assert_eq!(read.value().as_deref(), Some("blue"));
}

#[test]
fn by_setting_a_follower_forwards_or_redirects_everything() {
    for (setting, status) in [("forward", 201), ("redirect", 307)] {
        let cluster = Cluster::start(3, &format!("[requests]\nfollowerWrites = \"{setting}\"\n"));
        let url = entry_url(cluster.url(cluster.follower()), "app", "colour");
        cluster.http.put(&url, Some(ADMIN), r#"{"value":"red"}"#).expect("an answer").expect(status);
        let bearer = format!("Bearer {ADMIN}");
        let headers = [("Authorization", bearer.as_str())];
        let expected = if status == 307 { 307 } else { 200 };
        let answer = cluster.http.send("PUT", &url, &headers, Some(r#"{"value":"blue"}"#));
        answer.expect("an answer").expect(expected);
    }
}

#[test]
fn keys_open_what_their_role_opens_and_nothing_else_is_open() {
    let cluster = Cluster::start(1, "");
    let url = entry_url(cluster.url(1), "app", "colour");
    let unauthorized = |answer: Answer| {
        assert_eq!(answer.clone().expect(401).slug(), "unauthorized");
        assert!(!answer.header("www-authenticate").is_empty());
    };
    unauthorized(cluster.http.get(&url, None).expect("an answer"));
    unauthorized(cluster.http.get(&url, Some("some-other-key-of-length")).expect("an answer"));
    let forbidden = cluster.http.put(&url, Some(READER), r#"{"value":"x"}"#).expect("an answer").expect(403);
    assert_eq!(forbidden.slug(), "forbidden");
    assert_eq!(cluster.http.get(&url, Some(READER)).expect("an answer").expect(404).slug(), "not-found");
    cluster.http.get(&format!("{}/health", cluster.url(1)), None).expect("an answer").expect(200);
}
