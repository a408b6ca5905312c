use serde::{Deserialize, Serialize};

use super::Namespace;
use crate::base::{LogId, WallTime};

/// What a namespace is while it exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceState {
    pub path: Namespace,
    pub description: String,
    /// The principal that answers for it: who created it, unless it was given to another.
    pub owner: String,
    pub created_at: WallTime,
    /// The command that last set the description or the owner (writes of entries do not count).
    pub revision: LogId,
    /// Keys in it that are not deleted. Counted here, so that "is it empty" never scans over tombstones.
    pub entries: u64,
}

/// A namespace's state as of one revision. One that never was has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamespaceRecord {
    Live(NamespaceState),
    /// The command that deleted it.
    Deleted {
        path: Namespace,
        revision: LogId,
    },
}

impl NamespaceRecord {
    pub fn path(&self) -> &Namespace {
        match self {
            NamespaceRecord::Live(state) => &state.path,
            NamespaceRecord::Deleted { path, .. } => path,
        }
    }

    /// The command that made this state.
    pub fn revision(&self) -> LogId {
        match self {
            NamespaceRecord::Live(state) => state.revision,
            NamespaceRecord::Deleted { revision, .. } => *revision,
        }
    }

    /// The namespace, where there is one.
    pub fn live(self) -> Option<NamespaceState> {
        match self {
            NamespaceRecord::Live(state) => Some(state),
            NamespaceRecord::Deleted { .. } => None,
        }
    }
}
