//! The audit: `index, n` to one event, and an index by namespace, `namespace, index, n` to nothing.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::key::{KeyReader, KeyWriter};
use super::record::{self, RowError};
use super::space::Space;
use crate::base::{GroupId, LogId, LogIndex, RequestId, Term, WallTime};
use crate::host::KeyRange;
use crate::model::{Action, AuditEvent, ChainHash, Digest, EventId, Key, Namespace};

const FORMAT: u8 = 1;

/// An event without the index and number that its key has.
#[derive(Serialize, Deserialize)]
struct Record {
    term: Term,
    timestamp: WallTime,
    action: Action,
    actor: String,
    request_id: RequestId,
    namespace: Namespace,
    key: Option<Key>,
    old_digest: Option<Digest>,
    new_digest: Option<Digest>,
    old_revision: Option<LogId>,
    previous_hash: ChainHash,
    hash: ChainHash,
}

/// Where an event stands: its index and its number there.
pub type Position = (LogIndex, u32);

/// The position of an event.
pub fn position(id: EventId) -> Position {
    (id.revision.index, id.n)
}

/// The row's key.
pub fn key(group: GroupId, (index, n): Position) -> Bytes {
    KeyWriter::new(Space::Audit, group).u64(index.0).u32(n).done()
}

/// The key of the row that finds the event by its namespace.
pub fn namespace_key(group: GroupId, namespace: &Namespace, (index, n): Position) -> Bytes {
    KeyWriter::new(Space::AuditByNamespace, group).name(namespace.as_str()).u64(index.0).u32(n).done()
}

/// The value of the row that finds the event by its namespace: a format and nothing behind it.
pub fn namespace_value() -> Bytes {
    record::encode(FORMAT, &())
}

/// The events before a position, oldest first.
pub fn range_before(group: GroupId, before: Option<Position>) -> KeyRange {
    let mut range = Space::Audit.range(group);
    if let Some(before) = before {
        range.end = key(group, before);
    }
    range
}

/// The events after a position, oldest first.
pub fn range_after(group: GroupId, after: Option<Position>) -> KeyRange {
    let mut range = Space::Audit.range(group);
    if let Some(after) = after {
        // The next longer key: nothing lies between the two.
        range.start = [&key(group, after)[..], &[0]].concat().into();
    }
    range
}

/// The index rows of a namespace's events before a position, oldest first.
pub fn namespace_range_before(group: GroupId, namespace: &Namespace, before: Option<Position>) -> KeyRange {
    let mut range = KeyWriter::new(Space::AuditByNamespace, group).name(namespace.as_str()).range_under();
    if let Some(before) = before {
        range.end = namespace_key(group, namespace, before);
    }
    range
}

/// The row's value.
pub fn encode(event: &AuditEvent) -> Bytes {
    // Field by field without clones: the same bytes as `Record`, which the round trip proves.
    record::encode(
        FORMAT,
        &(
            event.id.revision.term,
            event.timestamp,
            event.action,
            &event.actor,
            &event.request_id,
            &event.namespace,
            &event.key,
            event.old_digest,
            event.new_digest,
            event.old_revision,
            event.previous_hash,
            event.hash,
        ),
    )
}

/// The position in the row's key.
pub fn decode_key(group: GroupId, row_key: &[u8]) -> Result<Position, RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::Audit, group, row_key)?;
        let fields = (LogIndex(reader.u64()?), reader.u32()?);
        reader.end().map(|()| fields)
    };
    read().ok_or_else(|| RowError::key(Space::Audit))
}

/// The namespace and position in the key of an index row.
pub fn decode_namespace_key(group: GroupId, row_key: &[u8]) -> Result<(Namespace, Position), RowError> {
    let read = || {
        let mut reader = KeyReader::new(Space::AuditByNamespace, group, row_key)?;
        let fields = (reader.namespace()?, (LogIndex(reader.u64()?), reader.u32()?));
        reader.end().map(|()| fields)
    };
    read().ok_or_else(|| RowError::key(Space::AuditByNamespace))
}

/// The event at a position.
pub fn decode((index, n): Position, value: &[u8]) -> Result<AuditEvent, RowError> {
    let record: Record = record::decode(Space::Audit, FORMAT, value)?;
    Ok(AuditEvent {
        id: EventId { revision: LogId { term: record.term, index }, n },
        timestamp: record.timestamp,
        action: record.action,
        actor: record.actor,
        request_id: record.request_id,
        namespace: record.namespace,
        key: record.key,
        old_digest: record.old_digest,
        new_digest: record.new_digest,
        old_revision: record.old_revision,
        previous_hash: record.previous_hash,
        hash: record.hash,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::config::tests::log_id;
    use crate::keys::key::strategies;

    fn event() -> impl Strategy<Value = AuditEvent> {
        let actions = prop_oneof![
            Just(Action::ConfigSet),
            Just(Action::ConfigDelete),
            Just(Action::NamespaceSet),
            Just(Action::NamespaceDelete)
        ];
        let names = (strategies::namespace(), proptest::option::of(strategies::key()));
        let digests = any::<(Option<[u8; 32]>, Option<[u8; 32]>, [u8; 32], [u8; 32])>();
        let old_revision = proptest::option::of(log_id());
        (log_id(), any::<(u32, u64, String)>(), actions, "[!-~]{1,128}", names, digests, old_revision).prop_map(
            |(revision, (n, timestamp, actor), action, request_id, (namespace, key), digests, old_revision)| {
                AuditEvent {
                    id: EventId { revision, n },
                    timestamp: WallTime(timestamp),
                    action,
                    actor,
                    request_id: RequestId::parse(&request_id).unwrap(),
                    namespace,
                    key,
                    old_digest: digests.0.map(Digest),
                    new_digest: digests.1.map(Digest),
                    old_revision,
                    previous_hash: digests.2,
                    hash: digests.3,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_row_reads_back(event in event()) {
            let at = position(event.id);
            prop_assert_eq!(decode_key(GroupId(1), &key(GroupId(1), at)), Ok(at));
            let by_namespace = namespace_key(GroupId(1), &event.namespace, at);
            prop_assert_eq!(decode_namespace_key(GroupId(1), &by_namespace), Ok((event.namespace.clone(), at)));
            prop_assert_eq!(decode(at, &encode(&event)), Ok(event));
        }

        #[test]
        fn the_order_of_rows_is_the_order_of_events(
            a in (strategies::namespace(), any::<(u64, u32)>()),
            b in (strategies::namespace(), any::<(u64, u32)>()),
        ) {
            let position = |at: (u64, u32)| (LogIndex(at.0), at.1);
            let (at_a, at_b) = (position(a.1), position(b.1));
            let (row_a, row_b) = (key(GroupId(1), at_a), key(GroupId(1), at_b));
            prop_assert_eq!(row_a.cmp(&row_b), at_a.cmp(&at_b));
            let before = range_before(GroupId(1), Some(at_a));
            prop_assert_eq!(before.start <= row_b && row_b < before.end, at_b < at_a);
            let after = range_after(GroupId(1), Some(at_a));
            prop_assert_eq!(after.start <= row_b && row_b < after.end, at_b > at_a);
            let index_b = namespace_key(GroupId(1), &b.0, at_b);
            let before = namespace_range_before(GroupId(1), &a.0, Some(at_a));
            prop_assert_eq!(before.start <= index_b && index_b < before.end, a.0 == b.0 && at_b < at_a);
        }
    }
}
