use serde::{Deserialize, Serialize};

use super::{Key, Namespace};
use crate::base::{LogId, WallTime};

/// The current state of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub namespace: Namespace,
    pub key: Key,
    pub value: String,
    pub value_type: ValueType,
    /// Writes to this key since it was last absent, from 1.
    pub version: u64,
    /// The write that made this state.
    pub revision: LogId,
    pub created_at: WallTime,
    pub updated_at: WallTime,
    /// The principal that wrote it.
    pub updated_by: String,
}

/// What a value claims to be. Checked at the edge; the state keeps the text as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ValueType {
    #[default]
    String,
    Number,
    Boolean,
    Json,
    Yaml,
}
