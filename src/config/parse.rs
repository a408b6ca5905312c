//! Which settings there are, their defaults, and what they must satisfy together.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use super::auth;
use super::section::{Problems, Section};
use super::units::{HostPort, format_duration};
use super::{
    FollowerWrites, HttpConfig, MemberConfig, NodeConfig, PeerConfig, RaftConfig, RequestConfig, Secret, StorageConfig,
};
use crate::base::NodeId;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const HOUR: Duration = Duration::from_secs(3600);

/// A follower starts an election after `electionTimeoutMax` (the leader's lease, in which nobody else is voted for)
/// and a random time between min and max of silence: 400 to 500 ms here, which is eight heartbeats lost in a row.
const HEARTBEAT: Duration = ms(50);
const ELECTION_TIMEOUT_MIN: Duration = ms(150);
const ELECTION_TIMEOUT_MAX: Duration = ms(250);

/// What is wrong with a configuration, all of it. Displays as one line per mistake, `file:line: what`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Reads the text of a configuration file.
///
/// `file` is its path, for messages and as the folder that relative paths in it start from; `read` opens a
/// `secretFile`.
pub fn parse(file: &Path, text: &str, read: &dyn Fn(&Path) -> io::Result<String>) -> Result<NodeConfig, ConfigError> {
    let name = file.display().to_string();
    let problems = Problems::new(&name, text);
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let why = error.message().lines().collect::<Vec<_>>().join(", ");
            problems.add(error.span().map_or(0, |span| span.start), format!("this is not TOML: {why}"));
            return Err(ConfigError(problems.into_lines()));
        }
    };
    let allowed = ["cluster", "node", "dataDir", "http", "peer", "members", "raft", "storage", "requests", "auth"];
    let top = Section::top(&problems, document.get_ref(), &allowed);
    let config = read_node(&top, file.parent().unwrap_or(Path::new("")), read);
    match (config, problems.into_lines()) {
        (Some(config), lines) if lines.is_empty() => Ok(config),
        (_, lines) => Err(ConfigError(lines)),
    }
}

fn read_node(top: &Section<'_, '_>, folder: &Path, read: &dyn Fn(&Path) -> io::Result<String>) -> Option<NodeConfig> {
    let cluster_rule = "it must be 1 to 64 characters of A-Z, a-z, 0-9, `.`, `_` and `-`, the same on all nodes";
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let sane = |text: &str| (1..=64).contains(&text.len()) && text.chars().all(plain);
    let cluster = top.required_string("cluster", cluster_rule, sane);
    let node = NodeId(top.integer("node", 0, 1..=u64::MAX / 2));
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
        data_dir: folder.join(PathBuf::from(data_dir?)),
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
    let sections = top.sections("members", &["id", "peer", "url"]);
    if sections.is_empty() {
        let why = "is missing: list all nodes of the cluster, this one among them, each as a [[members]] with id, peer \
                   and url";
        top.refuse("members", why);
    }
    let mut members: Vec<MemberConfig> = Vec::new();
    for section in &sections {
        let id = NodeId(section.integer("id", 0, 1..=u64::MAX / 2));
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
        members.push(MemberConfig { id, peer, url });
    }
    members.sort_by_key(|member| member.id);
    members
}

const PEER_RULE: &str = "is missing: give host and port where other nodes reach it, like \"10.0.0.1:7500\"";
const MEMBER_URL_RULE: &str = "is missing: give the URL where clients reach it, like \"http://10.0.0.1:7400\"";

fn read_http(top: &Section<'_, '_>, own: Option<&MemberConfig>) -> HttpConfig {
    let allowed = ["listen", "url", "connectionsMax", "headerTimeout", "idleTimeout", "bodyTimeout"];
    let http = top.section("http", &allowed);
    let listen = http.address("listen").unwrap_or_else(|| "127.0.0.1:7400".to_owned());
    let url = match (http.base_url("url"), own) {
        (Some(url), Some(own)) if url != own.url => {
            http.refuse("url", format!("is {:?}, but [[members]] has {:?} for node {}", url, own.url, own.id));
            url
        }
        (Some(url), _) => url,
        (None, Some(own)) => own.url.clone(),
        (None, None) => format!("http://{listen}"),
    };
    HttpConfig {
        listen,
        url,
        connections_max: http.integer("connectionsMax", 10_000, 1..=1_000_000) as usize,
        header_timeout: http.duration("headerTimeout", ms(10_000), ms(100)..=HOUR),
        idle_timeout: http.duration("idleTimeout", ms(75_000), ms(100)..=HOUR),
        body_timeout: http.duration("bodyTimeout", ms(30_000), ms(100)..=HOUR),
    }
}

