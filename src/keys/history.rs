//! What was current once: `namespace, key, index` to the state that the revision with that index made.

use bytes::Bytes;

use super::config;
use super::key::{KeyReader, KeyWriter};
use super::record::RowError;
use super::space::Space;
use crate::base::{GroupId, LogIndex};
use crate::host::KeyRange;
use crate::model::{Key, KeyState, Namespace};

/// The row's key. Its value is the superseded row of [`config`], unchanged.
pub fn key(group: GroupId, namespace: &Namespace, key: &Key, index: LogIndex) -> Bytes {
    of_key(group, namespace, key).u64(index.0).done()
}

/// All that is kept of one key, oldest first.
pub fn range(group: GroupId, namespace: &Namespace, key: &Key) -> KeyRange {
    of_key(group, namespace, key).range_under()
}

fn of_key(group: GroupId, namespace: &Namespace, key: &Key) -> KeyWriter {
    KeyWriter::new(Space::History, group).name(namespace.as_str()).name(key.as_str())
}

/// The names and the index in the row's key.
pub fn decode_key(group: GroupId, row_key: &[u8]) -> Result<(Namespace, Key, LogIndex), RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::History, group, row_key)?;
        let fields = (reader.namespace()?, reader.key()?, LogIndex(reader.u64()?));
        reader.end().map(|()| fields)
    };
    read().ok_or_else(|| RowError::key(Space::History))
}

/// The state that the row keeps.
pub fn decode(namespace: Namespace, key: Key, value: &[u8]) -> Result<KeyState, RowError> {
    config::decode_in(Space::History, namespace, key, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::key::strategies;

    proptest! {
        #[test]
        fn a_superseded_row_reads_back(state in config::tests::state(), index in any::<u64>()) {
            let (namespace, name) = config::tests::names_of(&state);
            let row_key = key(GroupId(1), &namespace, &name, LogIndex(index));
            let fields = (namespace.clone(), name.clone(), LogIndex(index));
            prop_assert_eq!(decode_key(GroupId(1), &row_key), Ok(fields));
            let range = range(GroupId(1), &namespace, &name);
            prop_assert!(range.start <= row_key && row_key < range.end);
            prop_assert_eq!(decode(namespace, name, &config::encode(&state)), Ok(state));
        }

        #[test]
        fn the_order_of_rows_is_the_order_of_names_and_indexes(
            a in (strategies::namespace(), strategies::key(), any::<u64>()),
            b in (strategies::namespace(), strategies::key(), any::<u64>()),
        ) {
            let row = |of: &(Namespace, Key, u64)| key(GroupId(1), &of.0, &of.1, LogIndex(of.2));
            prop_assert_eq!(row(&a).cmp(&row(&b)), a.cmp(&b));
        }
    }
}
