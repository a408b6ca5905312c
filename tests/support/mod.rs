//! Real clusters for black-box tests: processes of the real binary, with files and ports of their own, all gone at the
//! end of the test.
//!
//! The binary is the one that cargo built for the test, or the one that `CONFMAN_BIN` names.

pub mod http;
pub mod node;
pub mod raw;
pub mod small_disk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use self::http::{Answer, Http};
use self::node::Node;

/// How long a healthy cluster may take to be ready on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster of `confman serve` processes.
pub struct Cluster {
    pub nodes: Vec<Node>,
    pub http: Http,
    settings: String,
    /// The ports of clients and of nodes, by node.
    ports: BTreeMap<u64, (u16, u16)>,
    /// Goes away after the nodes are dead.
    folder: TempDir,
}

pub const ADMIN: &str = "admin-key-of-the-black-box-tests";
pub const READER: &str = "reader-key-of-the-black-box-tests";

impl Cluster {
    /// Starts `count` nodes and waits until they are ready. `settings` is added to each configuration file.
    pub fn start(count: u64, settings: &str) -> Cluster {
        let cluster = Cluster::prepare(count, settings);
        cluster.run_all()
    }

    /// Writes the configuration files, and starts nothing.
    pub fn prepare(count: u64, settings: &str) -> Cluster {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ports = (1..=count).map(|id| (id, (free_port(), free_port()))).collect();
        let mut cluster =
            Cluster { nodes: Vec::new(), http: Http::new(), settings: settings.to_owned(), ports, folder };
        cluster.nodes = (1..=count).map(|id| cluster.prepare_node(id)).collect();
        cluster
    }

    /// Writes the configuration file of one more node, with all others and itself as members, and starts nothing.
    pub fn prepare_another(&mut self, id: u64) {
        self.ports.insert(id, (free_port(), free_port()));
        let node = self.prepare_node(id);
        self.nodes.push(node);
    }

    fn prepare_node(&self, id: u64) -> Node {
        let (http, peer) = self.ports[&id];
        let members: String = self.ports.iter().map(|(id, ports)| member_text(*id, *ports)).collect();
        let settings = &self.settings;
        let text = format!(
            "cluster = \"black-box\"\nnode = {id}\ndataDir = \"data\"\n\n\
             [http]\nlisten = \"127.0.0.1:{http}\"\n\n\
             [peer]\nlisten = \"127.0.0.1:{peer}\"\nsecret = \"secret-of-the-black-box-tests\"\n\n{members}\
             [[auth.apiKeys]]\nname = \"admin\"\nprincipal = \"admin@test\"\nrole = \"admin\"\nkey = \"{ADMIN}\"\n\n\
             [[auth.apiKeys]]\nname = \"reader\"\nprincipal = \"reader@test\"\nrole = \"reader\"\nkey = \"{READER}\"\n\n\
             {settings}\n"
        );
        Node::prepare(id, format!("http://127.0.0.1:{http}"), &self.folder.path().join(format!("node-{id}")), &text)
    }

    /// Where other nodes reach this one.
    pub fn peer(&self, id: u64) -> String {
        format!("127.0.0.1:{}", self.ports[&id].1)
    }

    /// Starts all nodes and waits until they are ready.
    pub fn run_all(mut self) -> Cluster {
        for node in &mut self.nodes {
            node.run();
        }
        self.wait_ready();
        self
    }