fn read_peer(
    top: &Section<'_, '_>,
    own: Option<&MemberConfig>,
    members: &[MemberConfig],
    folder: &Path,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> PeerConfig {
    let peer = top.section("peer", &["listen", "address", "secret", "secretFile"]);
    let own_address = own.map(|own| own.peer.clone());
    let listen = peer.address("listen");
    let listen = listen.or_else(|| own_address.clone()).unwrap_or_else(|| "127.0.0.1:7500".to_owned());
    let address = match (peer.address("address"), own) {
        (Some(address), Some(own)) if address != own.peer => {
            let why = format!("is {:?}, but [[members]] has {:?} for node {}", address, own.peer, own.id);
            peer.refuse("address", why);
            address
        }
        (Some(address), _) => address,
        (None, _) => own_address.unwrap_or_else(|| listen.clone()),
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
    let (setting, secret) = match (peer.string("secret"), peer.string("secretFile")) {
        (Some(_), Some(_)) => {
            peer.refuse("secretFile", "stands beside `secret`: give one of the two");
            return None;
        }
        (Some(secret), None) => ("secret", secret),
        (None, Some(file)) => match read(&folder.join(&file)) {
            Ok(text) => ("secretFile", text.trim().to_owned()),
            Err(error) => {
                peer.refuse("secretFile", format!("is {:?}, which cannot be read: {error}", file));
                return None;
            }
        },
        (None, None) => return None,
    };
    if secret.chars().count() < auth::SECRET_CHARS_MIN {
        let why = format!("is too short: the cluster's secret has at least {} characters", auth::SECRET_CHARS_MIN);
        peer.refuse(setting, why);
        return None;
    }
    Some(Secret(secret))
}

fn read_raft(top: &Section<'_, '_>) -> RaftConfig {
    let allowed = ["heartbeat", "electionTimeoutMin", "electionTimeoutMax", "appendEntriesMax", "logEntriesKept"];
    let raft = top.section("raft", &allowed);
    let config = RaftConfig {
        heartbeat: raft.duration("heartbeat", HEARTBEAT, ms(10)..=ms(60_000)),
        election_timeout_min: raft.duration("electionTimeoutMin", ELECTION_TIMEOUT_MIN, ms(20)..=ms(600_000)),
        election_timeout_max: raft.duration("electionTimeoutMax", ELECTION_TIMEOUT_MAX, ms(30)..=ms(600_000)),
        append_entries_max: raft.integer("appendEntriesMax", 1024, 1..=65_536),
        log_entries_kept: raft.integer("logEntriesKept", 1000, 0..=100_000_000),
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
    let storage = top.section("storage", &["segmentBytes", "snapshotLogBytes", "reserveBytes"]);
    StorageConfig {
        segment_bytes: storage.bytes("segmentBytes", 16 << 20, 64 << 10..=1 << 30),
        snapshot_log_bytes: storage.bytes("snapshotLogBytes", 64 << 20, 64 << 10..=1 << 40),
        reserve_bytes: storage.bytes("reserveBytes", 64 << 20, 0..=1 << 40),
    }
}

fn read_requests(top: &Section<'_, '_>) -> RequestConfig {
    let requests = top.section("requests", &["writeTimeout", "readTimeout", "followerWrites", "inFlightMax"]);
    let choices =
        [("auto", FollowerWrites::Auto), ("redirect", FollowerWrites::Redirect), ("forward", FollowerWrites::Forward)];
    RequestConfig {
        write_timeout: requests.duration("writeTimeout", ms(5_000), ms(10)..=HOUR),
        read_timeout: requests.duration("readTimeout", ms(5_000), ms(10)..=HOUR),
        follower_writes: requests.choice("followerWrites", &choices).unwrap_or(FollowerWrites::Auto),
        in_flight_max: requests.integer("inFlightMax", 1024, 1..=1_000_000) as usize,
    }
}
