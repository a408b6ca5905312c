//! What each revision changed: `index, n` to namespace and key.

use bytes::Bytes;

use super::key::{KeyReader, KeyWriter};
use super::record::{self, RowError};
use super::space::Space;
use crate::base::{GroupId, LogIndex};
use crate::model::{Key, Namespace};

const FORMAT: u8 = 1;

/// The row's key: the `n`th change of the revision with this index.
pub fn key(group: GroupId, index: LogIndex, n: u32) -> Bytes {
    KeyWriter::new(Space::Changes, group).u64(index.0).u32(n).done()
}

/// The row's value.
pub fn encode(namespace: &Namespace, key: &Key) -> Bytes {
    record::encode(FORMAT, &(namespace, key))
}

/// The index and number in the row's key.
pub fn decode_key(group: GroupId, row_key: &[u8]) -> Result<(LogIndex, u32), RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::Changes, group, row_key)?;
        let fields = (LogIndex(reader.u64()?), reader.u32()?);
        reader.end().map(|()| fields)
    };
    read().ok_or_else(|| RowError::key(Space::Changes))
}

/// The key that was changed.
pub fn decode(value: &[u8]) -> Result<(Namespace, Key), RowError> {
    record::decode(Space::Changes, FORMAT, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::key::strategies;

    proptest! {
        #[test]
        fn a_row_reads_back(names in (strategies::namespace(), strategies::key()), at in any::<(u64, u32)>()) {
            let row_key = key(GroupId(1), LogIndex(at.0), at.1);
            prop_assert_eq!(decode_key(GroupId(1), &row_key), Ok((LogIndex(at.0), at.1)));
            prop_assert_eq!(decode(&encode(&names.0, &names.1)), Ok(names));
        }

        #[test]
        fn the_order_of_rows_is_the_order_of_changes(a in any::<(u64, u32)>(), b in any::<(u64, u32)>()) {
            let row = |(index, n)| key(GroupId(1), LogIndex(index), n);
            prop_assert_eq!(row(a).cmp(&row(b)), a.cmp(&b));
        }
    }
}
