//! The commands over the client: `get`, `set`, `delete`, `list`, `audit`, `namespaces`, `status`; each exit code and
//! each form of output.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{ADMIN, Cluster, READER, binary, free_port, wait_for};

/// A command with a key and the addresses of a cluster, or of nothing.
fn confman(addresses: &str, key: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env("CONFMAN_ADDRESS", addresses).env("CONFMAN_KEY", key).env_remove("CONFMAN_DEV");
    command.stdin(Stdio::null());
    command
}

fn addresses(cluster: &Cluster) -> String {
    cluster.nodes.iter().map(|node| node.url.as_str()).collect::<Vec<_>>().join(",")
}

/// Runs a command that must end with this code, and gives what it printed.
#[track_caller]
fn run(mut command: Command, code: i32) -> String {
    let output = command.output().expect("the binary runs");
    expect_code(&output, code);
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn expect_code(output: &Output, code: i32) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    assert_eq!(error.starts_with("error: "), code != 0, "{error:?}");
}

#[test]
fn entries_have_a_past_and_travel() {
    let cluster = Cluster::start(3, "");
    let everyone = addresses(&cluster);
    let admin = |arguments: &[&str]| run(confman(&everyone, ADMIN, arguments), 0);
    let at_last = |arguments: &[&str], expected: &str| {
        wait_for("the writes to reach the node that is read", || {
            let output = confman(&everyone, READER, arguments).output().expect("the binary runs");
            (output.stdout == expected.as_bytes()).then_some(())
        });
    };
    admin(&["set", "past", "a/k", "one"]);
    admin(&["set", "past", "a/k", "two"]);
    admin(&["set", "past", "limits", "[1]", "--type", "json"]);
    admin(&["delete", "past", "a/k"]);
    at_last(&["get", "past", "a/k"], "");
    cluster.wait_same_state();

    let history = admin(&["history", "past", "a/k"]);
    let rows: Vec<Vec<&str>> = history.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(
        rows.iter().map(|row| (row[3], row[6])).collect::<Vec<_>>(),
        [("deleted", ""), ("set", "two"), ("set", "one")]
    );
    let (first, deleted) = (rows[2][0], rows[0][0]);
    assert_eq!(admin(&["history", "past", "a/k", "--limit", "1"]).lines().count(), 1);
    run(confman(&everyone, READER, &["history", "past", "never"]), 1);
    assert_eq!(admin(&["get", "past", "a/k", "--at", first]), "one");
    run(confman(&everyone, READER, &["get", "past", "a/k", "--at", deleted]), 1);
    run(confman(&everyone, READER, &["get", "past", "a/k", "--at", "yesterday"]), 3);
    assert_eq!(admin(&["diff", "past", "--from", first]), "removed\ta/k\tone\t\nadded\tlimits\t\t[1]\n");
    assert_eq!(admin(&["diff", "past", "--from", deleted]), "");

    let rolled = admin(&["rollback", "past", "a/k", first]);
    assert!(rolled.starts_with(&format!("set a/k in past to {first}: version 1, revision ")), "{rolled}");
    run(confman(&everyone, ADMIN, &["rollback", "past", "a/k", "9999:1"]), 1);
    run(confman(&everyone, READER, &["rollback", "past", "a/k", first]), 3);
    assert!(admin(&["rollback", "past", "a/k", deleted]).starts_with("deleted a/k in past: revision "));
    admin(&["set", "past", "a/k", "three\nlines\u{e4}\n"]);
    admin(&["set", "other/ns", "k", "true", "--type", "boolean"]);
    cluster.wait_same_state();

    // Exported, imported elsewhere, exported: the same bytes.
    let exported = admin(&["export"]);
    let lines = concat!(
        r#"{"namespace":"other/ns","key":"k","type":"boolean","value":"true"}"#,
        "\n",
        r#"{"namespace":"past","key":"a/k","type":"string","value":"three\nlinesä\n"}"#,
        "\n",
        r#"{"namespace":"past","key":"limits","type":"json","value":"[1]"}"#,
        "\n",
    );
    assert_eq!(exported, lines);
    assert_eq!(
        admin(&["export", "past", "--at", first]),
        "{\"namespace\":\"past\",\"key\":\"a/k\",\"type\":\"string\",\"value\":\"one\"}\n"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.ndjson");
    std::fs::write(&file, &exported).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let elsewhere = Cluster::start(1, "");
    let url = elsewhere.url(1).to_owned();
    let there = |arguments: &[&str]| run(confman(&url, ADMIN, arguments), 0);
    there(&["set", "past", "gone", "x"]);
    there(&["set", "past", "limits", "[1]", "--type", "json"]);
    let dry = "made\tother/ns\tk\nmade\tpast\ta/k\ndeleted\tpast\tgone\n";
    assert_eq!(there(&["import", file, "--prune", "--dry-run"]), dry);
    assert_eq!(there(&["list", "past"]).lines().count(), 2, "nothing was done");
    assert_eq!(there(&["import", file, "--prune"]), dry);
    assert_eq!(there(&["export"]), exported);
    assert_eq!(there(&["import", file, "--prune"]), "", "it is so already");
    std::fs::write(folder.path().join("bad"), "{}\n").expect("a file");
    run(confman(&url, ADMIN, &["import", folder.path().join("bad").to_str().expect("UTF-8")]), 2);
}

#[test]
fn entries_are_set_read_listed_and_deleted() {
    let cluster = Cluster::start(3, "");
    // A follower comes first: writes must find the leader.
    let follower = cluster.url(cluster.follower()).to_owned();
    let everyone = format!("{follower},{}", addresses(&cluster));
    let admin = |arguments: &[&str]| confman(&follower, ADMIN, arguments);

    assert!(
        run(admin(&["set", "payments", "db.url", "postgres://a"]), 0).starts_with("made db.url in payments: version 1")
    );
    assert!(
        run(admin(&["set", "payments", "db.url", "postgres://b"]), 0).starts_with("set db.url in payments: version 2")
    );
    let read = |arguments: &[&str], expected: &str| {
        wait_for("the write to reach the node that is read", || {
            let output = confman(&everyone, READER, arguments).output().expect("the binary runs");
            (output.stdout == expected.as_bytes()).then_some(())
        });
    };
    read(&["get", "payments", "db.url"], "postgres://b");
    let json: Value = serde_json::from_str(&run(admin(&["get", "payments", "db.url", "-o", "json"]), 0)).expect("JSON");
    assert_eq!((json["value"].as_str(), json["version"].as_u64()), (Some("postgres://b"), Some(2)));

    // Every byte of standard input, and what looks like a flag.
    let mut piped = admin(&["set", "payments", "ca/pem", "-", "--output", "json"]);
    let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary runs");
    child.stdin.take().expect("its input").write_all("two\nlines\t\u{e4}\n\n".as_bytes()).expect("it reads");
    let set: Value = serde_json::from_slice(&child.wait_with_output().expect("it ends").stdout).expect("JSON");
    assert_eq!(set["value"], "two\nlines\tä\n\n");
    read(&["get", "payments", "ca/pem"], "two\nlines\tä\n\n");
    run(admin(&["set", "payments", "offset", "-5", "--type", "number"]), 0);
    read(&["get", "payments", "offset"], "-5");

    let transact = |txn: &str, code: i32| {
        let mut piped = admin(&["txn", "-"]);
        let mut child =
            piped.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        child.stdin.take().expect("its input").write_all(txn.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        expect_code(&output, code);
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let made = transact(
        r#"{"ops":[{"set":{"namespace":"payments","key":"db.url","value":"postgres://b"}},{"delete":{"namespace":"payments","key":"no"}}]}"#,
        0,
    );
    assert!(made.starts_with("set db.url in payments: version 3\nfound no entry no in payments\nrevision "), "{made}");
    let held = r#"{"compare":[{"namespace":"payments","key":"db.url","revision":null}],"ops":[{"delete":{"namespace":"payments","key":"db.url"}}]}"#;
    assert_eq!(transact(held, 3), "");
    assert_eq!(transact("{}", 2), "");

    let list = run(admin(&["list", "payments"]), 0);
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), ["ca/pem", "db.url", "offset"]);
    assert_eq!((rows[0][5], rows[2][1], rows[1][4]), ("two\\nlines\\tä\\n\\n", "number", "admin@test"));
    let json: Value =
        serde_json::from_str(&run(admin(&["list", "payments", "--prefix", "db", "-o", "json"]), 0)).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(1));
    assert_eq!(run(admin(&["list", "nothing"]), 0), "");
    assert_eq!(run(admin(&["list", "nothing", "-o", "json"]), 0), "[]\n");

    assert!(run(admin(&["delete", "payments", "offset"]), 0).starts_with("deleted offset in payments: revision "));
    run(admin(&["delete", "payments", "offset"]), 1);
    wait_for("the delete to reach the node that is read", || {
        (admin(&["get", "payments", "offset"]).output().expect("it runs").status.code() == Some(1)).then_some(())
    });

    let audit = run(admin(&["audit", "payments", "--limit", "2"]), 0);
    let rows: Vec<Vec<&str>> = audit.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!((rows.len(), rows[0][1], rows[0][3], rows[0][4]), (2, "config.delete", "offset", "admin@test"));
    let all: Value = serde_json::from_str(&run(admin(&["audit", "-o", "json"]), 0)).expect("JSON");
    assert!(all.as_array().is_some_and(|events| events.len() >= 5), "{all}");
    assert!(all[0]["hash"].is_string());

    let status = run(admin(&["status"]), 0);
    assert_eq!((status.lines().count(), status.matches("leader").count()), (3, 1), "{status}");
    let status: Value = serde_json::from_str(&run(admin(&["status", "--output", "json"]), 0)).expect("JSON");
    assert_eq!(status["nodes"].as_array().map(Vec::len), Some(3));
}

