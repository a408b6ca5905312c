//! Reading one segment from its start, and judging what lies where its believable records end.

use bytes::Bytes;

use super::LogError;
use super::record::{BODY_BYTES_MAX, FRAME_BYTES, HEADER_BYTES, Header, Record, SECTOR, VERSION, is_zero};
use super::segment::{PIECE_BYTES, SEGMENT_HEADER_BYTES, Segment};

/// A buffered view of a segment, for reading it forward.
struct Window<'a> {
    segment: &'a Segment,
    start: u64,
    buffer: Bytes,
}

impl<'a> Window<'a> {
    fn new(segment: &'a Segment) -> Window<'a> {
        Window { segment, start: 0, buffer: Bytes::new() }
    }

    /// `len` bytes at `offset`, both within the segment.
    async fn get(&mut self, offset: u64, len: u64) -> Result<Bytes, LogError> {
        let buffered = self.start..self.start + self.buffer.len() as u64;
        if !(buffered.contains(&offset) && offset + len <= buffered.end) {
            let wanted = len.max(PIECE_BYTES as u64).min(self.segment.bytes - offset);
            let path = &self.segment.path;
            self.buffer = self.segment.file.read_at(offset, wanted as usize).await.map_err(LogError::io(path))?;
            self.start = offset;
            if (self.buffer.len() as u64) < len {
                return Err(LogError::damaged(path, offset, "the file ends within the segment"));
            }
        }
        let from = (offset - self.start) as usize;
        Ok(self.buffer.slice(from..from + len as usize))
    }
}

/// The believable records of one segment.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    /// Where they end.
    pub end: u64,
    /// The link that the next record must name.
    pub link: u32,
    /// How many there are.
    pub records: u64,
    /// Everything before this offset was synced when the last of them was written.
    pub synced: u64,
}

/// Reads records from the start of a segment for as long as they can be believed, and shows each with its offset.
///
/// `link` is that of the last record before this segment, where it is known. A record that is sound by itself but
/// cannot stand where it stands is damage; so is one that `visit` refuses.
pub async fn scan(
    segment: &Segment,
    mut link: Option<u32>,
    mut visit: impl FnMut(u64, Record) -> Result<(), LogError>,
) -> Result<Scan, LogError> {
    let mut window = Window::new(segment);
    let (mut at, mut records, mut synced) = (SEGMENT_HEADER_BYTES, 0, SEGMENT_HEADER_BYTES);
    while at + FRAME_BYTES <= segment.bytes {
        let header = Header::decode(&window.get(at, HEADER_BYTES).await?, segment.salt, at);
        let Some(header) = header else { break };
        let damaged = |what: String| LogError::damaged(&segment.path, at, what);
        if header.version > VERSION {
            let found = u32::from(header.version);
            return Err(LogError::NewerFormat { file: segment.path.clone(), found, known: u32::from(VERSION) });
        }
        let bytes = header.record_bytes();
        if u64::from(header.body_bytes) > BODY_BYTES_MAX || bytes > segment.bytes - at || header.synced > at {
            return Err(damaged("a record's header contradicts itself".to_owned()));
        }
        let Some(body) = header.body(&window.get(at, bytes).await?) else { break };
        let record = Record::decode(header.kind, body)
            .ok_or_else(|| damaged(format!("the body of a record of kind {} cannot be read", header.kind)))?;
        if matches!(record, Record::Checkpoint { .. }) != (at == SEGMENT_HEADER_BYTES) {
            return Err(damaged("a checkpoint stands at the start of a segment, and nowhere else".to_owned()));
        }
        // A checkpoint knows better where the segment before should have ended: it is asked first.
        visit(at, record)?;
        if link.is_some_and(|link| link != header.link) {
            return Err(damaged("the record does not continue the one before it".to_owned()));
        }
        (link, synced) = (Some(header.crc), header.synced);
        at += bytes;
        records += 1;
    }
    Ok(Scan { end: at, link: link.unwrap_or(0), records, synced })
}

/// What lies behind the believable records of the newest segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Nothing but zeros.
    pub clean: bool,
    /// Some record was written here: all of the segments before was synced then.
    pub any_record: bool,
}

/// Decides whether what lies at `end` is the end of the log, a record that a power loss tore, or damage. See the
/// module's documentation for the reasoning.
pub async fn judge(segment: &Segment, end: u64) -> Result<Tail, LogError> {
    let mut window = Window::new(segment);
    let damaged = |what: &str| LogError::damaged(&segment.path, end, what);
    let left = segment.bytes - end;
    let head = window.get(end, left.min(HEADER_BYTES)).await?;
    let header = Header::decode(&head, segment.salt, end);
    let (extent, zeros_written) = match header {
        Some(header) => (header.record_bytes().min(left), header.zero_sectors),
        None => (left.min(HEADER_BYTES), 0),
    };
    if left < FRAME_BYTES {
        let rest = window.get(end, left).await?;
        return if is_zero(&rest) {
            Ok(Tail { clean: true, any_record: false })
        } else {
            Err(damaged("there are bytes behind the last record, where none fits"))
        };
    }
    if zero_sectors(&mut window, end, extent).await? <= u64::from(zeros_written) {
        return Err(damaged("a record fails its checksum although each of its sectors was written"));
    }

    let mut tail = Tail { clean: true, any_record: header.is_some() };
    let mut at = end;
    while at < segment.bytes {
        // Each piece also sees the first bytes of the next one, so that no header is missed.
        let piece = (segment.bytes - at).min(PIECE_BYTES as u64 - HEADER_BYTES);
        let bytes = window.get(at, (piece + HEADER_BYTES).min(segment.bytes - at)).await?;
        if !is_zero(&bytes) {
            tail.clean = false;
            for from in 0..piece as usize {
                let found = Header::decode(&bytes[from..], segment.salt, at + from as u64);
                let Some(later) = found.filter(|later| later.position > end) else { continue };
                tail.any_record = true;
                if later.synced > end {
                    let what = format!(
                        "no sound record stands here, and the one at {} proves that there was a synced one",
                        later.position
                    );
                    return Err(damaged(&what));
                }
            }
        }
        at += piece;
    }
    Ok(tail)
}

/// How many of the sectors that `extent` bytes at `start` touch are all zero, the first one from `start` on.
async fn zero_sectors(window: &mut Window<'_>, start: u64, extent: u64) -> Result<u64, LogError> {
    let (mut at, mut zeros) = (start, 0);
    while at < start + extent {
        let sector_end = (at / SECTOR + 1) * SECTOR;
        let sector = window.get(at, sector_end.min(window.segment.bytes) - at).await?;
        zeros += u64::from(is_zero(&sector));
        at = sector_end;
    }
    Ok(zeros)
}
