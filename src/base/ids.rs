use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A node's number within its cluster, chosen by the operator, never reused for another data directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u64);

impl From<u64> for NodeId {
    fn from(id: u64) -> NodeId {
        NodeId(id)
    }
}

/// A Raft group. The first release runs one, [`GroupId::MAIN`]; it is in frames, keys and handles from the first day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub u32);

impl GroupId {
    pub const MAIN: GroupId = GroupId(0);
}

/// A Raft term (Raft, Ongaro and Ousterhout 2014, section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Term(pub u64);

/// A position in the log. The first entry has index 0 (the bootstrap membership), as openraft counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogIndex(pub u64);

impl LogIndex {
    /// The index after this one.
    pub fn next(self) -> LogIndex {
        LogIndex(self.0 + 1)
    }
}

/// The id of a log entry: the term of the leader that proposed it, and its index. Ordered by term, then index.
///
/// Its text form `{term}:{index}` is the version token that clients see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogId {
    pub term: Term,
    pub index: LogIndex,
}

/// A [`LogId`] as clients know it: the revision of a write.
pub type Revision = LogId;

impl LogId {
    pub const fn new(term: u64, index: u64) -> LogId {
        LogId { term: Term(term), index: LogIndex(index) }
    }
}

/// A version token that is not `{term}:{index}` in plain decimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version token is two decimal numbers, term and index, joined by a colon, like 5:42")]
pub struct ParseLogIdError;

impl FromStr for LogId {
    type Err = ParseLogIdError;

    fn from_str(text: &str) -> Result<LogId, ParseLogIdError> {
        fn number(text: &str) -> Result<u64, ParseLogIdError> {
            let plain =
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
            if plain { text.parse().map_err(|_| ParseLogIdError) } else { Err(ParseLogIdError) }
        }
        let (term, index) = text.split_once(':').ok_or(ParseLogIdError)?;
        Ok(LogId::new(number(term)?, number(index)?))
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.term.0, self.index.0)
    }
}

/// The random identity of one data directory, made when it is first opened. A wiped node gets a new one, and is
/// then refused by its peers under its old [`NodeId`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StorageId(pub u128);

impl fmt::Display for StorageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for StorageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The id of one client request: in the answer, the log lines, the audit event and the problem.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// Accepts 1 to 128 visible ASCII characters, nothing else.
    pub fn parse(text: &str) -> Option<RequestId> {
        let sane = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        sane.then(|| RequestId(text.to_owned()))
    }

    /// A request id from 128 random bits.
    pub fn from_random(bits: u128) -> RequestId {
        RequestId(format!("{bits:032x}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! display_number {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

display_number!(NodeId, GroupId, Term, LogIndex);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_token_reads_back_what_it_prints_and_refuses_the_rest() {
        for id in [LogId::new(0, 0), LogId::new(5, 42), LogId::new(u64::MAX, u64::MAX)] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for bad in ["", ":", "5", "5:", ":42", "5:42:1", "+5:42", " 5:42", "5:-1", "05:42", "5:18446744073709551616"] {
            assert_eq!(bad.parse::<LogId>(), Err(ParseLogIdError), "{bad:?}");
        }
    }

    #[test]
    fn a_request_id_is_short_visible_ascii() {
        assert!(RequestId::parse("a").is_some());
        assert!(RequestId::parse(&"x".repeat(128)).is_some());
        for bad in ["", "a b", "ä", "a\n", &"x".repeat(129)] {
            assert!(RequestId::parse(bad).is_none(), "{bad:?}");
        }
    }
}
