use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::OpenError;

/// The file whose lock says that a process owns the directory. No other part of the node may touch it.
pub(super) const LOCK_FILE: &str = "LOCK";

/// One node's data directory, locked against every other process for as long as this lives.
pub(super) struct DataDir {
    path: PathBuf,
    /// The operating system lets go of the lock when the file is closed, also by a crash.
    _lock: File,
}

impl DataDir {
    /// Creates the directory where there is none, and locks it.
    pub fn open(path: &Path) -> Result<DataDir, OpenError> {
        create_durably(path).map_err(|source| not_usable(path, source))?;
        let path = path.canonicalize().map_err(|source| not_usable(path, source))?;
        let failed = |source| not_usable(&path, source);
        let mut lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK_FILE)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = owner(&path);
                return Err(OpenError::DataDirLocked { dir: path, owner });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // For people. It also proves that the directory takes writes.
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(failed)?;
        Ok(DataDir { path, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where `relative` lies: one or more plain names joined by `/`, nothing that could leave the directory.
    pub fn resolve(&self, relative: &str) -> io::Result<PathBuf> {
        Ok(self.path.join(plain_path(relative)?))
    }

    /// Like [`DataDir::resolve`], and `""` is the directory itself.
    pub fn resolve_dir(&self, relative: &str) -> io::Result<PathBuf> {
        if relative.is_empty() { Ok(self.path.clone()) } else { self.resolve(relative) }
    }
}

fn not_usable(dir: &Path, source: io::Error) -> OpenError {
    let dir = dir.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull => OpenError::DiskFull { dir },
        _ => OpenError::DataDir { dir, source },
    }
}

/// The process that has locked a directory, as it says itself.
pub(super) fn owner(dir: &Path) -> Option<u32> {
    fs::read_to_string(dir.join(LOCK_FILE)).ok()?.trim().parse().ok()
}

/// `relative`, where it is one or more plain names joined by `/`.
pub(super) fn plain_path(relative: &str) -> io::Result<&Path> {
    let plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\\', '\0']);
    if !relative.split('/').all(plain) || relative == LOCK_FILE {
        let why = format!("{relative:?} is not a path within the data directory");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(Path::new(relative))
}

/// Creates `path` and its parents so that a power loss keeps them: syncing what lies in a folder whose own name may
/// be lost would prove nothing.
fn create_durably(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let mut missing = Vec::new();
    for folder in path.ancestors() {
        if folder.try_exists()? {
            break;
        }
        missing.push(folder);
    }
    fs::create_dir_all(&path)?;
    for made in missing {
        made.parent().map_or(Ok(()), sync_names)?;
    }
    Ok(())
}

/// Makes the names in a folder durable.
pub(super) fn sync_names(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_which_directory_is_taken() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("made/on/the/way");
        let first = DataDir::open(&path).unwrap();
        let Err(refused) = DataDir::open(&path) else { panic!("opened twice") };
        let text = refused.to_string();
        assert!(text.contains(&first.path().display().to_string()), "{text}");
        let owner = format!("another confman process, number {}:", std::process::id());
        assert!(text.contains(&owner), "{text}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("taken");
        fs::write(&file, "").unwrap();
        let Err(refused) = DataDir::open(&file) else { panic!("opened a file") };
        assert!(refused.to_string().contains("taken"), "{refused}");
    }

    #[test]
    fn no_path_leaves_the_directory() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        assert_eq!(dir.resolve("log/a.seg").unwrap(), dir.path().join("log/a.seg"));
        for bad in ["", "/", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/", "a\\b", "a\0", "LOCK"] {
            assert!(dir.resolve(bad).is_err(), "{bad:?}");
        }
    }
}
