//! The term history: first index to the term that begins there, one row per leader whose entries were committed.
//! It tells for ever which term a committed index has.

use bytes::Bytes;

use super::key::{KeyReader, KeyWriter};
use super::record::{self, RowError};
use super::space::Space;
use crate::base::{GroupId, LogIndex, Term};
use crate::host::KeyRange;

const FORMAT: u8 = 1;

/// The row's key.
pub fn key(group: GroupId, first: LogIndex) -> Bytes {
    KeyWriter::new(Space::Terms, group).u64(first.0).done()
}

/// The rows of all terms that begin at `index` or before; the last one is the term of `index`.
pub fn range_upto(group: GroupId, index: LogIndex) -> KeyRange {
    let mut range = Space::Terms.range(group);
    if let Some(next) = index.0.checked_add(1) {
        range.end = key(group, LogIndex(next));
    }
    range
}

/// The row's value.
pub fn encode(term: Term) -> Bytes {
    record::encode(FORMAT, &term)
}

/// The first index, from the row's key.
pub fn decode_key(group: GroupId, row_key: &[u8]) -> Result<LogIndex, RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::Terms, group, row_key)?;
        let first = LogIndex(reader.u64()?);
        reader.end().map(|()| first)
    };
    read().ok_or_else(|| RowError::key(Space::Terms))
}

/// The term.
pub fn decode(value: &[u8]) -> Result<Term, RowError> {
    record::decode(Space::Terms, FORMAT, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_reads_back(first in any::<u64>(), term in any::<u64>()) {
            prop_assert_eq!(decode_key(GroupId(1), &key(GroupId(1), LogIndex(first))), Ok(LogIndex(first)));
            prop_assert_eq!(decode(&encode(Term(term))), Ok(Term(term)));
        }

        #[test]
        fn the_order_of_rows_is_the_order_of_indexes(a in any::<u64>(), b in any::<u64>()) {
            let (row_a, row_b) = (key(GroupId(1), LogIndex(a)), key(GroupId(1), LogIndex(b)));
            prop_assert_eq!(row_a.cmp(&row_b), a.cmp(&b));
            let range = range_upto(GroupId(1), LogIndex(a));
            prop_assert_eq!(range.start <= row_b && row_b < range.end, b <= a);
        }
    }
}
