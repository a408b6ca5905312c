//! What operators get wrong: each mistake is told in a sentence that says what happened and what to do.
//!
//! Others are tested where they belong: a wrong setting and a taken port or directory in `serve.rs` and
//! `configuration.rs`, a disk that fills up in `disk_full.rs`, an empty directory under an old id in `wiped.rs`, files
//! that are damaged in `damage.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::raw::Raw;
use crate::support::small_disk::SmallDisk;
use crate::support::{ADMIN, Cluster, READER, binary, confman, free_port, printed, skip, wait_for};

/// The commands' words for a wrong key or a wrong address.
fn ask(address: &str, key: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(["get", "app", "a", "--address", address]).env("CONFMAN_KEY", key).env_remove("CONFMAN_DEV");
    command.output().expect("the binary runs")
}

fn serve(cluster: &Cluster, change: impl Fn(String) -> String) -> Output {
    let config = &cluster.nodes[0].config;
    let changed = config.with_file_name("changed.toml");
    fs::write(&changed, change(fs::read_to_string(config).expect("a configuration file"))).expect("it is written");
    confman(&["serve", "--config", changed.to_str().expect("a path")])
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_wrong_key() {
    let cluster = Cluster::start(1, "");
    let text = printed(&ask(cluster.url(1), "some-other-key-of-length"), 3);
    says(&text, &["401 unauthorized", "this node does not know the API key", "CONFMAN_KEY"]);
    let text = printed(&ask(cluster.url(1), ""), 2);
    says(&text, &["no API key was given", "`confman key new` makes one"]);
    let mut command = Command::new(binary());
    command.args(["set", "app", "a", "1", "--address", cluster.url(1)]).env("CONFMAN_KEY", READER);
    let text = printed(&command.env_remove("CONFMAN_DEV").output().expect("the binary runs"), 3);
    says(&text, &["403 forbidden", "the key 'reader' has the role reader, this takes admin: use another key"]);
}

#[test]
fn a_wrong_address() {
    let cluster = Cluster::start(1, "");
    let nothing = format!("http://127.0.0.1:{}", free_port());
    let text = printed(&ask(&nothing, ADMIN), 4);
    says(&text, &[&nothing, "refused", "--address or CONFMAN_ADDRESS", "http.listen"]);
    // The port where nodes talk to each other.
    let config = fs::read_to_string(&cluster.nodes[0].config).expect("a configuration file");
    let peer = config.split("[peer]\nlisten = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("an address");
    let text = printed(&ask(&format!("http://{peer}"), ADMIN), 4);
    says(&text, &[peer, "http.listen"]);
    // What is for people is not for nodes: a browser there meets nothing, and the node goes on.
    let mut browser = Raw::connect(&format!("http://{peer}"));
    browser.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is taken");
    assert!(browser.answer(false).unwrap_or(None).is_none());
    cluster.set("app", "a", "1");
    let text = printed(&ask(&cluster.url(1).replace("http:", "https:"), ADMIN), 2);
    says(&text, &["this client speaks http", "the node's own address"]);
}

#[test]
fn the_data_directory_of_another_cluster_or_node() {
    let mut cluster = Cluster::start(1, "");
    cluster.node(1).kill();
    let text = printed(&serve(&cluster, |text| text.replace("\"black-box\"", "\"prod\"")), 1);
    says(
        &text,
        &["belongs to node 1 of cluster \"black-box\", but this is node 1 of cluster \"prod\"", "point dataDir at"],
    );
    let as_node_two = |text: String| text.replace("node = 1", "node = 2").replace("id = 1", "id = 2");
    let text = printed(&serve(&cluster, as_node_two), 1);
    says(&text, &["but this is node 2 of cluster", "correct node and cluster in the settings"]);
}

#[test]
fn data_of_a_newer_release() {
    let mut cluster = Cluster::start(1, "");
    cluster.node(1).kill();
    let identity = cluster.nodes[0].data.join("identity");
    let text = fs::read_to_string(&identity).expect("an identity");
    fs::write(&identity, text.replace("\"format\":1", "\"format\":2")).expect("it is written");
    let text = printed(&serve(&cluster, |text| text), 1);
    says(&text, &["\"identity\" is of format 2, newer than this version of confman knows: upgrade this node"]);
    let data = cluster.nodes[0].data.to_str().expect("a path");
    says(&printed(&confman(&["inspect", data]), 1), &["newer than this version of confman knows"]);

    // With the release that knows it, all is well.
    fs::write(&identity, fs::read_to_string(&identity).expect("an identity").replace("\"format\":2", "\"format\":1"))
        .expect("it is written");
    cluster.node(1).run();
    cluster.wait_ready();
}

#[test]
fn a_node_of_another_cluster_among_the_peers() {
    let mut cluster = Cluster::prepare(3, "");
    let config = cluster.node(3).config.clone();
    let right = fs::read_to_string(&config).expect("a configuration file");
    fs::write(&config, right.replace("\"black-box\"", "\"other\"")).expect("it is written");
    for id in [1, 2, 3] {
        cluster.node(id).run();
    }
    wait_for("both sides to say it", || {
        let said = |id: usize| cluster.nodes[id - 1].log_text().contains("wrong-cluster");
        (said(1) && said(3)).then_some(())
    });
    let log = cluster.nodes[0].log_text();
    says(&log, &["check the cluster's name in the configuration"]);
    // With the name set right it is one of them.
    cluster.node(3).kill();
    fs::remove_dir_all(&cluster.node(3).data).expect("its own cluster never came to be");
    fs::write(&config, right).expect("it is written");
    cluster.node(3).run();
    cluster.wait_ready();
}

#[test]
fn another_secret_than_the_others_have() {
    let mut cluster = Cluster::prepare(3, "");
    let config = cluster.node(3).config.clone();
    let right = fs::read_to_string(&config).expect("a configuration file");
    let wrong = right.replace("secret-of-the-black-box-tests", "another-secret-of-the-tests");
    fs::write(&config, wrong).expect("it is written");
    for id in [1, 2, 3] {
        cluster.node(id).run();
    }
    wait_for("someone to say it", || {
        cluster.nodes.iter().any(|node| node.log_text().contains("wrong-secret")).then_some(())
    });
    cluster.node(3).kill();
    fs::write(&config, right).expect("it is written");
    cluster.node(3).run();
    cluster.wait_ready();
}

#[test]
fn a_disk_that_is_full_before_the_node_starts() {
    let cluster = Cluster::prepare(1, "");
    let at = cluster.nodes[0].data.clone();
    let Some(disk) = SmallDisk::mount(&at, 1) else {
        return skip("full disk at the start: a small disk cannot be mounted here (it takes root)");
    };
    fill(&at.join("ballast"));
    let text = printed(&serve(&cluster, |text| text.replace("\"data\"", "\"data/deeper\"")), 1);
    says(&text, &["the disk of the data directory", "is full: free some of it, and start the node again"]);
    drop(disk);
}

fn fill(file: &Path) {
    let mut file = fs::File::create(file).expect("a file");
    while std::io::Write::write(&mut file, &[0; 4096]).is_ok_and(|written| written > 0) {}
}

/// A library that moves the clock of every program it is loaded into; none where there is no C compiler.
fn moved_clock(folder: &Path, seconds: i64) -> Option<PathBuf> {
    const SOURCE: &str = "#define _GNU_SOURCE\n#include <time.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n\
        int clock_gettime(clockid_t id, struct timespec *at) {\n\
        int failed = syscall(SYS_clock_gettime, id, at);\n\
        if (!failed && id == CLOCK_REALTIME) at->tv_sec += BY;\n\
        return failed;\n}\n";
    let (source, library) = (folder.join("clock.c"), folder.join(format!("clock{seconds}.so")));
    fs::write(&source, SOURCE).expect("it is written");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", &format!("-DBY={seconds}")]).arg("-o").arg(&library).arg(&source);
    let compiled = compiler.output().is_ok_and(|output| output.status.success());
    (compiled && cfg!(target_os = "linux")).then_some(library)
}

#[test]
fn a_clock_that_is_a_year_off() {
    const YEAR: i64 = 365 * 24 * 3600;
    let mut cluster = Cluster::prepare(3, "");
    let folder = cluster.nodes[0].config.with_file_name("");
    let (Some(ahead), Some(behind)) = (moved_clock(&folder, YEAR), moved_clock(&folder, -YEAR)) else {
        return skip("a clock a year off: there is no C compiler for a library that moves it");
    };
    for (id, library) in [(1, None), (2, None), (3, Some(&ahead))] {
        let mut command = Command::new(binary());
        command.arg("serve").arg("--config").arg(&cluster.node(id).config);
        command.envs(library.map(|library| ("LD_PRELOAD", library)));
        cluster.node(id).run_command(command);
    }
    let leader = cluster.wait_ready();
    let alarm = |cluster: &Cluster, of: u64| {
        wait_for("the clock to be named", || {
            let url = format!("{}/api/v1/cluster", cluster.url(of));
            let answer = cluster.http.get(&url, Some(READER)).ok()?.json();
            let alarms = answer["alarms"].as_array()?.clone();
            alarms.into_iter().find(|alarm| alarm["kind"] == "clocks-differ")
        })
    };
    // Every node sees it, the one that is off too, and nobody minds.
    for id in [1, 2, 3] {
        let alarm = alarm(&cluster, id);
        assert_eq!(alarm["nodes"], serde_json::json!([3]), "{alarm}");
        let detail = alarm["detail"].as_str().expect("a detail");
        says(detail, &["node 3 has ", "the others have about ", "Set the clock right there", "chronyc tracking"]);
    }
    cluster.set("app", "a", "1");
    cluster.wait_same_state();
    let status = confman(&["status", "--address", cluster.url(leader), "--key-file", &key_file(&folder)]);
    says(&String::from_utf8_lossy(&status.stdout), &["clocks-differ", "node 3 has "]);

    // Now behind, and back.
    cluster.node(3).kill();
    let mut command = Command::new(binary());
    command.arg("serve").arg("--config").arg(&cluster.node(3).config).env("LD_PRELOAD", &behind);
    cluster.node(3).run_command(command);
    cluster.wait_ready();
    assert_eq!(alarm(&cluster, 1)["nodes"], serde_json::json!([3]));
    cluster.set("app", "a", "2");
    cluster.node(3).kill();
    cluster.node(3).run();
    cluster.wait_ready();
    wait_for("the alarm to end", || {
        let answer = cluster.http.get(&format!("{}/api/v1/cluster", cluster.url(1)), Some(READER)).ok()?.json();
        (answer["alarms"] == serde_json::json!([])).then_some(())
    });
    cluster.wait_same_state();
}

fn key_file(folder: &Path) -> String {
    let file = folder.join("key");
    fs::write(&file, ADMIN).expect("it is written");
    file.to_str().expect("a path").to_owned()
}
