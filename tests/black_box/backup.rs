//! A backup under load, a new cluster from it, and what both refuse.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::support::{ADMIN, Cluster, READER, confman, printed, wait_for};

/// The index in a revision.
fn index(revision: &Value) -> u64 {
    let text = revision.as_str().expect("a revision");
    text.rsplit(':').next().and_then(|index| index.parse().ok()).expect("a revision has an index")
}

fn term(revision: &Value) -> u64 {
    let text = revision.as_str().expect("a revision");
    text.split(':').next().and_then(|term| term.parse().ok()).expect("a revision has a term")
}

/// Takes a backup from a node, and what it said about it.
fn take(cluster: &Cluster, from: u64, file: &Path) -> Value {
    let file = file.to_str().expect("a plain path");
    let taken = confman(&["backup", file, "--address", cluster.url(from), "--key", ADMIN, "--output", "json"]);
    printed(&taken, 0);
    serde_json::from_slice(&taken.stdout).expect("JSON")
}

fn restore(file: &Path, data: &Path) -> String {
    let (file, data) = (file.to_str().expect("a plain path"), data.to_str().expect("a plain path"));
    printed(&confman(&["restore", file, "--data", data]), 0)
}

/// All entries of a namespace, by key.
fn entries(cluster: &Cluster, id: u64, namespace: &str) -> BTreeMap<String, Value> {
    let items = cluster.pages(id, &format!("/config/{namespace}"));
    items.into_iter().map(|entry| (entry["key"].as_str().expect("a key").to_owned(), entry)).collect()
}

#[test]
fn a_backup_under_load_becomes_a_new_cluster_with_all_of_one_revision_and_nothing_later() {
    let old = Cluster::start(3, "");
    for n in 0..40 {
        old.set("app", &format!("early-{n}"), &format!("{n}-{}", "x".repeat(2000)));
    }
    let follower = old.follower();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("prod.backup");
    let over = AtomicBool::new(false);
    let taken = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut n = 0;
            while !over.load(Ordering::Relaxed) {
                old.set("app", &format!("key-{}", n % 50), &n.to_string());
                n += 1;
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(500));
        let taken = take(&old, follower, &file);
        std::thread::sleep(std::time::Duration::from_millis(500));
        over.store(true, Ordering::Relaxed);
        writer.join().expect("the writer ends");
        taken
    });
    // A write that the backup does not hold.
    let lost = old.set("app", "lost", "1").json()["revision"].clone();
    let at = index(&taken["revision"]);
    assert!(index(&lost) > at, "writes went on: {lost}, {taken}");

    // What the old cluster had at that revision, from its audit: the last event of each key up to there.
    let events = old.pages(follower, "/audit");
    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    for event in events.iter().rev().filter(|event| event["action"] == "config.set" && index(&event["revision"]) <= at)
    {
        let key = event["key"].as_str().expect("a key").to_owned();
        expected.insert(key, event["revision"].as_str().expect("a revision").to_owned());
    }
    let audit_upto: Vec<Value> = events.into_iter().filter(|event| index(&event["revision"]) <= at).collect();
    assert_eq!(taken["state"]["entries"], expected.len());
    let digest = printed(&confman(&["inspect", file.to_str().expect("a path"), "--output", "json"]), 0);
    assert_eq!(serde_json::from_str::<Value>(&digest).expect("JSON")["snapshot"]["sha256"], taken["sha256"]);

    // Elsewhere: another machine, the same configuration but for its own ports.
    let mut new = Cluster::prepare(1, "");
    let said = restore(&file, &new.node(1).data.clone());
    assert!(said.contains(taken["revision"].as_str().expect("a revision")) && said.contains("confman serve"), "{said}");
    let mut new = new.run_all();
    let found = entries(&new, 1, "app");
    let revisions: BTreeMap<String, String> = found
        .iter()
        .map(|(key, entry)| (key.clone(), entry["revision"].as_str().expect("a revision").to_owned()))
        .collect();
    assert_eq!(revisions, expected, "all of that revision, and none later");
    for n in 0..40 {
        assert_eq!(found[&format!("early-{n}")]["value"], format!("{n}-{}", "x".repeat(2000)));
    }
    assert!(!found.contains_key("lost"));

    // History, audit and digests are the same; the values of what was superseded are kept too.
    let audit: Vec<Value> = new.pages(1, "/audit");
    assert_eq!(audit.len(), audit_upto.len());
    let without_values = |events: &[Value]| -> Vec<Value> {
        let strip = |event: &Value| {
            let mut event = event.clone();
            event
                .as_object_mut()
                .expect("an object")
                .retain(|name, _| !matches!(name.as_str(), "oldValue" | "newValue"));
            event
        };
        events.iter().map(strip).collect()
    };
    assert_eq!(without_values(&audit), without_values(&audit_upto));

    // Whoever comes with the token of a write that the backup holds is served; of a lost one, hears so at once.
    let read = |version: &Value| {
        let version = version.as_str().expect("a version");
        let url = format!("{}?minVersion={version}", crate::support::entry_url(new.url(1), "app", "early-0"));
        new.http.get(&url, Some(READER)).expect("an answer")
    };
    assert_eq!(read(&taken["revision"]).status, 200);
    let asked = std::time::Instant::now();
    assert_eq!(read(&lost).expect(409).slug(), "version-unknown");
    assert!(asked.elapsed() < std::time::Duration::from_secs(1), "nobody waits for what never comes");

    // The new cluster goes on in a term that no token of the old one has: the lost write's is told apart for ever.
    let mut last = Value::Null;
    while last.is_null() || index(&last) < index(&lost) {
        last = new.set("app", "after", "1").json()["revision"].clone();
        assert!(term(&last) > 1_700_000_000, "{last}");
    }
    assert_ne!(term(&last), term(&lost));
    let url = format!(
        "{}?minVersion={}",
        crate::support::entry_url(new.url(1), "app", "early-0"),
        lost.as_str().expect("a version")
    );
    assert_eq!(new.http.get(&url, Some(READER)).expect("an answer").expect(409).slug(), "version-unknown");

    // And it is whole: every sum, the state hash, the audit chain.
    new.node(1).stop();
    let looked = printed(&confman(&["inspect", new.node(1).data.to_str().expect("a path")]), 0);
    assert!(looked.contains("all of it is whole"), "{looked}");
    new.node(1).run();
    new.wait_ready();
    assert_eq!(new.get(1, "app", "after").expect("an answer").expect(200).value().as_deref(), Some("1"));
}

