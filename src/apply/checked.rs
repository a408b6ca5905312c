use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;

use super::hash::row_hash;
use crate::base::GroupId;
use crate::host::{Direction, KeyRange, Row, StoreError, StoreView};
use crate::keys::{Space, StateView, space_of};

/// A view that sums its rows' hashes while it is scanned, once and forward, and fails at the end where they do not come
/// to its state hash.
pub(super) struct CheckedView {
    group: GroupId,
    store: String,
    view: Box<dyn StoreView>,
    expected: u128,
    sum: Mutex<u128>,
    damage: Arc<OnceLock<String>>,
}

impl CheckedView {
    pub fn new(group: GroupId, view: StateView, damage: Arc<OnceLock<String>>) -> CheckedView {
        let (store, expected) = (view.store_name().to_owned(), view.state_hash());
        CheckedView { group, store, view: view.into_raw(), expected, sum: Mutex::new(0), damage }
    }
}

impl StoreView for CheckedView {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.view.get(key)
    }

    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError> {
        let rows = self.view.scan(range, limit, direction)?;
        let mut sum = self.sum.lock().expect("nothing panics while it holds this lock");
        for (key, value) in &rows {
            if space_of(self.group, key) != Some(Space::Meta) {
                *sum = sum.wrapping_add(row_hash(key, value));
            }
        }
        if rows.len() < limit && *sum != self.expected {
            let what = format!("its rows have the state hash {:032x} where it should be {:032x}", *sum, self.expected);
            let what = self.damage.get_or_init(|| what).clone();
            return Err(StoreError { store: self.store.clone(), what });
        }
        Ok(rows)
    }
}
