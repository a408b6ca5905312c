//! Segment files: names, headers, preallocation.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::LogError;
use super::error::is_full;
use super::record::salt;
use crate::base::GroupId;
use crate::host::{File, Host};

/// Where segments lie.
pub const LOG_DIR: &str = "log";
/// The offset of a segment's first record.
pub const SEGMENT_HEADER_BYTES: u64 = 64;
/// The segment format that this release writes.
pub const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"CONFMLOG";
/// Magic, format version and the checksum of both: at this place in every format there will ever be.
const PREFIX_BYTES: usize = 16;
/// Files are read and filled in pieces of this size.
pub const PIECE_BYTES: usize = 1 << 20;
/// How long to wait before looking again whether a full disk has space.
const SPACE_RETRY: Duration = Duration::from_millis(200);

/// One open segment file.
#[derive(Clone)]
pub struct Segment {
    pub seq: u32,
    pub path: String,
    pub file: Arc<dyn File>,
    /// The file's whole length.
    pub bytes: u64,
    pub salt: u32,
}

/// `log/{group}-{seq}.seg`
pub fn path(group: GroupId, seq: u32) -> String {
    format!("{LOG_DIR}/{}", name(group, seq))
}

fn name(group: GroupId, seq: u32) -> String {
    format!("{group}-{seq:010}.seg")
}

/// The number in a segment's file name; `None` for any other file or group.
pub fn parse_name(group: GroupId, file_name: &str) -> Option<u32> {
    let seq = file_name.strip_suffix(".seg")?.split_once('-')?.1.parse().ok()?;
    (name(group, seq) == file_name).then_some(seq)
}

/// Whether this is the temporary file of a segment of this group.
pub fn is_temporary(group: GroupId, file_name: &str) -> bool {
    file_name.strip_suffix(".tmp").is_some_and(|name| parse_name(group, name).is_some())
}

fn encode_header(group: GroupId, seq: u32, bytes: u64) -> Bytes {
    let mut out = BytesMut::with_capacity(SEGMENT_HEADER_BYTES as usize);
    out.put_slice(MAGIC);
    out.put_u32_le(FORMAT);
    out.put_u32_le(crc32c::crc32c(&out));
    out.put_u32_le(group.0);
    out.put_u32_le(seq);
    out.put_u64_le(bytes);
    out.put_bytes(0, SEGMENT_HEADER_BYTES as usize - 4 - out.len());
    out.put_u32_le(crc32c::crc32c(&out));
    out.freeze()
}

impl Segment {
    /// Opens an existing segment and checks its header. The header and the length were synced before the file got its
    /// name: nothing about them can be torn.
    pub async fn open(host: &Host, group: GroupId, seq: u32) -> Result<Segment, LogError> {
        let path = path(group, seq);
        let file = host.files.open(&path).await.map_err(LogError::io(&path))?;
        let len = file.len().await.map_err(LogError::io(&path))?;
        let header = file.read_at(0, SEGMENT_HEADER_BYTES as usize).await.map_err(LogError::io(&path))?;
        let format = read_prefix(&header, MAGIC).map_err(|what| LogError::damaged(&path, 0, what))?;
        if format > FORMAT {
            return Err(LogError::NewerFormat { file: path, found: format, known: FORMAT });
        }
        let mut fields = header.clone();
        let sums = header.len() as u64 == SEGMENT_HEADER_BYTES && {
            let (covered, mut sum) = header.split_at(header.len() - 4);
            sum.get_u32_le() == crc32c::crc32c(covered)
        };
        if !sums {
            return Err(LogError::damaged(&path, 0, "the segment's header fails its checksum"));
        }
        fields.advance(PREFIX_BYTES);
        let found = (fields.get_u32_le(), fields.get_u32_le());
        let bytes = fields.get_u64_le();
        if found != (group.0, seq) {
            let what = format!("the header is that of group {}, segment {}", found.0, found.1);
            return Err(LogError::damaged(&path, 0, what));
        }
        if len != bytes {
            let what = format!("the file was made with {bytes} bytes and has {len}");
            return Err(LogError::damaged(&path, len.min(bytes), what));
        }
        Ok(Segment { seq, path, file, bytes, salt: salt(group, seq) })
    }

    /// Makes a segment of zeros, durable with its name before this returns; it replaces one of the same number.
    ///
    /// A full disk is waited out: nothing was promised yet. `None` once `wanted` says no.
    pub async fn prepare(
        host: &Host,
        group: GroupId,
        seq: u32,
        bytes: u64,
        reserve_bytes: u64,
        wanted: impl Fn() -> bool,
    ) -> Result<Option<Segment>, LogError> {
        let path = path(group, seq);
        let mut warned = false;
        while wanted() {
            let free = host.files.free_bytes().await.map_err(LogError::io(LOG_DIR))?;
            if free >= reserve_bytes / 2 {
                match create(host, group, seq, bytes, &path).await {
                    Ok(file) => {
                        if warned {
                            tracing::info!(%group, file = path, "the disk has space again");
                        }
                        return Ok(Some(Segment { seq, path, file, bytes, salt: salt(group, seq) }));
                    }
                    Err(LogError::Io { source, .. }) if is_full(&source) => {}
                    Err(other) => return Err(other),
                }
            }
            if !warned {
                warned = true;
                tracing::warn!(%group, file = path, free, needed = bytes, reserve_bytes, "the disk is full: the log waits for space");
            }
            host.sleep(SPACE_RETRY).await;
        }
        Ok(None)
    }

