use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rand::RngExt;

use crate::host::{Batch, BoxFuture, Direction, KeyRange, Rng, Row, Store, StoreError, StoreView, Stores};

type Rows = Arc<BTreeMap<Bytes, Bytes>>;

/// Stores in memory. A view shares the rows until the next commit.
#[derive(Default)]
pub struct FakeStores {
    stores: Mutex<BTreeMap<String, Arc<FakeStore>>>,
    refuse_open: Mutex<BTreeSet<String>>,
}

impl FakeStores {
    pub fn new() -> FakeStores {
        FakeStores::default()
    }

    /// Opening `name` fails from now on, until it is removed.
    pub fn break_store(&self, name: &str) {
        self.refuse_open.lock().expect("no test panics holding it").insert(name.to_owned());
    }

    /// The stores as a power loss leaves them: of each, any prefix of its commits.
    pub fn power_loss(&self, rng: &mut Rng) -> Arc<FakeStores> {
        let after = FakeStores::new();
        *after.refuse_open.lock().expect("fresh") = self.refuse_open.lock().expect("no panics").clone();
        for (name, store) in self.stores.lock().expect("no test panics holding it").iter() {
            let commits = store.state.lock().expect("no test panics holding it").commits.clone();
            let kept = if rng.random_bool(0.3) { commits.len() } else { rng.random_range(0..=commits.len()) };
            after.insert(name, &commits[..kept]);
        }
        Arc::new(after)
    }

    /// Takes back the last `count` commits of a store, as an engine that lost its tail would.
    pub fn lose_commits(&self, name: &str, count: usize) {
        let commits = match self.stores.lock().expect("no test panics holding it").get(name) {
            Some(store) => store.state.lock().expect("no test panics holding it").commits.clone(),
            None => return,
        };
        self.insert(name, &commits[..commits.len().saturating_sub(count)]);
    }

    fn insert(&self, name: &str, commits: &[Batch]) -> Arc<FakeStore> {
        let mut state = State::default();
        commits.iter().for_each(|batch| state.commit(batch.clone()));
        let store = Arc::new(FakeStore { state: Mutex::new(state) });
        self.stores.lock().expect("no test panics holding it").insert(name.to_owned(), store.clone());
        store
    }
}

impl Stores for FakeStores {
    fn open(&self, name: &str) -> BoxFuture<'static, Result<Arc<dyn Store>, StoreError>> {
        let opened: Result<Arc<dyn Store>, StoreError> =
            if self.refuse_open.lock().expect("no test panics holding it").contains(name) {
                Err(StoreError { store: name.to_owned(), what: "does not open".to_owned() })
            } else {
                let existing = self.stores.lock().expect("no test panics holding it").get(name).cloned();
                Ok(existing.unwrap_or_else(|| self.insert(name, &[])))
            };
        Box::pin(std::future::ready(opened))
    }

    fn remove(&self, name: &str) -> BoxFuture<'static, Result<(), StoreError>> {
        self.stores.lock().expect("no test panics holding it").remove(name);
        self.refuse_open.lock().expect("no test panics holding it").remove(name);
        Box::pin(std::future::ready(Ok(())))
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        let mut names: BTreeSet<String> = self.stores.lock().expect("no panics").keys().cloned().collect();
        names.extend(self.refuse_open.lock().expect("no test panics holding it").iter().cloned());
        Box::pin(std::future::ready(Ok(names.into_iter().collect())))
    }
}

struct FakeStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: Rows,
    /// All batches since the store was created, so that a power loss can keep a prefix.
    commits: Vec<Batch>,
}

impl State {
    fn commit(&mut self, batch: Batch) {
        let rows = Arc::make_mut(&mut self.rows);
        for (key, value) in &batch.puts_and_removals {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        self.commits.push(batch);
    }
}

impl FakeStore {
    fn snapshot(&self) -> FakeView {
        FakeView(self.state.lock().expect("no test panics holding it").rows.clone())
    }
}

impl Store for FakeStore {
    fn view(&self) -> Result<Box<dyn StoreView>, StoreError> {
        Ok(Box::new(self.snapshot()))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), StoreError>> {
        self.state.lock().expect("no test panics holding it").commit(batch);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl StoreView for FakeStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.snapshot().get(key)
    }

    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError> {
        self.snapshot().scan(range, limit, direction)
    }
}

struct FakeView(Rows);

impl StoreView for FakeView {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        let rows = self.0.range::<Bytes, _>((Bound::Included(&range.start), Bound::Excluded(&range.end)));
        let row = |(key, value): (&Bytes, &Bytes)| (key.clone(), value.clone());
        Ok(match direction {
            Direction::Forward => rows.take(limit).map(row).collect(),
            Direction::Backward => rows.rev().take(limit).map(row).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn put(key: &'static str, value: &'static str) -> Batch {
        let mut batch = Batch::default();
        batch.put(Bytes::from_static(key.as_bytes()), Bytes::from_static(value.as_bytes()));
        batch
    }

    #[tokio::test]
    async fn a_view_stays_and_a_power_loss_keeps_a_prefix() {
        let stores = FakeStores::new();
        let store = stores.open("a").await.unwrap();
        store.commit(put("k", "1")).await.unwrap();
        let view = store.view().unwrap();
        store.commit(put("k", "2")).await.unwrap();
        assert_eq!(view.get(b"k").unwrap().unwrap(), "1");
        assert_eq!(store.get(b"k").unwrap().unwrap(), "2");
        let mut seen = BTreeSet::new();
        for seed in 0..50 {
            let after = stores.power_loss(&mut Rng::seed_from_u64(seed)).open("a").await.unwrap();
            seen.insert(after.get(b"k").unwrap());
        }
        assert_eq!(seen, BTreeSet::from([None, Some("1".into()), Some("2".into())]));
    }

    #[tokio::test]
    async fn a_scan_honours_range_limit_and_direction() {
        let store = FakeStores::new().open("a").await.unwrap();
        for key in ["a", "b", "c", "d"] {
            store.commit(put(key, "")).await.unwrap();
        }
        let range = KeyRange { start: "b".into(), end: "d".into() };
        let keys = |rows: Vec<Row>| rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(keys(store.scan(&range, 9, Direction::Forward).unwrap()), ["b", "c"]);
        assert_eq!(keys(store.scan(&range, 1, Direction::Backward).unwrap()), ["c"]);
    }
}
