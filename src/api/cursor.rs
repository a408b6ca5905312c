//! Cursors: where a page ended, so that the next can begin there, on any node.
//!
//! A cursor is base64url of a format byte, postcard, and an HMAC-SHA-256 (truncated to 128 bits, RFC 2104 section 5)
//! over format, query and position with the cluster's replicated cursor key. The query itself is not in the cursor:
//! a cursor of another query fails its authentication.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::past::Moment;
use super::types::EventId;
use crate::base::{LogId, LogIndex};
use crate::model::{Key, Namespace, ValueType};

const FORMAT: u8 = 1;
const MAC_BYTES: usize = 16;
/// Longer than any that is made: a key of 512 bytes and some numbers.
const CURSOR_CHARS_MAX: usize = 1024;

/// The query that a cursor is bound to.
#[derive(Serialize)]
pub(super) enum Query<'a> {
    Entries {
        namespace: &'a Namespace,
        prefix: &'a str,
        value_type: Option<ValueType>,
        fields: &'a str,
        at: Option<Moment>,
    },
    Audit {
        namespace: Option<&'a Namespace>,
    },
    Namespaces {
        prefix: &'a str,
    },
    History {
        namespace: &'a Namespace,
        key: &'a Key,
    },
    Diff {
        namespace: &'a Namespace,
        from: Moment,
        to: Option<Moment>,
    },
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The revision that all pages show.
    pub revision: LogId,
    pub position: Position,
}

/// See [`Cursor`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Position {
    After(Key),
    Before(EventId),
    AfterNamespace(Namespace),
    BeforeIndex(LogIndex),
    /// In a diff from this revision to the cursor's own.
    AfterDifference {
        key: Key,
        from: LogId,
    },
}

impl Cursor {
    pub fn seal(&self, key: &[u8; 32], query: &Query<'_>) -> String {
        let mut bytes = postcard::to_extend(self, vec![FORMAT]).expect("plain data into memory always encodes");
        let mac = mac(key, query, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The latest revision that a cursor claims to need, to wait for before it is opened.
    pub fn unproven_revision(text: &str) -> Option<LogId> {
        let bytes = bytes(text)?;
        decode(body_and_tag(&bytes)?.0).map(|cursor| cursor.furthest())
    }

    /// The latest revision that its page is made from.
    pub fn furthest(&self) -> LogId {
        match &self.position {
            Position::AfterDifference { from, .. } if from.index > self.revision.index => *from,
            _ => self.revision,
        }
    }

    /// `None` where it was not sealed with this key for this query.
    pub fn open(text: &str, key: &[u8; 32], query: &Query<'_>) -> Option<Cursor> {
        let bytes = bytes(text)?;
        let (body, tag) = body_and_tag(&bytes)?;
        mac(key, query, body).verify_truncated_left(tag).ok()?;
        decode(body)
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    if text.len() > CURSOR_CHARS_MAX { None } else { URL_SAFE_NO_PAD.decode(text).ok() }
}

fn body_and_tag(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)
}

fn decode(body: &[u8]) -> Option<Cursor> {
    let (&format, encoded) = body.split_first()?;
    if format != FORMAT {
        return None;
    }
    let (cursor, rest) = postcard::take_from_bytes(encoded).ok()?;
    rest.is_empty().then_some(cursor)
}

fn mac(key: &[u8; 32], query: &Query<'_>, body: &[u8]) -> Hmac<Sha256> {
    let query = postcard::to_stdvec(query).expect("plain data into memory always encodes");
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    // The length keeps query and body apart.
    mac.update(&(query.len() as u64).to_be_bytes());
    mac.update(&query);
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(text: &str) -> Namespace {
        Namespace::parse(text).expect("a namespace")
    }

    #[test]
    fn a_cursor_opens_for_its_query_and_key_alone() {
        let (a, b) = (namespace("a"), namespace("b"));
        let longest = Key::parse(&"k".repeat(512)).expect("a key");
        let cursor = Cursor { revision: LogId::new(5, u64::MAX), position: Position::After(longest) };
        let whole =
            |namespace, prefix, value_type, fields, at| Query::Entries { namespace, prefix, value_type, fields, at };
        let of = |namespace, prefix| whole(namespace, prefix, None, "", None);
        let query = of(&a, "p");
        let text = cursor.seal(&[1; 32], &query);
        assert_eq!(Cursor::open(&text, &[1; 32], &query), Some(cursor));
        assert_eq!(Cursor::open(&text, &[2; 32], &query), None);
        for other in [
            of(&b, "p"),
            of(&a, ""),
            whole(&a, "p", Some(ValueType::String), "", None),
            whole(&a, "p", None, "key", None),
            whole(&a, "p", None, "", Some(Moment::Revision(LogId::new(5, 1)))),
            Query::Audit { namespace: Some(&a) },
            Query::Audit { namespace: None },
            Query::Namespaces { prefix: "p" },
        ] {
            assert_eq!(Cursor::open(&text, &[1; 32], &other), None);
        }
    }

    #[test]
    fn no_changed_character_passes() {
        let query = Query::Audit { namespace: None };
        let id = EventId { revision: LogId::new(1, 2), n: 3 };
        let text = Cursor { revision: LogId::new(1, 2), position: Position::Before(id) }.seal(&[7; 32], &query);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(Cursor::open(&changed, &[7; 32], &query), None, "at {at}");
            assert_eq!(Cursor::open(&text[..at], &[7; 32], &query), None, "cut at {at}");
        }
        assert_eq!(Cursor::open(&"A".repeat(CURSOR_CHARS_MAX + 4), &[7; 32], &query), None);
    }
}
