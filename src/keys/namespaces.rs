//! The namespaces: `namespace` to its state.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::key::{KeyReader, KeyWriter};
use super::record::{self, RowError};
use super::space::Space;
use crate::base::{GroupId, LogId, WallTime};
use crate::host::KeyRange;
use crate::model::{Namespace, NamespaceState};

const FORMAT: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    description: &'a str,
    owner: &'a str,
    created_at: WallTime,
    revision: LogId,
    entries: u64,
}

/// The row's key.
pub fn key(group: GroupId, namespace: &Namespace) -> Bytes {
    KeyWriter::new(Space::Namespaces, group).name(namespace.as_str()).done()
}

/// All namespaces after `after`, in byte order.
pub fn range(group: GroupId, after: Option<&Namespace>) -> KeyRange {
    let mut range = Space::Namespaces.range(group);
    if let Some(after) = after {
        range.start = KeyWriter::new(Space::Namespaces, group).behind_name(after.as_str()).done();
    }
    range
}

/// The row's value.
pub fn encode(state: &NamespaceState) -> Bytes {
    let NamespaceState { path: _, description, owner, created_at, revision, entries } = state;
    let (created_at, revision, entries) = (*created_at, *revision, *entries);
    record::encode(FORMAT, &Record { description, owner, created_at, revision, entries })
}

/// The namespace in the row's key.
pub fn decode_key(group: GroupId, row_key: &[u8]) -> Result<Namespace, RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::Namespaces, group, row_key)?;
        let path = reader.namespace()?;
        reader.end().map(|()| path)
    };
    read().ok_or_else(|| RowError::key(Space::Namespaces))
}

/// The state of the namespace `path`.
pub fn decode(path: Namespace, value: &[u8]) -> Result<NamespaceState, RowError> {
    let Record { description, owner, created_at, revision, entries } =
        record::decode(Space::Namespaces, FORMAT, value)?;
    let (description, owner) = (description.to_owned(), owner.to_owned());
    Ok(NamespaceState { path, description, owner, created_at, revision, entries })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::config::tests::log_id;
    use crate::keys::key::strategies;

    proptest! {
        #[test]
        fn a_row_reads_back(
            path in strategies::namespace(),
            texts in any::<(String, String)>(),
            numbers in any::<(u64, u64)>(),
            revision in log_id(),
        ) {
            let (description, owner) = texts;
            let (created_at, entries) = (WallTime(numbers.0), numbers.1);
            let state = NamespaceState { path: path.clone(), description, owner, created_at, revision, entries };
            prop_assert_eq!(decode_key(GroupId(1), &key(GroupId(1), &path)), Ok(path.clone()));
            prop_assert_eq!(decode(path, &encode(&state)), Ok(state));
        }

        #[test]
        fn the_order_of_rows_is_the_order_of_names(a in strategies::namespace(), b in strategies::namespace()) {
            let (row_a, row_b) = (key(GroupId(1), &a), key(GroupId(1), &b));
            prop_assert_eq!(row_a.cmp(&row_b), a.cmp(&b));
            let after = range(GroupId(1), Some(&a));
            prop_assert_eq!(after.start <= row_b && row_b < after.end, b > a);
        }
    }
}
