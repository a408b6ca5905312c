//! Stores that a power loss may shorten, empty or break, as embedded databases were seen to do with what they were
//! not told to sync.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use bytes::Bytes;
use confman::host::{Batch, BoxFuture, Direction, KeyRange, Row, Store, StoreError, StoreView, Stores};
use imbl::OrdMap;
use rand::RngExt;
use rand::rngs::StdRng;

use super::files::DiskSettings;
use crate::coverage;
use crate::runtime::sleep;
use crate::schedule::{Point, StoreLoss};
use crate::trace::Trace;
use crate::world::Incarnation;

type Rows = OrdMap<Bytes, Bytes>;

/// How far back a power loss may throw a store, in batches. A store may also lose everything.
const BATCHES_KEPT: usize = 256;

/// The stores on one machine. Outlives the processes that use it.
#[derive(Clone)]
pub struct Shelf(Arc<Mutex<Inner>>);

struct Inner {
    settings: DiskSettings,
    rng: StdRng,
    stores: BTreeMap<String, Contents>,
    /// What the next power loss does to the stores; drawn where it is not said.
    next_loss: Option<StoreLoss>,
}

/// The rows that a batch changed, as they were before it.
type Undo = Vec<(Bytes, Option<Bytes>)>;

#[derive(Default)]
struct Contents {
    rows: Rows,
    /// What takes the last batches back, oldest first: a power loss may leave the contents after some earlier batch.
    undo: VecDeque<Undo>,
    broken: bool,
    open: Option<Weak<SimStore>>,
}

impl Contents {
    fn change(&mut self, key: Bytes, value: Option<Bytes>) -> Option<Bytes> {
        match value {
            Some(value) => self.rows.insert(key, value),
            None => self.rows.remove(&key),
        }
    }

    fn perform(&mut self, batch: Batch) {
        let mut undo = Undo::with_capacity(batch.puts_and_removals.len());
        for (key, value) in batch.puts_and_removals {
            let before = self.change(key.clone(), value);
            undo.push((key, before));
        }
        self.undo.push_back(undo);
        if self.undo.len() > BATCHES_KEPT {
            self.undo.pop_front();
        }
    }

    fn take_back_last_batch(&mut self) {
        for (key, before) in self.undo.pop_back().into_iter().flatten().rev() {
            self.change(key, before);
        }
    }

    fn shorten(&mut self, batches: usize) -> String {
        for _ in 0..batches {
            self.take_back_last_batch();
        }
        format!("lost {batches} batches")
    }

    fn do_not_open(&mut self) -> String {
        self.broken = true;
        "does not open".to_owned()
    }

    fn empty(&mut self) -> String {
        self.rows = Rows::new();
        "is empty".to_owned()
    }
}

