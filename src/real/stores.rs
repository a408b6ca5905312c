use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use bytes::Bytes;
use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, Readable, Slice, Snapshot};

use super::data_dir::{DataDir, sync_names};
use super::pool::{Pool, Strand};
use crate::host::{Batch, BoxFuture, Direction, KeyRange, Row, Store, StoreError, StoreView, Stores};

/// Below the data directory: one folder per store.
const STORES_DIR: &str = "stores";
/// In a store's folder, written last when it is made and removed first when it goes: a folder without it is the
/// rest of a store that was half made or half removed.
const MARKER_FILE: &str = "STORE";
/// What the marker says. A later layout says another number.
const MARKER_TEXT: &str = "confman store 1\n";
/// In a store's folder: the engine's own.
const ENGINE_DIR: &str = "engine";
/// All rows lie in one keyspace: a batch over several was seen to come back in part.
const KEYSPACE: &str = "rows";

/// Blocks kept in memory, decompressed.
const CACHE_BYTES: u64 = 16 << 20;
/// Rows in memory before they are written as a table. Up to four more of it wait to be written.
const MEMTABLE_BYTES: u64 = 8 << 20;
/// The engine's journals, at most; it fills one of 64 MB before it begins the next.
const JOURNAL_BYTES_MAX: u64 = 128 << 20;
/// One may be compacting for long while the other writes tables.
const ENGINE_THREADS: usize = 2;
/// Open files, at most.
const ENGINE_FILES_MAX: usize = 128;
/// The engine's own limit.
const KEY_BYTES_MAX: usize = u16::MAX as usize;
/// Values up to this are copied out of the engine's blocks, larger ones share them: a small value must not keep a
/// whole block in memory.
const COPY_BYTES_MAX: usize = 4 << 10;

type Registry = Arc<Mutex<BTreeMap<String, Weak<Engine>>>>;

/// [`Stores`] on fjall: one database per store, in `stores/{name}/`.
pub(super) struct FjallStores {
    dir: Arc<DataDir>,
    pool: Arc<Pool>,
    /// Opening, closing and removing happen one at a time.
    names: Arc<Strand>,
    open: Registry,
}

/// The store is being closed by the thread that dropped its last handle; it will be free in a moment.
struct Closing;

impl FjallStores {
    pub fn new(dir: Arc<DataDir>, pool: Arc<Pool>) -> FjallStores {
        let names = Strand::new(&pool);
        let root = dir.path().join(STORES_DIR);
        names.submit(move || sweep(&root));
        FjallStores { dir, pool, names, open: Registry::default() }
    }

    fn folder(&self, name: &str) -> Result<PathBuf, StoreError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(failed(name, "a store's name is letters, digits, dashes, underscores and dots"));
        }
        Ok(self.dir.path().join(STORES_DIR).join(name))
    }

    /// Runs `work` in its turn, again and again while it meets a store that is closing.
    fn in_turn<T: Send + 'static>(
        &self,
        name: &str,
        work: impl Fn(&str, Option<Arc<Engine>>) -> Result<T, StoreError> + Clone + Send + Sync + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (names, open, name) = (self.names.clone(), self.open.clone(), name.to_owned());
        Box::pin(async move {
            loop {
                let turn = {
                    let (open, name, work) = (open.clone(), name.clone(), work.clone());
                    names.run(move || {
                        let entry = lock(&open).get(&name).cloned();
                        match entry.map(|weak| weak.upgrade()) {
                            Some(None) => Err(Closing),
                            Some(live) => Ok(work(&name, live)),
                            None => Ok(work(&name, None)),
                        }
                    })
                };
                match turn.await {
                    Ok(Ok(done)) => return done,
                    Ok(Err(Closing)) => {}
                    Err(lost) => return Err(failed(&name, io::Error::from(lost))),
                }
            }
        })
    }
}

impl Stores for FjallStores {
    fn open(&self, name: &str) -> BoxFuture<'static, Result<Arc<dyn Store>, StoreError>> {
        let folder = match self.folder(name) {
            Ok(folder) => folder,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let (dir, pool, names, open) = (self.dir.clone(), self.pool.clone(), self.names.clone(), self.open.clone());
        self.in_turn(name, move |name, live| {
            let engine = match live {
                Some(live) if live.removed.load(Ordering::SeqCst) => {
                    return Err(failed(name, "it was removed, and its old content is still being read"));
                }
                Some(live) => live,
                None => {
                    let (database, rows) = open_engine(name, &folder)?;
                    let engine = Arc::new(Engine {
                        name: name.to_owned(),
                        folder: folder.clone(),
                        engine: Some((rows, database)),
                        removed: AtomicBool::new(false),
                        names: names.clone(),
                        commits: Strand::new(&pool),
                        open: open.clone(),
                        _dir: dir.clone(),
                    });
                    lock(&open).insert(name.to_owned(), Arc::downgrade(&engine));
                    engine
                }
            };
            Ok(Arc::new(FjallStore(engine)) as Arc<dyn Store>)
        })
    }

