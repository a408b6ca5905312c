//! The bytes of a snapshot file.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::SnapshotMeta;
use crate::base::GroupId;
use crate::host::{File, Row};
use crate::log::LogError;
use crate::log::record::{get_id, put_id};
use crate::log::segment::read_prefix;

/// The snapshot format that this release writes.
pub const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"CONFSNAP";
const PREFIX_BYTES: usize = 16;
/// Prefix, group, length of the membership, term, index.
const HEADER_FIXED_BYTES: usize = PREFIX_BYTES + 4 + 4 + 16;
const MEMBERSHIP_BYTES_MAX: usize = 1 << 20;

const KIND_CHUNK: u8 = 1;
const KIND_TRAILER: u8 = 2;
/// Kind, length, rows, checksum of the rows, checksum of the head.
const CHUNK_HEAD_BYTES: usize = 17;
/// Kind, chunks, rows, bytes before the trailer, checksum of all those bytes, checksum of the trailer.
const TRAILER_BYTES: usize = 33;
/// Before a row's key and value: the length of each.
const ROW_HEAD_BYTES: usize = 8;

/// A chunk ends with the row that makes it this long.
const CHUNK_BYTES: usize = crate::base::limits::SNAPSHOT_CHUNK_BYTES;
/// No row is longer.
const ROW_BYTES_MAX: usize = 8 << 20;

/// Encodes a snapshot piece by piece.
pub struct Encoder {
    chunk: BytesMut,
    chunk_rows: u32,
    chunks: u64,
    rows: u64,
    bytes: u64,
    crc: u32,
}

impl Encoder {
    /// Returns the encoder and the file's first bytes.
    pub fn start(group: GroupId, meta: &SnapshotMeta) -> Result<(Encoder, Bytes), String> {
        if meta.membership.len() > MEMBERSHIP_BYTES_MAX {
            return Err(format!("a membership of {} bytes", meta.membership.len()));
        }
        let mut out = BytesMut::new();
        out.put_slice(MAGIC);
        out.put_u32_le(FORMAT);
        out.put_u32_le(crc32c::crc32c(&out));
        out.put_u32_le(group.0);
        out.put_u32_le(meta.membership.len() as u32);
        put_id(&mut out, meta.last);
        out.put_slice(&meta.membership);
        out.put_u32_le(crc32c::crc32c(&out));
        let mut encoder = Encoder { chunk: BytesMut::new(), chunk_rows: 0, chunks: 0, rows: 0, bytes: 0, crc: 0 };
        let header = encoder.count(out.freeze());
        Ok((encoder, header))
    }

    fn count(&mut self, bytes: Bytes) -> Bytes {
        self.crc = crc32c::crc32c_append(self.crc, &bytes);
        self.bytes += bytes.len() as u64;
        bytes
    }

    /// Takes a row; returns a chunk once there is one to write.
    pub fn row(&mut self, (key, value): &Row) -> Result<Option<Bytes>, String> {
        let bytes = key.len().saturating_add(value.len());
        if bytes > ROW_BYTES_MAX {
            return Err(format!("a row of {bytes} bytes"));
        }
        self.chunk.put_u32_le(key.len() as u32);
        self.chunk.put_u32_le(value.len() as u32);
        self.chunk.put_slice(key);
        self.chunk.put_slice(value);
        self.chunk_rows += 1;
        Ok((self.chunk.len() >= CHUNK_BYTES).then(|| self.end_chunk()))
    }

    fn end_chunk(&mut self) -> Bytes {
        let body = self.chunk.split();
        let mut out = BytesMut::with_capacity(CHUNK_HEAD_BYTES + body.len());
        out.put_u8(KIND_CHUNK);
        out.put_u32_le(body.len() as u32);
        out.put_u32_le(self.chunk_rows);
        out.put_u32_le(crc32c::crc32c(&body));
        out.put_u32_le(crc32c::crc32c(&out));
        out.put_slice(&body);
        self.chunks += 1;
        self.rows += u64::from(self.chunk_rows);
        self.chunk_rows = 0;
        self.count(out.freeze())
    }

    /// The file's last bytes.
    pub fn end(mut self) -> Bytes {
        let mut out = BytesMut::new();
        if self.chunk_rows > 0 {
            out.put_slice(&self.end_chunk());
        }
        let start = out.len();
        out.put_u8(KIND_TRAILER);
        out.put_u64_le(self.chunks);
        out.put_u64_le(self.rows);
        out.put_u64_le(self.bytes);
        out.put_u32_le(self.crc);
        out.put_u32_le(crc32c::crc32c(&out[start..]));
        out.freeze()
    }
}

/// The rows of a snapshot, chunk by chunk, each checked; the end checks the whole.
pub struct SnapshotRows {
    file: Arc<dyn File>,
    path: String,
    offset: u64,
    chunks: u64,
    rows: u64,
    crc: u32,
    ended: bool,
}

