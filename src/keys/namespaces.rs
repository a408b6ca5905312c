//! The namespaces: `namespace` to its state or tombstone. The value is what moves to [`super::namespace_history`] when the
//! namespace is changed; the count of its entries alone changes in place.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::key::{KeyReader, KeyWriter};
use super::record::{self, RowError};
use super::space::Space;
use crate::base::{GroupId, LogId, WallTime};
use crate::host::KeyRange;
use crate::model::{Namespace, NamespaceRecord, NamespaceState};

const LIVE_FORMAT: u8 = 1;
const DELETED_FORMAT: u8 = 2;

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

/// All namespaces that begin with `prefix` and come after `after`, in byte order.
pub fn range(group: GroupId, prefix: &str, after: Option<&Namespace>) -> KeyRange {
    let within = || KeyWriter::new(Space::Namespaces, group);
    let mut range = within().name_prefix(prefix).range_under();
    if let Some(after) = after {
        range.start = range.start.max(within().behind_name(after.as_str()).done());
    }
    range
}

/// The row's value.
pub fn encode(record: &NamespaceRecord) -> Bytes {
    match record {
        NamespaceRecord::Live(state) => {
            let NamespaceState { path: _, description, owner, created_at, revision, entries } = state;
            let (created_at, revision, entries) = (*created_at, *revision, *entries);
            record::encode(LIVE_FORMAT, &Record { description, owner, created_at, revision, entries })
        }
        NamespaceRecord::Deleted { path: _, revision } => record::encode(DELETED_FORMAT, revision),
    }
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
pub fn decode(path: Namespace, value: &[u8]) -> Result<NamespaceRecord, RowError> {
    decode_in(Space::Namespaces, path, value)
}

/// As [`decode`], for whichever space holds the value.
pub(super) fn decode_in(space: Space, path: Namespace, value: &[u8]) -> Result<NamespaceRecord, RowError> {
    if value.first() == Some(&DELETED_FORMAT) {
        let revision = record::decode(space, DELETED_FORMAT, value)?;
        return Ok(NamespaceRecord::Deleted { path, revision });
    }
    let Record { description, owner, created_at, revision, entries } = record::decode(space, DELETED_FORMAT, value)?;
    let (description, owner) = (description.to_owned(), owner.to_owned());
    Ok(NamespaceRecord::Live(NamespaceState { path, description, owner, created_at, revision, entries }))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::config::tests::log_id;
    use crate::keys::key::strategies;

    pub fn record() -> impl Strategy<Value = NamespaceRecord> {
        let live = (strategies::namespace(), any::<(String, String, u64, u64)>(), log_id());
        let live = live.prop_map(|(path, (description, owner, created_at, entries), revision)| {
            let created_at = WallTime(created_at);
            NamespaceRecord::Live(NamespaceState { path, description, owner, created_at, revision, entries })
        });
        let deleted = (strategies::namespace(), log_id());
        let deleted = deleted.prop_map(|(path, revision)| NamespaceRecord::Deleted { path, revision });
        prop_oneof![live, deleted]
    }

    proptest! {
        #[test]
        fn a_row_reads_back(record in record()) {
            let path = record.path().clone();
            prop_assert_eq!(decode_key(GroupId(1), &key(GroupId(1), &path)), Ok(path.clone()));
            prop_assert_eq!(decode(path, &encode(&record)), Ok(record));
        }

        #[test]
        fn the_order_of_rows_is_the_order_of_names(a in strategies::namespace(), b in strategies::namespace()) {
            let (row_a, row_b) = (key(GroupId(1), &a), key(GroupId(1), &b));
            prop_assert_eq!(row_a.cmp(&row_b), a.cmp(&b));
            let after = range(GroupId(1), "", Some(&a));
            prop_assert_eq!(after.start <= row_b && row_b < after.end, b > a);
            let within = range(GroupId(1), a.as_str(), None);
            prop_assert_eq!(within.start <= row_b && row_b < within.end, b.as_str().starts_with(a.as_str()));
        }
    }
}
