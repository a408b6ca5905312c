use bytes::Bytes;

use super::key::KeyWriter;
use crate::base::GroupId;
use crate::host::KeyRange;

/// The kinds of rows. The number is the first byte of the key, on disk and in snapshots: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    Meta = 1,
    Config = 2,
    History = 3,
    Changes = 4,
    Namespaces = 5,
    Audit = 6,
    AuditByNamespace = 7,
    Dedup = 8,
    Terms = 9,
    NamespaceHistory = 10,
    DedupByTime = 11,
    Lists = 12,
}

impl Space {
    const ALL: [Space; 12] = [
        Space::Meta,
        Space::Config,
        Space::History,
        Space::Changes,
        Space::Namespaces,
        Space::Audit,
        Space::AuditByNamespace,
        Space::Dedup,
        Space::Terms,
        Space::NamespaceHistory,
        Space::DedupByTime,
        Space::Lists,
    ];

    /// All rows of this space in `group`.
    pub fn range(self, group: GroupId) -> KeyRange {
        KeyWriter::new(self, group).range_under()
    }
}

/// The space of a key, where it has one that is known and belongs to `group`.
pub fn space_of(group: GroupId, key: &[u8]) -> Option<Space> {
    let space = Space::ALL.into_iter().find(|space| key.first() == Some(&(*space as u8)))?;
    (key.get(1..5)? == group.0.to_be_bytes()).then_some(space)
}

/// Every row of a store, whatever its space.
pub fn everything() -> KeyRange {
    KeyRange { start: Bytes::from_static(&[0]), end: Bytes::from_static(&[u8::MAX]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_space_and_group() {
        for space in Space::ALL {
            let range = space.range(GroupId(3));
            assert_eq!(space_of(GroupId(3), &range.start), Some(space));
            assert_eq!(space_of(GroupId(4), &range.start), None);
            assert!(everything().start < range.start && range.end < everything().end);
        }
        for nothing in [&[][..], &[1], &[1, 0, 0, 0], &[0, 0, 0, 0, 3], &[13, 0, 0, 0, 3]] {
            assert_eq!(space_of(GroupId(3), nothing), None);
        }
    }
}
