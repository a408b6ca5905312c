use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use super::checked::CheckedView;
use super::install::{self, RowSource};
use super::open::{Loaded, OpenStore, StoreSet};
use super::waits::Waits;
use super::working::{Finished, Working};
use super::{ApplyError, Stopped, scrub};
use crate::base::{GroupId, LogId, LogIndex, WallTime};
use crate::host::{Host, KeyRange, StoreError, StoreView};
use crate::keys::meta::Summary;
use crate::keys::{StateView, Views, everything};
use crate::model::{Applied, Command};

/// Batches that wait: raft sends the next one while the last is being committed, and hardly ever more.
const INBOX_MAX: usize = 16;
/// How often a replaced store is looked at, whether its last view is gone.
const RETIRE_PAUSE: Duration = Duration::from_secs(1);

/// A committed log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyEntry {
    pub id: LogId,
    pub payload: ApplyPayload,
}

/// See [`ApplyEntry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyPayload {
    /// A new leader's first entry.
    Blank,
    Command(Command),
    /// A membership, in Raft's own encoding.
    Membership(Bytes),
}

/// What the actor last published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyStatus {
    /// The last log entry in the state.
    pub applied: Option<LogId>,
    /// The incremental sum of all rows' hashes: equal on all nodes at equal `applied`.
    pub state_hash: u128,
    pub log_time: WallTime,
    /// The hash of the last audit event.
    pub audit_head: [u8; 32],
    pub audit_events: u64,
    /// Set once the scrub found the stored rows to contradict the state hash, until the node is started again: this
    /// node must not serve. Says what to do.
    pub alarm: Option<String>,
}

/// What a snapshot of a view says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotMetaParts {
    /// The last entry that it holds.
    pub last: LogId,
    /// The entry that its membership came with.
    pub membership_at: LogId,
    /// The last membership applied, as Raft encoded it. Goes back into [`ApplyHandle::install`].
    pub membership: Bytes,
    /// The store that the view is of.
    pub store: String,
    /// Set where the view failed because its rows are not those of its state hash. For
    /// [`ApplyHandle::report_damage`].
    pub damage: Arc<OnceLock<String>>,
}

/// The way to the Apply actor. Cheap to clone.
#[derive(Clone)]
pub struct ApplyHandle {
    group: GroupId,
    inbox: mpsc::Sender<Msg>,
    published: Arc<Mutex<Published>>,
    status: watch::Receiver<ApplyStatus>,
    waits: Waits,
}

impl ApplyHandle {
    /// Opens the current store (an empty one, where there is none or it is in doubt) and starts the actor and the
    /// scrub.
    pub async fn start(host: &Host, group: GroupId) -> Result<ApplyHandle, ApplyError> {
        let mut stores = StoreSet::new(host, group);
        let Loaded { store, summary, membership } = stores.open_current().await?;
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        let (status_sender, status) = watch::channel(summary_status(&summary, None));
        let published = Arc::new(Mutex::new(Published { store: store.clone(), membership: membership.clone() }));
        let waits = Waits::new(summary.applied.map(|applied| applied.index));
        let handle = ApplyHandle { group, inbox: sender, published: published.clone(), status, waits: waits.clone() };
        let actor = Actor {
            host: host.clone(),
            group,
            inbox,
            stores,
            store,
            summary,
            published,
            status: status_sender,
            waits,
            alarm: None,
            failed: None,
        };
        host.spawn("apply", actor.run());
        host.spawn("scrub", scrub::run(host.clone(), group, handle.weak()));
        Ok(handle)
    }

    /// Before [`ApplyHandle::start`]: the current store is not to be used again. The start then begins with an empty
    /// one, which snapshot and log fill.
    pub async fn set_aside(host: &Host, group: GroupId, reason: &str) -> Result<(), ApplyError> {
        tracing::warn!(%group, reason, "the store is set aside: the state will be rebuilt from snapshot and log");
        StoreSet::new(host, group).set_aside().await
    }

    pub fn group(&self) -> GroupId {
        self.group
    }

    /// What was last published.
    pub fn status(&self) -> ApplyStatus {
        self.status.borrow().clone()
    }

    /// Follows what is published.
    pub fn subscribe(&self) -> watch::Receiver<ApplyStatus> {
        self.status.clone()
    }

    /// Completes once the entry at `index` is applied.
    pub async fn wait_applied(&self, index: LogIndex) -> Result<(), Stopped> {
        self.waits.until(index).await
    }

    /// Applies the next entries of the log, all of them or (where the store fails) none. An answer comes after the
    /// commit. An error is final: the node must stop.
    ///
    /// # Panics
    /// The actor panics, which stops the node, where the entries do not go on right behind what is applied.
    pub async fn apply(&self, batch: Vec<ApplyEntry>) -> Result<Vec<Applied>, ApplyError> {
        self.ask(|reply| Msg::Apply { batch, reply }).await?
    }

