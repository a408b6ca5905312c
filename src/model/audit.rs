//! Audit events, and the hash that chains them.
//!
//! `hash = SHA-256(previousHash || canonical)`: `previousHash` as 32 raw bytes ([`CHAIN_START`] for the first event),
//! `canonical` the event as canonical JSON (RFC 8785) without `oldValue`, `newValue`, `previousHash` and `hash`, and
//! without members that are null. Values enter through their digests only, so that they can be forgotten later while
//! the chain stays whole.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Key, Namespace, ValueType};
use crate::base::{LogId, RequestId, WallTime};

/// The hash of one event, over all events before it.
pub type ChainHash = [u8; 32];

/// What stands in for the hash before the first event.
pub const CHAIN_START: ChainHash = [0; 32];

/// One effective change, the same on every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    pub id: EventId,
    /// Log time.
    pub timestamp: WallTime,
    pub action: Action,
    /// The principal that asked.
    pub actor: String,
    pub request_id: RequestId,
    pub namespace: Namespace,
    /// The key, for an action on an entry.
    pub key: Option<Key>,
    /// The state before, where there was one.
    pub old_digest: Option<Digest>,
    /// The state after, where there is one.
    pub new_digest: Option<Digest>,
    /// Where the old value was written, to look it up while it is kept. Not part of the hash.
    pub old_revision: Option<LogId>,
    pub previous_hash: ChainHash,
    pub hash: ChainHash,
}

/// What was done. Its text is public and enters the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    ConfigSet,
    ConfigDelete,
    NamespaceSet,
    NamespaceDelete,
}

/// The id of an event: its revision, and its number within that revision, from 0. Text: `{term}:{index}:{n}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    pub revision: LogId,
    pub n: u32,
}

/// The SHA-256 that stands for a value: over the name of its type, a zero byte, and its bytes. Text: `sha256:{hex}`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of an entry's value.
    pub fn of_value(value_type: ValueType, value: &str) -> Digest {
        Digest::of(value_type.as_str(), value.as_bytes())
    }

    /// The digest of what an operator can set on a namespace: canonical JSON of description and owner.
    pub fn of_namespace(description: &str, owner: &str) -> Digest {
        #[derive(Serialize)]
        struct Settings<'a> {
            description: &'a str,
            owner: &'a str,
        }
        Digest::of("namespace", &canonical_json(&Settings { description, owner }))
    }

    fn of(kind: &str, bytes: &[u8]) -> Digest {
        let mut sha = Sha256::new();
        sha.update(kind.as_bytes());
        sha.update([0]);
        sha.update(bytes);
        Digest(sha.finalize().into())
    }
}

impl AuditEvent {
    /// The bytes that are hashed after the previous hash.
    pub fn canonical(&self) -> Vec<u8> {
        canonical_json(&Canonical {
            action: self.action.as_str(),
            actor: &self.actor,
            id: self.id.to_string(),
            key: self.key.as_ref().map(Key::as_str),
            namespace: self.namespace.as_str(),
            new_digest: self.new_digest.map(|digest| digest.to_string()),
            old_digest: self.old_digest.map(|digest| digest.to_string()),
            request_id: self.request_id.as_str(),
            revision: self.id.revision.to_string(),
            timestamp: self.timestamp.to_string(),
        })
    }

    /// The hash that this event must have behind its `previous_hash`.
    pub fn chained_hash(&self) -> ChainHash {
        let mut sha = Sha256::new();
        sha.update(self.previous_hash);
        sha.update(self.canonical());
        sha.finalize().into()
    }
}

/// The hashed members in RFC 8785's order (section 3.2.3: sorted by name). All are strings, for which serde_json
/// writes exactly what section 3.2.2.2 asks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Canonical<'a> {
    action: &'a str,
    actor: &'a str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_digest: Option<String>,
    request_id: &'a str,
    revision: String,
    timestamp: String,
}

fn canonical_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of strings always become JSON")
}

impl Action {
    /// Its name in the public contract and in the hash.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::ConfigSet => "config.set",
            Action::ConfigDelete => "config.delete",
            Action::NamespaceSet => "namespace.set",
            Action::NamespaceDelete => "namespace.delete",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.revision, self.n)
    }
}

/// Text that is not an event id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event id is three decimal numbers, term, index and number, joined by colons, like 5:42:0")]
pub struct ParseEventIdError;

