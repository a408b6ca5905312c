//! openraft's own suites against what it is given here.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{OptionalSend, StorageError};
use openraft_rt_tokio::TokioRuntime;

use super::actor::GroupStorage;
use super::codec;
use super::log_store::LogStore;
use super::state_machine::{SnapshotBuilder, StateMachine};
use super::types::{RaftLogId, RaftSnapshot, RaftSnapshotMeta, StoredMembership, Types, log_id_of};
use crate::apply::{ApplyEntry, ApplyHandle, ApplyPayload};
use crate::base::{GroupId, LogId};
use crate::host::fake::{self, FakeHost};
use crate::log::{LogEntry, SnapshotFile, Snapshots, Wal, WalSettings};

type TestTypes = Types<TokioRuntime>;

/// The state machine, for a suite that applies entries which no log holds and leaves out indexes. Ours refuses both,
/// so this one has a log of its own and fills every gap.
struct WithoutGaps {
    inner: StateMachine<TokioRuntime>,
    wal: Wal,
    apply: ApplyHandle,
    snapshots: Snapshots,
}

/// The first entry of a log, which in life brings the first membership: here one of nobody.
fn no_membership(term: u64) -> ApplyEntry {
    let nobody = codec::encode(&StoredMembership::<TokioRuntime>::default());
    ApplyEntry { id: LogId::new(term, 0), payload: ApplyPayload::Membership(nobody) }
}

impl WithoutGaps {
    async fn fill_up_to(&self, id: LogId) {
        let next = |last: Option<LogId>| last.map_or(0, |last| last.index.0 + 1);
        let missing: Vec<LogEntry> = (next(self.wal.last())..=id.index.0)
            .map(|index| LogEntry { id: LogId::new(id.term.0, index), payload: Bytes::from_static(b"any") })
            .collect();
        self.wal.append(missing, Box::new(|synced| synced.expect("the fake disk works")));
        let blanks: Vec<ApplyEntry> = (next(self.apply.status().applied)..id.index.0)
            .map(|index| match index {
                0 => no_membership(id.term.0),
                _ => ApplyEntry { id: LogId::new(id.term.0, index), payload: ApplyPayload::Blank },
            })
            .collect();
        if !blanks.is_empty() {
            self.apply.apply(blanks).await.expect("blank entries apply");
        }
    }
}

impl RaftStateMachine<TestTypes> for WithoutGaps {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = SnapshotBuilder<TokioRuntime>;

    async fn applied_state(&mut self) -> io::Result<(Option<RaftLogId<TokioRuntime>>, StoredMembership<TokioRuntime>)> {
        self.inner.applied_state().await
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<TestTypes>>> + Unpin + OptionalSend,
    {
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            self.fill_up_to(log_id_of::<TokioRuntime>(&entry.0.log_id)).await;
            self.inner.apply(stream::iter([Ok(entry)])).await?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder<TokioRuntime> {
        // The suite purges logs of which nothing was applied, and then wants a snapshot. Here only what a snapshot
        // holds is ever purged.
        if self.apply.status().applied.is_none() {
            self.apply.apply(vec![no_membership(0)]).await.expect("the first entry applies");
        }
        self.inner.get_snapshot_builder().await
    }

    async fn install_snapshot(
        &mut self,
        meta: &RaftSnapshotMeta<TokioRuntime>,
        snapshot: SnapshotFile,
    ) -> io::Result<()> {
        // In life it comes in chunks from another node's disk.
        let received = if self.snapshots.current().is_some_and(|own| own.meta().last == snapshot.meta().last) {
            snapshot
        } else {
            let mut receiver = self.snapshots.receive(snapshot.meta().clone()).await?;
            receiver.write(0, snapshot.read_chunk(0, snapshot.bytes() as usize).await?).await?;
            receiver.finish().await?
        };
        self.inner.install_snapshot(meta, received).await?;
        if let Some(last) = &meta.last_log_id {
            self.wal.purge(log_id_of::<TokioRuntime>(last)).await?;
        }
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<RaftSnapshot<TokioRuntime>>> {
        self.inner.get_current_snapshot().await
    }
}

struct Stores;

impl StoreBuilder<TestTypes, LogStore<TokioRuntime>, WithoutGaps, Arc<FakeHost>> for Stores {
    async fn build(&self) -> Result<(Arc<FakeHost>, LogStore<TokioRuntime>, WithoutGaps), StorageError<TestTypes>> {
        let fake = Arc::new(fake::host());
        let group = GroupId::MAIN;
        let apply = ApplyHandle::start(&fake.host, group).await.expect("an empty store opens");
        let snapshots = Snapshots::open(&fake.host, group).await.expect("no snapshots is fine");
        let settings = WalSettings { segment_bytes: 8 << 10, cache_bytes: 1 << 10, reserve_bytes: 0 };
        let wal = Wal::open(&fake.host, group, settings.clone(), None).await.expect("an empty log opens");
        let other = Wal::open(&fake.host, GroupId(1), settings, None).await.expect("an empty log opens");
        let storage = GroupStorage { wal: other.clone(), apply: apply.clone(), snapshots: snapshots.clone() };
        let inner = StateMachine::new(fake.host.clone(), 0, storage);
        Ok((fake, LogStore::new(wal), WithoutGaps { inner, wal: other, apply, snapshots }))
    }
}

#[test]
fn openrafts_storage_suite_holds_on_our_log_and_state_machine() {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
        Suite::test_all(Stores).await.unwrap();
    });
}

#[test]
fn openrafts_runtime_suite_holds_on_the_runtime_of_the_real_node() {
    openraft_rt::testing::Suite::<TokioRuntime>::test_all();
}
