//! Which settings there are, their defaults, and what they must satisfy together.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::DeTable;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::auth;
use super::section::{Reading, Section};
use super::settings;
use super::sources::{Effective, Origin, Overrides, Sources};
use super::units::{HostPort, format_duration};
use super::{
    FollowerWrites, HttpConfig, MemberConfig, NodeConfig, PeerConfig, RaftConfig, RequestConfig, Secret, StorageConfig,
};
use crate::base::NodeId;

/// What is wrong with a configuration, all of it. Displays as one line per mistake, `file:line: what`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// A configuration, and how it came to be.
#[derive(Clone)]
pub struct Loaded {
    pub node: NodeConfig,
    /// What to log: a level, or levels by module.
    pub log: String,
    /// All settings as they hold, in the order of the reference page. Secrets are hidden.
    pub effective: Vec<Effective>,
    /// Variables that begin with `CONFMAN_` and are no settings, nor like any.
    pub ignored: Vec<String>,
}

impl Loaded {
    /// The settings that are others than in `running`, and that a running node cannot change.
    pub fn waits_for_a_start(&self, running: &Loaded) -> Vec<String> {
        let waits = |one: &&Effective| match settings::SETTINGS.iter().find(|setting| setting.name == one.name) {
            Some(setting) => !setting.reloads,
            None => one.name == "members",
        };
        let of = |loaded: &Loaded| -> BTreeSet<(String, String)> {
            loaded.effective.iter().filter(waits).map(|one| (one.name.clone(), one.value.clone())).collect()
        };
        let (ours, theirs) = (of(self), of(running));
        let mut names: BTreeSet<String> = ours.symmetric_difference(&theirs).map(|(name, _)| name.clone()).collect();
        if self.node.peer.secret != running.node.peer.secret {
            names.insert("peer.secret".to_owned());
        }
        names.into_iter().collect()
    }
}

/// Reads a configuration from all its sources. Every mistake is told, each with its place.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, ConfigError> {
    let (file, text) = (sources.file, sources.text);
    let name = file.display().to_string();
    let reading = Reading::new(&name, text, Overrides::read(sources.environment, sources.flags));
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let why = error.message().lines().collect::<Vec<_>>().join(", ");
            reading.add(error.span().map_or(0, |span| span.start), format!("this is not TOML: {why}"));
            return Err(ConfigError(reading.mistakes()));
        }
    };
    let top = Section::top(&reading, document.get_ref());
    let node = read_node(&top, file.parent().unwrap_or(Path::new("")), sources.read);
    let log = top.checked_string("log", LOG_RULE, is_log_filter);
    let log = log.or_else(|| {
        let fallback = top.fallback("log")?;
        top.holds_from("log", format!("{fallback:?}"), Origin::Default);
        Some(fallback.to_owned())
    });
    let mistakes = reading.mistakes();
    match (node, log) {
        (Some(node), Some(log)) if mistakes.is_empty() => {
            let (effective, ignored) = reading.into_effective();
            Ok(Loaded { node, log, effective, ignored })
        }
        _ => Err(ConfigError(mistakes)),
    }
}

/// Reads the text of a configuration file by itself: neither environment nor flags.
///
/// `file` is its path, for messages and as the folder that relative paths in it start from; `read` opens a
/// `secretFile`.
pub fn parse(file: &Path, text: &str, read: &dyn Fn(&Path) -> io::Result<String>) -> Result<NodeConfig, ConfigError> {
    load(&Sources { file, text, environment: &[], flags: &[], read }).map(|loaded| loaded.node)
}

const LOG_RULE: &str = "it must be a level (error, warn, info, debug, trace), or levels by module, like \
                        \"info,confman::raft=debug\"";

/// Whether tracing can read it. It takes a bare word that is no level for the name of a module, and would then log
/// nothing else: here that is a typo.
fn is_log_filter(text: &str) -> bool {
    let is_sane = |part: &str| part.contains(['=', '[']) || part.parse::<LevelFilter>().is_ok();
    text.split(',').all(|part| is_sane(part.trim())) && EnvFilter::try_new(text).is_ok()
}

/// Paths in the file start at its folder, those of variables and flags where the command was given.
fn start_from(folder: &Path, section: &Section<'_, '_>, key: &str, path: &str) -> PathBuf {
    match section.origin(key) {
        Origin::File(_) => folder.join(path),
        _ => PathBuf::from(path),
    }
}

