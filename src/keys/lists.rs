//! The lists: `namespace` to the revision that last changed an entry in it, and an empty name to the revision that last
//! changed the list of namespaces. What a list's ETag is made of.

use bytes::Bytes;

use super::key::{KeyReader, KeyWriter};
use super::record::{self, RowError};
use super::space::Space;
use crate::base::{GroupId, LogId};
use crate::model::Namespace;

const FORMAT: u8 = 1;

/// The row's key; without a namespace that of the list of namespaces.
pub fn key(group: GroupId, namespace: Option<&Namespace>) -> Bytes {
    KeyWriter::new(Space::Lists, group).name(namespace.map_or("", Namespace::as_str)).done()
}

/// The row's value.
pub fn encode(revision: LogId) -> Bytes {
    record::encode(FORMAT, &revision)
}

/// The namespace in the row's key, none for the list of namespaces.
pub fn decode_key(group: GroupId, row_key: &[u8]) -> Result<Option<Namespace>, RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::Lists, group, row_key)?;
        let namespace = match reader.text()? {
            "" => None,
            path => Some(Namespace::parse(path).ok()?),
        };
        reader.end().map(|()| namespace)
    };
    read().ok_or_else(|| RowError::key(Space::Lists))
}

/// The revision.
pub fn decode(value: &[u8]) -> Result<LogId, RowError> {
    record::decode(Space::Lists, FORMAT, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::config::tests::log_id;
    use crate::keys::key::strategies;

    proptest! {
        #[test]
        fn a_row_reads_back(namespace in proptest::option::of(strategies::namespace()), revision in log_id()) {
            let row_key = key(GroupId(1), namespace.as_ref());
            prop_assert_eq!(decode_key(GroupId(1), &row_key), Ok(namespace));
            prop_assert_eq!(decode(&encode(revision)), Ok(revision));
        }
    }
}
