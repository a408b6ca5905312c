//! Confman: a distributed configuration service.
//!
//! A node is a handful of message-passing actors over traits for all I/O. The map of modules, from the bottom up
//! (imports point downward only; `tests/tidy.rs` enforces it):
//!
//! | module | what it is |
//! |---|---|
//! | [`base`] | ids, limits, time |
//! | [`model`] | the pure state machine: commands, transition, audit chain |
//! | [`host`] | everything outside the process, as traits |
//! | [`peer`] | frames, handshake and multiplexed links between nodes |
//! | [`log`] | the write-ahead log and snapshot files |
//! | [`keys`] | the layout of keys in the store |
//! | [`apply`] | the Apply actor: committed entries become rows |
//! | [`audit`] | the Audit actor: queries and background verification |
//! | [`raft`] | openraft, its storage and network adapters, the Raft actor |
//! | [`api`] | the API actor: admission, routing to the leader |
//! | [`wire`] | public JSON shapes |
//! | [`http`] | the axum router |
//! | [`config`] | text to node configuration |
//! | [`node`] | the one place that wires actors |
//! | [`real`] | the host on tokio, std files, fjall and TCP |
//! | [`client`] | the Rust client, over a trait for its network |
//! | [`cli`] | the subcommands |

pub mod api;
pub mod apply;
pub mod audit;
pub mod base;
pub mod cli;
pub mod client;
pub mod config;
pub mod host;
pub mod http;
pub mod keys;
pub mod log;
pub mod model;
pub mod node;
pub mod peer;
pub mod raft;
pub mod real;
pub mod wire;