    fn remove(&self, name: &str) -> BoxFuture<'static, Result<(), StoreError>> {
        let folder = match self.folder(name) {
            Ok(folder) => folder,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        self.in_turn(name, move |name, live| {
            let unmark = || -> io::Result<()> {
                match fs::remove_file(folder.join(MARKER_FILE)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                if folder.try_exists()? { sync_names(&folder) } else { Ok(()) }
            };
            unmark().map_err(|error| failed(name, error))?;
            match live {
                // Someone still reads: the folder goes with the last handle.
                Some(live) => live.removed.store(true, Ordering::SeqCst),
                None => remove_folder(&folder).map_err(|error| failed(name, error))?,
            }
            Ok(())
        })
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        let root = self.dir.path().join(STORES_DIR);
        let found = self.names.run(move || list_marked(&root));
        Box::pin(async move {
            let listed = match found.await {
                Ok(listed) => listed,
                Err(lost) => Err(lost.into()),
            };
            listed.map_err(|error| failed(STORES_DIR, error))
        })
    }
}

/// One open database, with the folder it lies in.
struct Engine {
    name: String,
    folder: PathBuf,
    /// The keyspace goes first. Taken when the last handle goes.
    engine: Option<(Keyspace, Database)>,
    removed: AtomicBool,
    names: Arc<Strand>,
    commits: Arc<Strand>,
    open: Registry,
    /// The lock on the directory outlives every open store.
    _dir: Arc<DataDir>,
}

impl Engine {
    fn rows(&self) -> &Keyspace {
        &self.engine.as_ref().expect("taken by drop alone").0
    }

    fn database(&self) -> &Database {
        &self.engine.as_ref().expect("taken by drop alone").1
    }

    fn failed(&self, error: fjall::Error) -> StoreError {
        failed(&self.name, error)
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut operations = batch.puts_and_removals;
        for (key, _) in &operations {
            if key.is_empty() || key.len() > KEY_BYTES_MAX {
                let why = format!("a key has 1 to {KEY_BYTES_MAX} bytes, not {}", key.len());
                return Err(failed(&self.name, why));
            }
        }
        // All operations of a batch have one sequence number in the engine, so two on one key would be in no order:
        // the last one alone is handed on. The sort is stable.
        operations.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut batch = self.database().batch();
        let mut operations = operations.into_iter().peekable();
        while let Some((key, value)) = operations.next() {
            if operations.peek().is_some_and(|(next, _)| *next == key) {
                continue;
            }
            match value {
                Some(value) => batch.insert(self.rows(), &*key, &*value),
                None => batch.remove(self.rows(), &*key),
            }
        }
        batch.commit().map_err(|error| self.failed(error))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let engine = self.engine.take();
        let (name, folder, open) = (self.name.clone(), self.folder.clone(), self.open.clone());
        let removed = self.removed.load(Ordering::SeqCst);
        let dir = self._dir.clone();
        // Closing waits for the engine's threads: not here, where an async task may be running.
        self.names.submit(move || {
            drop(engine);
            if removed && let Err(error) = remove_folder(&folder) {
                tracing::warn!(store = name, %error, "a removed store's folder stays until the next start");
            }
            lock(&open).remove(&name);
            drop(dir);
        });
    }
}

struct FjallStore(Arc<Engine>);

impl Store for FjallStore {
    fn view(&self) -> Result<Box<dyn StoreView>, StoreError> {
        Ok(Box::new(FjallView { snapshot: self.0.database().snapshot(), engine: self.0.clone() }))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), StoreError>> {
        let engine = self.0.clone();
        let done = self.0.commits.run(move || engine.commit(batch));
        let name = self.0.name.clone();
        Box::pin(async move { done.await.map_err(|lost| failed(&name, io::Error::from(lost)))? })
    }
}

impl StoreView for FjallStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.0.rows().get(key).map_err(|error| self.0.failed(error))?;
        Ok(value.map(into_bytes))
    }

    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        collect(self.0.rows().range(&*range.start..&*range.end), limit, direction).map_err(|error| self.0.failed(error))
    }
}

