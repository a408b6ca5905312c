//! What namespaces were once: `namespace, index` to the state that the revision with that index made.

use bytes::Bytes;

use super::key::{KeyReader, KeyWriter};
use super::namespaces;
use super::record::RowError;
use super::space::Space;
use crate::base::{GroupId, LogIndex};
use crate::host::KeyRange;
use crate::model::{Namespace, NamespaceRecord};

/// The row's key. Its value is the superseded row of [`namespaces`], unchanged.
pub fn key(group: GroupId, namespace: &Namespace, index: LogIndex) -> Bytes {
    of_namespace(group, namespace).u64(index.0).done()
}

/// All that is kept of one namespace, oldest first.
pub fn range(group: GroupId, namespace: &Namespace) -> KeyRange {
    of_namespace(group, namespace).range_under()
}

fn of_namespace(group: GroupId, namespace: &Namespace) -> KeyWriter {
    KeyWriter::new(Space::NamespaceHistory, group).name(namespace.as_str())
}

/// The namespace and the index in the row's key.
pub fn decode_key(group: GroupId, row_key: &[u8]) -> Result<(Namespace, LogIndex), RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::NamespaceHistory, group, row_key)?;
        let fields = (reader.namespace()?, LogIndex(reader.u64()?));
        reader.end().map(|()| fields)
    };
    read().ok_or_else(|| RowError::key(Space::NamespaceHistory))
}

/// The state that the row keeps.
pub fn decode(path: Namespace, value: &[u8]) -> Result<NamespaceRecord, RowError> {
    namespaces::decode_in(Space::NamespaceHistory, path, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::key::strategies;

    proptest! {
        #[test]
        fn a_superseded_row_reads_back(record in namespaces::tests::record(), index in any::<u64>()) {
            let path = record.path().clone();
            let row_key = key(GroupId(1), &path, LogIndex(index));
            prop_assert_eq!(decode_key(GroupId(1), &row_key), Ok((path.clone(), LogIndex(index))));
            let range = range(GroupId(1), &path);
            prop_assert!(range.start <= row_key && row_key < range.end);
            prop_assert_eq!(decode(path, &namespaces::encode(&record)), Ok(record));
        }

        #[test]
        fn the_order_of_rows_is_the_order_of_names_and_indexes(
            a in (strategies::namespace(), any::<u64>()),
            b in (strategies::namespace(), any::<u64>()),
        ) {
            let row = |of: &(Namespace, u64)| key(GroupId(1), &of.0, LogIndex(of.1));
            prop_assert_eq!(row(&a).cmp(&row(&b)), a.cmp(&b));
        }
    }
}
