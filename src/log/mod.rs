//! The write-ahead log and the snapshot files: what a node must never lose.
//!
//! # The stream
//!
//! The log is one ordered stream of records, in segment files `log/{group}-{seq}.seg`. One task writes it
//! (`flusher`): it takes all that is queued, writes it, syncs once, and tells everyone in order. A failed write or sync
//! is final. All numbers are little-endian, all checksums CRC32C.
//!
//! | part | bytes | fields |
//! |---|---|---|
//! | segment header | 64 | magic `CONFMLOG`, format u32, checksum of both; group u32, number u32, length of the file u64; checksum of all before |
//! | record header | 40 | mark `C1`, version, kind, body length u32, link u32, zero sectors u32, position u64, synced u64, checksum of the body, checksum of this header, mark `1C` |
//! | body | any | by kind, below |
//! | end | 1 | mark `ED` |
//! | zeros | the rest | preallocated |
//!
//! | kind | what it says | body |
//! |---|---|---|
//! | 1 append | the next entry | term u64, index u64, payload |
//! | 2 truncate | entries after this id are gone | an id or none |
//! | 3 vote | the vote | its bytes |
//! | 4 purge | entries up to this id are gone, a snapshot has them | an id |
//! | 5 committed | entries up to this id are committed | an id |
//! | 6 checkpoint | the first record of each segment, and only there | where the records of the segment before end, committed, purged and last id, vote |
//!
//! A record never crosses the end of its segment. The *link* is the header checksum of the record before, across
//! segments too. *Position* is the record's own offset; group and segment number start the header's checksum: so bytes
//! that were copied or written elsewhere are not believed. *Synced* is the offset up to which the segment was synced when
//! the record was written. A checkpoint says all that older segments said beside the entries, so a segment is removed
//! once it holds nothing but entries whose purge is durable. *Committed* is written with the next batch, or alone, but
//! never synced for its own sake.
//!
//! A segment is filled with zeros, synced, and only then gets its name, which is synced before its first record is
//! written. It is made ahead, when the one before holds a synced record. A segment is synced whole before the next one
//! gets its first record. Only making a segment may meet a full disk, and nothing was written then: the flusher waits.
//!
//! # Recovery: the end, a torn record, or damage
//!
//! The sound records of each segment are read in order. All but the newest must end where the next checkpoint says. In
//! the newest, what stands where the sound records end (at P) is judged as follows.
//!
//! A power loss keeps or loses each 512-byte sector written since the last sync. A lost one holds what it held before,
//! and behind the synced records that is zeros, up to the end of the segment: preallocation and every repair see to it.
//! So a record that a power loss tore has a sector that is all zero, the first one from the record's start on. And a
//! record that was written whole shows its own zero sectors only: each sector that it touches holds one of its three
//! marks, or lies wholly in the body, and those that do and are zero are counted in the header. From this follows:
//!
//! 1. A sound header with a bad body is torn only where more sectors are zero than it counts; a bad header is torn only
//!    where one of the at most two sectors that it lies in is zero. A zero sector at P with nothing behind it is the end
//!    of the log. Anything else is damage: all sectors were written, and they do not hold what was written.
//! 2. Sound records may follow a torn one, if they were not synced either: any subset of sectors is kept. So each says
//!    how far the segment was synced when it was written. One that says more than P proves that a synced record stood
//!    at P: damage. One that says no more belongs to the same unsynced stretch, nobody was told of it, and it is cut.
//!    To be proof a sound header is enough; it is searched at every offset up to the end of the segment.
//! 3. A sound header in the next segment proves that all of this one was synced: then nothing in it can be torn. What
//!    the store has applied proves that the log was synced up to there: it is damage if sound records end before.
//!
//! What is cut is overwritten with zeros and synced before anything is appended: what was cut cannot come back. Sound
//! records that were written and never synced (the process was killed) stay, and are synced before they count. All
//! checks come before the first repair, so a log that is refused is left as it was found.
//!
//! What cannot be told from a torn record: damage that turns whole sectors of the newest records into zeros, where no
//! later record and no applied id proves that they were synced.
//!
//! Snapshot files are described in [`snapshot`].

mod error;
mod flusher;
mod index;
mod read;
mod record;
mod recover;
mod scan;
mod segment;
pub mod snapshot;
pub mod survey;
#[cfg(test)]
mod tests;
mod wal;
mod writer;

use bytes::Bytes;
pub use error::LogError;
pub use snapshot::{SnapshotFile, SnapshotMeta, SnapshotReceiver, SnapshotRows, SnapshotStream, Snapshots};
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