impl FromStr for EventId {
    type Err = ParseEventIdError;

    fn from_str(text: &str) -> Result<EventId, ParseEventIdError> {
        let (revision, n) = text.rsplit_once(':').ok_or(ParseEventIdError)?;
        let revision = revision.parse().map_err(|_| ParseEventIdError)?;
        let plain = n.bytes().all(|b| b.is_ascii_digit()) && (n == "0" || !n.starts_with('0'));
        let n = n.parse().ok().filter(|_| plain).ok_or(ParseEventIdError)?;
        Ok(EventId { revision, n })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> AuditEvent {
        AuditEvent {
            id: EventId { revision: LogId::new(5, 42), n: 1 },
            timestamp: WallTime(1_700_000_000_123),
            action: Action::ConfigSet,
            actor: "J\u{f6}rg \"the\u{1f}\\\n\u{7f}\u{20ac}\"".into(),
            request_id: RequestId::parse("r-1").unwrap(),
            namespace: Namespace::parse("teams/payments").unwrap(),
            key: Some(Key::parse("db.url").unwrap()),
            old_digest: None,
            new_digest: Some(Digest::of_value(ValueType::String, "abc")),
            old_revision: None,
            previous_hash: CHAIN_START,
            hash: CHAIN_START,
        }
    }

    /// The vector: computed apart from this code, with Python's json and hashlib.
    #[test]
    fn an_event_hashes_as_the_contract_says() {
        let expected = concat!(
            r#"{"action":"config.set","actor":"J"#,
            "\u{f6}",
            r#"rg \"the\u001f\\\n"#,
            "\u{7f}\u{20ac}",
            r#"\"","id":"5:42:1","key":"db.url","namespace":"teams/payments","#,
            r#""newDigest":"sha256:dd7fb64f2f92d58271fffd25c0ed1d8116f7f8413d768a22d7c41187dc25af71","requestId":"r-1","revision":"5:42","timestamp":"2023-11-14T22:13:20.123Z"}"#,
        );
        assert_eq!(String::from_utf8(event().canonical()).unwrap(), expected);
        assert_eq!(
            hex::encode(event().chained_hash()),
            "e52e2c448e32cb56a6b0a08e04bfea8eb92524965c800db59899a6ff482e702b"
        );
        let after = AuditEvent { previous_hash: [7; 32], ..event() };
        assert_eq!(
            hex::encode(after.chained_hash()),
            "70c766bca77569754ceebeeae5900db6fee05525d3753cf7a3493152c5c11986"
        );
    }

    #[test]
    fn every_public_member_enters_the_hash() {
        let hash = event().chained_hash();
        let digest = Some(Digest::of_value(ValueType::Json, "abc"));
        let changed = [
            AuditEvent { id: EventId { n: 2, ..event().id }, ..event() },
            AuditEvent { timestamp: WallTime(1), ..event() },
            AuditEvent { action: Action::ConfigDelete, ..event() },
            AuditEvent { actor: "x".into(), ..event() },
            AuditEvent { request_id: RequestId::default(), ..event() },
            AuditEvent { namespace: Namespace::parse("x").unwrap(), ..event() },
            AuditEvent { key: None, ..event() },
            AuditEvent { old_digest: digest, ..event() },
            AuditEvent { new_digest: digest, ..event() },
            AuditEvent { previous_hash: [1; 32], ..event() },
        ];
        for other in changed {
            assert_ne!(other.chained_hash(), hash, "{other:?}");
        }
    }

    #[test]
    fn a_digest_tells_types_apart() {
        assert_ne!(Digest::of_value(ValueType::String, "1"), Digest::of_value(ValueType::Number, "1"));
        assert_ne!(Digest::of_namespace("a", "b"), Digest::of_namespace("b", "a"));
    }

    #[test]
    fn an_event_id_reads_back_what_it_prints_and_refuses_the_rest() {
        let id = EventId { revision: LogId::new(5, 42), n: 7 };
        assert_eq!(id.to_string(), "5:42:7");
        assert_eq!("5:42:7".parse(), Ok(id));
        for bad in ["", "5:42", "5:42:", "5:42:+1", "5:42:01", "5:42:0:0", "5:42:4294967296"] {
            assert_eq!(bad.parse::<EventId>(), Err(ParseEventIdError), "{bad:?}");
        }
    }
}