struct FjallView {
    /// Before the engine: it must not outlive the database.
    snapshot: Snapshot,
    engine: Arc<Engine>,
}

impl StoreView for FjallView {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.snapshot.get(self.engine.rows(), key).map_err(|error| self.engine.failed(error))?;
        Ok(value.map(into_bytes))
    }

    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        let rows = self.snapshot.range(self.engine.rows(), &*range.start..&*range.end);
        collect(rows, limit, direction).map_err(|error| self.engine.failed(error))
    }
}

fn collect(
    rows: impl DoubleEndedIterator<Item = Guard>,
    limit: usize,
    direction: Direction,
) -> fjall::Result<Vec<Row>> {
    let row = |guard: Guard| guard.into_inner().map(|(key, value)| (into_bytes(key), into_bytes(value)));
    match direction {
        Direction::Forward => rows.take(limit).map(row).collect(),
        Direction::Backward => rows.rev().take(limit).map(row).collect(),
    }
}

fn into_bytes(slice: Slice) -> Bytes {
    if slice.len() <= COPY_BYTES_MAX { Bytes::copy_from_slice(&slice) } else { Bytes::from_owner(slice) }
}

/// Opens the database in `folder`, making a new one where there is none that is whole.
fn open_engine(name: &str, folder: &Path) -> Result<(Database, Keyspace), StoreError> {
    let io_failed = |error: io::Error| failed(name, error);
    let marker = folder.join(MARKER_FILE);
    let fresh = match fs::read_to_string(&marker) {
        Ok(text) if text == MARKER_TEXT => false,
        Ok(text) => return Err(failed(name, format!("{:?} is a format that this version does not know", text.trim()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(io_failed(error)),
    };
    if fresh {
        remove_folder(folder).map_err(io_failed)?;
        fs::create_dir_all(folder).map_err(io_failed)?;
    }
    let engine_failed = |error: fjall::Error| failed(name, error);
    let database = Database::builder(folder.join(ENGINE_DIR))
        .cache_size(CACHE_BYTES)
        .max_cached_files(Some(ENGINE_FILES_MAX))
        .max_journaling_size(JOURNAL_BYTES_MAX)
        .worker_threads(ENGINE_THREADS)
        .open()
        .map_err(engine_failed)?;
    let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
    let rows = database.keyspace(KEYSPACE, options).map_err(engine_failed)?;
    if fresh {
        let mark = || -> io::Result<()> {
            let mut file = fs::File::create(&marker)?;
            file.write_all(MARKER_TEXT.as_bytes())?;
            file.sync_all()?;
            sync_names(folder)?;
            folder.parent().map_or(Ok(()), sync_names)
        };
        mark().map_err(io_failed)?;
    }
    Ok((database, rows))
}

/// Removes the folders of stores that were half made or half removed when the process ended.
fn sweep(root: &Path) {
    let swept = (|| {
        let marked = list_marked(root)?;
        for name in folders(root)? {
            if marked.binary_search(&name).is_err() {
                tracing::info!(store = name, "removing what is left of a store that was not whole");
                remove_folder(&root.join(name))?;
            }
        }
        io::Result::Ok(())
    })();
    if let Err(error) = swept {
        tracing::warn!(%error, folder = %root.display(), "could not remove what is left of old stores");
    }
}

fn list_marked(root: &Path) -> io::Result<Vec<String>> {
    let mut marked = folders(root)?;
    let mut error = None;
    marked.retain(|name| match root.join(name).join(MARKER_FILE).try_exists() {
        Ok(exists) => exists,
        Err(failure) => {
            error = Some(failure);
            true
        }
    });
    error.map_or(Ok(marked), Err)
}

fn folders(root: &Path) -> io::Result<Vec<String>> {
    let listing = match fs::read_dir(root) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for found in listing {
        let found = found?;
        if found.file_type()?.is_dir()
            && let Ok(name) = found.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn failed(store: &str, what: impl ToString) -> StoreError {
    StoreError { store: store.to_owned(), what: what.to_string() }
}

fn lock(open: &Registry) -> MutexGuard<'_, BTreeMap<String, Weak<Engine>>> {
    open.lock().expect("no code that holds this lock can panic")
}