#[test]
fn a_restored_node_in_an_old_ones_place_is_none_of_the_old_cluster() {
    let mut cluster = Cluster::start(3, "");
    cluster.set("app", "a", "old");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("b");
    take(&cluster, 1, &file);
    // The same node id, address, name and secret: only the data is another.
    cluster.node(1).kill();
    let data = cluster.node(1).data.clone();
    std::fs::remove_dir_all(&data).expect("the old data goes away");
    restore(&file, &data);
    cluster.node(1).run();
    wait_for("the restored node to lead itself", || (cluster.leader_seen_by(1) == Some(1)).then_some(()));
    let leader = wait_for("the others to have a leader", || {
        let seen = (cluster.leader_seen_by(2)?, cluster.leader_seen_by(3)?);
        (seen.0 == seen.1 && seen.0 != 1).then_some(seen.0)
    });
    let write = |to: u64, value: &str| {
        let url = crate::support::entry_url(cluster.url(to), "app", "a");
        let body = serde_json::json!({ "value": value }).to_string();
        cluster.http.put(&url, Some(ADMIN), &body).expect("an answer").expect(200);
    };
    write(1, "of the restored");
    write(leader, "of the old");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let read = |id: u64| cluster.get(id, "app", "a").expect("an answer").expect(200).value().expect("a value");
    assert_eq!(read(1), "of the restored");
    assert_eq!((read(2), read(3)), ("of the old".to_owned(), "of the old".to_owned()));
    let members = |id: u64| cluster.http.get(&format!("{}/api/v1/cluster", cluster.url(id)), Some(READER));
    let nodes = members(1).expect("an answer").expect(200).json()["nodes"].as_array().map(Vec::len);
    assert_eq!(nodes, Some(1));
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do_and_leaves_nothing() {
    let mut cluster = Cluster::start(1, "");
    cluster.set("app", "a", "1");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("b");
    let path = file.to_str().expect("a path");
    let url = cluster.url(1).to_owned();
    let take = |arguments: &[&str]| confman(&[&["backup", path], arguments].concat());

    let said = printed(&take(&["--address", &url, "--key", READER]), 3);
    assert!(said.contains("403") && said.contains("admin"), "{said}");
    let said = printed(&take(&["--address", &url, "--key", "cm_nobody_has_this_key"]), 3);
    assert!(said.contains("401"), "{said}");
    let said = printed(&take(&["--address", "http://127.0.0.1:9", "--key", ADMIN]), 4);
    assert!(said.contains("--address"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left");

    printed(&take(&["--address", &format!("http://127.0.0.1:9,{url}"), "--key", ADMIN]), 0);
    let said = printed(&take(&["--address", &url, "--key", ADMIN]), 2);
    assert!(said.contains("exists") && said.contains("--force"), "{said}");
    cluster.set("app", "a", "2");
    let key_file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(key_file.path(), format!("{ADMIN}\n")).expect("the key goes in");
    let key_file = key_file.path().to_str().expect("a path");
    printed(&take(&["--address", &url, "--key-file", key_file, "--force"]), 0);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "one file, and no partial one");

    // A directory with anything in it is not restored into, and a damaged backup is not restored at all.
    let data = cluster.node(1).data.clone();
    let said = printed(&confman(&["restore", path, "--data", data.to_str().expect("a path")]), 2);
    assert!(said.contains("not empty") && said.contains("identity"), "{said}");
    let fresh = folder.path().join("fresh");
    let mut bytes = std::fs::read(&file).expect("the backup");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let bad = folder.path().join("bad");
    std::fs::write(&bad, &bytes).expect("a damaged copy");
    let said =
        printed(&confman(&["restore", bad.to_str().expect("a path"), "--data", fresh.to_str().expect("a path")]), 1);
    assert!(said.contains("bad, offset") && said.contains("Nothing was restored"), "{said}");
    assert!(!fresh.exists());
}

#[test]
fn a_transfer_that_is_cut_off_leaves_no_file() {
    let cluster = Cluster::start(1, "");
    for n in 0..20 {
        cluster.set("app", &format!("key-{n}"), &"x".repeat(1000));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole");
    take(&cluster, 1, &whole);
    let bytes = std::fs::read(&whole).expect("the backup");
    std::fs::remove_file(&whole).expect("it goes away");
    let revision = "1:5";
    // Half of it: as chunks without an end, as a body that claims to be all, as one that does not; then all of it with
    // a flipped byte, and of another revision than the node said.
    let mut flipped = bytes.clone();
    flipped[bytes.len() - 40] ^= 1;
    let half = &bytes[..bytes.len() / 2];
    let chunked = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body].concat();
    let cases = [
        ("Transfer-Encoding: chunked".to_owned(), chunked(half)),
        (format!("Content-Length: {}", bytes.len()), half.to_vec()),
        (format!("Content-Length: {}", half.len()), half.to_vec()),
        (format!("Content-Length: {}", bytes.len()), flipped),
        (format!("Content-Length: {}", bytes.len()), bytes.clone()),
    ];
    for (header, body) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let answer = format!("HTTP/1.1 200 OK\r\nX-Confman-Version: {revision}\r\n{header}\r\n\r\n");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            stream.write_all(&[answer.as_bytes(), &body].concat()).expect("it is sent");
        });
        let file = folder.path().join("b");
        let output = confman(&["backup", file.to_str().expect("a path"), "--address", &url, "--key", ADMIN]);
        server.join().expect("the server ends");
        let said = printed(&output, 1);
        assert!(said.contains("Nothing was written"), "{header}: {said}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "{header}: nothing is left");
    }
}
