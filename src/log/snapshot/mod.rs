//! Snapshot files: the state at one log id, whole and checked.
//!
//! `snapshot/{group}-{term}-{index}.snap`, little-endian, all checksums CRC32C:
//!
//! | part | fields |
//! |---|---|
//! | header | magic `CONFSNAP`, format u32, checksum of both; group u32, length of the membership u32, term u64, index u64, membership; checksum of all before |
//! | chunk, repeated | kind 1, length u32, rows u32, checksum of the rows, checksum of this head; the rows: key length u32, value length u32, key, value |
//! | trailer | kind 2, chunks u64, rows u64, bytes before the trailer u64, checksum of all those bytes, checksum of the trailer |
//!
//! A file gets its name when it is whole and synced, and it is told when its folder is synced too. Until then it ends
//! in `.tmp`, and opening removes it. An older snapshot never replaces a newer one.

mod adopt;
mod file;
mod format;
mod stream;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use file::TemporaryName;
pub use file::{SnapshotFile, SnapshotReceiver};
pub use format::SnapshotRows;
pub use stream::SnapshotStream;

use super::LogError;
use crate::base::{GroupId, LogId};
use crate::host::{File, Files, Host, KeyRange, StoreView};

/// Where snapshots lie.
pub const SNAPSHOT_DIR: &str = "snapshot";

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The last log id whose effect is in it.
    pub last: LogId,
    /// The membership as of then, in the bytes of whoever keeps it.
    pub membership: Bytes,
}

/// The snapshots of one group: at most one is current.
#[derive(Clone)]
pub struct Snapshots {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    group: GroupId,
    current: Mutex<Option<SnapshotFile>>,
    /// Held while a file becomes the current one.
    publishing: tokio::sync::Mutex<()>,
    temporaries: Mutex<u64>,
    /// Temporary files that nobody holds any more, to be removed.
    garbage: file::Garbage,
}

fn path(group: GroupId, last: LogId) -> String {
    format!("{SNAPSHOT_DIR}/{group}-{}-{}.snap", last.term, last.index)
}

/// The log id in a snapshot's file name; `None` for any other file or group.
fn parse_name(group: GroupId, name: &str) -> Option<LogId> {
    let mut parts = name.strip_suffix(".snap")?.split('-').skip(1);
    let last = LogId::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (path(group, last)[SNAPSHOT_DIR.len() + 1..] == *name).then_some(last)
}

impl Snapshots {
    /// Finds the newest whole snapshot. Unfinished and older files are removed; a damaged one is renamed to `.bad`,
    /// logged, and left out: the next older one counts, or none.
    pub async fn open(host: &Host, group: GroupId) -> Result<Snapshots, LogError> {
        let files = &host.files;
        files.create_dir(SNAPSHOT_DIR).await.map_err(LogError::io(SNAPSHOT_DIR))?;
        files.sync_dir("").await.map_err(LogError::io("data directory"))?;
        let names = files.list(SNAPSHOT_DIR).await.map_err(LogError::io(SNAPSHOT_DIR))?;
        let ours = format!("{group}-");
        for name in names.iter().filter(|name| name.starts_with(&ours) && name.ends_with(".tmp")) {
            remove(host, &format!("{SNAPSHOT_DIR}/{name}")).await?;
        }
        let mut found: Vec<LogId> = names.iter().filter_map(|name| parse_name(group, name)).collect();
        found.sort_unstable_by_key(|last| (last.index, last.term));
        let mut current: Option<SnapshotFile> = None;
        for last in found.into_iter().rev() {
            let path = path(group, last);
            if current.is_some() {
                remove(host, &path).await?;
                continue;
            }
            match SnapshotFile::open(&**files, group, &path).await {
                Ok(file) if file.meta().last == last => current = Some(file),
                Ok(_) => set_aside(host, &path, "its name is not that of its content").await?,
                Err(LogError::Damaged { offset, what, .. }) => {
                    set_aside(host, &path, &format!("damaged at offset {offset}: {what}")).await?;
                }
                Err(other) => return Err(other),
            }
        }
        files.sync_dir(SNAPSHOT_DIR).await.map_err(LogError::io(SNAPSHOT_DIR))?;
        let inner = Inner {
            host: host.clone(),
            group,
            current: Mutex::new(current),
            publishing: tokio::sync::Mutex::new(()),
            temporaries: Mutex::new(0),
            garbage: file::Garbage::default(),
        };
        Ok(Snapshots { inner: Arc::new(inner) })
    }

