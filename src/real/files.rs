use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::data_dir::{DataDir, LOCK_FILE, sync_names};
use super::pool::{Pool, Strand};
use crate::host::{BoxFuture, File, Files};

/// [`Files`] on the operating system's, below one data directory.
///
/// Each open file has a queue of its own, so that calls take effect in the order they were made, and a slow sync of
/// one file does not hold up another. Names have one queue together.
pub(super) struct DiskFiles {
    dir: Arc<DataDir>,
    pool: Arc<Pool>,
    names: Arc<Strand>,
}

impl DiskFiles {
    pub fn new(dir: Arc<DataDir>, pool: Arc<Pool>) -> DiskFiles {
        let names = Strand::new(&pool);
        DiskFiles { dir, pool, names }
    }

    /// Runs `work` behind all that was asked about names before.
    fn on_names<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(&DataDir, &str) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, io::Result<T>> {
        let (dir, path) = (self.dir.clone(), path.to_owned());
        let done = self.names.run(move || work(&dir, &path).map_err(|error| name_path(error, &path)));
        Box::pin(async move { done.await? })
    }

    fn open_with(&self, path: &str, options: fs::OpenOptions) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        let (dir, pool) = (self.dir.clone(), self.pool.clone());
        self.on_names(path, move |_, path| {
            let file = options.open(dir.resolve(path)?)?;
            let open = OpenFile { file, path: path.to_owned(), sync_failed: AtomicBool::new(false), _dir: dir };
            Ok(Arc::new(DiskFile { open: Arc::new(open), calls: Strand::new(&pool) }) as Arc<dyn File>)
        })
    }
}

impl Files for DiskFiles {
    fn create(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create_new(true);
        self.open_with(path, options)
    }

    fn open(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true);
        self.open_with(path, options)
    }

    fn rename(&self, from: &str, to: &str) -> BoxFuture<'static, io::Result<()>> {
        let to = to.to_owned();
        self.on_names(from, move |dir, from| fs::rename(dir.resolve(from)?, dir.resolve(&to)?))
    }

    fn remove(&self, path: &str) -> BoxFuture<'static, io::Result<()>> {
        self.on_names(path, |dir, path| fs::remove_file(dir.resolve(path)?))
    }

    fn list(&self, dir: &str) -> BoxFuture<'static, io::Result<Vec<String>>> {
        self.on_names(dir, |root, dir| match list_files(&root.resolve_dir(dir)?) {
            Ok(mut names) => {
                names.retain(|name| !(dir.is_empty() && name == LOCK_FILE));
                Ok(names)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        })
    }

    fn create_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>> {
        self.on_names(dir, |root, dir| fs::create_dir_all(root.resolve_dir(dir)?))
    }

    fn sync_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>> {
        self.on_names(dir, |root, dir| sync_names(&root.resolve_dir(dir)?))
    }

    fn free_bytes(&self) -> BoxFuture<'static, io::Result<u64>> {
        // One call into the kernel, which keeps these counts in memory: asked before every commit, so on no other thread.
        Box::pin(std::future::ready(free_bytes(self.dir.path())))
    }
}

/// The names of the files in `dir`, sorted. A name that is not Unicode is not one of ours.
pub(super) fn list_files(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for found in fs::read_dir(dir)? {
        let found = found?;
        if found.file_type()?.is_file()
            && let Ok(name) = found.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Up to `len` bytes from `offset`; fewer only at the end of the file.
pub(super) fn read_exactly(file: &fs::File, offset: u64, len: usize) -> io::Result<Bytes> {
    // Nobody makes us allocate more than there is to read.
    let there = file.metadata()?.len().saturating_sub(offset);
    let mut bytes = vec![0; len.min(usize::try_from(there).unwrap_or(usize::MAX))];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}

/// What an unprivileged process may still write (`f_bavail`, which leaves out root's reserve).
pub(super) fn free_bytes(dir: &Path) -> io::Result<u64> {
    use std::os::unix::ffi::OsStrExt;

    let path = std::ffi::CString::new(dir.as_os_str().as_bytes())?;
    let mut answer = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` ends with a zero byte and `answer` has room for the struct; statvfs keeps neither pointer.
    let status = unsafe { libc::statvfs(path.as_ptr(), answer.as_mut_ptr()) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: statvfs returned 0, so it has filled the struct.
    let answer = unsafe { answer.assume_init() };
    // The widths of these fields differ between platforms.
    #[allow(clippy::unnecessary_cast)]
    Ok((answer.f_bavail as u64).saturating_mul(answer.f_frsize as u64))
}

/// The same kind of error, and whose it is.
fn name_path(error: io::Error, path: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

struct DiskFile {
    open: Arc<OpenFile>,
    calls: Arc<Strand>,
}

struct OpenFile {
    file: fs::File,
    path: String,
    /// After a failed sync the kernel may have dropped the pages: a later sync that succeeds would prove nothing.
    sync_failed: AtomicBool,
    /// The lock on the directory outlives every open file.
    _dir: Arc<DataDir>,
}

impl OpenFile {
    fn sync(&self) -> io::Result<()> {
        if self.sync_failed.load(Ordering::SeqCst) {
            return Err(io::Error::other("an earlier sync failed, so none can be trusted"));
        }
        self.file.sync_data().inspect_err(|_| self.sync_failed.store(true, Ordering::SeqCst))
    }
}

impl DiskFile {
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&OpenFile) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, io::Result<T>> {
        let open = self.open.clone();
        let done = self.calls.run(move || work(&open).map_err(|error| name_path(error, &open.path)));
        Box::pin(async move { done.await? })
    }
}

impl File for DiskFile {
    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<'static, io::Result<Bytes>> {
        self.call(move |open| read_exactly(&open.file, offset, len))
    }

    fn write_at(&self, offset: u64, data: Bytes) -> BoxFuture<'static, io::Result<()>> {
        self.call(move |open| open.file.write_all_at(&data, offset))
    }

    fn sync(&self) -> BoxFuture<'static, io::Result<()>> {
        self.call(OpenFile::sync)
    }

    /// One job: each change of threads costs about a third of a sync on a good disk.
    fn write_and_sync(&self, offset: u64, data: Bytes) -> BoxFuture<'static, io::Result<()>> {
        self.call(move |open| {
            open.file.write_all_at(&data, offset)?;
            open.sync()
        })
    }

    fn truncate(&self, len: u64) -> BoxFuture<'static, io::Result<()>> {
        self.call(move |open| open.file.set_len(len))
    }

    fn len(&self) -> BoxFuture<'static, io::Result<u64>> {
        self.call(|open| Ok(open.file.metadata()?.len()))
    }
}
