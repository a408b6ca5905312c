//! The whole HTTP contract as stories: what is sent to a cluster of three nodes, and what comes back, to the byte.
//!
//! The stories are the files `golden/*.story`, told in order to one cluster. `CONFMAN_GOLDEN=write` records the answers
//! anew: read them then, since what stands there is what this release promises.

mod normal;
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::normal::Names;
use self::story::{Part, Sent, Told, parse};
use crate::support::raw::{Raw, RawAnswer};
use crate::support::{ADMIN, Cluster, READER, wait_for};

/// Problems that no request of a well-behaved client provokes in a healthy cluster, and where they are tested instead.
const PROVOKED_ELSEWHERE: &[(&str, &str)] = &[
    ("not-a-member", "a node that was removed or not added: members.rs"),
    ("internal", "a damaged state: damage.rs"),
    ("outcome-unknown", "a leader that is lost in the midst of a write: no_quorum.rs"),
    ("overloaded", "too many connections or backups: hostile.rs"),
    ("storage-full", "a full disk: disk_full.rs"),
    ("version-not-reached", "a node that has just started: the unit tests of http/"),
];

/// Headers of every answer: checked, and not shown.
const OF_EVERY_ANSWER: &[(&str, Option<&str>)] = &[
    ("cache-control", Some("private, no-cache")),
    ("vary", Some("Accept, Authorization, X-API-Key, X-Confman-Consistency, X-Confman-Min-Version")),
    ("x-request-id", None),
    ("date", None),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/black_box/golden")
}

/// A node that a story adds.
const NEWCOMER: u64 = 4;

/// Three nodes, of which the first forms the cluster and leads, and one that may come to it.
fn cluster() -> Cluster {
    let mut cluster = Cluster::prepare(3, "");
    cluster.prepare_another(NEWCOMER);
    // It would take a pause of seconds for another one to lead.
    for id in [2, 3, NEWCOMER] {
        let config = &cluster.node(id).config;
        let text = fs::read_to_string(config).expect("a configuration file");
        let patient = "\n[raft]\nelectionTimeoutMin = \"8s\"\nelectionTimeoutMax = \"10s\"\n";
        fs::write(config, text + patient).expect("a configuration file");
    }
    for id in [1, 2, 3] {
        cluster.node(id).run();
    }
    assert_eq!(cluster.wait_ready(), 1, "the node that forms the cluster leads it");
    cluster.wait_same_state();
    cluster
}

/// What tells the stories, and what it saw.
struct Teller {
    cluster: Cluster,
    connections: BTreeMap<u64, Raw>,
    /// The last ETag, version, cursor and Location, and the revision of the last item.
    last: BTreeMap<&'static str, String>,
    /// `METHOD path` of every request.
    asked: BTreeSet<String>,
    /// The slugs of all problems.
    seen: BTreeSet<String>,
}

