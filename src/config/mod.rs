//! What a node is told before it starts: a file, under it the defaults, above it the environment and flags, become a
//! [`NodeConfig`], complete and checked, or a [`ConfigError`] that names place, setting and what is allowed.
//!
//! | file | what it is |
//! |---|---|
//! | here | the settings as the rest of the node sees them |
//! | `settings.rs` | every setting: name, form, default and meaning, in the one place |
//! | `sources.rs` | where values come from, from weak to strong |
//! | `parse.rs` | from settings to the configuration, and what they must satisfy together |
//! | `section.rs` | one table of the file: typed reads that remember every mistake, and what holds |
//! | `reference.rs` | the page that lists all settings |
//! | `units.rs` | durations, sizes, addresses and URLs as text |
//! | `auth.rs` | the API keys |
//!
//! Nothing here opens a file: the caller reads `node.toml`, and hands in how to read a `secretFile`.

mod auth;
mod parse;
mod reference;
mod section;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod units;

use std::path::PathBuf;
use std::time::Duration;

use crate::base::NodeId;

pub use parse::{ConfigError, Loaded, load, parse};
pub use reference::reference;
pub use settings::{LOG_DEFAULT, SETTINGS, Setting};
pub use sources::{Effective, Origin, Sources};
pub use units::{is_base_url, is_peer_address, parse_duration};

/// The configuration of one node, complete and checked.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The cluster's name, the same on all its nodes. Peers of another cluster are refused.
    pub cluster: String,
    pub node: NodeId,
    /// Where the node keeps its log, snapshots and store. Unused by the simulator.
    pub data_dir: PathBuf,
    pub http: HttpConfig,
    pub peer: PeerConfig,
    /// The members of a fresh cluster, this node among them, sorted by id. Ignored once the cluster exists.
    pub members: Vec<MemberConfig>,
    pub raft: RaftConfig,
    pub storage: StorageConfig,
    pub requests: RequestConfig,
    pub api_keys: Vec<ApiKey>,
}

/// Where REST clients reach the node, and how much of it they may hold.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Host and port to listen on, like `127.0.0.1:7400`.
    pub listen: String,
    /// The base URL that clients are redirected to, like `http://10.0.0.1:7400`, without a slash at the end.
    pub url: String,
    pub connections_max: usize,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub body_timeout: Duration,
}

/// Where other nodes reach the node.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Host and port to listen on.
    pub listen: String,
    /// Host and port that other nodes connect to.
    pub address: String,
    /// What the nodes of a cluster prove to each other that they know. Without it a node talks on loopback only.
    pub secret: Option<Secret>,
}

/// One voter of a fresh cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberConfig {
    pub id: NodeId,
    /// Its peer address, host and port.
    pub peer: String,
    /// Its advertised base URL.
    pub url: String,
}

/// Raft's clocks and batch sizes.
#[derive(Clone, Debug)]
pub struct RaftConfig {
    pub heartbeat: Duration,
    pub election_timeout_min: Duration,
    pub election_timeout_max: Duration,
    /// Log entries in one append frame, at most (bytes bound it too).
    pub append_entries_max: u64,
    /// Log entries kept behind a snapshot, for followers that are a little late.
    pub log_entries_kept: u64,
}

/// The sizes of what is on disk.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// One segment of the write-ahead log, preallocated.
    pub segment_bytes: u64,
    /// A snapshot is built when the log since the last one has outgrown this and the last snapshot's size.
    pub snapshot_log_bytes: u64,
    /// Below this much free disk a leader refuses writes; below half of it a node stops taking entries.
    pub reserve_bytes: u64,
}

/// How long requests may take, and how many may wait.
#[derive(Clone, Debug)]
pub struct RequestConfig {
    pub write_timeout: Duration,
    pub read_timeout: Duration,
    pub follower_writes: FollowerWrites,
    /// Requests that the API actor holds at once; one more is told `overloaded`.
    pub in_flight_max: usize,
}

/// What a follower does with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowerWrites {
    /// 307 to the leader.
    Redirect,
    /// Pass it on to the leader, one hop.
    Forward,
    /// Redirect, but forward where a redirect would fail the client.
    Auto,
}

/// Text that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// One API key: who holds it and what it opens. Only the digest of the secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub name: String,
    /// Who acts, as the audit shows it.
    pub principal: String,
    pub role: Role,
    /// SHA-256 of the secret.
    pub sha256: [u8; 32],
}

/// What a key opens. Ordered: an admin may do all that a reader may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Reader,
    Admin,
}