fn read_node(top: &Section<'_, '_>, folder: &Path, read: &dyn Fn(&Path) -> io::Result<String>) -> Option<NodeConfig> {
    let cluster_rule = "it must be 1 to 64 characters of A-Z, a-z, 0-9, `.`, `_` and `-`, the same on all nodes";
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let sane = |text: &str| (1..=64).contains(&text.len()) && text.chars().all(plain);
    let cluster = top.required_string("cluster", cluster_rule, sane);
    let node = NodeId(top.integer("node").unwrap_or(0));
    if !top.has("node") {
        top.refuse("node", "is missing: give this node's number, the `id` of one of [[members]]");
    }
    let data_rule = "it must be the folder for this node's log, snapshots and store";
    let data_dir = top.required_string("dataDir", data_rule, |text| !text.is_empty());
    let members = read_members(top);
    let own = members.iter().find(|member| member.id == node);
    if own.is_none() && node.0 != 0 && !members.is_empty() {
        top.refuse("node", format!("is {node}, which is not the `id` of any of [[members]]"));
    }
    let http = read_http(top, own);
    let peer = read_peer(top, own, &members, folder, read);
    let raft = read_raft(top);
    let storage = read_storage(top);
    let requests = read_requests(top);
    let api_keys = auth::read(top);
    Some(NodeConfig {
        cluster: cluster?,
        node,
        data_dir: start_from(folder, top, "dataDir", &data_dir?),
        http,
        peer,
        members,
        raft,
        storage,
        requests,
        api_keys,
    })
}

fn read_members(top: &Section<'_, '_>) -> Vec<MemberConfig> {
    let sections = top.sections("members");
    if sections.is_empty() {
        let why = "is missing: list all nodes of the cluster, this one among them, each as a [[members]] with id, peer \
                   and url";
        top.refuse("members", why);
    }
    let mut members: Vec<MemberConfig> = Vec::new();
    for section in &sections {
        let id = NodeId(section.integer("id").unwrap_or(0));
        for (key, rule) in [("id", "is missing: give the node's number"), ("peer", PEER_RULE), ("url", MEMBER_URL_RULE)]
        {
            if !section.has(key) {
                section.refuse(key, rule);
            }
        }
        let (peer, url) = (section.address("peer"), section.base_url("url"));
        let (Some(peer), Some(url)) = (peer, url) else { continue };
        if id.0 == 0 {
            continue;
        }
        if members.iter().any(|other| other.id == id) {
            section.refuse("id", format!("is {id} a second time: each node has a number of its own"));
        }
        if let Some(other) = members.iter().find(|other| other.peer == peer) {
            section.refuse("peer", format!("is {:?}, which is node {}'s", peer, other.id));
        }
        if let Some(other) = members.iter().find(|other| other.url == url) {
            section.refuse("url", format!("is {:?}, which is node {}'s", url, other.id));
        }
        section.holds_all(format!("{{ id = {id}, peer = {peer:?}, url = {url:?} }}"));
        members.push(MemberConfig { id, peer, url });
    }
    members.sort_by_key(|member| member.id);
    members
}

const PEER_RULE: &str = "is missing: give host and port where other nodes reach it, like \"10.0.0.1:7500\"";
const MEMBER_URL_RULE: &str = "is missing: give the URL where clients reach it, like \"http://10.0.0.1:7400\"";

fn read_http(top: &Section<'_, '_>, own: Option<&MemberConfig>) -> HttpConfig {
    let http = top.section("http");
    let listen = http.address("listen").unwrap_or_else(|| {
        let fallback = http.fallback("listen").expect("it has a default");
        http.holds_from("listen", format!("{fallback:?}"), Origin::Default);
        fallback.to_owned()
    });
    let url = match (http.base_url("url"), own) {
        (Some(url), Some(own)) if url != own.url => {
            http.refuse("url", format!("is {:?}, but [[members]] has {:?} for node {}", url, own.url, own.id));
            url
        }
        (Some(url), _) => url,
        (None, own) => {
            let url = own.map_or_else(|| format!("http://{listen}"), |own| own.url.clone());
            http.holds_from("url", format!("{url:?}"), Origin::Derived("[[members]]"));
            url
        }
    };
    HttpConfig {
        listen,
        url,
        connections_max: http.integer("connectionsMax").expect("it has a default") as usize,
        header_timeout: http.duration("headerTimeout"),
        idle_timeout: http.duration("idleTimeout"),
        body_timeout: http.duration("bodyTimeout"),
    }
}