#[test]
fn lists_longer_than_a_page_are_whole() {
    let cluster = Cluster::start(1, "");
    let value = "x".repeat(900_000);
    for number in 0..6 {
        cluster.set("big", &format!("key.{number}"), &value);
    }
    let list = run(confman(&addresses(&cluster), READER, &["list", "big"]), 0);
    assert_eq!(list.lines().count(), 6);
    assert!(list.lines().all(|line| line.ends_with(&value)), "nothing is cut for other programs");
}

#[test]
fn namespaces_are_made_shown_and_deleted() {
    let cluster = Cluster::start(1, "");
    let admin = |arguments: &[&str]| confman(&addresses(&cluster), ADMIN, arguments);
    let set = ["namespaces", "set", "teams/payments", "--owner", "pay@example.org", "--description", "Money"];
    assert!(run(admin(&set), 0).starts_with("teams/payments\tpay@example.org\t"));
    assert!(run(admin(&["namespaces", "get", "teams/payments"]), 0).ends_with("\tMoney\n"));
    let json: Value =
        serde_json::from_str(&run(admin(&["namespaces", "get", "teams/payments", "-o", "json"]), 0)).expect("JSON");
    assert_eq!(json["owner"], "pay@example.org");
    cluster.set("app", "a", "1");
    let list = run(admin(&["namespaces", "list"]), 0);
    assert_eq!(
        list.lines().map(|line| line.split('\t').next().expect("a path")).collect::<Vec<_>>(),
        ["app", "teams/payments"]
    );
    assert_eq!(run(admin(&["namespaces", "list", "--prefix", "teams/"]), 0).lines().count(), 1);
    run(admin(&["namespaces", "delete", "app"]), 3);
    run(admin(&["namespaces", "delete", "teams/payments"]), 0);
    run(admin(&["namespaces", "delete", "teams/payments"]), 1);
    run(admin(&["namespaces", "get", "teams/payments"]), 1);
}

