//! What is in a log, without changing anything: for people who look at a data directory.

use bytes::Bytes;

use super::LogError;
use super::flusher::lower;
use super::record::Record;
use super::recover::{Survey, survey};
use super::scan::{judge, scan};
use super::segment::{LOG_DIR, MAGIC, SEGMENT_HEADER_BYTES, Segment};
use crate::base::{GroupId, LogId, LogIndex};
use crate::host::Files;

/// What the log of one group says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogContent {
    pub segments: Vec<SegmentContent>,
    /// In the bytes of whoever votes.
    pub vote: Option<Bytes>,
    pub committed: Option<LogId>,
    pub purged: Option<LogId>,
    pub last: Option<LogId>,
    /// How many entries it holds, and the bytes of their payloads.
    pub entries: u64,
    pub payload_bytes: u64,
    /// Where a power loss tore records that nobody was told of: file and offset. The next start cuts them.
    pub torn: Vec<(String, u64)>,
    /// Files that the next start removes.
    pub leftovers: Vec<String>,
}

/// One segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentContent {
    pub file: String,
    pub bytes: u64,
    pub records: u64,
    /// Where its records end.
    pub end: u64,
    /// The highest index of an entry in it.
    pub highest: Option<LogIndex>,
}

/// Reads a log whole, checks all sums, and judges its end as recovery does. `applied` is what the store proves to have
/// been synced, as for [`super::Wal::open`].
pub async fn read(files: &dyn Files, group: GroupId, applied: Option<LogId>) -> Result<LogContent, LogError> {
    let Survey { leftovers, used, next, next_tail, active_tail, replay } = survey(files, group, 0, applied).await?;
    let mut torn = Vec::new();
    if let (Some((segment, scan)), Some(tail)) = (used.last(), active_tail)
        && !tail.clean
    {
        torn.push((segment.path.clone(), scan.end));
    }
    if let (Some(next), Some(tail)) = (&next, next_tail)
        && !tail.clean
    {
        torn.push((next.path.clone(), SEGMENT_HEADER_BYTES));
    }
    let last = replay.image.last;
    let mut segments: Vec<SegmentContent> = used
        .iter()
        .map(|(segment, scan)| SegmentContent {
            file: segment.path.clone(),
            bytes: segment.bytes,
            records: scan.records,
            end: scan.end,
            highest: replay.highest.get(&segment.seq).copied(),
        })
        .collect();
    segments.extend(next.iter().map(|segment| SegmentContent {
        file: segment.path.clone(),
        bytes: segment.bytes,
        records: 0,
        end: SEGMENT_HEADER_BYTES,
        highest: None,
    }));
    Ok(LogContent {
        segments,
        vote: replay.image.vote.clone(),
        // What was recorded as committed may have been torn with the tail.
        committed: lower(replay.image.committed, last),
        purged: replay.image.purged,
        last,
        entries: replay.index.count(),
        payload_bytes: replay.index.bytes_after(None),
        torn,
        leftovers: leftovers.into_iter().map(|name| format!("{LOG_DIR}/{name}")).collect(),
    })
}

/// Reads one segment file by itself, whichever it is, and judges its end; `None` where the file is no segment. Tells where
/// a record ends that was not written whole.
pub async fn read_segment(files: &dyn Files, path: &str) -> Result<Option<(SegmentContent, Option<u64>)>, LogError> {
    let file = files.open(path).await.map_err(LogError::io(path))?;
    if file.read_at(0, MAGIC.len()).await.map_err(LogError::io(path))? != MAGIC[..] {
        return Ok(None);
    }
    let (_, segment) = Segment::open_any(files, path).await?;
    let mut highest: Option<LogIndex> = None;
    let scanned = scan(&segment, None, |_, record| {
        if let Record::Append { id, .. } = record {
            highest = highest.max(Some(id.index));
        }
        Ok(())
    })
    .await?;
    let tail = judge(&segment, scanned.end).await?;
    let content = SegmentContent {
        file: path.to_owned(),
        bytes: segment.bytes,
        records: scanned.records,
        end: scanned.end,
        highest,
    };
    Ok(Some((content, (!tail.clean).then_some(scanned.end))))
}
