//! What `confman dev` prints.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::children::Children;
use super::folder::{Cluster, DevNode};

/// People read stdout; where a program does (`--json`), it gets its one line and people read stderr.
pub(super) struct Screen {
    json: bool,
}

impl Screen {
    pub fn new(json: bool) -> Screen {
        Screen { json }
    }

    /// Says something that happened.
    pub fn note(&self, text: &str) {
        // A closed terminal is no reason to end the cluster.
        let _ = if self.json { writeln!(std::io::stderr(), "{text}") } else { writeln!(std::io::stdout(), "{text}") };
    }

    /// A node of ours ended.
    pub fn died(&self, node: &DevNode, pid: u32, how: &str) {
        self.note(&format!("node {} (pid {pid}) {how}. Start it again with\n  {}", node.id, start_again(&node.config)));
    }

    /// A node that somebody else had started ended.
    pub fn gone(&self, node: &DevNode) {
        self.note(&format!("node {} answers no more. Start it again with\n  {}", node.id, start_again(&node.config)));
    }

    /// Writes work.
    pub fn ready(&self, cluster: &Cluster, children: &Children, leader: Option<u64>, after: Duration) {
        let text = if self.json { as_json(cluster, children) } else { as_text(cluster, children, leader, after) };
        let mut out = std::io::stdout();
        // A reader that went away is no reason to end the cluster.
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}

/// The line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    nodes: Vec<LineNode<'a>>,
    admin_key: &'a str,
    reader_key: &'a str,
}

#[derive(Serialize)]
struct LineNode<'a> {
    id: u64,
    url: &'a str,
    pid: Option<u32>,
    config: &'a Path,
    data: &'a Path,
    log: &'a Path,
}

fn as_json(cluster: &Cluster, children: &Children) -> String {
    let mut nodes = Vec::new();
    for DevNode { id, url, config, data, log, .. } in &cluster.nodes {
        nodes.push(LineNode { id: *id, url, pid: children.pid(*id), config, data, log });
    }
    let line = Line { nodes, admin_key: &cluster.admin_key, reader_key: &cluster.reader_key };
    serde_json::to_string(&line).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}

fn as_text(cluster: &Cluster, children: &Children, leader: Option<u64>, after: Duration) -> String {
    let mut text = format!("\nConfman is ready after {:.1} s.\n\n", after.as_secs_f64());
    for node in &cluster.nodes {
        let pid = children.pid(node.id).unwrap_or_default();
        let role = if Some(node.id) == leader { "leader" } else { "" };
        text += format!("  node {}   pid {pid:<8} {}   {role}", node.id, node.url).trim_end();
        text.push('\n');
    }
    let first = cluster.node(leader.unwrap_or(1)).unwrap_or(&cluster.nodes[0]);
    let last = cluster.nodes.iter().rev().find(|node| node.id != first.id).unwrap_or(first);
    let pid = children.pid(last.id).unwrap_or_default();
    text += &format!(
        "\nWrite a value, and read it from another node:\n\n  \
         curl -L -X PUT {write}/api/v1/config/demo/greeting -H 'X-API-Key: {admin}' \\\n       \
         -H 'Content-Type: application/json' -d '{{\"value\":\"hello\"}}'\n\n  \
         curl {read}/api/v1/config/demo/greeting -H 'X-API-Key: {reader}'\n\n\
         Kill a node, and start it again:\n\n  \
         kill -9 {pid}\n  {again}\n\n\
         Data, logs and configuration files are in {folder} and stay there. Ctrl-C ends all nodes.\n",
        write = first.url,
        read = last.url,
        admin = cluster.admin_key,
        reader = cluster.reader_key,
        again = start_again(&last.config),
        folder = cluster.folder.display(),
    );
    text
}

/// The command that starts a node, to be copied into any shell.
fn start_again(config: &Path) -> String {
    let program = std::env::current_exe().map_or_else(|_| "confman".to_owned(), |path| path.display().to_string());
    format!("{} serve --config {}", quoted(&program), quoted(&config.display().to_string()))
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_space_survives_the_shell() {
        assert_eq!(quoted("/a/b-1.toml"), "/a/b-1.toml");
        assert_eq!(quoted("/a b/it's"), "'/a b/it'\\''s'");
    }
}
