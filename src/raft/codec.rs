use std::io;

use bytes::Bytes;
use openraft::AsyncRuntime;
use openraft::entry::RaftEntry as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::types::{RaftEntry, Types, VoteOf, log_id_of, raft_log_id};
use crate::log::LogEntry;

/// The version of what this module writes: log payloads, votes, membership, Raft frames.
const FORMAT: u8 = 2;

/// Encodes with the format version in front.
pub(super) fn encode<T: Serialize>(value: &T) -> Bytes {
    // postcard fails only where a serializer refuses; ours are derived and never do.
    let bytes = postcard::to_extend(value, vec![FORMAT]).expect("derived serializers do not fail");
    Bytes::from(bytes)
}

/// Decodes what [`encode`] wrote; a newer format is named.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => {
            postcard::from_bytes(body).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))
        }
        Some((newer, _)) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("format {newer} is not known to this version of confman, which writes {FORMAT}: upgrade this node"),
        )),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "empty where a message was expected")),
    }
}

/// A Raft log entry as the write-ahead log keeps it.
pub(super) fn log_entry<R: AsyncRuntime>(entry: &RaftEntry<R>) -> LogEntry {
    LogEntry { id: log_id_of::<R>(&entry.log_id), payload: encode(&entry.payload) }
}

/// A kept entry as openraft's.
pub(super) fn raft_entry<R: AsyncRuntime>(entry: LogEntry) -> io::Result<RaftEntry<R>> {
    let payload = decode(&entry.payload)?;
    Ok(RaftEntry::<R>::new(raft_log_id::<R>(entry.id), payload))
}

pub(super) fn encode_vote<R: AsyncRuntime>(vote: &VoteOf<R>) -> Bytes {
    encode::<openraft::alias::VoteOf<Types<R>>>(vote)
}
