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

/// What is left of a deleted key: when it went, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    pub namespace: Namespace,
    pub key: Key,
    /// The delete that made this state.
    pub revision: LogId,
    pub deleted_at: WallTime,
    /// The principal that deleted it.
    pub deleted_by: String,
}

/// A key's state as of one revision. A key that was never set has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    Live(Entry),
    Deleted(Tombstone),
}

impl KeyState {
    /// The write or delete that made this state.
    pub fn revision(&self) -> LogId {
        match self {
            KeyState::Live(entry) => entry.revision,
            KeyState::Deleted(tombstone) => tombstone.revision,
        }
    }

    /// The entry, where there is one.
    pub fn live(self) -> Option<Entry> {
        match self {
            KeyState::Live(entry) => Some(entry),
            KeyState::Deleted(_) => None,
        }
    }
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

impl ValueType {
    pub const ALL: [ValueType; 5] =
        [ValueType::String, ValueType::Number, ValueType::Boolean, ValueType::Json, ValueType::Yaml];

    /// Its name in the public contract.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::String => "string",
            ValueType::Number => "number",
            ValueType::Boolean => "boolean",
            ValueType::Json => "json",
            ValueType::Yaml => "yaml",
        }
    }
}