impl SnapshotRows {
    /// Reads the header, which must be that of this group.
    pub(super) async fn open(
        file: Arc<dyn File>,
        path: &str,
        group: GroupId,
    ) -> Result<(SnapshotMeta, SnapshotRows), LogError> {
        let rows = SnapshotRows { file, path: path.to_owned(), offset: 0, chunks: 0, rows: 0, crc: 0, ended: false };
        let fixed = rows.read(0, HEADER_FIXED_BYTES).await?;
        let format = read_prefix(&fixed, MAGIC).map_err(|what| rows.damaged(what))?;
        if format > FORMAT {
            return Err(LogError::NewerFormat { file: path.to_owned(), found: format, known: FORMAT });
        }
        let mut fields = fixed.slice(PREFIX_BYTES..);
        let (found, membership_bytes) = (fields.get_u32_le(), fields.get_u32_le() as usize);
        let last = get_id(&mut fields).ok_or_else(|| rows.damaged("the header is too short"))?;
        if membership_bytes > MEMBERSHIP_BYTES_MAX {
            return Err(rows.damaged("the header contradicts itself"));
        }
        let all = rows.read(0, HEADER_FIXED_BYTES + membership_bytes + 4).await?;
        let (covered, mut sum) = all.split_at(all.len() - 4);
        if sum.get_u32_le() != crc32c::crc32c(covered) {
            return Err(rows.damaged("the header fails its checksum"));
        }
        if found != group.0 {
            return Err(rows.damaged(format!("the file is one of group {found}")));
        }
        let membership = all.slice(HEADER_FIXED_BYTES..all.len() - 4);
        let (offset, crc) = (all.len() as u64, crc32c::crc32c(&all));
        Ok((SnapshotMeta { last, membership }, SnapshotRows { offset, crc, ..rows }))
    }

    fn damaged(&self, what: impl Into<String>) -> LogError {
        LogError::damaged(&self.path, self.offset, what)
    }

    async fn read(&self, offset: u64, len: usize) -> Result<Bytes, LogError> {
        let bytes = self.file.read_at(offset, len).await.map_err(LogError::io(&self.path))?;
        if bytes.len() < len {
            return Err(self.damaged("the file ends too early"));
        }
        Ok(bytes)
    }

    /// Where in the file the next chunk begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next rows; `None` at the end, when all sums were right.
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<Row>>, LogError> {
        if self.ended {
            return Ok(None);
        }
        match self.read(self.offset, 1).await?[0] {
            KIND_CHUNK => self.chunk().await.map(Some),
            KIND_TRAILER => self.trailer().await.map(|()| None),
            _ => Err(self.damaged("neither a chunk nor the trailer")),
        }
    }

    async fn chunk(&mut self) -> Result<Vec<Row>, LogError> {
        let head = self.read(self.offset, CHUNK_HEAD_BYTES).await?;
        let mut fields = head.slice(1..);
        let (len, count) = (fields.get_u32_le() as usize, fields.get_u32_le() as usize);
        let (body_crc, head_crc) = (fields.get_u32_le(), fields.get_u32_le());
        if head_crc != crc32c::crc32c(&head[..CHUNK_HEAD_BYTES - 4])
            || len > CHUNK_BYTES + ROW_HEAD_BYTES + ROW_BYTES_MAX
            || count.saturating_mul(ROW_HEAD_BYTES) > len
        {
            return Err(self.damaged("a chunk's head fails its checksum"));
        }
        let body = self.read(self.offset + CHUNK_HEAD_BYTES as u64, len).await?;
        if crc32c::crc32c(&body) != body_crc {
            return Err(self.damaged("a chunk fails its checksum"));
        }
        let rows =
            split_rows(body.clone(), count).ok_or_else(|| self.damaged("a chunk's rows cannot be told apart"))?;
        self.crc = crc32c::crc32c_append(crc32c::crc32c_append(self.crc, &head), &body);
        self.offset += (CHUNK_HEAD_BYTES + len) as u64;
        self.chunks += 1;
        self.rows += count as u64;
        Ok(rows)
    }

    async fn trailer(&mut self) -> Result<(), LogError> {
        let trailer = self.read(self.offset, TRAILER_BYTES).await?;
        let mut fields = trailer.slice(1..);
        let said = (fields.get_u64_le(), fields.get_u64_le(), fields.get_u64_le(), fields.get_u32_le());
        if fields.get_u32_le() != crc32c::crc32c(&trailer[..TRAILER_BYTES - 4]) {
            return Err(self.damaged("the trailer fails its checksum"));
        }
        if said != (self.chunks, self.rows, self.offset, self.crc) {
            return Err(self.damaged("the trailer's totals are not those of the file"));
        }
        let len = self.file.len().await.map_err(LogError::io(&self.path))?;
        if len != self.offset + TRAILER_BYTES as u64 {
            return Err(self.damaged("bytes follow the trailer"));
        }
        self.ended = true;
        Ok(())
    }
}

fn split_rows(mut body: Bytes, count: usize) -> Option<Vec<Row>> {
    let mut rows = Vec::with_capacity(count);
    while body.has_remaining() {
        let key_bytes = body.try_get_u32_le().ok()? as usize;
        let value_bytes = body.try_get_u32_le().ok()? as usize;
        if key_bytes.checked_add(value_bytes)? > body.len() {
            return None;
        }
        rows.push((body.split_to(key_bytes), body.split_to(value_bytes)));
    }
    (rows.len() == count).then_some(rows)
}
