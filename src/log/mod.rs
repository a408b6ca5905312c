//! The write-ahead log and the snapshot files: what a node must never lose.

mod error;
mod flusher;
mod index;
mod read;
mod record;
mod recover;
mod scan;
mod segment;
#[cfg(test)]
mod tests;
mod wal;
mod writer;

use bytes::Bytes;
pub use error::LogError;
pub use wal::Wal;

use crate::base::LogId;

/// One entry of the log. What the payload says is not the log's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub id: LogId,
    pub payload: Bytes,
}

/// How large the log's files and its memory are.
#[derive(Clone, Debug)]
pub struct WalSettings {
    /// The length of a segment file; kept between 4 KiB and 1 GiB. A longer record gets a segment of its own length.
    pub segment_bytes: u64,
    /// Payload bytes of the newest entries that are kept in memory (what is not written yet comes on top).
    pub cache_bytes: usize,
    /// No new segment is made while less than half of this is free on the disk.
    pub reserve_bytes: u64,
}

impl WalSettings {
    fn segment_bytes(&self) -> u64 {
        self.segment_bytes.clamp(4 << 10, 1 << 30)
    }
}
