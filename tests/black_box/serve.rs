//! `confman serve` by itself: what it refuses, and how it ends.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::support::node::signal;
use crate::support::{ADMIN, Cluster, READER, binary, entry_url, wait_for};

fn serve(cluster: &Cluster, change: impl Fn(String) -> String) -> Output {
    let config = &cluster.nodes[0].config;
    let text = std::fs::read_to_string(config).expect("a configuration file");
    let changed = config.with_file_name("changed.toml");
    std::fs::write(&changed, change(text)).expect("a configuration file");
    Command::new(binary()).arg("serve").arg("--config").arg(&changed).output().expect("the binary runs")
}

#[track_caller]
fn refuses(output: &Output, code: i32, parts: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_bad_configuration_is_refused_with_file_line_and_what_is_allowed() {
    let cluster = Cluster::prepare(1, "");
    let typo = serve(&cluster, |text| text.replace("dataDir", "datadir"));
    refuses(&typo, 2, &["changed.toml:3: `datadir` is not a setting; did you mean `dataDir`?"]);
    let value = serve(&cluster, |text| format!("{text}\n[raft]\nheartbeat = \"soon\"\n"));
    refuses(&value, 2, &["`raft.heartbeat` is \"soon\": it must be a duration from 10ms to 1m"]);
    let keyless = serve(&cluster, |text| text.split("[[auth").next().unwrap_or_default().to_owned());
    refuses(&keyless, 2, &["`auth.apiKeys` is missing", "confman key new"]);
    let open = |text: String| {
        text.replace("secret = \"secret-of-the-black-box-tests\"\n", "")
            .replace("[peer]\nlisten = \"127.0.0.1", "[peer]\nlisten = \"0.0.0.0")
    };
    refuses(&serve(&cluster, open), 2, &["`peer.secret` is missing", "could join the cluster"]);
    let missing = Command::new(binary()).args(["serve", "--config", "/nowhere/node.toml"]).output().expect("it runs");
    refuses(&missing, 2, &["/nowhere/node.toml cannot be read"]);
}

#[test]
fn a_taken_port_and_a_taken_directory_are_named() {
    let mut cluster = Cluster::start(1, "");
    let taken = serve(&cluster, |text| text.replace("dataDir = \"data\"", "dataDir = \"other\""));
    let http = cluster.url(1).trim_start_matches("http://").to_owned();
    let text = String::from_utf8_lossy(&taken.stderr).into_owned();
    refuses(&taken, 1, &["error: ", "is taken by another process", "Which one it is says: ss -ltnp 'sport = :"]);
    assert!(text.contains(&http) || text.contains("127.0.0.1:"), "the address is named: {text}");

    let listen = format!("listen = \"{http}\"");
    let elsewhere =
        |text: String| text.replace(&listen, &format!("listen = \"127.0.0.1:{}\"", crate::support::free_port()));
    let peer = |text: String| {
        let at = text.find("[peer]\nlisten = \"").expect("a peer section") + "[peer]\nlisten = \"".len();
        let end = text[at..].find('"').expect("an address") + at;
        format!("{}127.0.0.1:{}{}", &text[..at], crate::support::free_port(), &text[end..])
    };
    let locked = serve(&cluster, |text| peer(elsewhere(text)));
    refuses(&locked, 1, &["error: ", &format!("another confman process, number {}:", cluster.node(1).pid())]);
    cluster.node(1).kill();
}

#[test]
fn sigterm_ends_a_node_gracefully_and_it_comes_back_with_its_data() {
    let mut cluster = Cluster::start(1, "");
    cluster.set("app", "a", "1");
    let begun = Instant::now();
    let status = cluster.node(1).stop();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    cluster.node(1).run();
    cluster.wait_ready();
    assert_eq!(cluster.get(1, "app", "a").expect("an answer").expect(200).value().as_deref(), Some("1"));
}

#[test]
fn a_leader_that_is_asked_to_end_hands_the_leadership_over() {
    let mut cluster = Cluster::start(3, "");
    cluster.set("app", "a", "1");
    let leader = cluster.wait_ready();
    assert_eq!(cluster.node(leader).stop().code(), Some(0));
    let log = cluster.node(leader).log_text();
    assert!(log.contains("leadership handed over"), "{log}");
    assert_ne!(cluster.wait_ready(), leader);
    cluster.set("app", "a", "2");
}

#[test]
fn sighup_reads_keys_and_log_level_again_or_changes_nothing() {
    let mut cluster = Cluster::start(1, "");
    let url = entry_url(cluster.url(1), "app", "a");
    let config = cluster.nodes[0].config.clone();
    let before = std::fs::read_to_string(&config).expect("a configuration file");
    let reload = |cluster: &mut Cluster, text: &str, says: &str| {
        std::fs::write(&config, text).expect("a configuration file");
        signal(cluster.node(1).pid(), libc::SIGHUP);
        wait_for("the log to tell of SIGHUP", || cluster.nodes[0].log_text().contains(says).then_some(()));
    };
    let status = |cluster: &Cluster, key| cluster.http.get(&url, Some(key)).expect("an answer").status;

    let other = before.replace(READER, "another-key-of-the-black-box-tests").replace("\"data\"", "\"elsewhere\"");
    reload(&mut cluster, &format!("log = \"debug\"\n{other}"), "keys and log level are read again");
    assert_eq!((status(&cluster, READER), status(&cluster, "another-key-of-the-black-box-tests")), (401, 404));
    let log = cluster.nodes[0].log_text();
    assert!(log.contains("\"settings\":\"dataDir\""), "what waits for the next start is named: {log}");
    assert!(log.contains("\"level\":\"DEBUG\""), "{log}");

    reload(&mut cluster, &before.replace("role =", "rule ="), "all stays as it was");
    assert!(cluster.nodes[0].log_text().contains("did you mean `role`?"), "{}", cluster.nodes[0].log_text());
    assert_eq!((status(&cluster, READER), status(&cluster, "another-key-of-the-black-box-tests")), (401, 404));
    assert_eq!(cluster.node(1).stop().code(), Some(0));
}

#[test]
fn no_secret_and_no_value_is_in_the_log() {
    let cluster = Cluster::start(3, "");
    let value = "a-value-that-nobody-may-log";
    cluster.set("app", "a", value);
    let url = entry_url(cluster.url(cluster.follower()), "app", "a");
    let bearer = format!("Bearer {ADMIN}");
    let body = format!("{{\"value\":\"{value}\"}}");
    cluster.http.send("PUT", &url, &[("Authorization", &bearer)], Some(&body)).expect("an answer").expect(200);
    for node in &cluster.nodes {
        let log = node.log_text();
        for secret in [value, ADMIN, "secret-of-the-black-box-tests"] {
            assert!(!log.contains(secret), "node {} logs {secret:?}:\n{log}", node.id);
        }
        for line in log.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        }
    }
}
