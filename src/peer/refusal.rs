use std::fmt;

use super::text::one_line;
use crate::base::{LogId, StorageId};

/// Why a handshake was refused, for programs. The numbers are on the wire: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum RefusalCode {
    /// The caller's message could not be read.
    Malformed = 1,
    /// No protocol version that both know.
    Versions = 2,
    WrongCluster = 3,
    /// Whoever answers is not the node that was called.
    WrongNode = 4,
    /// A node called itself.
    SelfConnection = 5,
    /// Two nodes have the same id.
    DuplicateNode = 6,
    /// The caller has no cluster secret, the called node has one.
    SecretMissing = 7,
    /// The caller has a cluster secret, the called node has none.
    SecretUnexpected = 8,
    /// Both have a secret, but not the same.
    WrongSecret = 9,
    /// The secret is right, but this node is not let in yet: there is no membership to ask.
    NotAdmitted = 10,
    /// The secret is right, but the node is not in the membership, or not any more.
    NotMember = 11,
    /// The secret is right, and the membership knows the node's id with another data directory.
    OtherDirectory = 12,
    /// A code of a newer version.
    Other = 255,
}

impl RefusalCode {
    pub(super) fn from_wire(byte: u8) -> RefusalCode {
        use RefusalCode::*;
        let known = [
            Malformed,
            Versions,
            WrongCluster,
            WrongNode,
            SelfConnection,
            DuplicateNode,
            SecretMissing,
            SecretUnexpected,
            WrongSecret,
            NotAdmitted,
            NotMember,
            OtherDirectory,
        ];
        known.into_iter().find(|code| *code as u8 == byte).unwrap_or(Other)
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RefusalCode::Malformed => "malformed",
            RefusalCode::Versions => "versions",
            RefusalCode::WrongCluster => "wrong-cluster",
            RefusalCode::WrongNode => "wrong-node",
            RefusalCode::SelfConnection => "self-connection",
            RefusalCode::DuplicateNode => "duplicate-node",
            RefusalCode::SecretMissing => "secret-missing",
            RefusalCode::SecretUnexpected => "secret-unexpected",
            RefusalCode::WrongSecret => "wrong-secret",
            RefusalCode::NotAdmitted => "not-admitted",
            RefusalCode::NotMember => "not-member",
            RefusalCode::OtherDirectory => "other-directory",
            RefusalCode::Other => "other",
        })
    }
}

/// A refused handshake: a code for programs, a sentence for the human who has to act.
///
/// What a refusal may say depends on when it is said. Before the caller has proven the secret it only repeats what the
/// caller claimed; the membership is not mentioned. After that it may say all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence} [{code}]")]
pub struct Refusal {
    pub code: RefusalCode,
    pub sentence: String,
    /// As of what is committed up to here the refused node is no member. Proven with the cluster secret, or not there.
    pub as_of: Option<LogId>,
    /// The data directory of who knows that, proven with it: a cluster that was restored from a backup may
    /// have the secret, the names and the addresses of another.
    pub storage: Option<StorageId>,
}

impl Refusal {
    /// A sentence's length in bytes; a longer one is cut.
    pub const SENTENCE_BYTES_MAX: usize = 512;

    pub fn new(code: RefusalCode, sentence: impl AsRef<str>) -> Refusal {
        // What the other side sent ends up in our log: one line, bounded, nothing that a terminal would obey.
        let sentence = one_line(sentence.as_ref(), Refusal::SENTENCE_BYTES_MAX);
        Refusal { code, sentence, as_of: None, storage: None }
    }
}