    /// The newest durable snapshot. Its file stays readable for as long as the handle is held.
    pub fn current(&self) -> Option<SnapshotFile> {
        self.inner.current.lock().expect("nothing panics holding it").clone()
    }

    /// Writes the rows of a view as the snapshot of `meta`, and makes it the current one; where that is as new already,
    /// returns it instead. A full disk is an error of kind `StorageFull`, after which all is as before.
    pub async fn build(
        &self,
        meta: SnapshotMeta,
        view: Box<dyn StoreView>,
        range: KeyRange,
    ) -> Result<SnapshotFile, LogError> {
        if let Some(current) = self.current().filter(|current| current.meta().last >= meta.last) {
            return Ok(current);
        }
        self.collect_garbage().await;
        let (file, name) = self.create(&meta).await?;
        let refused = |what: String| LogError::Refused { file: name.path().to_owned(), what };
        let written = match SnapshotStream::start(self.inner.group, &meta, view, range).map_err(refused) {
            Ok(stream) => write_stream(&*file, name.path(), stream).await,
            Err(error) => Err(error),
        };
        self.finish(meta, file, name, written).await
    }

    /// Makes a file of which all was written the current one, where that went well.
    async fn finish(
        &self,
        meta: SnapshotMeta,
        file: Arc<dyn File>,
        name: TemporaryName,
        written: Result<u64, LogError>,
    ) -> Result<SnapshotFile, LogError> {
        let built = match written {
            Ok(bytes) => self.publish(SnapshotFile::temporary(self.inner.group, meta, bytes, file, name)).await,
            Err(error) => {
                drop(name);
                Err(error)
            }
        };
        self.collect_garbage().await;
        built
    }

    /// Begins to take a snapshot that another node sends as the bytes of its file.
    pub async fn receive(&self, meta: SnapshotMeta) -> Result<SnapshotReceiver, LogError> {
        self.collect_garbage().await;
        let (file, name) = self.create(&meta).await?;
        Ok(SnapshotReceiver::new(self.inner.group, meta, file, name))
    }

    /// Makes a received snapshot the current one, durably. Where the current one is as new, it stays.
    pub async fn install(&self, file: SnapshotFile) -> Result<(), LogError> {
        self.publish(file).await?;
        self.collect_garbage().await;
        Ok(())
    }

    /// Sets the current snapshot aside as `.bad`, where it is this one: it was found to be damaged.
    pub async fn set_aside(&self, file: &SnapshotFile, reason: &str) -> Result<(), LogError> {
        let _publishing = self.inner.publishing.lock().await;
        if self.current().is_none_or(|current| current.path() != file.path()) {
            return Ok(());
        }
        set_aside(&self.inner.host, file.path(), reason).await?;
        *self.inner.current.lock().expect("nothing panics holding it") = None;
        Ok(())
    }

    /// Why this node cannot go on where its log was purged up to `purged` and nothing else holds what was before: names
    /// the snapshot that was set aside, if there is one, and where it is damaged.
    pub async fn missing(&self, purged: LogId) -> LogError {
        let Inner { host, group, .. } = &*self.inner;
        let names = host.files.list(SNAPSHOT_DIR).await.unwrap_or_default();
        let bad = names.iter().filter_map(|name| parse_name(*group, name.strip_suffix(".bad")?));
        let Some(newest) = bad.max_by_key(|last| last.index) else {
            let what = format!("the snapshot that held the entries up to {purged} is gone, and so are they");
            return LogError::damaged(SNAPSHOT_DIR, 0, what);
        };
        let file = format!("{}.bad", path(*group, newest));
        let (offset, found) = match SnapshotFile::open(&*host.files, *group, &file).await {
            Err(LogError::Damaged { offset, what, .. }) => (offset, what),
            Err(other) => (0, other.to_string()),
            Ok(_) => (0, "it was set aside".to_owned()),
        };
        let what = format!("{found}; the log was purged up to {purged}, and the store does not hold that much");
        LogError::damaged(&file, offset, what)
    }

