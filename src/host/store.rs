use std::sync::Arc;

use bytes::Bytes;

use super::BoxFuture;

/// The ordered key-value stores of one node. What they hold can be rebuilt from snapshot and log.
pub trait Stores: Send + Sync {
    /// Opens a store, creating an empty one where there is none of that name.
    fn open(&self, name: &str) -> BoxFuture<'static, Result<Arc<dyn Store>, StoreError>>;
    /// Removes a store and all it holds; fine where there is none. No handle of it may be in use.
    fn remove(&self, name: &str) -> BoxFuture<'static, Result<(), StoreError>>;
    /// The names of the stores that exist, sorted.
    fn list(&self) -> BoxFuture<'static, Result<Vec<String>, StoreError>>;
}

/// A key and its value.
pub type Row = (Bytes, Bytes);

/// All keys from `start` (included) to `end` (not included), in byte order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    pub start: Bytes,
    pub end: Bytes,
}

/// Which end of a range a scan begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

/// Puts and removals that take effect together. A later operation on a key wins over an earlier one.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub puts_and_removals: Vec<(Bytes, Option<Bytes>)>,
}

impl Batch {
    pub fn put(&mut self, key: Bytes, value: Bytes) {
        self.puts_and_removals.push((key, Some(value)));
    }

    pub fn remove(&mut self, key: Bytes) {
        self.puts_and_removals.push((key, None));
    }
}

/// One ordered key-value store. Reads are short and bounded, and see every commit that has returned.
pub trait Store: StoreView {
    /// A consistent view of this moment, unmoved by later commits.
    fn view(&self) -> Result<Box<dyn StoreView>, StoreError>;
    /// Applies a batch atomically. Not synced: a power loss may take any suffix of the commits, or the whole store.
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), StoreError>>;
}

/// What can be read.
pub trait StoreView: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;
    /// At most `limit` rows of `range`, from the end that `direction` names.
    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError>;
}

/// A store failed. What it holds may be damaged; the node sets it aside and rebuilds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store {store}: {what}")]
pub struct StoreError {
    /// The store's name.
    pub store: String,
    /// What went wrong, in the engine's words.
    pub what: String,
}