impl Teller {
    /// A story as it goes now.
    fn tell(&mut self, parts: &[Part]) -> String {
        let mut names = Names::new(&self.cluster);
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Start(id) => {
                    self.cluster.node(*id).run();
                    let url = format!("{}/health", self.cluster.url(*id));
                    wait_for("the node to serve", || self.cluster.http.get(&url, None).ok());
                    text.push_str(&format!("! start {id}\n"));
                }
                Part::Prose(line) => text.push_str(&format!("{line}\n")),
                Part::Told(told) => {
                    let answer = self.ask(told);
                    text.push_str(&told.lines);
                    for line in self.shown(&mut names, told, &answer).lines() {
                        text.push_str(format!("< {line}").trim_end());
                        text.push('\n');
                    }
                }
            }
        }
        text
    }

    fn ask(&mut self, told: &Told) -> RawAnswer {
        let node = match told.node.as_str() {
            "leader" => 1,
            "follower" => 2,
            other => panic!("{other:?} is no node of a story"),
        };
        // A follower is asked once it has what was written, and the leader for what all have.
        if node != 1 || told.target == "/api/v1/cluster" {
            self.cluster.wait_same_state();
        }
        let key = match told.key.as_str() {
            "admin" => Some(format!("X-API-Key: {ADMIN}")),
            "reader" => Some(format!("X-API-Key: {READER}")),
            "bearer-admin" => Some(format!("Authorization: Bearer {ADMIN}")),
            "stranger" => Some("X-API-Key: some-other-key-of-length".to_owned()),
            "nobody" => None,
            other => panic!("{other:?} is no key of a story"),
        };
        let host = self.cluster.url(node).trim_start_matches("http://").to_owned();
        let Sent { method, target, bytes } = told.request(&host, key.as_deref(), &self.last);
        let path = target.split('?').next().expect("a path");
        self.asked.insert(format!("{method} {path}"));

        let url = self.cluster.url(node).to_owned();
        let connection = self.connections.entry(node).or_insert_with(|| Raw::connect(&url));
        connection.send(&bytes).expect("a node takes what it is sent");
        let answer = connection.answer(method == "HEAD").expect("an answer").expect("an answer");
        if answer.header("connection") == Some("close") {
            assert!(connection.is_closed(), "it is said that the connection closes");
            self.connections.remove(&node);
        }
        if let Some(etag) = answer.header("etag") {
            self.last.insert("etag", etag.to_owned());
        }
        if let Some(version) = answer.header("x-confman-version") {
            self.last.insert("version", version.to_owned());
        }
        if let Some(location) = answer.header("location") {
            let path = location.strip_prefix(self.cluster.url(1)).unwrap_or(location);
            self.last.insert("location", path.to_owned());
        }
        let is_json = answer.header("content-type") == Some("application/json") && !answer.body.is_empty();
        if is_json && let Some(cursor) = answer.json()["pagination"]["nextCursor"].as_str() {
            self.last.insert("cursor", cursor.to_owned());
        }
        let items = if is_json { answer.json()["items"].as_array().cloned().unwrap_or_default() } else { Vec::new() };
        if let Some(oldest) = items.last().and_then(|item| item["revision"].as_str()) {
            self.last.insert("oldest", oldest.to_owned());
        }
        answer
    }

    /// Status, headers and body as the story shows them.
    fn shown(&mut self, names: &mut Names, told: &Told, answer: &RawAnswer) -> String {
        let mut text = format!("{} {}\n", answer.status, answer.reason);
        for (name, value) in OF_EVERY_ANSWER {
            match answer.header(name) {
                None => {
                    text.push_str(&format!("(without {name})\n"));
                }
                Some(given) if value.is_some_and(|value| value != given) => {
                    text.push_str(&format!("{name}: {given}\n"));
                }
                _ => {}
            }
        }
        let is_empty = matches!(answer.status, 204 | 304);
        match answer.header("content-length") {
            Some(length) if is_empty => text.push_str(&format!("content-length: {length}\n")),
            Some(length) if told.method != "HEAD" => assert_eq!(length, answer.body.len().to_string()),
            Some(_) => {}
            None if is_empty || answer.header("transfer-encoding").is_some() => {}
            None => text.push_str("(without content-length)\n"),
        }
        let mut headers = answer.headers.clone();
        headers.sort();
        for (name, value) in headers {
            let hidden = OF_EVERY_ANSWER.iter().any(|(of_all, _)| *of_all == name) || name == "content-length";
            if !hidden {
                text.push_str(&format!("{name}: {}\n", names.normal(&value)));
            }
        }
        if let Some(own) = told.header("X-Request-ID") {
            let given = answer.header("x-request-id").unwrap_or_default();
            text.push_str(&format!("x-request-id: {}\n", if given == own { own } else { "<another>" }));
        }
        if answer.header("content-type") == Some("application/problem+json") && !answer.body.is_empty() {
            self.seen.insert(answer.slug());
        }
        let body = match answer.header("content-type") {
            _ if answer.body.is_empty() => return text,
            Some("application/json") if told.target == "/openapi.json" => summary(&answer.json()),
            // Files, as they are.
            Some("application/yaml") => answer.text(),
            Some("application/json") if answer.text().contains('\n') => answer.text(),
            Some(kind) if kind.ends_with("json") => names.json(&answer.text()),
            Some(kind) if kind.starts_with("text/") && answer.header("content-encoding").is_none() => answer.text(),
            _ => "(bytes)".to_owned(),
        };
        format!("{text}\n{body}")
    }
}