    pub fn node(&mut self, id: u64) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.id == id).expect("a node of this cluster")
    }

    pub fn url(&self, id: u64) -> &str {
        &self.nodes.iter().find(|node| node.id == id).expect("a node of this cluster").url
    }

    /// The ids of the nodes that run.
    pub fn running(&self) -> Vec<u64> {
        self.nodes.iter().filter(|node| node.is_running()).map(|node| node.id).collect()
    }

    /// Waits until all running nodes are ready and agree on a leader, and names it.
    pub fn wait_ready(&self) -> u64 {
        wait_for("all running nodes to be ready and to agree on a leader", || {
            let leaders: Vec<_> = self.running().into_iter().map(|id| self.leader_seen_by(id)).collect();
            let first = (*leaders.first()?)?;
            leaders.iter().all(|leader| *leader == Some(first)).then_some(first)
        })
    }

    /// The leader as one node knows it, if that node is ready.
    pub fn leader_seen_by(&self, id: u64) -> Option<u64> {
        let answer = self.http.get(&format!("{}/health/ready", self.url(id)), None).ok()?;
        let url = answer.json()["leader"].as_str()?.to_owned();
        (answer.status == 200).then(|| self.nodes.iter().find(|node| node.url == url).map(|node| node.id))?
    }

    /// The leader now, as any running node knows it.
    pub fn leader(&self) -> Option<u64> {
        self.running().into_iter().find_map(|id| self.leader_seen_by(id))
    }

    /// A running node that does not lead.
    pub fn follower(&self) -> u64 {
        let leader = self.wait_ready();
        self.running().into_iter().find(|id| *id != leader).expect("a follower")
    }

    /// Sets a value through the leader, following redirects, until it is acknowledged.
    pub fn set(&self, namespace: &str, key: &str, value: &str) -> Answer {
        let body = serde_json::json!({ "value": value }).to_string();
        wait_for("a write to be acknowledged", || {
            let leader = self.leader()?;
            let url = entry_url(self.url(leader), namespace, key);
            self.http.put(&url, Some(ADMIN), &body).ok().filter(|answer| matches!(answer.status, 200 | 201))
        })
    }

    /// Reads an entry from one node.
    pub fn get(&self, id: u64, namespace: &str, key: &str) -> Result<Answer, http::Failed> {
        self.http.get(&entry_url(self.url(id), namespace, key), Some(READER))
    }

    /// All of a list, page by page, from one node.
    pub fn pages(&self, id: u64, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let url = format!("{}/api/v1{path}?limit=1000{cursor}", self.url(id));
            let answer = self.http.get(&url, Some(ADMIN)).expect("a running node answers");
            let page = answer.expect(200).json();
            items.extend(page["items"].as_array().expect("a list has items").iter().cloned());
            match page["pagination"]["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// What node `of` reports about its group, as node `id` shows it in `/cluster`.
    pub fn group(&self, id: u64, of: u64) -> Value {
        let url = format!("{}/api/v1/cluster", self.url(id));
        let answer = self.http.get(&url, Some(READER)).expect("a running node answers");
        let cluster = answer.expect(200).json();
        let nodes = cluster["nodes"].as_array().expect("a cluster has nodes");
        nodes.iter().find(|node| node["node"] == of).map(|node| node["groups"][0].clone()).unwrap_or(Value::Null)
    }

    /// Waits until all running nodes have applied the same log and have the same state.
    pub fn wait_same_state(&self) {
        let same = || {
            let states: Vec<_> = self.running().into_iter().map(|id| self.group(id, id)).collect();
            let applied = |state: &Value| (state["applied"].clone(), state["stateHash"].clone());
            let first = applied(states.first()?);
            if states.iter().all(|state| state["applied"] == first.0) {
                assert!(
                    states.iter().all(|state| applied(state) == first),
                    "same applied id, another state: {states:?}"
                );
                return Some(());
            }
            None
        };
        wait_for("all nodes to apply the same log", same);
    }
}

fn member_text(id: u64, (http, peer): (u16, u16)) -> String {
    format!("[[members]]\nid = {id}\npeer = \"127.0.0.1:{peer}\"\nurl = \"http://127.0.0.1:{http}\"\n\n")
}

/// Where an entry lies, in the form without escapes.
pub fn entry_url(base: &str, namespace: &str, key: &str) -> String {
    format!("{base}/api/v1/config/{namespace}/-/{key}")
}

/// The binary under test.
pub fn binary() -> PathBuf {
    std::env::var_os("CONFMAN_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_confman")), PathBuf::from)
}

/// Runs a command of the binary to its end, without anything of the environment that could speak for flags.
pub fn confman(arguments: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new(binary());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONFMAN_")) {
        command.env_remove(name);
    }
    command.args(arguments).output().expect("the binary runs")
}

/// What a command printed, where it ended with `code`.
#[track_caller]
pub fn printed(output: &std::process::Output, code: i32) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    assert!(!err.contains("panicked"), "{err}");
    format!("{out}{err}")
}

/// Asks `check` again and again until it answers.
pub fn wait_for<T>(what: &str, check: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, check).unwrap_or_else(|| panic!("waited {} s for {what}", PATIENCE.as_secs()))
}

/// Asks `check` again and again until it answers, or the time is over.
pub fn within<T>(patience: Duration, mut check: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = check() {
            return Some(found);
        }
        if begun.elapsed() > patience {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port that nothing listens on, from a range that systems do not give out by themselves; each only once in this
/// process, and far from those of another process that runs the same tests.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 100) as u16 * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Notes that a test did not run here, and why; `make test` shows it at its end.
pub fn skip(why: &str) {
    eprintln!("skipped: {why}");
    if let Some(file) = std::env::var_os("CONFMAN_SKIPS") {
        let mut file = std::fs::OpenOptions::new().append(true).open(file).expect("the list of skipped tests");
        std::io::Write::write_all(&mut file, format!("{why}\n").as_bytes()).expect("the list of skipped tests");
    }
}
