//! The current state of every key: `namespace, key` to entry or tombstone.
//!
//! The value holds no names (the key has them) and is byte for byte what moves to [`super::history`] when it is
//! superseded: a value is stored once.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::key::{KeyReader, KeyWriter};
use super::record::{self, RowError};
use super::space::Space;
use crate::base::{GroupId, LogId, WallTime};
use crate::host::KeyRange;
use crate::model::{Entry, Key, KeyState, Namespace, Tombstone, ValueType};

const FORMAT: u8 = 1;

/// A [`KeyState`] without its names.
#[derive(Serialize, Deserialize)]
enum Record<'a> {
    #[serde(borrow)]
    Live(LiveRecord<'a>),
    Deleted {
        revision: LogId,
        deleted_at: WallTime,
        deleted_by: &'a str,
    },
}

#[derive(Serialize, Deserialize)]
struct LiveRecord<'a> {
    revision: LogId,
    version: u64,
    created_at: WallTime,
    updated_at: WallTime,
    updated_by: &'a str,
    value_type: ValueType,
    value: &'a str,
}

/// The row's key.
pub fn key(group: GroupId, namespace: &Namespace, key: &Key) -> Bytes {
    KeyWriter::new(Space::Config, group).name(namespace.as_str()).name(key.as_str()).done()
}

/// The rows of a namespace whose keys begin with `prefix` and come after `after`.
pub fn range(group: GroupId, namespace: &Namespace, prefix: &str, after: Option<&Key>) -> KeyRange {
    let within = || KeyWriter::new(Space::Config, group).name(namespace.as_str());
    let mut range = within().name_prefix(prefix).range_under();
    if let Some(after) = after {
        range.start = range.start.max(within().behind_name(after.as_str()).done());
    }
    range
}

/// The row's value.
pub fn encode(state: &KeyState) -> Bytes {
    let record = match state {
        KeyState::Live(entry) => Record::Live(LiveRecord {
            revision: entry.revision,
            version: entry.version,
            created_at: entry.created_at,
            updated_at: entry.updated_at,
            updated_by: &entry.updated_by,
            value_type: entry.value_type,
            value: &entry.value,
        }),
        KeyState::Deleted(tombstone) => Record::Deleted {
            revision: tombstone.revision,
            deleted_at: tombstone.deleted_at,
            deleted_by: &tombstone.deleted_by,
        },
    };
    record::encode(FORMAT, &record)
}

/// The names in the row's key.
pub fn decode_key(group: GroupId, row_key: &[u8]) -> Result<(Namespace, Key), RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::Config, group, row_key)?;
        let names = (reader.namespace()?, reader.key()?);
        reader.end().map(|()| names)
    };
    read().ok_or_else(|| RowError::key(Space::Config))
}

/// The state of a key whose names are known.
pub fn decode(namespace: Namespace, key: Key, value: &[u8]) -> Result<KeyState, RowError> {
    decode_in(Space::Config, namespace, key, value)
}

/// As [`decode`], for whichever space holds the value.
pub(super) fn decode_in(space: Space, namespace: Namespace, key: Key, value: &[u8]) -> Result<KeyState, RowError> {
    Ok(match record::decode(space, FORMAT, value)? {
        Record::Live(live) => KeyState::Live(Entry {
            namespace,
            key,
            value: live.value.to_owned(),
            value_type: live.value_type,
            version: live.version,
            revision: live.revision,
            created_at: live.created_at,
            updated_at: live.updated_at,
            updated_by: live.updated_by.to_owned(),
        }),
        Record::Deleted { revision, deleted_at, deleted_by } => {
            let deleted_by = deleted_by.to_owned();
            KeyState::Deleted(Tombstone { namespace, key, revision, deleted_at, deleted_by })
        }
    })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::key::strategies;

    pub fn log_id() -> impl Strategy<Value = LogId> {
        (any::<u64>(), any::<u64>()).prop_map(|(term, index)| LogId::new(term, index))
    }

    pub fn state() -> impl Strategy<Value = KeyState> {
        let types = prop_oneof![
            Just(ValueType::String),
            Just(ValueType::Number),
            Just(ValueType::Boolean),
            Just(ValueType::Json),
            Just(ValueType::Yaml)
        ];
        let names = (strategies::namespace(), strategies::key());
        let texts = (any::<String>(), any::<String>());
        (names, texts, types, log_id(), any::<(u64, u64, u64, bool)>()).prop_map(
            |((namespace, key), (value, by), value_type, revision, (version, created, updated, live))| {
                if live {
                    KeyState::Live(Entry {
                        namespace,
                        key,
                        value,
                        value_type,
                        version,
                        revision,
                        created_at: WallTime(created),
                        updated_at: WallTime(updated),
                        updated_by: by,
                    })
                } else {
                    let deleted_at = WallTime(updated);
                    KeyState::Deleted(Tombstone { namespace, key, revision, deleted_at, deleted_by: by })
                }
            },
        )
    }

    pub fn names_of(state: &KeyState) -> (Namespace, Key) {
        match state {
            KeyState::Live(entry) => (entry.namespace.clone(), entry.key.clone()),
            KeyState::Deleted(tombstone) => (tombstone.namespace.clone(), tombstone.key.clone()),
        }
    }

    proptest! {
        #[test]
        fn a_row_reads_back(state in state(), group in any::<u32>()) {
            let (namespace, name) = names_of(&state);
            let row_key = key(GroupId(group), &namespace, &name);
            prop_assert_eq!(decode_key(GroupId(group), &row_key), Ok((namespace.clone(), name.clone())));
            prop_assert!(decode_key(GroupId(group.wrapping_add(1)), &row_key).is_err());
            prop_assert_eq!(decode(namespace, name, &encode(&state)), Ok(state));
        }

        #[test]
        fn the_order_of_rows_is_the_order_of_names(
            a in (strategies::namespace(), strategies::key()),
            b in (strategies::namespace(), strategies::key()),
        ) {
            let (row_a, row_b) = (key(GroupId(1), &a.0, &a.1), key(GroupId(1), &b.0, &b.1));
            prop_assert_eq!(row_a.cmp(&row_b), a.cmp(&b));
            prop_assert!(a == b || !row_a.starts_with(&row_b));
        }

        #[test]
        fn a_range_holds_what_it_says(
            row in (strategies::namespace(), strategies::key()),
            namespace in strategies::namespace(),
            prefix in "[ab/]{0,2}",
            after in proptest::option::of(strategies::key()),
        ) {
            let range = range(GroupId(1), &namespace, &prefix, after.as_ref());
            let row_key = key(GroupId(1), &row.0, &row.1);
            let wanted = row.0 == namespace
                && row.1.as_str().starts_with(&prefix)
                && after.is_none_or(|after| row.1 > after);
            prop_assert_eq!(range.start <= row_key && row_key < range.end, wanted);
        }
    }
}