/// What there is in the document: operations with the role that they take and the statuses that they answer.
fn summary(document: &Value) -> String {
    let mut text = String::new();
    for (method, path, operation) in operations(document) {
        let role = operation["x-confman-role"].as_str().expect("a role");
        let statuses: Vec<&str> =
            operation["responses"].as_object().expect("responses").keys().map(String::as_str).collect();
        text.push_str(&format!("{method} {path} ({role}): {}\n", statuses.join(" ")));
    }
    text
}

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, methods): (&String, &'_ Value)| -> Vec<(String, String)> {
        let methods = methods.as_object().expect("methods").keys();
        methods.map(|method| (method.to_ascii_uppercase(), path.clone())).collect()
    };
    let named = paths.iter().flat_map(of_path);
    named
        .map(|(method, path)| {
            let operation = &document["paths"][&path][method.to_ascii_lowercase()];
            (method, path, operation)
        })
        .collect()
}

/// Whether a path is one of a template; a template without parameters goes first.
fn fits(template: &str, path: &str, document: &Value) -> bool {
    let exact = document["paths"].get(path).is_some();
    if exact || !template.contains('{') {
        return template == path;
    }
    let (wanted, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let fits = |(wanted, given): (&&str, &&str)| wanted == given || (wanted.starts_with('{') && !given.is_empty());
    wanted.len() == given.len() && wanted.iter().zip(&given).all(fits)
}

#[test]
fn the_contract_is_what_the_stories_say() {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder of the stories")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "story"));
    files.sort();
    let cluster = cluster();
    let newcomer = [("peer 4", cluster.peer(NEWCOMER)), ("url 4", cluster.url(NEWCOMER).to_owned())];
    let mut teller = Teller {
        cluster,
        connections: BTreeMap::new(),
        last: BTreeMap::from(newcomer),
        asked: BTreeSet::new(),
        seen: BTreeSet::new(),
    };
    let writes = std::env::var("CONFMAN_GOLDEN").is_ok_and(|how| how == "write");
    let mut differences = String::new();
    for file in &files {
        let recorded = fs::read_to_string(file).expect("a story");
        let told = teller.tell(&parse(&recorded));
        if writes {
            fs::write(file, &told).expect("a story");
        } else if told != recorded {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            differences.push_str(&format!("---- {name}\n{}", normal::difference(&recorded, &told)));
        }
    }
    assert!(
        differences.is_empty(),
        "answers are not as recorded (- recorded, + now). Where the new ones are right, CONFMAN_GOLDEN=write records \
         them:\n{differences}"
    );

    let connection = &mut Raw::connect(teller.cluster.url(1));
    connection.send("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request");
    let document = connection.answer(false).expect("an answer").expect("an answer").json();
    let untold: Vec<String> = operations(&document)
        .into_iter()
        .filter(|(method, path, _)| {
            !teller
                .asked
                .iter()
                .any(|asked| asked.split_once(' ').is_some_and(|(of, at)| of == method && fits(path, at, &document)))
        })
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    assert!(untold.is_empty(), "no story tells of {untold:?}: add them to one");

    let mut documented: BTreeSet<String> = BTreeSet::new();
    for (_, _, operation) in operations(&document) {
        for response in operation["responses"].as_object().expect("responses").values() {
            let examples = &response["content"]["application/problem+json"]["examples"];
            documented.extend(examples.as_object().into_iter().flat_map(|examples| examples.keys().cloned()));
        }
    }
    let elsewhere = |slug: &String| PROVOKED_ELSEWHERE.iter().any(|(known, _)| known == slug);
    let missing: Vec<&String> = documented.difference(&teller.seen).filter(|slug| !elsewhere(slug)).collect();
    assert!(missing.is_empty(), "no story provokes {missing:?}: add it to one, or say where it is tested");
    for (slug, _) in PROVOKED_ELSEWHERE {
        assert!(documented.contains(*slug) && !teller.seen.contains(*slug), "{slug} is provoked by a story now");
    }
}
