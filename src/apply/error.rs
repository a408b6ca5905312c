use crate::base::LogId;
use crate::host::StoreError;
use crate::keys::RowError;

/// Why the Apply actor could not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopped,
    /// The store failed; the node must stop. Where what it holds is in doubt it has been set aside: the next start
    /// rebuilds it from snapshot and log.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A newer release wrote this data directory.
    #[error("store {store}: {row}")]
    NewerFormat { store: String, row: RowError },
    /// The file that names the current store could not be read or written.
    #[error("file {path}: {what}")]
    File { path: String, what: String },
    /// No entry and no membership has been applied: there is nothing to make a snapshot of.
    #[error("nothing has been applied yet")]
    Empty,
    /// The snapshot is behind what is applied; it was not installed.
    #[error("a snapshot at {last} is older than what is applied, {applied}")]
    OlderSnapshot { last: LogId, applied: LogId },
    /// The snapshot does not hold what it should; nothing was changed.
    #[error("the snapshot at {last} was not installed: {what}")]
    BadSnapshot { last: LogId, what: String },
}

impl From<Stopped> for ApplyError {
    fn from(_: Stopped) -> ApplyError {
        ApplyError::Stopped
    }
}

/// The actor is gone: the node is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopped;
