//! Reading entries back: from the cache, or from segments, checked.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::index::Source;
use super::record::{APPEND_HEAD_BYTES, FRAME_BYTES, Header, Record};
use super::segment::{PIECE_BYTES, Segment};
use super::{LogEntry, LogError};
use crate::base::LogId;

/// Records that lie this close are read together.
const GAP_BYTES_MAX: u64 = 4096;

/// Gets the planned entries. Neighbours in a segment are read with one call.
pub async fn read_entries(
    plan: Vec<(LogId, Source)>,
    segments: &BTreeMap<u32, Segment>,
) -> Result<Vec<LogEntry>, LogError> {
    let mut entries = Vec::with_capacity(plan.len());
    // What was read last: segment, offset, bytes.
    let mut buffered: (u32, u64, Bytes) = (0, 0, Bytes::new());
    for (at, (id, source)) in plan.iter().enumerate() {
        let payload = match source {
            Source::Cached(payload) => payload.clone(),
            Source::File { seq, offset, payload_bytes } => {
                let Some(segment) = segments.get(seq) else {
                    let what = "a segment file was removed while an entry in it was needed";
                    return Err(LogError::damaged(super::segment::LOG_DIR, *offset, what));
                };
                let (bytes, end) = (record_bytes(*payload_bytes), offset + record_bytes(*payload_bytes));
                let within = buffered.0 == *seq && *offset >= buffered.1 && end <= buffered.1 + buffered.2.len() as u64;
                if !within {
                    let len = run_end(&plan[at..], *seq, *offset) - offset;
                    let read =
                        segment.file.read_at(*offset, len as usize).await.map_err(LogError::io(&segment.path))?;
                    buffered = (*seq, *offset, read);
                }
                let from = (offset - buffered.1) as usize;
                let record = buffered.2.slice(from.min(buffered.2.len())..buffered.2.len().min(from + bytes as usize));
                check(record, segment, *offset, *id)?
            }
        };
        entries.push(LogEntry { id: *id, payload });
    }
    Ok(entries)
}

fn record_bytes(payload_bytes: u64) -> u64 {
    FRAME_BYTES + APPEND_HEAD_BYTES + payload_bytes
}

/// Where the records end that lie close behind each other from `start`.
fn run_end(plan: &[(LogId, Source)], seq: u32, start: u64) -> u64 {
    let mut end = start;
    for (_, source) in plan {
        match source {
            Source::File { seq: at, offset, payload_bytes } if *at == seq && *offset >= end => {
                let next = offset + record_bytes(*payload_bytes);
                let near = offset - end <= GAP_BYTES_MAX && next - start <= PIECE_BYTES as u64;
                if end != start && !near {
                    break;
                }
                end = next;
            }
            _ => break,
        }
    }
    end
}

fn check(record: Bytes, segment: &Segment, offset: u64, id: LogId) -> Result<Bytes, LogError> {
    let header = Header::decode(&record, segment.salt, offset);
    let body = header.and_then(|header| Some((header.kind, header.body(&record)?)));
    match body.and_then(|(kind, body)| Record::decode(kind, body)) {
        Some(Record::Append { id: found, payload }) if found == id => Ok(payload),
        _ => Err(LogError::damaged(&segment.path, offset, format!("the record of entry {id} is not what was written"))),
    }
}
