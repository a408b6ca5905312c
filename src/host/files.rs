use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::BoxFuture;

/// The files of one node's data directory.
///
/// Paths are relative, `/`-separated, like `log/0000000001.seg`. What a call promises after a power loss: bytes of a
/// file are kept once [`File::sync`] returned; a created, renamed or removed name is kept once [`Files::sync_dir`] of
/// its folder returned. Anything else may be kept, lost, or kept in part (any subset of 512-byte sectors).
pub trait Files: Send + Sync {
    /// Creates an empty file for reading and writing; fails with `AlreadyExists` where the name is taken.
    fn create(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>>;
    /// Opens an existing file for reading and writing; fails with `NotFound`.
    fn open(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>>;
    /// Gives a file another name, replacing what had it.
    fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, io::Result<()>>;
    /// Removes a file; fails with `NotFound`.
    fn remove(&self, path: &str) -> BoxFuture<'static, io::Result<()>>;
    /// The names of the files in a folder, sorted; empty where the folder does not exist. Not recursive.
    fn list(&self, dir: &str) -> BoxFuture<'static, io::Result<Vec<String>>>;
    /// Creates a folder and its parents; fine where it exists.
    fn create_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>>;
    /// Makes the names in a folder durable. The data directory itself is `""`.
    fn sync_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>>;
    /// How many bytes can still be written to this disk by us.
    fn free_bytes(&self) -> BoxFuture<'static, io::Result<u64>>;
}

/// One open file. Calls on one file take effect in the order they were made.
#[expect(clippy::len_without_is_empty, reason = "nobody asks a file only whether it is empty")]
pub trait File: Send + Sync {
    /// Up to `len` bytes from `offset`; fewer only at the end of the file.
    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<'static, io::Result<Bytes>>;
    /// Writes all of `data` at `offset`, growing the file (zeros between) where needed.
    fn write_at(&self, offset: u64, data: Bytes) -> BoxFuture<'static, io::Result<()>>;
    /// Makes all bytes written before this call durable (fdatasync, with the length).
    fn sync(&self) -> BoxFuture<'static, io::Result<()>>;
    /// [`File::write_at`], then [`File::sync`] where that succeeded: one call, for who waits for both anyway.
    fn write_and_sync(&self, offset: u64, data: Bytes) -> BoxFuture<'static, io::Result<()>> {
        let (write, sync) = (self.write_at(offset, data), self.sync());
        Box::pin(async move {
            write.await?;
            sync.await
        })
    }
    /// Cuts or grows (with zeros) the file.
    fn truncate(&self, len: u64) -> BoxFuture<'static, io::Result<()>>;
    /// The length in bytes.
    fn len(&self) -> BoxFuture<'static, io::Result<u64>>;
}
