//! What the state knows about itself: a few rows by name. All are replicated and go with a snapshot; they alone are
//! left out of the state hash, because one of them holds it: so they end with a checksum of their own.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::key::KeyWriter;
use super::record::{self, RowError};
use super::space::Space;
use crate::base::{GroupId, LogId, WallTime};
use crate::model::{CHAIN_START, ChainHash, CursorKey};

/// The format of the store as a whole: raised with the format of any kind of row.
pub const STORE_FORMAT: u8 = 3;
const SUMMARY_FORMAT: u8 = 2;
const MEMBERSHIP_FORMAT: u8 = 1;

/// The state in short, written with every batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The last log entry applied.
    pub applied: Option<LogId>,
    /// The time that the state knows.
    pub log_time: WallTime,
    /// The sum of the hashes of all rows of all other spaces.
    pub state_hash: u128,
    /// The hash of the last audit event.
    pub audit_head: ChainHash,
    pub audit_events: u64,
    /// The secret that authenticates cursors, once a leader has given one.
    pub cursor_key: Option<CursorKey>,
    /// No receipt of a request with an idempotency key is older; `None` where there are none.
    pub receipts_from: Option<WallTime>,
}

impl Default for Summary {
    /// Before the first log entry.
    fn default() -> Summary {
        Summary {
            applied: None,
            log_time: WallTime::default(),
            state_hash: 0,
            audit_head: CHAIN_START,
            audit_events: 0,
            cursor_key: None,
            receipts_from: None,
        }
    }
}

fn key(group: GroupId, name: &str) -> Bytes {
    KeyWriter::new(Space::Meta, group).name(name).done()
}

/// The key of the row that names the format of the store.
pub fn format_key(group: GroupId) -> Bytes {
    key(group, "format")
}

/// The value of the row that names the format of the store.
pub fn format_value() -> Bytes {
    record::encode(STORE_FORMAT, &())
}

/// Refuses a store of a newer format, and of an older one: no release wrote those.
pub fn check_format(value: &[u8]) -> Result<(), RowError> {
    match value.first() {
        Some(older @ 1..STORE_FORMAT) => {
            Err(RowError::damaged(Space::Meta, format_args!("no release ever wrote the format {older}")))
        }
        _ => record::decode(Space::Meta, STORE_FORMAT, value),
    }
}

/// The key of the [`Summary`].
pub fn summary_key(group: GroupId) -> Bytes {
    key(group, "summary")
}

pub fn encode_summary(summary: &Summary) -> Bytes {
    sealed(record::encode(SUMMARY_FORMAT, summary))
}

pub fn decode_summary(value: &[u8]) -> Result<Summary, RowError> {
    record::decode(Space::Meta, SUMMARY_FORMAT, unsealed(SUMMARY_FORMAT, value)?)
}

/// The key of the last applied membership.
pub fn membership_key(group: GroupId) -> Bytes {
    key(group, "membership")
}

/// `membership` is Raft's own encoding, opaque here; `at` the log entry that it came with.
pub fn encode_membership(at: LogId, membership: &[u8]) -> Bytes {
    sealed(record::encode(MEMBERSHIP_FORMAT, &(at, membership)))
}

pub fn decode_membership(value: &[u8]) -> Result<(LogId, Bytes), RowError> {
    let record = unsealed(MEMBERSHIP_FORMAT, value)?;
    let (at, membership): (LogId, &[u8]) = record::decode(Space::Meta, MEMBERSHIP_FORMAT, record)?;
    Ok((at, Bytes::copy_from_slice(membership)))
}

/// A record with its CRC-32C behind it.
fn sealed(record: Bytes) -> Bytes {
    [&record[..], &crc32c::crc32c(&record).to_be_bytes()].concat().into()
}

/// The record before its CRC-32C. One of a newer format is left to say so: its end may look different.
fn unsealed(known: u8, value: &[u8]) -> Result<&[u8], RowError> {
    match value.split_last_chunk() {
        _ if value.first().is_some_and(|format| *format > known) => Ok(value),
        Some((record, crc)) if crc32c::crc32c(record).to_be_bytes() == *crc => Ok(record),
        _ => Err(RowError::damaged(Space::Meta, "its checksum is wrong")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::config::tests::log_id;

    proptest! {
        #[test]
        fn rows_read_back(
            applied in proptest::option::of(log_id()),
            numbers in any::<(u64, u128, u64)>(),
            audit_head in any::<[u8; 32]>(),
            cursor_key in any::<Option<[u8; 32]>>(),
            receipts_from in any::<Option<u64>>(),
            membership in any::<Vec<u8>>(),
            at in log_id(),
        ) {
            let (log_time, state_hash, audit_events) = (WallTime(numbers.0), numbers.1, numbers.2);
            let cursor_key = cursor_key.map(CursorKey);
            let receipts_from = receipts_from.map(WallTime);
            let summary =
                Summary { applied, log_time, state_hash, audit_head, audit_events, cursor_key, receipts_from };
            prop_assert_eq!(decode_summary(&encode_summary(&summary)), Ok(summary));
            let row = encode_membership(at, &membership);
            prop_assert_eq!(decode_membership(&row), Ok((at, membership.into())));
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let row = encode_summary(&Summary { cursor_key: Some(CursorKey([7; 32])), ..Summary::default() });
        for bit in 0..row.len() * 8 {
            let mut flipped = row.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_summary(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_store_is_refused_and_says_so() {
        assert_eq!(check_format(&format_value()), Ok(()));
        let error = check_format(&[STORE_FORMAT + 1]).unwrap_err();
        assert!(error.to_string().contains("run the newer release"), "{error}");
        assert!(matches!(check_format(&[STORE_FORMAT - 1]), Err(RowError::Damaged { .. })));
    }
}
