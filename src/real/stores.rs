mod folder;
mod journal;
mod offline;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use bytes::Bytes;
use fjall::{Database, Guard, Keyspace, Readable, Slice, Snapshot};

pub use offline::{StoreDamage, StoreFound, look_at_store};

use super::data_dir::DataDir;
use super::pool::{Pool, Strand};
use crate::host::{Batch, BoxFuture, Direction, KeyRange, Row, Store, StoreError, StoreView, Stores};

/// Below the data directory: one folder per store.
const STORES_DIR: &str = "stores";
/// The engine's own limit.
const KEY_BYTES_MAX: usize = u16::MAX as usize;
/// Values up to this are copied out of the engine's blocks, larger ones share them: a small value must not keep a
/// whole block in memory.
const COPY_BYTES_MAX: usize = 4 << 10;
/// Batches up to this are committed on the caller's thread: they are not synced, and quicker than a change of threads.
const COMMIT_HERE_BYTES_MAX: usize = 64 << 10;
/// Below this many tables in its first level the engine is far from making commits wait (it does so from 20 on).
const EASY_TABLES: usize = 12;

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
        names.submit(move || folder::sweep(&root));
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
                    let (database, rows) = folder::open_engine(name, &folder)?;
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
            folder::unmark(&folder).map_err(|error| failed(name, error))?;
            match live {
                // Someone still reads: the folder goes with the last handle.
                Some(live) => live.removed.store(true, Ordering::SeqCst),
                None => folder::remove_folder(&folder).map_err(|error| failed(name, error))?,
            }
            Ok(())
        })
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        let root = self.dir.path().join(STORES_DIR);
        let found = self.names.run(move || folder::list_marked(&root));
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

    /// Whether a commit will not have to wait: the engine holds its journal's lock while it syncs it, which it does
    /// before it writes a full memtable, and it makes commits sleep where tables pile up.
    fn at_ease(&self) -> bool {
        self.rows().sealed_memtable_count() == 0 && self.rows().l0_table_count() < EASY_TABLES
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
            if removed && let Err(error) = folder::remove_folder(&folder) {
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
        let commit = {
            let batch_bytes = bytes_of(&batch);
            let commit = move || engine.commit(batch);
            if batch_bytes <= COMMIT_HERE_BYTES_MAX && self.0.at_ease() {
                match self.0.commits.run_here(commit) {
                    Ok(done) => return Box::pin(std::future::ready(done)),
                    Err(commit) => commit,
                }
            } else {
                commit
            }
        };
        let done = self.0.commits.run(commit);
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

fn bytes_of(batch: &Batch) -> usize {
    batch.puts_and_removals.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Bytes::len)).sum()
}

fn into_bytes(slice: Slice) -> Bytes {
    if slice.len() <= COPY_BYTES_MAX { Bytes::copy_from_slice(&slice) } else { Bytes::from_owner(slice) }
}

fn failed(store: &str, what: impl ToString) -> StoreError {
    StoreError { store: store.to_owned(), what: what.to_string() }
}

fn lock(open: &Registry) -> MutexGuard<'_, BTreeMap<String, Weak<Engine>>> {
    open.lock().expect("no code that holds this lock can panic")
}
