use serde::{Deserialize, Serialize};

use super::Namespace;
use crate::base::{LogId, WallTime};

/// The current state of one namespace.
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
