//! The Apply actor: committed log entries become rows, one atomic store batch per raft batch.
//!
//! A batch holds all that its entries change, together with the applied id, the log time, the audit head and the state
//! hash: a store is never between two entries. It is committed first, then published, then answered. The store may be
//! lost at any time (its commits are not synced) and is rebuilt from snapshot and log; what is found damaged is set
//! aside, never repaired.
//!
//! Which store is current is written in a small file (`pointer.rs`), so that a snapshot can fill a fresh one beside it
//! and take its place in one rename. Reads go to a [`crate::keys::StateView`], a consistent moment of the current store; it keeps
//! its store alive while a newer one is in place.

mod actor;
mod checked;
mod error;
mod hash;
mod install;
mod open;
mod pointer;
mod scrub;
mod waits;
mod working;

#[cfg(test)]
mod tests;

pub use actor::{ApplyEntry, ApplyHandle, ApplyPayload, ApplyStatus, SnapshotMetaParts};
pub use error::{ApplyError, Stopped};
pub use hash::row_hash;
pub use install::RowSource;
pub use pointer::current_store;
