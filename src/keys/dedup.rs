//! What became of requests with an idempotency key: `principal, idempotency key` to the receipt, and an index in the
//! order of log time, by which they expire: `log time, log index` to principal and key. No receipt holds a value.

use bytes::Bytes;

use super::key::{KeyReader, KeyWriter};
use super::record::{self, RowError};
use super::space::Space;
use crate::base::{GroupId, LogId, LogIndex, Term, WallTime};
use crate::host::KeyRange;
use crate::model::{IdempotencyKey, Receipt, ReceiptPlace};

const FORMAT: u8 = 1;

/// The row's key. A principal is visible ASCII, as the configuration has it.
pub fn key(group: GroupId, principal: &str, key: &IdempotencyKey) -> Bytes {
    KeyWriter::new(Space::Dedup, group).name(principal).name(key.as_str()).done()
}

/// The row's value.
pub fn encode(receipt: &Receipt) -> Bytes {
    record::encode(FORMAT, receipt)
}

/// The principal and the idempotency key in the row's key.
pub fn decode_key(group: GroupId, row_key: &[u8]) -> Result<(String, IdempotencyKey), RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::Dedup, group, row_key)?;
        let fields = (reader.text()?.to_owned(), IdempotencyKey::parse(reader.text()?).ok()?);
        reader.end().map(|()| fields)
    };
    read().ok_or_else(|| RowError::key(Space::Dedup))
}

/// The receipt.
pub fn decode(value: &[u8]) -> Result<Receipt, RowError> {
    record::decode(Space::Dedup, FORMAT, value)
}

/// The key of a receipt's row in the index by time.
pub fn place_key(group: GroupId, at: WallTime, index: LogIndex) -> Bytes {
    KeyWriter::new(Space::DedupByTime, group).u64(at.0).u64(index.0).done()
}

/// The index from a time on.
pub fn places_from(group: GroupId, from: WallTime) -> KeyRange {
    KeyRange { start: place_key(group, from, LogIndex(0)), end: Space::DedupByTime.range(group).end }
}

/// The value of a receipt's row in the index by time.
pub fn encode_place(place: &ReceiptPlace) -> Bytes {
    record::encode(FORMAT, &(place.revision.term, &place.principal, &place.key))
}

/// A receipt's place, from its row in the index by time.
pub fn decode_place(group: GroupId, row_key: &[u8], value: &[u8]) -> Result<ReceiptPlace, RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::DedupByTime, group, row_key)?;
        let fields = (WallTime(reader.u64()?), LogIndex(reader.u64()?));
        reader.end().map(|()| fields)
    };
    let (at, index) = read().ok_or_else(|| RowError::key(Space::DedupByTime))?;
    let (term, principal, key): (Term, String, IdempotencyKey) = record::decode(Space::DedupByTime, FORMAT, value)?;
    Ok(ReceiptPlace { at, revision: LogId { term, index }, principal, key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::config::tests::log_id;
    use crate::model::{FailedCompare, Fingerprint, Kept, OpResult};

    fn idempotency_key() -> impl Strategy<Value = IdempotencyKey> {
        "[!-~]{1,255}".prop_map(|text| IdempotencyKey::parse(&text).unwrap())
    }

    fn kept() -> impl Strategy<Value = Kept> {
        let result = prop_oneof![
            any::<u64>().prop_map(|version| OpResult::Set { version }),
            Just(OpResult::Deleted),
            Just(OpResult::Absent)
        ];
        let current = || proptest::option::of(log_id());
        prop_oneof![
            any::<(u64, u64)>().prop_map(|(version, at)| Kept::Set { version, created_at: WallTime(at) }),
            Just(Kept::Deleted),
            Just(Kept::Absent),
            any::<(bool, u64, u64)>().prop_map(|(created, at, entries)| {
                Kept::NamespaceSet { created, created_at: WallTime(at), entries }
            }),
            Just(Kept::NamespaceNotEmpty),
            current().prop_map(|current| Kept::PreconditionFailed { current }),
            proptest::collection::vec(result, 0..4).prop_map(|results| Kept::Txn { results }),
            current().prop_map(|current| Kept::CompareFailed { failed: vec![FailedCompare { n: 3, current }] }),
        ]
    }

    proptest! {
        #[test]
        fn a_row_reads_back(
            principal in "[!-~]{1,128}",
            idempotency_key in idempotency_key(),
            fingerprint in any::<[u8; 32]>(),
            revision in log_id(),
            at in any::<u64>(),
            result in kept(),
        ) {
            let row_key = key(GroupId(1), &principal, &idempotency_key);
            let fields = (principal.clone(), idempotency_key.clone());
            prop_assert_eq!(decode_key(GroupId(1), &row_key), Ok(fields));
            let at = WallTime(at);
            let receipt = Receipt { fingerprint: Fingerprint(fingerprint), revision, at, result };
            prop_assert_eq!(decode(&encode(&receipt)), Ok(receipt));
            let place = ReceiptPlace { at, revision, principal, key: idempotency_key };
            let place_key = place_key(GroupId(1), at, revision.index);
            prop_assert_eq!(decode_place(GroupId(1), &place_key, &encode_place(&place)), Ok(place));
        }

        #[test]
        fn the_order_of_places_is_the_order_of_time(a in any::<(u64, u64)>(), b in any::<(u64, u64)>()) {
            let row = |(at, index)| place_key(GroupId(1), WallTime(at), LogIndex(index));
            prop_assert_eq!(row(a).cmp(&row(b)), a.cmp(&b));
            let range = places_from(GroupId(1), WallTime(a.0));
            prop_assert_eq!(range.start <= row(b) && row(b) < range.end, b.0 >= a.0);
        }

        #[test]
        fn nobody_meets_the_keys_of_another(
            a in ("[!-~]{1,4}", idempotency_key()),
            b in ("[!-~]{1,4}", idempotency_key()),
        ) {
            let row = |of: &(String, IdempotencyKey)| key(GroupId(1), &of.0, &of.1);
            prop_assert_eq!(row(&a) == row(&b), a == b);
        }
    }
}