fn read_peer(
    top: &Section<'_, '_>,
    own: Option<&MemberConfig>,
    members: &[MemberConfig],
    folder: &Path,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> PeerConfig {
    let peer = top.section("peer");
    let own_address = own.map(|own| own.peer.clone());
    let derived = |key: &str, address: String| {
        peer.holds_from(key, format!("{address:?}"), Origin::Derived("[[members]]"));
        address
    };
    // Without members there is no node; the mistake is told.
    let otherwise = || own_address.clone().unwrap_or_else(|| "127.0.0.1:7500".to_owned());
    let listen = peer.address("listen").unwrap_or_else(|| derived("listen", otherwise()));
    let address = match (peer.address("address"), own) {
        (Some(address), Some(own)) if address != own.peer => {
            let why = format!("is {:?}, but [[members]] has {:?} for node {}", address, own.peer, own.id);
            peer.refuse("address", why);
            address
        }
        (Some(address), _) => address,
        (None, _) => derived("address", otherwise()),
    };
    if HostPort::parse(&address).is_some_and(|at| at.is_unspecified()) {
        peer.refuse("address", format!("is {address:?}, which other nodes cannot connect to: name this machine"));
    }
    let given = peer.has("secret") || peer.has("secretFile");
    let secret = read_cluster_secret(&peer, folder, read);
    let others = members.iter().map(|member| &member.peer);
    let exposed = others.chain([&listen, &address]).find(|at| HostPort::parse(at).is_some_and(|at| !at.is_loopback()));
    if let Some(exposed) = exposed.filter(|_| !given) {
        let why = format!(
            "is missing: {exposed:?} can be reached from other machines, and whoever reaches it could join the cluster. \
             Give all nodes the same `secret` or `secretFile` (`head -c32 /dev/urandom | base64` makes one), or use \
             loopback addresses"
        );
        peer.refuse("secret", why);
    }
    PeerConfig { listen, address, secret }
}

fn read_cluster_secret(
    peer: &Section<'_, '_>,
    folder: &Path,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Option<Secret> {
    // Of the two, the one that was said more strongly.
    let strength = |key: &str| peer.origin(key).strength();
    let key = match (peer.has("secret"), peer.has("secretFile")) {
        (true, true) if strength("secret") == strength("secretFile") => {
            peer.refuse("secretFile", "stands beside `secret`: give one of the two");
            return None;
        }
        (true, true) if strength("secret") < strength("secretFile") => "secretFile",
        (true, _) => "secret",
        (false, true) => "secretFile",
        (false, false) => return None,
    };
    let given = peer.checked_string(key, "", |_| true)?;
    let secret = if key == "secret" {
        given
    } else {
        match read(&start_from(folder, peer, key, &given)) {
            Ok(text) => text.trim().to_owned(),
            Err(error) => {
                peer.refuse("secretFile", format!("is {given:?}, which cannot be read: {error}"));
                return None;
            }
        }
    };
    if secret.chars().count() < auth::SECRET_CHARS_MIN {
        let why = format!("is too short: the cluster's secret has at least {} characters", auth::SECRET_CHARS_MIN);
        peer.refuse(key, why);
        return None;
    }
    Some(Secret(secret))
}

fn read_raft(top: &Section<'_, '_>) -> RaftConfig {
    let raft = top.section("raft");
    let config = RaftConfig {
        heartbeat: raft.duration("heartbeat"),
        election_timeout_min: raft.duration("electionTimeoutMin"),
        election_timeout_max: raft.duration("electionTimeoutMax"),
        append_entries_max: raft.integer("appendEntriesMax").expect("it has a default"),
        log_entries_kept: raft.integer("logEntriesKept").expect("it has a default"),
    };
    let (heartbeat, min, max) = (config.heartbeat, config.election_timeout_min, config.election_timeout_max);
    if min < heartbeat * 2 {
        let (min, heartbeat) = (format_duration(min), format_duration(heartbeat));
        raft.refuse("electionTimeoutMin", format!("is {min}: it must be at least twice the heartbeat of {heartbeat}"));
    }
    if max <= min {
        let (min, max) = (format_duration(min), format_duration(max));
        raft.refuse("electionTimeoutMax", format!("is {max}: it must be more than electionTimeoutMin, {min}"));
    }
    config
}

fn read_storage(top: &Section<'_, '_>) -> StorageConfig {
    let storage = top.section("storage");
    StorageConfig {
        segment_bytes: storage.bytes("segmentBytes"),
        snapshot_log_bytes: storage.bytes("snapshotLogBytes"),
        reserve_bytes: storage.bytes("reserveBytes"),
    }
}

fn read_requests(top: &Section<'_, '_>) -> RequestConfig {
    let requests = top.section("requests");
    let choices =
        [("auto", FollowerWrites::Auto), ("redirect", FollowerWrites::Redirect), ("forward", FollowerWrites::Forward)];
    RequestConfig {
        write_timeout: requests.duration("writeTimeout"),
        read_timeout: requests.duration("readTimeout"),
        follower_writes: requests.choice("followerWrites", &choices).unwrap_or(FollowerWrites::Auto),
        in_flight_max: requests.integer("inFlightMax").expect("it has a default") as usize,
    }
}