    /// The state of this moment, at least as new as any status published.
    pub fn view(&self) -> Result<StateView, ApplyError> {
        Ok(lock(&self.published).store.clone().view(self.group)?)
    }

    /// [`ApplyHandle::view`] as a function, for readers that know nothing of this actor.
    pub fn views(&self) -> Views {
        let (group, published) = (self.group, self.published.clone());
        Arc::new(move || lock(&published).store.clone().view(group))
    }

    /// The last membership applied, with the entry it came with.
    pub fn membership(&self) -> Option<(LogId, Bytes)> {
        lock(&self.published).membership.clone()
    }

    /// What a snapshot is made from: a view of this moment and what it says about itself. The view is to be scanned
    /// once, forward, and fails at its end where its rows are not those of its state hash: what a snapshot holds
    /// replaces log and store, here and on other nodes.
    pub async fn snapshot_view(&self) -> Result<(SnapshotMetaParts, Box<dyn StoreView>, KeyRange), ApplyError> {
        let view = self.view()?;
        let last = view.applied().ok_or(ApplyError::Empty)?;
        let (membership_at, membership) = view.membership()?.ok_or(ApplyError::Empty)?;
        let store = view.store_name().to_owned();
        let damage = Arc::new(OnceLock::new());
        let checked = CheckedView::new(self.group, view, damage.clone());
        Ok((SnapshotMetaParts { last, membership_at, membership, store, damage }, Box::new(checked), everything()))
    }

    /// Replaces the whole state by a snapshot's: fills a fresh store, checks it against its own state hash, and makes
    /// it the current one. `membership` is what [`ApplyHandle::snapshot_view`] gave.
    pub async fn install(&self, last: LogId, membership: Bytes, rows: Box<dyn RowSource>) -> Result<(), ApplyError> {
        self.ask(|reply| Msg::Install { last, membership, rows, reply }).await?
    }

    /// Throws the state away and goes on with an empty one: what is applied contradicts the log. Only before anything
    /// was served from it.
    pub async fn start_over(&self, reason: &str) -> Result<(), ApplyError> {
        let reason = reason.to_owned();
        self.ask(|reply| Msg::StartOver { reason, reply }).await?
    }

    /// The rows of `store` are not what they should be: raises the alarm, and the next start rebuilds the state.
    pub async fn report_damage(&self, store: String, what: String) {
        // An error means that the actor is gone, and with it whom this could matter to.
        let _ = self.inbox.send(Msg::Damaged { store, what }).await;
    }

    async fn ask<T>(&self, msg: impl FnOnce(oneshot::Sender<T>) -> Msg) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(msg(reply)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    fn weak(&self) -> WeakApply {
        WeakApply { inbox: self.inbox.downgrade(), published: self.published.clone() }
    }
}

/// The scrub's way to the actor: it does not keep the actor alive.
pub(super) struct WeakApply {
    inbox: mpsc::WeakSender<Msg>,
    published: Arc<Mutex<Published>>,
}

impl WeakApply {
    /// The current store; `None` once the actor has no other handle.
    pub fn store(&self) -> Option<Arc<OpenStore>> {
        self.inbox.upgrade()?;
        Some(lock(&self.published).store.clone())
    }

    /// Tells the actor that the rows of `store` are not what they should be.
    pub async fn report_damage(&self, store: String, what: String) {
        if let Some(inbox) = self.inbox.upgrade() {
            // An error means that the actor is gone, and with it whom this could matter to.
            let _ = inbox.send(Msg::Damaged { store, what }).await;
        }
    }
}

enum Msg {
    Apply { batch: Vec<ApplyEntry>, reply: oneshot::Sender<Result<Vec<Applied>, ApplyError>> },
    Install { last: LogId, membership: Bytes, rows: Box<dyn RowSource>, reply: oneshot::Sender<Result<(), ApplyError>> },
    StartOver { reason: String, reply: oneshot::Sender<Result<(), ApplyError>> },
    Damaged { store: String, what: String },
}

/// What handles read without a message.
struct Published {
    store: Arc<OpenStore>,
    membership: Option<(LogId, Bytes)>,
}

fn lock(published: &Mutex<Published>) -> MutexGuard<'_, Published> {
    published.lock().expect("nothing panics while it holds this lock")
}

struct Actor {
    host: Host,
    group: GroupId,
    inbox: mpsc::Receiver<Msg>,
    stores: StoreSet,
    store: Arc<OpenStore>,
    summary: Summary,
    published: Arc<Mutex<Published>>,
    status: watch::Sender<ApplyStatus>,
    waits: Waits,
    alarm: Option<String>,
    /// Once the store failed, what it holds is not known: nothing is applied any more.
    failed: Option<ApplyError>,
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.waits.stop();
    }
}