#[test]
fn what_is_refused_is_3_and_what_cannot_be_asked_is_2() {
    let cluster = Cluster::start(1, "");
    let all = addresses(&cluster);
    run(confman(&all, READER, &["set", "app", "a", "1"]), 3);
    run(confman(&all, "some-key-that-nobody-knows", &["get", "app", "a"]), 3);
    run(confman(&all, ADMIN, &["set", "app", "a", "{", "--type", "json"]), 3);
    run(confman(&all, ADMIN, &["get", "app", "../a"]), 3);
    run(confman(&all, ADMIN, &["get", "app", "a"]), 1);

    run(confman(&all, ADMIN, &["get", "app", ""]), 2);
    run(confman(&all, ADMIN, &["get", "app"]), 2);
    run(confman(&all, ADMIN, &["get", "app", "a", "--timeout", "soon"]), 2);
    run(confman("https://confman.example.org", ADMIN, &["get", "app", "a"]), 2);
    run(confman("nonsense", ADMIN, &["get", "app", "a"]), 2);
    run(confman(&all, "", &["get", "app", "a"]), 2);
    let mut binary_value = confman(&all, ADMIN, &["set", "app", "a", "-"]);
    let mut child = binary_value.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    child.stdin.take().expect("its input").write_all(&[b'a', 0xff]).expect("it reads");
    expect_code(&child.wait_with_output().expect("it ends"), 2);
    if std::path::Path::new("/dev/full").exists() {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a full disk");
        let status = confman(&all, ADMIN, &["list", "app", "-o", "json"])
            .stdout(full)
            .stderr(Stdio::null())
            .status()
            .expect("it runs");
        assert_eq!(status.code(), Some(74));
    }
}

