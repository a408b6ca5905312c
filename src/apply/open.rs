use std::sync::Arc;

use bytes::Bytes;

use super::ApplyError;
use super::pointer::Pointer;
use crate::base::{GroupId, LogId};
use crate::host::{Direction, Host, KeyRange, Row, Store, StoreError, StoreView};
use crate::keys::{RowError, StateView, everything, meta};

/// A store in use. Views hold it, so that it is removed only after the last of them is gone.
pub(super) struct OpenStore {
    pub name: String,
    pub store: Arc<dyn Store>,
}

impl OpenStore {
    /// The state as it is now.
    pub fn view(self: &Arc<OpenStore>, group: GroupId) -> Result<StateView, StoreError> {
        let view = LeasedView { view: self.store.view()?, _lease: self.clone() };
        StateView::new(group, &self.name, Box::new(view))
    }
}

/// A view that keeps its store from being removed.
struct LeasedView {
    // Dropped before the lease: the engine's view must be gone when the store is.
    view: Box<dyn StoreView>,
    _lease: Arc<OpenStore>,
}

impl StoreView for LeasedView {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.view.get(key)
    }

    fn scan(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Vec<Row>, StoreError> {
        self.view.scan(range, limit, direction)
    }
}

/// A store that was found whole, and what it says about itself.
pub(super) struct Loaded {
    pub store: Arc<OpenStore>,
    pub summary: meta::Summary,
    pub membership: Option<(LogId, Bytes)>,
}

/// The stores of one group, and which of them is current.
pub(super) struct StoreSet {
    host: Host,
    group: GroupId,
    pointer: Pointer,
    /// The highest number that a store of this group ever had, as far as can be seen.
    last_number: u64,
}

/// Why a store cannot be used.
pub(super) enum Unusable {
    /// This release must not touch it.
    Newer(RowError),
    /// What it holds is in doubt.
    Damaged(String),
}

impl StoreSet {
    pub fn new(host: &Host, group: GroupId) -> StoreSet {
        StoreSet { host: host.clone(), group, pointer: Pointer::new(host, group), last_number: 0 }
    }

    /// Opens the current store, or an empty one where there is none or it is in doubt, and removes all others.
    pub async fn open_current(&mut self) -> Result<Loaded, ApplyError> {
        let names = self.names().await?;
        self.last_number = names.iter().filter_map(|name| self.number(name)).max().unwrap_or(0);
        let current = match self.pointer.read().await? {
            Some(name) if names.contains(&name) => match self.open(&name).await {
                Ok(loaded) => Some(loaded),
                Err(Unusable::Newer(row)) => return Err(ApplyError::NewerFormat { store: name, row }),
                Err(Unusable::Damaged(what)) => {
                    tracing::warn!(store = name, what, "set aside: the state will be rebuilt from snapshot and log");
                    None
                }
            },
            Some(name) => {
                tracing::warn!(store = name, "missing: the state will be rebuilt from snapshot and log");
                None
            }
            None => None,
        };
        let current = match current {
            Some(current) => current,
            None => {
                let fresh = self.open_fresh().await?;
                self.make_current(&fresh.name).await?;
                Loaded { store: fresh, summary: meta::Summary::default(), membership: None }
            }
        };
        for name in names {
            if name != current.store.name {
                self.remove(&name).await;
            }
        }
        Ok(current)
    }

    /// An empty store under a name that none had before.
    pub async fn open_fresh(&mut self) -> Result<Arc<OpenStore>, ApplyError> {
        self.last_number += 1;
        let name = format!("{}{}", self.prefix(), self.last_number);
        let store = self.host.stores.open(&name).await?;
        Ok(Arc::new(OpenStore { name, store }))
    }

    /// From now on, also after a power loss, `name` is the current store.
    pub async fn make_current(&self, name: &str) -> Result<(), ApplyError> {
        self.pointer.write(name).await
    }

    /// No store is current: the next start begins with an empty one.
    pub async fn set_aside(&self) -> Result<(), ApplyError> {
        self.pointer.clear().await
    }

    /// Removes a store that nothing uses. A failure costs disk until the next start.
    pub async fn remove(&self, name: &str) {
        if let Err(error) = self.host.stores.remove(name).await {
            tracing::warn!(%error, "cannot remove a store that is no longer used; the next start tries again");
        }
    }

    async fn names(&self) -> Result<Vec<String>, ApplyError> {
        let mut names = self.host.stores.list().await?;
        names.retain(|name| self.number(name).is_some());
        Ok(names)
    }

    fn prefix(&self) -> String {
        format!("state-{}-", self.group)
    }

    fn number(&self, name: &str) -> Option<u64> {
        name.strip_prefix(&self.prefix())?.parse().ok()
    }

    async fn open(&self, name: &str) -> Result<Loaded, Unusable> {
        let store = self.host.stores.open(name).await?;
        load(self.group, Arc::new(OpenStore { name: name.to_owned(), store }))
    }
}

/// Reads what a store says about itself and looks for contradictions that cost nothing to see; the scrub sees the rest.
pub(super) fn load(group: GroupId, store: Arc<OpenStore>) -> Result<Loaded, Unusable> {
    match store.store.get(&meta::format_key(group))? {
        Some(row) => meta::check_format(&row)?,
        None if store.store.scan(&everything(), 1, Direction::Forward)?.is_empty() => {}
        None => return Err(Unusable::Damaged("it holds rows and no format".to_owned())),
    }
    let view = store.view(group)?;
    let last_event = view.audit_before(None, None, 1)?.pop();
    if last_event.map_or(crate::model::CHAIN_START, |event| event.hash) != view.audit_head() {
        return Err(Unusable::Damaged("its last audit event is not the one that its summary names".to_owned()));
    }
    let membership = view.membership()?;
    Ok(Loaded { summary: view.summary().clone(), membership, store })
}

impl Unusable {
    /// The same, said of the snapshot that the store was filled from.
    pub fn of_snapshot(self, last: LogId) -> ApplyError {
        let what = match self {
            Unusable::Newer(row) => row.to_string(),
            Unusable::Damaged(what) => what,
        };
        ApplyError::BadSnapshot { last, what }
    }
}

impl From<StoreError> for Unusable {
    fn from(error: StoreError) -> Unusable {
        Unusable::Damaged(error.what)
    }
}

impl From<RowError> for Unusable {
    fn from(error: RowError) -> Unusable {
        match error {
            RowError::NewerFormat { .. } => Unusable::Newer(error),
            RowError::Damaged { .. } => Unusable::Damaged(error.to_string()),
        }
    }
}