impl Shelf {
    pub fn new(settings: DiskSettings, rng: StdRng) -> Shelf {
        Shelf(Arc::new(Mutex::new(Inner { settings, rng, stores: BTreeMap::new(), next_loss: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic under this lock")
    }

    /// The next power loss does this to the stores.
    pub fn lose_next(&self, how: StoreLoss) {
        self.lock().next_loss = Some(how);
    }

    /// The machine went dark. Says what became of each store.
    pub fn power_loss(&self, trace: &Trace) -> String {
        let mut inner = self.lock();
        let Inner { settings, rng, stores, next_loss } = &mut *inner;
        let said_to_be = next_loss.take();
        let mut said = Vec::new();
        stores.retain(|name, contents| {
            // Half of the losses are of the last few batches, as a journal that is written often loses them.
            let most = contents.undo.len();
            let (chance, bound): (f64, usize) = (rng.random(), if rng.random_bool(0.5) { most.min(8) } else { most });
            let lost = rng.random_range(0..=bound);
            let drawn = match () {
                () if chance < settings.store_breaks => StoreLoss::DoesNotOpen,
                () if chance >= settings.store_breaks + settings.store_empties => StoreLoss::OpensShort,
                // Its files were never synced, or not even the folder that they are in.
                () if rng.random_bool(0.5) => StoreLoss::IsGone,
                () => StoreLoss::OpensEmpty,
            };
            let how = said_to_be.unwrap_or(drawn);
            let lost = if said_to_be.is_some() { lost.max(1) } else { lost };
            let (became, point) = match how {
                StoreLoss::OpensShort => (contents.shorten(lost), coverage::Point::StoreCameBackShort),
                StoreLoss::DoesNotOpen => (contents.do_not_open(), coverage::Point::StoreBroke),
                StoreLoss::OpensEmpty => (contents.empty(), coverage::Point::StoreCameBackEmpty),
                StoreLoss::IsGone => ("is gone".to_owned(), coverage::Point::StoreVanished),
            };
            if how != StoreLoss::OpensShort || lost > 0 {
                trace.sometimes(point);
            }
            contents.undo.clear();
            contents.open = None;
            said.push(format!("store {name} {became}"));
            how != StoreLoss::IsGone
        });
        said.join(", ")
    }
}

/// [`Stores`] of one incarnation.
pub struct SimStores {
    shelf: Shelf,
    process: Arc<Incarnation>,
    /// How many this process has opened.
    opened: Arc<AtomicU32>,
}

impl SimStores {
    pub fn new(shelf: Shelf, process: Arc<Incarnation>) -> SimStores {
        SimStores { shelf, process, opened: Arc::default() }
    }
}

fn error(store: &str, what: &str) -> StoreError {
    StoreError { store: store.to_owned(), what: what.to_owned() }
}

impl Stores for SimStores {
    fn open(&self, name: &str) -> BoxFuture<'static, Result<Arc<dyn Store>, StoreError>> {
        let (shelf, process, name) = (self.shelf.clone(), self.process.clone(), name.to_owned());
        let opened = self.opened.clone();
        Box::pin(async move {
            sleep(std::time::Duration::from_millis(1)).await;
            if !process.is_alive() {
                return Err(error(&name, "this process is dead"));
            }
            let mut inner = shelf.lock();
            let contents = inner.stores.entry(name.clone()).or_default();
            if contents.broken {
                return Err(error(&name, "injected fault: the journal's checksum does not match"));
            }
            let holder = contents.open.as_ref().and_then(Weak::upgrade);
            if holder.is_some_and(|holder| holder.process.is_alive()) {
                return Err(error(&name, "locked: it is open already"));
            }
            let is_second = opened.fetch_add(1, Ordering::Relaxed) > 0;
            let (shelf, of) = (shelf.clone(), process.clone());
            let store = Arc::new(SimStore { shelf, process: of, name: name.clone(), is_second });
            contents.open = Some(Arc::downgrade(&store));
            process.event("open-store", format_args!("{name} with {} rows", contents.rows.len()));
            drop(inner);
            process.reach(Point::StoreOpened);
            Ok(store as Arc<dyn Store>)
        })
    }

    fn remove(&self, name: &str) -> BoxFuture<'static, Result<(), StoreError>> {
        let (shelf, process, name) = (self.shelf.clone(), self.process.clone(), name.to_owned());
        Box::pin(async move {
            sleep(std::time::Duration::from_millis(1)).await;
            if !process.is_alive() {
                return Err(error(&name, "this process is dead"));
            }
            process.event("remove-store", format_args!("{name}"));
            shelf.lock().stores.remove(&name);
            Ok(())
        })
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        let shelf = self.shelf.clone();
        Box::pin(async move { Ok(shelf.lock().stores.keys().cloned().collect()) })
    }
}

struct SimStore {
    shelf: Shelf,
    process: Arc<Incarnation>,
    name: String,
    /// Whether this process had one open before: then this one is filled from a snapshot, to take its place.
    is_second: bool,
}

impl SimStore {
    fn rows(&self) -> Result<Rows, StoreError> {
        let inner = self.shelf.lock();
        let contents = inner.stores.get(&self.name).ok_or_else(|| error(&self.name, "it was removed"))?;
        Ok(contents.rows.clone())
    }
}

impl Store for SimStore {
    fn view(&self) -> Result<Box<dyn StoreView>, StoreError> {
        Ok(Box::new(SimView(self.rows()?)))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), StoreError>> {
        let commit = || {
            self.process.reach(Point::BeforeApply);
            if self.is_second {
                self.process.reach(Point::DuringSnapshotInstall);
            }
            if !self.process.is_alive() {
                return Err(error(&self.name, "this process is dead"));
            }
            let mut inner = self.shelf.lock();
            let Inner { stores, .. } = &mut *inner;
            let contents = stores.get_mut(&self.name).ok_or_else(|| error(&self.name, "it was removed"))?;
            let operations = batch.puts_and_removals.len();
            contents.perform(batch);
            drop(inner);
            self.process.event("commit-batch", format_args!("{} {operations} operations", self.name));
            self.process.reach(Point::AfterApplyBeforeReply);
            Ok(())
        };
        let done = commit();
        Box::pin(async move {
            sleep(std::time::Duration::from_micros(20)).await;
            done
        })
    }
}

impl StoreView for SimStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.rows()?.get(key).cloned())
    }

    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError> {
        Ok(scan(&self.rows()?, range, limit, direction))
    }
}

struct SimView(Rows);

impl StoreView for SimView {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError> {
        Ok(scan(&self.0, range, limit, direction))
    }
}

fn scan(rows: &Rows, range: &KeyRange, limit: usize, direction: Direction) -> Vec<Row> {
    if range.start >= range.end {
        return Vec::new();
    }
    let bounds = (Bound::Included(range.start.clone()), Bound::Excluded(range.end.clone()));
    let found = rows.range::<_, Bytes>(bounds).map(|(key, value)| (key.clone(), value.clone()));
    match direction {
        Direction::Forward => found.take(limit).collect(),
        Direction::Backward => found.rev().take(limit).collect(),
    }
}
