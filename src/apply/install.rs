//! Filling a fresh store from a snapshot.

use std::sync::Arc;

use bytes::Bytes;

use super::ApplyError;
use super::hash::row_hash;
use super::open::{Loaded, OpenStore, StoreSet, load};
use crate::base::{GroupId, LogId};
use crate::host::{Batch, BoxFuture, Row, StoreError};
use crate::keys::{Space, space_of};

/// Rows of one commit, in bytes: what an engine holds in memory for it.
const BATCH_BYTES: usize = 1 << 20;

/// The rows of a snapshot, in the order of their keys, in chunks that fit into memory.
pub trait RowSource: Send {
    /// The next rows; `None` at the end. An error (damage, I/O) ends the installation and changes nothing.
    fn next_chunk(&mut self) -> BoxFuture<'_, Result<Option<Vec<Row>>, String>>;
}

/// Fills a fresh store with all rows of `rows` and checks that they are the state at `last`, row for row as its own
/// state hash says. Not current yet; where it fails, the store is removed again.
pub(super) async fn fill(
    stores: &mut StoreSet,
    group: GroupId,
    last: LogId,
    membership: &Bytes,
    rows: Box<dyn RowSource>,
) -> Result<Loaded, ApplyError> {
    let store = stores.open_fresh().await?;
    let name = store.name.clone();
    let filled = match copy(group, &store, rows).await {
        // Takes the store: where it fails, nothing holds it any more.
        Ok(state_hash) => check(group, store, last, membership, state_hash),
        Err(failed) => {
            drop(store);
            Err(match failed {
                Failed::Store(error) => ApplyError::Store(error),
                Failed::Source(what) => ApplyError::BadSnapshot { last, what },
            })
        }
    };
    if filled.is_err() {
        stores.remove(&name).await;
    }
    filled
}

enum Failed {
    Source(String),
    Store(StoreError),
}

/// Copies all rows; answers the state hash that they have.
async fn copy(group: GroupId, store: &Arc<OpenStore>, mut rows: Box<dyn RowSource>) -> Result<u128, Failed> {
    let (mut batch, mut batch_bytes) = (Batch::default(), 0);
    let (mut state_hash, mut last_key) = (0u128, Bytes::new());
    // What the rows are the state of is said by the last commit: a store that loses its last ones in a power loss must
    // not say that it is whole.
    let mut meta = Vec::new();
    while let Some(chunk) = rows.next_chunk().await.map_err(Failed::Source)? {
        for (key, value) in chunk {
            // In order and each key once: else the sum could hold a row that another one replaced.
            if key <= last_key {
                return Err(Failed::Source("its rows are not in order".to_owned()));
            }
            match space_of(group, &key) {
                None => return Err(Failed::Source("it holds a row of no known space of this group".to_owned())),
                Some(Space::Meta) => {
                    last_key = key.clone();
                    meta.push((key, value));
                    continue;
                }
                Some(_) => state_hash = state_hash.wrapping_add(row_hash(&key, &value)),
            }
            last_key = key.clone();
            batch_bytes += key.len() + value.len();
            batch.put(key, value);
            if batch_bytes >= BATCH_BYTES {
                store.store.commit(std::mem::take(&mut batch)).await.map_err(Failed::Store)?;
                batch_bytes = 0;
            }
        }
    }
    meta.into_iter().for_each(|(key, value)| batch.put(key, value));
    store.store.commit(batch).await.map_err(Failed::Store)?;
    Ok(state_hash)
}

fn check(
    group: GroupId,
    store: Arc<OpenStore>,
    last: LogId,
    membership: &Bytes,
    state_hash: u128,
) -> Result<Loaded, ApplyError> {
    let loaded = load(group, store).map_err(|unusable| unusable.of_snapshot(last))?;
    let bad = |what: String| Err(ApplyError::BadSnapshot { last, what });
    if loaded.summary.applied != Some(last) {
        return bad(format!("its rows say that they are the state at {:?}", loaded.summary.applied));
    }
    if loaded.summary.state_hash != state_hash {
        let said = loaded.summary.state_hash;
        return bad(format!("its rows have the state hash {state_hash:032x} and say {said:032x}"));
    }
    match &loaded.membership {
        Some((_, held)) if held == membership => Ok(loaded),
        Some(_) => bad("its rows hold another membership than it was sent with".to_owned()),
        None => bad("its rows hold no membership".to_owned()),
    }
}
