//! Idempotency keys: a request that is sent again under its key is answered as it was the first time, and done once.
//!
//! What became of a request is kept as a [`Receipt`], replicated like everything else, for [`KEPT_FOR`] of log time. It holds
//! only what the request does not say itself: a repeat brings the same value again, which its [`Fingerprint`] proves.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Condition, Entry, FailedCompare, NamespaceState, Op, OpResult, Outcome};
use crate::base::{LogId, WallTime};

/// How long a receipt is kept, in log time.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A client's name for one request, 1 to 255 visible ASCII characters. Each principal has its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdempotencyKey(String);

/// Text that is not an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to 255 visible ASCII characters, with or without quotes around them")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    pub fn parse(text: &str) -> Result<IdempotencyKey, InvalidIdempotencyKey> {
        let sane = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if sane { Ok(IdempotencyKey(text.to_owned())) } else { Err(InvalidIdempotencyKey) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = InvalidIdempotencyKey;

    fn try_from(text: String) -> Result<IdempotencyKey, InvalidIdempotencyKey> {
        IdempotencyKey::parse(&text)
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> String {
        key.0
    }
}

/// The SHA-256 of what a request asks for: operation, names, body and condition. Made where the request comes in and
/// carried in the log, so that nodes of two releases never come to two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    pub fn of(op: &Op, condition: &Condition) -> Fingerprint {
        let asked = postcard::to_stdvec(&(op, condition)).expect("a request always becomes postcard");
        Fingerprint(Sha256::digest(asked).into())
    }
}

/// That a request is to be done once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once {
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
}

/// What became of a request with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub fingerprint: Fingerprint,
    /// Where the request was done.
    pub revision: LogId,
    /// The log time then.
    pub at: WallTime,
    pub result: Kept,
}

/// An [`Outcome`] without what the request says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kept {
    Set { version: u64, created_at: WallTime },
    Deleted,
    Absent,
    NamespaceSet { created: bool, created_at: WallTime, entries: u64 },
    NamespaceNotEmpty,
    PreconditionFailed { current: Option<LogId> },
    Txn { results: Vec<OpResult> },
    CompareFailed { failed: Vec<FailedCompare> },
    NoSuchRevision,
}

/// Where a receipt stands in the order of time, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptPlace {
    pub at: WallTime,
    pub revision: LogId,
    pub principal: String,
    pub key: IdempotencyKey,
}

/// Whether what was kept since `at` is kept no longer.
pub(super) fn has_expired(at: WallTime, now: WallTime) -> bool {
    at.after(KEPT_FOR) <= now
}

impl Kept {
    /// What is to be kept of an outcome; nothing of one that no client asked for, or that is of the key itself.
    pub(super) fn of(outcome: &Outcome) -> Option<Kept> {
        Some(match outcome {
            Outcome::Set { entry, .. } => Kept::Set { version: entry.version, created_at: entry.created_at },
            Outcome::Deleted => Kept::Deleted,
            Outcome::Absent => Kept::Absent,
            Outcome::NamespaceSet { namespace, created } => {
                Kept::NamespaceSet { created: *created, created_at: namespace.created_at, entries: namespace.entries }
            }
            Outcome::NamespaceNotEmpty => Kept::NamespaceNotEmpty,
            Outcome::PreconditionFailed { current } => Kept::PreconditionFailed { current: *current },
            Outcome::Txn { results } => Kept::Txn { results: results.clone() },
            Outcome::CompareFailed { failed } => Kept::CompareFailed { failed: failed.clone() },
            Outcome::NoSuchRevision => Kept::NoSuchRevision,
            Outcome::None | Outcome::IdempotencyMismatch => return None,
        })
    }
}

impl Receipt {
    /// The outcome of the first request, told to one that asks the same.
    pub(super) fn outcome(&self, op: &Op, actor: &str) -> Outcome {
        match (self.result.clone(), op) {
            (Kept::Set { version, created_at }, Op::Set { namespace, key, value, value_type }) => Outcome::Set {
                entry: Entry {
                    namespace: namespace.clone(),
                    key: key.clone(),
                    value: value.clone(),
                    value_type: *value_type,
                    version,
                    revision: self.revision,
                    created_at,
                    updated_at: self.at,
                    updated_by: actor.to_owned(),
                },
                // A version counts from where the key was last absent.
                created: version == 1,
            },
            (
                Kept::NamespaceSet { created, created_at, entries },
                Op::SetNamespace { namespace, description, owner },
            ) => Outcome::NamespaceSet {
                namespace: NamespaceState {
                    path: namespace.clone(),
                    description: description.clone(),
                    owner: owner.clone(),
                    created_at,
                    revision: self.revision,
                    entries,
                },
                created,
            },
            // Equal fingerprints are of one request; whoever sent another one with them is not told of the first.
            (Kept::Set { .. } | Kept::NamespaceSet { .. }, _) => Outcome::IdempotencyMismatch,
            (Kept::Deleted, _) => Outcome::Deleted,
            (Kept::Absent, _) => Outcome::Absent,
            (Kept::NamespaceNotEmpty, _) => Outcome::NamespaceNotEmpty,
            (Kept::PreconditionFailed { current }, _) => Outcome::PreconditionFailed { current },
            (Kept::Txn { results }, _) => Outcome::Txn { results },
            (Kept::CompareFailed { failed }, _) => Outcome::CompareFailed { failed },
            (Kept::NoSuchRevision, _) => Outcome::NoSuchRevision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Key, Namespace, Revisions, ValueType};

    fn set(value: &str) -> Op {
        Op::Set {
            namespace: Namespace::parse("n").unwrap(),
            key: Key::parse("k").unwrap(),
            value: value.to_owned(),
            value_type: ValueType::String,
        }
    }

    /// A client may repeat a request after an upgrade of the nodes.
    #[test]
    fn a_fingerprint_stays_as_it_is() {
        let condition = Condition { if_match: Some(Revisions::OneOf(vec![LogId::new(5, 42)])), if_none_match: None };
        let hex = |op: &Op, condition: &Condition| hex::encode(Fingerprint::of(op, condition).0);
        assert_eq!(hex(&set("v"), &condition), "5a5322517f4236b0338d716ceffaa0f13f25fa68cf9ca13d852469b716e6d6b1");
        let others = [
            hex(&set("w"), &condition),
            hex(&set("v"), &Condition::default()),
            hex(
                &Op::Delete { namespace: Namespace::parse("n").unwrap(), key: Key::parse("k").unwrap() },
                &Condition::default(),
            ),
        ];
        for other in &others {
            assert_ne!(*other, hex(&set("v"), &condition));
        }
    }

    #[test]
    fn a_key_is_short_visible_ascii() {
        assert_eq!(IdempotencyKey::parse("a\"b").map(|key| key.as_str().to_owned()), Ok("a\"b".to_owned()));
        assert!(IdempotencyKey::parse(&"x".repeat(255)).is_ok());
        for bad in ["", "a b", "\u{e4}", "a\n", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad), Err(InvalidIdempotencyKey), "{bad:?}");
            assert!(postcard::from_bytes::<IdempotencyKey>(&postcard::to_stdvec(bad).unwrap()).is_err(), "{bad:?}");
        }
    }
}