#[test]
fn nobody_there_is_4_and_a_write_without_an_answer_is_5() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let began = Instant::now();
    run(confman(&nobody, ADMIN, &["set", "app", "a", "1", "--timeout", "500ms"]), 4);
    run(confman(&nobody, READER, &["get", "app", "a", "--timeout", "500ms"]), 4);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());

    // Takes requests, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("http://{}", listener.local_addr().expect("its address"));
    run(confman(&silent, ADMIN, &["set", "app", "a", "1", "--timeout", "500ms"]), 5);
    run(confman(&silent, READER, &["get", "app", "a", "--timeout", "500ms"]), 4);
}

#[test]
fn without_a_quorum_a_write_is_unavailable_and_with_other_nodes_it_goes_on() {
    let mut cluster = Cluster::start(3, "[requests]\nwriteTimeout = \"1s\"\n");
    let all = addresses(&cluster);
    let leader = cluster.wait_ready();
    cluster.node(leader).kill();
    // The client finds the next leader by itself, with the dead one among its addresses.
    run(confman(&all, ADMIN, &["set", "app", "a", "1", "--timeout", "20s"]), 0);
    let next = cluster.wait_ready();
    cluster.node(next).kill();
    let output = confman(&all, ADMIN, &["set", "app", "a", "2", "--timeout", "3s"]).output().expect("it runs");
    assert!(matches!(output.status.code(), Some(4 | 5)), "{output:?}");
    assert_eq!(run(confman(&all, READER, &["get", "app", "a"]), 0), "1");
}

#[test]
fn the_folder_of_dev_tells_addresses_and_key() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut dev = Command::new(binary())
        .args(["dev", "--nodes", "1", "--json", "--port", "30800"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut line = String::new();
    BufReader::new(dev.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let bare = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(folder.path()).stdin(Stdio::null());
        for name in ["CONFMAN_ADDRESS", "CONFMAN_KEY", "CONFMAN_KEY_FILE", "CONFMAN_DEV"] {
            command.env_remove(name);
        }
        command
    };
    run(bare(&["set", "demo", "greeting", "hello"]), 0);
    assert_eq!(run(bare(&["get", "demo", "greeting"]), 0), "hello");
    let mut elsewhere = bare(&["get", "demo", "greeting", "--dev"]);
    elsewhere.arg(folder.path().join("confman-data")).current_dir("/");
    assert_eq!(run(elsewhere, 0), "hello");
    let mut nowhere = bare(&["get", "demo", "greeting"]);
    nowhere.current_dir("/");
    run(nowhere, 2);
    crate::support::node::signal(dev.id(), libc::SIGTERM);
    dev.wait().expect("it ends");
}

#[test]
fn completions_know_the_commands() {
    for (shell, sign) in [("bash", "complete -F"), ("zsh", "#compdef confman"), ("fish", "complete -c confman")] {
        let script = run(confman("", "", &["completions", shell]), 0);
        assert!(script.contains(sign) && script.contains("namespaces"), "{shell}: {script}");
    }
}
