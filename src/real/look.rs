//! Files of a folder for those who only look: nothing is created, changed or removed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::OpenError;
use super::data_dir::{LOCK_FILE, owner, plain_path};
use super::files::{free_bytes, list_files, read_exactly};
use crate::host::{self, BoxFuture, Files};

/// The files below a folder, to be read only.
pub fn look_at_folder(folder: &Path) -> Arc<dyn Files> {
    Arc::new(LookFiles { folder: folder.to_owned(), _lock: None })
}

/// The files of a data directory, to be read only. No node can start there for as long as this is held, and a directory
/// that a running node has is refused. A copy, which need not have the lock's file, is taken as it is.
pub fn look_at_data_dir(dir: &Path) -> Result<Arc<dyn Files>, OpenError> {
    let not_usable = |source| OpenError::DataDir { dir: dir.to_owned(), source };
    fs::read_dir(dir).map_err(not_usable)?;
    let lock = match OpenOptions::new().read(true).open(dir.join(LOCK_FILE)) {
        Ok(lock) => Some(lock),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(not_usable(error)),
    };
    match lock.as_ref().map(File::try_lock) {
        None | Some(Ok(())) => Ok(Arc::new(LookFiles { folder: dir.to_owned(), _lock: lock })),
        Some(Err(TryLockError::WouldBlock)) => Err(OpenError::DataDirLocked { dir: dir.to_owned(), owner: owner(dir) }),
        Some(Err(TryLockError::Error(error))) => Err(not_usable(error)),
    }
}

struct LookFiles {
    folder: PathBuf,
    _lock: Option<File>,
}

impl LookFiles {
    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        if path.is_empty() { Ok(self.folder.clone()) } else { plain_path(path).map(|path| self.folder.join(path)) }
    }
}

fn refused<T: Send + 'static>(path: &str) -> BoxFuture<'static, io::Result<T>> {
    let why = format!("{path}: opened to be looked at, not to be changed");
    Box::pin(std::future::ready(Err(io::Error::new(io::ErrorKind::PermissionDenied, why))))
}

fn done<T: Send + 'static>(outcome: io::Result<T>) -> BoxFuture<'static, io::Result<T>> {
    Box::pin(std::future::ready(outcome))
}

impl Files for LookFiles {
    fn create(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn host::File>>> {
        refused(path)
    }

    fn open(&self, path: &str) -> BoxFuture<'static, io::Result<Arc<dyn host::File>>> {
        let open = || {
            let path = self.resolve(path)?;
            let file = File::open(&path)?;
            if file.metadata()?.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            Ok(Arc::new(LookFile(file)) as Arc<dyn host::File>)
        };
        done(open())
    }

    fn rename(&self, from: &str, _to: &str) -> BoxFuture<'static, io::Result<()>> {
        refused(from)
    }

    fn remove(&self, path: &str) -> BoxFuture<'static, io::Result<()>> {
        refused(path)
    }

    fn list(&self, dir: &str) -> BoxFuture<'static, io::Result<Vec<String>>> {
        done(self.resolve(dir).and_then(|dir| match list_files(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed,
        }))
    }

    fn create_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>> {
        refused(dir)
    }

    fn sync_dir(&self, dir: &str) -> BoxFuture<'static, io::Result<()>> {
        refused(dir)
    }

    fn free_bytes(&self) -> BoxFuture<'static, io::Result<u64>> {
        done(free_bytes(&self.folder))
    }
}

struct LookFile(File);

impl host::File for LookFile {
    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<'static, io::Result<Bytes>> {
        done(read_exactly(&self.0, offset, len))
    }

    fn write_at(&self, _offset: u64, _data: Bytes) -> BoxFuture<'static, io::Result<()>> {
        refused("a file")
    }

    fn sync(&self) -> BoxFuture<'static, io::Result<()>> {
        refused("a file")
    }

    fn truncate(&self, _len: u64) -> BoxFuture<'static, io::Result<()>> {
        refused("a file")
    }

    fn len(&self) -> BoxFuture<'static, io::Result<u64>> {
        done(self.0.metadata().map(|about| about.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_looked_at_can_be_read_and_not_changed() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("log")).unwrap();
        fs::write(temp.path().join("log/a"), "0123456789").unwrap();
        let files = look_at_folder(temp.path());
        assert_eq!(files.list("log").await.unwrap(), ["a"]);
        assert!(files.list("nothing").await.unwrap().is_empty());
        let file = files.open("log/a").await.unwrap();
        assert_eq!(file.read_at(3, 4).await.unwrap(), "3456");
        assert_eq!(file.read_at(8, 99).await.unwrap(), "89");
        assert!(file.write_at(0, Bytes::from_static(b"x")).await.is_err());
        for refused in [files.remove("log/a").await, files.create_dir("x").await, files.rename("log/a", "b").await] {
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        }
        assert!(files.open("../a").await.is_err());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_in_use_is_refused_and_a_copy_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let node = super::super::data_dir::DataDir::open(temp.path()).unwrap();
        assert!(matches!(look_at_data_dir(temp.path()), Err(OpenError::DataDirLocked { .. })));
        drop(node);
        let held = look_at_data_dir(temp.path()).unwrap();
        assert!(super::super::data_dir::DataDir::open(temp.path()).is_err(), "no node starts meanwhile");
        drop(held);
        fs::remove_file(temp.path().join(LOCK_FILE)).unwrap();
        look_at_data_dir(temp.path()).unwrap();
        assert!(!temp.path().join(LOCK_FILE).exists(), "nothing was made");
        assert!(look_at_data_dir(&temp.path().join("nowhere")).is_err());
    }
}
