//! `confman dev`: one command, a whole cluster.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::http::Http;
use crate::support::node::signal;
use crate::support::{binary, entry_url, wait_for, within};

struct Dev {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Dev {
    fn spawn(data: &Path, port: u16, more: &[&str]) -> Dev {
        let mut command = Command::new(binary());
        command.args(["dev", "--port", &port.to_string(), "--data"]).arg(data).args(more);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let out = BufReader::new(process.stdout.take().expect("its output"));
        Dev { process, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line
    }

    /// Lines until one contains `part`.
    fn lines_until(&mut self, part: &str) -> String {
        let mut text = String::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "it ended without {part:?}:\n{text}");
            text += &line;
            if line.contains(part) {
                return text;
            }
        }
    }

    fn end(mut self) -> ExitStatus {
        signal(self.process.id(), libc::SIGINT);
        wait_for("confman dev to end", || self.process.try_wait().expect("its status"))
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_alive(pid: &Value) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended; it only waits for somebody to take notice.
    !stat.is_empty() && !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

#[test]
fn one_line_of_json_describes_a_cluster_that_takes_writes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let begun = Instant::now();
    let mut dev = Dev::spawn(folder.path(), 30_000, &["--json"]);
    let cluster: Value = serde_json::from_str(&dev.line()).expect("one line of JSON");
    let (http, http_key) = (Http::new(), cluster["adminKey"].as_str().expect("a key"));
    let nodes = cluster["nodes"].as_array().expect("nodes").clone();
    assert_eq!(nodes.iter().map(|node| node["id"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    let url = |n: usize| nodes[n]["url"].as_str().expect("a URL");
    let bearer = format!("Bearer {http_key}");
    let write = http.send(
        "PUT",
        &entry_url(url(0), "demo", "greeting"),
        &[("Authorization", &bearer)],
        Some(r#"{"value":"hello"}"#),
    );
    write.expect("an answer").expect(201);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "the first write after {took:?}");
    eprintln!("dev: the first write after {took:?}");
    let reader = cluster["readerKey"].as_str();
    let forbidden = http.put(&entry_url(url(0), "demo", "greeting"), reader, r#"{"value":"x"}"#);
    forbidden.expect("an answer").expect(403);
    for node in &nodes {
        assert!(is_alive(&node["pid"]));
        for path in ["config", "data", "log"] {
            let path = Path::new(node[path].as_str().expect("a path"));
            assert!(path.is_absolute() && path.exists(), "{}", path.display());
        }
    }
    assert_eq!(dev.end().code(), Some(0));
    assert!(nodes.iter().all(|node| !is_alive(&node["pid"])), "Ctrl-C ends all");

    // The same folder: the same ports, keys and data.
    let mut dev = Dev::spawn(folder.path(), 7400, &["--json"]);
    let again: Value = serde_json::from_str(&dev.line()).expect("one line of JSON");
    assert_eq!((&again["adminKey"], &again["readerKey"]), (&cluster["adminKey"], &cluster["readerKey"]));
    for (before, after) in nodes.iter().zip(again["nodes"].as_array().expect("nodes")) {
        assert_eq!((&before["url"], &before["data"]), (&after["url"], &after["data"]));
    }
    let read = wait_for("the value from before", || {
        http.get(&entry_url(url(2), "demo", "greeting"), reader).ok().filter(|answer| answer.status == 200)
    });
    assert_eq!(read.value().as_deref(), Some("hello"));
    assert_eq!(dev.end().code(), Some(0));
}

#[test]
fn a_killed_node_stays_dead_until_the_printed_command_starts_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut dev = Dev::spawn(folder.path(), 30_200, &[]);
    let screen = dev.lines_until("Ctrl-C");
    assert!(screen.contains("leader") && screen.contains("curl -L -X PUT") && screen.contains("kill -9"), "{screen}");
    let kill = screen.lines().find_map(|line| line.trim().strip_prefix("kill -9 ")).expect("how to kill a node");
    let pid: u32 = kill.parse().expect("a pid");
    assert!(run_curl(&screen), "the curl on the screen works:\n{screen}");

    signal(pid, libc::SIGKILL);
    let notice = dev.lines_until("serve --config");
    assert!(notice.contains(&format!("(pid {pid}) was ended by signal 9")), "{notice}");
    let command = notice.lines().last().expect("a command").trim().to_owned();
    let mut by_hand =
        Command::new("sh").args(["-c", &format!("exec {command}")]).stderr(Stdio::null()).spawn().expect("sh");
    dev.lines_until("answers again");
    let status = dev.end();
    assert!(by_hand.try_wait().expect("its status").is_none(), "what was started by hand is not ours to end");
    by_hand.kill().expect("it can be killed");
    by_hand.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

/// Runs the write that the screen shows; true also where there is no curl.
fn run_curl(screen: &str) -> bool {
    let at = screen.find("curl -L").expect("a curl");
    let end = screen[at..].find("\n\n").expect("its end") + at;
    let output = Command::new("sh").args(["-c", &screen[at..end]]).output().expect("sh");
    output.status.code() == Some(127) || String::from_utf8_lossy(&output.stdout).contains("\"revision\"")
}

#[test]
fn when_dev_is_killed_its_nodes_do_not_linger() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut dev = Dev::spawn(folder.path(), 30_400, &["--json", "--nodes", "1"]);
    let cluster: Value = serde_json::from_str(&dev.line()).expect("one line of JSON");
    let pid = &cluster["nodes"][0]["pid"];
    dev.process.kill().expect("it can be killed");
    dev.process.wait().expect("it ends");
    let gone = within(Duration::from_secs(15), || (!is_alive(pid)).then_some(()));
    assert!(!cfg!(target_os = "linux") || gone.is_some(), "node {pid} lives on without its parent");
}

#[test]
fn a_cluster_that_runs_already_is_said_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut dev = Dev::spawn(folder.path(), 30_600, &["--json", "--nodes", "1"]);
    dev.line();
    let second = Command::new(binary()).args(["dev", "--data"]).arg(folder.path()).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{text}");
    assert!(text.contains("in use by another `confman dev`"), "{text}");
    let status = Command::new(binary()).args(["dev", "--nodes", "2"]).output().expect("the binary runs").status;
    assert_eq!(status.code(), Some(2), "two nodes are no better than one");
    assert_eq!(dev.end().code(), Some(0));
}