    async fn create(&self, meta: &SnapshotMeta) -> Result<(Arc<dyn File>, TemporaryName), LogError> {
        let number = {
            let mut temporaries = self.inner.temporaries.lock().expect("nothing panics holding it");
            *temporaries += 1;
            *temporaries
        };
        let path = format!("{}.{number}.tmp", path(self.inner.group, meta.last));
        let file = self.inner.host.files.create(&path).await.map_err(LogError::io(&path))?;
        Ok((file, TemporaryName::new(path, self.inner.garbage.clone())))
    }

    /// Gives a whole, synced file its name, unless the current one is as new. Returns what is current then.
    async fn publish(&self, file: SnapshotFile) -> Result<SnapshotFile, LogError> {
        let inner = &self.inner;
        let _publishing = inner.publishing.lock().await;
        let before = self.current();
        if let Some(current) = before.as_ref().filter(|current| current.meta().last >= file.meta().last) {
            return Ok(current.clone());
        }
        let path = path(inner.group, file.meta().last);
        inner.host.files.rename(file.path(), &path).await.map_err(LogError::io(file.path()))?;
        let published = file.published(path.clone());
        inner.host.files.sync_dir(SNAPSHOT_DIR).await.map_err(LogError::io(&path))?;
        *inner.current.lock().expect("nothing panics holding it") = Some(published.clone());
        if let Some(before) = before
            && let Err(error) = remove(&inner.host, before.path()).await
        {
            // It is found and removed at the next start.
            tracing::warn!(group = %inner.group, %error, "an old snapshot could not be removed");
        }
        Ok(published)
    }

    async fn collect_garbage(&self) {
        for path in self.inner.garbage.take() {
            if let Err(error) = remove(&self.inner.host, &path).await {
                // It is found and removed at the next start.
                tracing::warn!(group = %self.inner.group, %error, "an unfinished snapshot could not be removed");
            }
        }
    }
}

/// Reads a snapshot file that need not be one of this node's: what it is of, and its rows from the first.
pub async fn read(files: &dyn Files, group: GroupId, path: &str) -> Result<(SnapshotMeta, SnapshotRows), LogError> {
    let file = files.open(path).await.map_err(LogError::io(path))?;
    SnapshotRows::open(file, path, group).await
}

/// Writes all of a stream and syncs it; answers its length. The view is let go before the sync.
async fn write_stream(file: &dyn File, path: &str, mut stream: SnapshotStream) -> Result<u64, LogError> {
    let mut at = 0;
    while let Some(bytes) = stream.next().map_err(|what| LogError::Refused { file: path.to_owned(), what })? {
        let len = bytes.len() as u64;
        file.write_at(at, bytes).await.map_err(LogError::io(path))?;
        at += len;
    }
    drop(stream);
    file.sync().await.map_err(LogError::io(path))?;
    Ok(at)
}

async fn remove(host: &Host, path: &str) -> Result<(), LogError> {
    match host.files.remove(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LogError::io(path)(error)),
        _ => Ok(()),
    }
}

async fn set_aside(host: &Host, path: &str, reason: &str) -> Result<(), LogError> {
    let bad = format!("{path}.bad");
    tracing::error!(file = path, renamed = bad, reason, "a snapshot cannot be used and is set aside");
    host.files.rename(path, &bad).await.map_err(LogError::io(path))?;
    host.files.sync_dir(SNAPSHOT_DIR).await.map_err(LogError::io(SNAPSHOT_DIR))
}