impl Actor {
    async fn run(mut self) {
        while let Some(msg) = self.inbox.recv().await {
            // A reply that nobody waits for any more is dropped: what was asked is done all the same.
            match msg {
                Msg::Apply { batch, reply } => drop(reply.send(self.apply(batch).await)),
                Msg::Install { last, membership, rows, reply } => {
                    drop(reply.send(self.install(last, &membership, rows).await));
                }
                Msg::StartOver { reason, reply } => drop(reply.send(self.start_over(&reason).await)),
                Msg::Damaged { store, what } => self.damaged(&store, &what).await,
            }
        }
    }

    async fn apply(&mut self, batch: Vec<ApplyEntry>) -> Result<Vec<Applied>, ApplyError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (applied, finished) = match self.work(batch) {
            Ok(done) => done,
            Err(error) => {
                let failed = self.failed.insert(ApplyError::Store(error)).clone();
                // A row could not be read: the next start must not meet it again.
                ApplyHandle::set_aside(&self.host, self.group, &failed.to_string()).await?;
                return Err(failed);
            }
        };
        if let Err(error) = self.store.store.commit(finished.batch).await {
            return Err(self.failed.insert(ApplyError::Store(error)).clone());
        }
        self.summary = finished.summary;
        self.publish(finished.membership);
        Ok(applied)
    }

    /// Applies a batch in memory.
    fn work(&self, batch: Vec<ApplyEntry>) -> Result<(Vec<Applied>, Finished), StoreError> {
        let mut working = Working::new(self.group, &self.store.name, &*self.store.store, self.summary.clone());
        let applied = batch.into_iter().map(|entry| working.apply(entry)).collect::<Result<_, _>>()?;
        Ok((applied, working.finish()))
    }

    async fn install(&mut self, last: LogId, membership: &Bytes, rows: Box<dyn RowSource>) -> Result<(), ApplyError> {
        match self.summary.applied {
            Some(applied) if applied == last => return Ok(()),
            Some(applied) if applied > last => return Err(ApplyError::OlderSnapshot { last, applied }),
            _ => {}
        }
        let loaded = install::fill(&mut self.stores, self.group, last, membership, rows).await?;
        self.stores.make_current(&loaded.store.name).await?;
        self.replace_store(loaded);
        tracing::info!(group = %self.group, %last, "installed a snapshot");
        Ok(())
    }

    async fn start_over(&mut self, reason: &str) -> Result<(), ApplyError> {
        tracing::warn!(group = %self.group, reason, "the store is set aside: the state is rebuilt from snapshot and log");
        let store = self.stores.open_fresh().await?;
        self.stores.make_current(&store.name).await?;
        self.replace_store(Loaded { store, summary: Summary::default(), membership: None });
        Ok(())
    }

    /// The scrub's report. The alarm stays; the next start rebuilds the state.
    async fn damaged(&mut self, store: &str, what: &str) {
        if store != self.store.name || self.alarm.is_some() {
            return;
        }
        let alarm = format!(
            "the stored state is damaged: {what}. This node no longer serves from it. Start the node again: it rebuilds \
             its state from snapshot and log. If the alarm comes back, replace the disk and the node"
        );
        tracing::error!(group = %self.group, store, alarm);
        self.alarm = Some(alarm);
        self.publish(None);
        if let Err(error) = self.stores.set_aside().await {
            tracing::error!(group = %self.group, %error, "cannot set the damaged store aside");
        }
    }

    fn replace_store(&mut self, loaded: Loaded) {
        let old = std::mem::replace(&mut self.store, loaded.store.clone());
        self.summary = loaded.summary;
        // A store that failed is gone with what it held.
        self.failed = None;
        *lock(&self.published) = Published { store: loaded.store, membership: loaded.membership };
        self.publish(None);
        self.retire(old);
    }

    /// Removes a store once nothing reads it any more.
    fn retire(&self, old: Arc<OpenStore>) {
        let (host, stores) = (self.host.clone(), StoreSet::new(&self.host, self.group));
        self.host.spawn("retire-store", async move {
            // Nobody gets a new reference: it is published no more.
            while Arc::strong_count(&old) > 1 {
                host.sleep(RETIRE_PAUSE).await;
            }
            let name = old.name.clone();
            drop(old);
            stores.remove(&name).await;
        });
    }

    /// Lets others see the state as it is now; a new membership comes before the applied id that has it.
    fn publish(&self, membership: Option<(LogId, Bytes)>) {
        if membership.is_some() {
            lock(&self.published).membership = membership;
        }
        self.status.send_replace(summary_status(&self.summary, self.alarm.clone()));
        self.waits.reach(self.summary.applied.map(|applied| applied.index));
    }
}

fn summary_status(summary: &Summary, alarm: Option<String>) -> ApplyStatus {
    ApplyStatus {
        applied: summary.applied,
        state_hash: summary.state_hash,
        log_time: summary.log_time,
        audit_head: summary.audit_head,
        audit_events: summary.audit_events,
        alarm,
    }
}
