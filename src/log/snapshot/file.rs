use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::format::SnapshotRows;
use super::{LogError, SnapshotMeta};
use crate::base::GroupId;
use crate::base::limits::FRAME_BYTES_MAX;
use crate::host::{File, Files};

/// Names of files that are to be removed.
#[derive(Clone, Default)]
pub struct Garbage(Arc<Mutex<Vec<String>>>);

impl Garbage {
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nothing panics holding it"))
    }
}

/// The name of a file that becomes garbage when it is dropped, unless it got another name.
pub struct TemporaryName {
    path: String,
    garbage: Garbage,
    renamed: AtomicBool,
}

impl TemporaryName {
    pub fn new(path: String, garbage: Garbage) -> TemporaryName {
        TemporaryName { path, garbage, renamed: AtomicBool::new(false) }
    }

    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Drop for TemporaryName {
    fn drop(&mut self) {
        if !*self.renamed.get_mut() {
            self.garbage.0.lock().expect("nothing panics holding it").push(std::mem::take(&mut self.path));
        }
    }
}

/// One snapshot file, whole when it was opened. Cheap to clone; readable for as long as it is held.
#[derive(Clone)]
pub struct SnapshotFile {
    group: GroupId,
    meta: SnapshotMeta,
    bytes: u64,
    path: String,
    file: Arc<dyn File>,
    temporary: Option<Arc<TemporaryName>>,
}

impl std::fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotFile").field("path", &self.path).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl SnapshotFile {
    /// Opens a file and reads it once to the end, checking all sums.
    pub(super) async fn open(files: &dyn Files, group: GroupId, path: &str) -> Result<SnapshotFile, LogError> {
        let file = files.open(path).await.map_err(LogError::io(path))?;
        let bytes = file.len().await.map_err(LogError::io(path))?;
        let meta = verify(&file, path, group).await?;
        Ok(SnapshotFile { group, meta, bytes, path: path.to_owned(), file, temporary: None })
    }

    pub(super) fn temporary(
        group: GroupId,
        meta: SnapshotMeta,
        bytes: u64,
        file: Arc<dyn File>,
        name: TemporaryName,
    ) -> SnapshotFile {
        let path = name.path().to_owned();
        SnapshotFile { group, meta, bytes, path, file, temporary: Some(Arc::new(name)) }
    }

    /// The same file after it was renamed.
    pub(super) fn published(self, path: String) -> SnapshotFile {
        if let Some(temporary) = &self.temporary {
            temporary.renamed.store(true, Ordering::Relaxed);
        }
        SnapshotFile { path, temporary: None, ..self }
    }

    pub fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// The length of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Up to `len` raw bytes of the file, for sending it; empty at its end.
    pub async fn read_chunk(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        self.file.read_at(offset, len.min(FRAME_BYTES_MAX)).await
    }

    /// Reads the file once to the end, checking all sums again.
    pub async fn verify(&self) -> Result<(), LogError> {
        verify(&self.file, &self.path, self.group).await.map(|_| ())
    }

    /// The rows, from the first.
    pub async fn rows(&self) -> Result<SnapshotRows, LogError> {
        let (meta, rows) = SnapshotRows::open(self.file.clone(), &self.path, self.group).await?;
        if meta != self.meta {
            return Err(LogError::damaged(&self.path, 0, "the header has changed since the file was opened"));
        }
        Ok(rows)
    }
}

async fn verify(file: &Arc<dyn File>, path: &str, group: GroupId) -> Result<SnapshotMeta, LogError> {
    let (meta, mut rows) = SnapshotRows::open(file.clone(), path, group).await?;
    while rows.next_chunk().await?.is_some() {}
    Ok(meta)
}

/// Takes the bytes of a snapshot file in order. Dropping it gives the file up.
pub struct SnapshotReceiver {
    group: GroupId,
    meta: SnapshotMeta,
    file: Arc<dyn File>,
    name: TemporaryName,
    received: u64,
}

impl SnapshotReceiver {
    pub(super) fn new(
        group: GroupId,
        meta: SnapshotMeta,
        file: Arc<dyn File>,
        name: TemporaryName,
    ) -> SnapshotReceiver {
        SnapshotReceiver { group, meta, file, name, received: 0 }
    }

    pub fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// How many bytes are here: where the sender goes on.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Takes bytes at `offset`. Bytes that are here already are skipped; a gap is refused.
    pub async fn write(&mut self, offset: u64, mut bytes: Bytes) -> Result<(), LogError> {
        let Some(known) = self.received.checked_sub(offset) else {
            let what = format!("bytes at {offset} were sent, and those from {} on are missing", self.received);
            return Err(LogError::Refused { file: self.name.path().to_owned(), what });
        };
        if known >= bytes.len() as u64 {
            return Ok(());
        }
        let fresh = bytes.split_off(known as usize);
        let len = fresh.len() as u64;
        self.file.write_at(self.received, fresh).await.map_err(LogError::io(self.name.path()))?;
        self.received += len;
        Ok(())
    }

    /// Syncs what was received and checks all sums. The file is not current yet: see
    /// [`Snapshots::install`](super::Snapshots::install).
    pub async fn finish(self) -> Result<SnapshotFile, LogError> {
        let path = self.name.path();
        self.file.sync().await.map_err(LogError::io(path))?;
        let refused = |what: String| LogError::Refused { file: path.to_owned(), what };
        match verify(&self.file, path, self.group).await {
            Ok(meta) if meta == self.meta => {}
            Ok(meta) => return Err(refused(format!("it is a snapshot of {}, not of {}", meta.last, self.meta.last))),
            // Not damage of this node's disk: what was sent is not whole, and can be sent again.
            Err(LogError::Damaged { offset, what, .. }) => {
                return Err(refused(format!("what was received is not a snapshot: {what} (at {offset})")));
            }
            Err(other) => return Err(other),
        }
        Ok(SnapshotFile::temporary(self.group, self.meta, self.received, self.file, self.name))
    }
}
