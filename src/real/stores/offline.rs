//! A store for those who only look: every file checked, then opened on a copy, since the engine writes to what it opens.

use std::fs;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use fjall::{Database, Keyspace, Readable};
use xxhash_rust::xxh3::xxh3_128;

use super::folder::{ENGINE_DIR, MARKER_FILE, open_engine};
use super::{STORES_DIR, collect, failed, into_bytes, journal};
use crate::host::{Batch, BoxFuture, Direction, KeyRange, Row, Store, StoreError, StoreView};

/// A file of a store that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreDamage {
    /// Relative to the data directory.
    pub file: String,
    pub offset: Option<u64>,
    pub what: String,
}

/// What there is of a store.
pub struct StoreFound {
    /// A copy of it, in a temporary folder that goes with this; none where its files are damaged.
    pub store: Option<Arc<dyn Store>>,
    pub damage: Vec<StoreDamage>,
    /// The length of all its files.
    pub bytes: u64,
}

/// Checks the files of a store of a data directory that no node has open, and opens a copy. `copies` is a folder that
/// has room for it.
pub fn look_at_store(data_dir: &Path, name: &str, copies: &Path) -> StoreFound {
    let folder = data_dir.join(STORES_DIR).join(name);
    let mut look = Look { data_dir: data_dir.to_owned(), damage: Vec::new(), bytes: 0 };
    let store = match look.look(&folder, name, copies) {
        Ok(store) => store,
        Err(error) => {
            look.damaged(&folder, None, format!("it could not be read, or copied to {}: {error}", copies.display()));
            None
        }
    };
    StoreFound { store, damage: look.damage, bytes: look.bytes }
}

struct Look {
    data_dir: PathBuf,
    damage: Vec<StoreDamage>,
    bytes: u64,
}

impl Look {
    fn damaged(&mut self, file: &Path, offset: Option<u64>, what: impl Into<String>) {
        let file = file.strip_prefix(&self.data_dir).unwrap_or(file).to_string_lossy().into_owned();
        self.damage.push(StoreDamage { file, offset, what: what.into() });
    }

    fn look(&mut self, folder: &Path, name: &str, copies: &Path) -> io::Result<Option<Arc<dyn Store>>> {
        if !folder.join(MARKER_FILE).try_exists()? {
            self.damaged(&folder.join(MARKER_FILE), None, "it is missing: the store is not whole");
            return Ok(None);
        }
        self.check_journals(&folder.join(ENGINE_DIR))?;
        self.check_trees(&folder.join(ENGINE_DIR))?;
        let copy = TemporaryFolder::new(copies)?;
        let to = copy.path.join(name);
        self.bytes = copy_folder(folder, &to)?;
        if !self.damage.is_empty() {
            return Ok(None);
        }
        // The engine trusts its files further than we do.
        let opened = catch_unwind(AssertUnwindSafe(|| open_engine(name, &to)));
        let (database, rows) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                self.damaged(folder, None, error.what);
                return Ok(None);
            }
            Err(_) => {
                self.damaged(folder, None, "the engine could not make sense of it");
                return Ok(None);
            }
        };
        let store = OfflineStore { name: name.to_owned(), rows, database, _copy: copy };
        Ok(Some(Arc::new(store)))
    }

    fn check_journals(&mut self, engine: &Path) -> io::Result<()> {
        for path in files_in(engine)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "jnl")) {
            if let Err(error) = journal::check(&fs::read(&path)?) {
                self.damaged(&path, Some(error.offset), error.what);
            }
        }
        Ok(())
    }

    /// The engine names the tables of a tree, with their checksums, in a file, and that file, with its checksum, in
    /// another one (lsm-tree 3.1, `version/recovery.rs`). It reads most of them without checking.
    fn check_trees(&mut self, engine: &Path) -> io::Result<()> {
        for tree in folders_in(&engine.join("keyspaces"))? {
            let current = tree.join("current");
            let named = fs::read(&current).ok().and_then(|bytes| {
                let (id, rest) = bytes.split_first_chunk::<8>()?;
                let (sum, kind) = rest.split_first_chunk::<16>()?;
                (kind == [0]).then(|| (u64::from_le_bytes(*id), u128::from_le_bytes(*sum)))
            });
            let Some((id, sum)) = named else {
                self.damaged(&current, None, "it is not what was written");
                continue;
            };
            let version = tree.join(format!("v{id}"));
            match fs::read(&version) {
                Ok(bytes) if xxh3_128(&bytes) == sum => self.check_tables(&tree, &version),
                Ok(_) => self.damaged(&version, None, "it fails the checksum that the file `current` beside it has"),
                Err(error) => self.damaged(&current, None, format!("it names v{id}, and there: {error}")),
            }
        }
        Ok(())
    }

    fn check_tables(&mut self, tree: &Path, version: &Path) {
        let Some(tables) = tables_of(version) else {
            return self.damaged(version, None, "it does not list the tables in a way that this release knows");
        };
        for (id, sum) in tables {
            let table = tree.join("tables").join(id.to_string());
            match fs::read(&table) {
                Ok(bytes) if xxh3_128(&bytes) == sum => {}
                Ok(_) => self.damaged(&table, None, "the table fails its checksum"),
                Err(error) => self.damaged(&table, None, error.to_string()),
            }
        }
    }
}