    /// Writes what stands here once more, and syncs it. A sync that failed before a restart may have left pages that
    /// read well and count as clean although the disk never got them; another sync alone would not write them.
    /// Rebello et al., "Can applications recover from fsync failures?", 2020.
    pub async fn write_again(&self, from: u64, to: u64) -> Result<(), LogError> {
        let mut at = from;
        while at < to {
            let piece = (to - at).min(PIECE_BYTES as u64) as usize;
            let content = self.file.read_at(at, piece).await.map_err(LogError::io(&self.path))?;
            if content.len() != piece {
                return Err(LogError::damaged(&self.path, at, "the file ends within the segment"));
            }
            self.file.write_at(at, content).await.map_err(LogError::io(&self.path))?;
            at += piece as u64;
        }
        self.file.sync().await.map_err(LogError::io(&self.path))
    }

    /// Zeros from `from` to the end, written where there is anything else, then synced.
    pub async fn zero_after(&self, from: u64) -> Result<(), LogError> {
        let mut at = from;
        while at < self.bytes {
            let piece = self.file.read_at(at, PIECE_BYTES).await.map_err(LogError::io(&self.path))?;
            if piece.is_empty() {
                return Err(LogError::damaged(&self.path, at, "the file ends within the segment"));
            }
            if !super::record::is_zero(&piece) {
                let zeros = Bytes::from(vec![0; piece.len()]);
                self.file.write_at(at, zeros).await.map_err(LogError::io(&self.path))?;
            }
            at += piece.len() as u64;
        }
        self.file.sync().await.map_err(LogError::io(&self.path))
    }
}

/// Checks magic and checksum of a file's first bytes, and returns the format version.
pub fn read_prefix(header: &Bytes, magic: &[u8; 8]) -> Result<u32, String> {
    let prefix = header.get(..PREFIX_BYTES).ok_or("the file ends within its header")?;
    let (covered, mut sum) = prefix.split_at(PREFIX_BYTES - 4);
    if &covered[..8] != magic || sum.get_u32_le() != crc32c::crc32c(covered) {
        return Err("the file does not begin as it must".to_owned());
    }
    Ok((&covered[8..]).get_u32_le())
}

async fn create(host: &Host, group: GroupId, seq: u32, bytes: u64, path: &str) -> Result<Arc<dyn File>, LogError> {
    let temporary = format!("{path}.tmp");
    let failed = |source| LogError::Io { file: temporary.clone(), source };
    // What an earlier attempt left is in the way, and may hold the space that was missing.
    match host.files.remove(&temporary).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = host.files.create(&temporary).await.map_err(failed)?;
    let filled = fill(&*file, group, seq, bytes).await;
    if let Err(error) = filled {
        drop(file);
        if let Err(error) = host.files.remove(&temporary).await {
            tracing::warn!(%group, file = temporary, %error, "an unfinished segment could not be removed");
        }
        return Err(failed(error));
    }
    host.files.rename(&temporary, path).await.map_err(failed)?;
    // An error from here on is final: the name may be there.
    host.files
        .sync_dir(LOG_DIR)
        .await
        .map_err(|source| LogError::Io { file: path.to_owned(), source: std::io::Error::other(source) })?;
    Ok(file)
}

async fn fill(file: &dyn File, group: GroupId, seq: u32, bytes: u64) -> std::io::Result<()> {
    file.write_at(0, encode_header(group, seq, bytes)).await?;
    let zeros = Bytes::from(vec![0; PIECE_BYTES.min(bytes as usize)]);
    let mut at = SEGMENT_HEADER_BYTES;
    while at < bytes {
        let len = (bytes - at).min(PIECE_BYTES as u64);
        file.write_at(at, zeros.slice(..len as usize)).await?;
        at += len;
    }
    file.sync().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_name_reads_back_and_others_are_not_taken_for_one() {
        assert_eq!(name(GroupId(2), 7), "2-0000000007.seg");
        assert_eq!(parse_name(GroupId(2), "2-0000000007.seg"), Some(7));
        for other in ["1-0000000007.seg", "2-7.seg", "2-0000000007.seg.tmp", "2-+000000007.seg", "2-.seg", ""] {
            assert_eq!(parse_name(GroupId(2), other), None, "{other}");
        }
        assert!(is_temporary(GroupId(2), "2-0000000007.seg.tmp"));
        assert!(!is_temporary(GroupId(2), "1-0000000007.seg.tmp"));
    }
}
