//! Namespaces, pages, the audit's verification and the document, of real nodes.

use serde_json::Value;

use crate::support::{ADMIN, Cluster, READER, entry_url};

const BODY: &str = r#"{"description":"money","owner":"pay@example.org"}"#;

#[test]
fn namespaces_are_the_same_on_all_nodes_and_the_chain_is_whole() {
    let cluster = Cluster::start(3, "");
    let (leader, follower) = (cluster.wait_ready(), cluster.follower());
    let at = |id: u64, path: &str| format!("{}/api/v1{path}", cluster.url(id));

    let redirect = cluster.http.put(&at(follower, "/namespaces/teams/pay/-"), Some(ADMIN), BODY).expect("an answer");
    let location = redirect.expect(307).header("location").to_owned();
    assert_eq!(location, at(leader, "/namespaces/teams/pay/-?hop=1"));
    let made = cluster.http.put(&location, Some(ADMIN), BODY).expect("an answer").expect(201);
    assert_eq!(
        (made.json()["path"].as_str(), made.json()["owner"].as_str()),
        (Some("teams/pay"), Some("pay@example.org"))
    );

    // A follower that passes it on answers once it shows it itself.
    let (bearer, path) = (format!("Bearer {ADMIN}"), at(follower, "/namespaces/teams%2Fpay"));
    let headers = [("Authorization", bearer.as_str())];
    let new = r#"{"description":"all money","owner":"pay@example.org"}"#;
    let forwarded = cluster.http.send("PUT", &path, &headers, Some(new)).expect("an answer").expect(200);
    assert_eq!(cluster.http.get(&path, Some(READER)).expect("an answer").expect(200).json(), forwarded.json());
    assert_eq!(forwarded.json()["createdAt"], made.json()["createdAt"]);

    // An entry makes its namespace, in the same revision.
    let set = cluster.set("shop", "db/url", "postgres://a");
    let shop = cluster.http.get(&at(leader, "/namespaces/shop"), Some(READER)).expect("an answer").expect(200).json();
    assert_eq!((&shop["revision"], shop["owner"].as_str()), (&set.json()["revision"], Some("admin@test")));
    let refused = cluster.http.delete(&at(leader, "/namespaces/shop"), Some(ADMIN)).expect("an answer").expect(409);
    assert_eq!(refused.slug(), "namespace-not-empty");
    cluster.http.delete(&entry_url(cluster.url(leader), "shop", "db/url"), Some(ADMIN)).expect("an answer").expect(204);
    cluster.http.delete(&at(leader, "/namespaces/shop"), Some(ADMIN)).expect("an answer").expect(204);
    cluster.http.delete(&at(leader, "/namespaces/shop"), Some(ADMIN)).expect("an answer").expect(404);

    cluster.wait_same_state();
    let mut found: Vec<(Vec<Value>, Value)> = Vec::new();
    for id in cluster.running() {
        let verified = cluster.http.get(&at(id, "/audit/verify"), Some(ADMIN)).expect("an answer").expect(200).json();
        assert_eq!(verified["valid"], true, "node {id}: {verified}");
        let newest = cluster.pages(id, "/audit")[0].clone();
        assert_eq!((&verified["lastId"], &verified["lastHash"]), (&newest["id"], &newest["hash"]));
        assert_eq!(newest["action"], "namespace.delete");
        found.push((cluster.pages(id, "/namespaces"), verified));
    }
    assert!(found.iter().all(|each| *each == found[0]), "{found:?}");
    assert_eq!(found[0].0.len(), 1, "teams/pay is left");
    assert_eq!(found[0].1["events"], 6);
}

#[test]
fn a_page_ends_at_four_mebibytes_and_says_that_there_is_more() {
    let cluster = Cluster::start(1, "");
    for key in 0..6 {
        // As JSON each of these characters takes two bytes.
        cluster.set("big", &format!("k{key}"), &"\n".repeat(1 << 20));
    }
    let url = format!("{}/api/v1/config/big?limit=1000", cluster.url(1));
    let (mut keys, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = cluster.http.get(&format!("{url}{cursor}"), Some(READER)).expect("an answer").expect(200);
        assert!(answer.body.len() <= 4 << 20, "{} bytes", answer.body.len());
        let page = answer.json();
        keys.extend(page["items"].as_array().expect("items").iter().map(|item| item["key"].clone()));
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        assert_eq!(page["pagination"]["hasMore"], true);
    }
    assert_eq!(keys, ["k0", "k1", "k2", "k3", "k4", "k5"]);
}

#[test]
fn the_document_and_its_page_come_from_the_node_itself() {
    let cluster = Cluster::start(1, "");
    let get = |path: &str| cluster.http.get(&format!("{}{path}", cluster.url(1)), None).expect("an answer").expect(200);
    let document = get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/v1/config/{namespace}/{key}"]["put"].is_object());
    let page = get("/swagger");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(!page.body.contains("://"), "it loads nothing from elsewhere: {}", page.body);
    for asset in page.body.split('"').filter(|text| text.starts_with("swagger/")) {
        let url = format!("{}/{asset}", cluster.url(1));
        let head = cluster.http.send("HEAD", &url, &[], None).expect("an answer").expect(200);
        assert!(head.header("content-length").parse::<usize>().is_ok_and(|bytes| bytes > 100), "{asset}: {head:?}");
    }
}