/// The tables that a version names, each with the checksum of its file.
fn tables_of(version: &Path) -> Option<Vec<(u64, u128)>> {
    let reader = sfa::Reader::new(version).ok()?;
    let mut bytes = Vec::new();
    reader.toc().section(b"tables")?.buf_reader(version).ok()?.read_to_end(&mut bytes).ok()?;
    let mut left = &bytes[..];
    let mut tables = Vec::new();
    let [levels] = journal::take(&mut left)?;
    for _ in 0..levels {
        let [runs] = journal::take(&mut left)?;
        for _ in 0..runs {
            for _ in 0..u32::from_le_bytes(journal::take(&mut left)?) {
                let id = u64::from_le_bytes(journal::take(&mut left)?);
                let [kind] = journal::take(&mut left)?;
                let sum = u128::from_le_bytes(journal::take(&mut left)?);
                let _sequence: [u8; 8] = journal::take(&mut left)?;
                if kind != 0 {
                    return None;
                }
                tables.push((id, sum));
            }
        }
    }
    left.is_empty().then_some(tables)
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn folders_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Copies a folder and all in it; answers how long its files are.
fn copy_folder(from: &Path, to: &Path) -> io::Result<u64> {
    fs::create_dir_all(to)?;
    let mut bytes = 0;
    for path in files_in(from)? {
        bytes += fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
    }
    for path in folders_in(from)? {
        bytes += copy_folder(&path, &to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(bytes)
}

/// A folder of its own, removed at the end.
struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    fn new(within: &Path) -> io::Result<TemporaryFolder> {
        for number in 0u32.. {
            let path = within.join(format!("confman-inspect-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(TemporaryFolder { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
            }
        }
        Err(io::Error::other("no name is left for a temporary folder"))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed is in the system's own folder for such things.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A store on a copy. Nothing is written to it.
struct OfflineStore {
    name: String,
    // The keyspace goes first, then the database, then the files.
    rows: Keyspace,
    database: Database,
    _copy: TemporaryFolder,
}

impl OfflineStore {
    fn failed(&self, error: impl ToString) -> StoreError {
        failed(&self.name, error)
    }
}

impl Store for OfflineStore {
    fn view(&self) -> Result<Box<dyn StoreView>, StoreError> {
        Err(self.failed("a copy has no views: nothing changes it"))
    }

    fn commit(&self, _: Batch) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(std::future::ready(Err(self.failed("a copy that is only looked at"))))
    }
}

impl StoreView for OfflineStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.rows.get(key).map_err(|error| self.failed(error))?;
        Ok(value.map(into_bytes))
    }

    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        let rows = self.database.snapshot().range(&self.rows, &*range.start..&*range.end);
        collect(rows, limit, direction).map_err(|error| self.failed(error))
    }
}
