//! `confman config`: what a node would run with, and what is wrong with it.

use std::process::{Command, Output};

use crate::support::{Cluster, binary, free_port};

fn check(cluster: &Cluster, more: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary());
    command.args(["config", "check", "--config"]).arg(&cluster.nodes[0].config).args(more);
    command.envs(environment.iter().copied()).output().expect("the binary runs")
}

#[test]
fn what_holds_is_printed_with_where_it_comes_from() {
    let cluster = Cluster::prepare(1, "[raft]\nheartbeat = \"60ms\"\n");
    let environment = [("CONFMAN_HTTP_IDLE_TIMEOUT", "5s"), ("CONFMAN_PORT", "tcp://10.0.0.1:7400")];
    let output = check(&cluster, &["--log", "warn"], &environment);
    let (text, notes) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{notes}");
    let origin = |setting: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{setting} = ")));
        let (_, origin) = line.and_then(|line| line.split_once("# ")).unwrap_or_else(|| panic!("{setting}: {text}"));
        origin.to_owned()
    };
    assert!(origin("raft.heartbeat").contains("node.toml:"), "{text}");
    assert_eq!(origin("http.idleTimeout"), "CONFMAN_HTTP_IDLE_TIMEOUT");
    assert_eq!((origin("log"), origin("requests.writeTimeout")), ("--log".to_owned(), "default".to_owned()));
    assert!(notes.contains("CONFMAN_PORT is no setting"), "{notes}");
    for secret in [crate::support::ADMIN, crate::support::READER, "secret-of-the-black-box-tests"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_the_exit_code_is_2() {
    let cluster = Cluster::prepare(1, "[raft]\nhartbeat = \"60ms\"\n");
    let output = check(&cluster, &["--node", "7"], &[("CONFMAN_HTTP_LISTN", "x"), ("CONFMAN_HTTP_URL", "y")]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{text}");
    for part in [
        "node.toml:",
        "`raft.hartbeat` is not a setting; did you mean `heartbeat`?",
        "--node: `node` is 7, which is not the `id` of any of [[members]]",
        "CONFMAN_HTTP_LISTN: this is not a setting; did you mean CONFMAN_HTTP_LISTEN?",
        "CONFMAN_HTTP_URL: `http.url` is \"y\"",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_node_serves_where_variables_and_flags_say() {
    let mut cluster = Cluster::prepare(1, "");
    let elsewhere = free_port();
    let mut command = Command::new(binary());
    command.arg("serve").env("CONFMAN_CONFIG", &cluster.nodes[0].config);
    command.args(["--http-listen", &format!("127.0.0.1:{elsewhere}")]).env("CONFMAN_HTTP_LISTEN", "127.0.0.1:1");
    command.env("CONFMAN_DATA_DIR", cluster.nodes[0].config.with_file_name("other"));
    cluster.node(1).run_command(command);
    crate::support::wait_for("the node to serve elsewhere", || {
        cluster
            .http
            .get(&format!("http://127.0.0.1:{elsewhere}/health"), None)
            .ok()
            .filter(|answer| answer.status == 200)
    });
    assert!(cluster.nodes[0].config.with_file_name("other").exists() && !cluster.nodes[0].data.exists());
}
