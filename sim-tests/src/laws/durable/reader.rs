//! Reads the log's segments and snapshots as `src/log` documents them, without a line of the code that writes them.

use std::borrow::Cow;

use confman::base::{GroupId, LogId};
use confman::raft::{Types, VoteOf};
use openraft::{EntryPayload, RaftTypeConfig};

use crate::host::files::Content;
use crate::runtime::MadRuntime;

/// Where a segment's first record stands.
pub const FIRST_RECORD: usize = 64;

const HEADER_BYTES: usize = 40;
/// The last byte of a record.
const END_BYTES: usize = 1;
const SNAPSHOT_TRAILER_BYTES: usize = 33;
/// In an encoded payload: the version of the encoding, then which kind of entry it is.
const PAYLOAD_IS_MEMBERSHIP: &[u8] = &[2, 2];

/// What one record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    Append { id: LogId, payload: &'a [u8] },
    Truncate(Option<LogId>),
    Vote(Ballot),
    Purge(LogId),
    Committed(LogId),
    Checkpoint(Summary),
}

/// A vote: for whom in which term, and whether that candidate is known to have won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ballot {
    pub term: u64,
    pub candidate: u64,
    pub won: bool,
}

/// What a checkpoint says of the segments before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub vote: Option<Ballot>,
    pub committed: Option<LogId>,
    pub purged: Option<LogId>,
    pub last: Option<LogId>,
}

/// The number of a segment, by its path; `None` for any other file.
pub fn segment_number(path: &str) -> Option<u32> {
    let name = path.strip_prefix("log/")?.strip_suffix(".seg")?;
    let (group, number) = name.split_once('-')?;
    (group.parse() == Ok(GroupId::MAIN.0)).then(|| number.parse().ok())?
}

/// The id that a snapshot is of, by its path; `None` for any other file.
pub fn snapshot_id(path: &str) -> Option<LogId> {
    let name = path.strip_prefix("snapshot/")?.strip_suffix(".snap")?;
    let mut parts = name.split('-');
    let group: u32 = parts.next()?.parse().ok()?;
    let id = LogId::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (group == GroupId::MAIN.0 && parts.next().is_none()).then_some(id)
}

/// Whether these bytes are a whole snapshot file.
pub fn is_whole_snapshot(file: &Content) -> bool {
    let Some(file) = file.get(0..file.len()) else { return false };
    let Some((body, trailer)) = file.split_last_chunk::<SNAPSHOT_TRAILER_BYTES>() else { return false };
    let told = (u64_at(trailer, 17), u32_at(trailer, 25), u32_at(trailer, 29));
    told == (body.len() as u64, crc32c::crc32c(body), crc32c::crc32c(&trailer[..29])) && trailer[0] == 2
}

/// A record that was written whole.
pub struct Record<'a> {
    kind: u8,
    body: Cow<'a, [u8]>,
    /// Where the next one stands.
    pub next: usize,
}

impl Record<'_> {
    /// What it says; `None` where that is nothing sensible.
    pub fn said(&self) -> Option<Said<'_>> {
        said(self.kind, &self.body)
    }
}

/// The record of segment `number` that stands at `at`; `None` where there is none to believe.
pub fn record(segment: &Content, number: u32, at: usize) -> Option<Record<'_>> {
    let header = segment.get(at..at + HEADER_BYTES)?;
    if header[0] != 0xC1 || header[39] != 0x1C || u64_at(&header, 15) != at as u64 {
        return None;
    }
    let salt = crc32c::crc32c_append(crc32c::crc32c(&GroupId::MAIN.0.to_le_bytes()), &number.to_le_bytes());
    if crc32c::crc32c_append(salt, &header[..35]) != u32_at(&header, 35) {
        return None;
    }
    let end = at.checked_add(HEADER_BYTES)?.checked_add(u32_at(&header, 3) as usize)?;
    let body = segment.get(at + HEADER_BYTES..end)?;
    let next = end + END_BYTES;
    if *segment.get(end..next)? != [0xED] || crc32c::crc32c(&body) != u32_at(&header, 31) {
        return None;
    }
    Some(Record { kind: header[2], body, next })
}

fn said(kind: u8, body: &[u8]) -> Option<Said<'_>> {
    let mut rest = Fields(body);
    let said = match kind {
        1 => Said::Append { id: rest.id()?, payload: rest.all() },
        2 => Said::Truncate(rest.maybe_id()?),
        3 => Said::Vote(ballot(rest.all())?),
        4 => Said::Purge(rest.id()?),
        5 => Said::Committed(rest.id()?),
        6 => {
            // Where the segment before ended is not asked: that it is read to there is.
            rest.take(8)?;
            let (committed, purged, last) = (rest.maybe_id()?, rest.maybe_id()?, rest.maybe_id()?);
            let has_vote = rest.take(1)? == [1];
            let vote = rest.all();
            let vote = if has_vote { Some(ballot(vote)?) } else { None };
            Said::Checkpoint(Summary { vote, committed, purged, last })
        }
        _ => return None,
    };
    rest.0.is_empty().then_some(said)
}

fn ballot(body: &[u8]) -> Option<Ballot> {
    // The first byte is the version of the encoding.
    let vote: VoteOf<MadRuntime> = postcard::from_bytes(body.get(1..)?).ok()?;
    Some(Ballot { term: vote.leader_id.term, candidate: vote.leader_id.voted_for.0, won: vote.committed })
}

/// The voters that an entry names, a set for each of the majorities that it asks for; `None` where it is about
/// something else.
pub fn voters(payload: &[u8]) -> Option<Vec<Vec<u64>>> {
    type Payload = <Types<MadRuntime> as RaftTypeConfig>::Payload;
    if !payload.starts_with(PAYLOAD_IS_MEMBERSHIP) {
        return None;
    }
    let EntryPayload::Membership(membership) = postcard::from_bytes::<Payload>(&payload[1..]).ok()? else {
        return None;
    };
    let sets = membership.get_joint_config().iter();
    Some(sets.map(|voters| voters.iter().map(|node| node.0).collect()).collect())
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn id(&mut self) -> Option<LogId> {
        let bytes = self.take(16)?;
        Some(LogId::new(u64_at(bytes, 0), u64_at(bytes, 8)))
    }

    fn maybe_id(&mut self) -> Option<Option<LogId>> {
        match self.take(1)? {
            [0] => Some(None),
            [1] => Some(Some(self.id()?)),
            _ => None,
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_not_taken_for_segments_and_snapshots() {
        assert_eq!(segment_number("log/0-0000000007.seg"), Some(7));
        for other in ["log/1-0000000007.seg", "log/0-0000000007.seg.tmp", "0-0000000007.seg", "log/0-.seg"] {
            assert_eq!(segment_number(other), None, "{other}");
        }
        assert_eq!(snapshot_id("snapshot/0-3-17.snap"), Some(LogId::new(3, 17)));
        for other in ["snapshot/0-3-17.snap.bad", "snapshot/0-3-17.snap.1.tmp", "snapshot/1-3-17.snap"] {
            assert_eq!(snapshot_id(other), None, "{other}");
        }
    }

    #[test]
    fn zeros_and_garbage_are_no_records_and_no_snapshots() {
        for garbage in [&[0; 4096][..], &[0xC1; 4096], &[0; 70]] {
            assert!(record(&Content::from(garbage), 1, FIRST_RECORD).is_none());
        }
        assert!(!is_whole_snapshot(&Content::from(&[0; 100][..])) && !is_whole_snapshot(&Content::default()));
    }
}
