use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{AsyncRuntime, EntryPayload, OptionalSend, RaftSnapshotBuilder};

use super::actor::GroupStorage;
use super::codec;
use super::room::DiskRoom;
use super::types::{RaftLogId, RaftSnapshot, RaftSnapshotMeta, StoredMembership, Types, log_id_of, raft_log_id};
use crate::apply::{ApplyEntry, ApplyError, ApplyHandle, ApplyPayload, RowSource};
use crate::base::LogId;
use crate::host::{BoxFuture, Host, Row};
use crate::log::{LogError, SnapshotFile, SnapshotMeta, SnapshotRows, Snapshots, Wal};

/// Entries in one store batch, at most. One batch is one atomic commit of the store.
const BATCH_ENTRIES_MAX: usize = 512;
/// Bytes of values in one store batch, after which it is closed.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// openraft's state machine: batches committed entries for the Apply actor, builds and installs snapshot files.
pub(super) struct StateMachine<R> {
    wal: Wal,
    apply: ApplyHandle,
    snapshots: Snapshots,
    host: Host,
    reserve_bytes: u64,
    room: DiskRoom,
    /// One build at a time; openraft asks for one only after the last has ended, or when forced.
    building: Arc<AtomicBool>,
    runtime: PhantomData<fn() -> R>,
}

impl<R> StateMachine<R> {
    pub(super) fn new(host: Host, reserve_bytes: u64, storage: GroupStorage) -> StateMachine<R> {
        let GroupStorage { wal, apply, snapshots } = storage;
        StateMachine {
            wal,
            apply,
            snapshots,
            room: DiskRoom::new(host.clone(), reserve_bytes),
            host,
            reserve_bytes,
            building: Arc::new(AtomicBool::new(false)),
            runtime: PhantomData,
        }
    }
}

impl<R: AsyncRuntime> StateMachine<R> {
    /// Commits one batch to the store, then answers.
    async fn apply_batch(&mut self, batch: &mut Batch<R>) -> io::Result<()> {
        let Some(last) = batch.entries.last().map(|entry| entry.id) else { return Ok(()) };
        // A quorum of others may have committed what our own disk has not synced. Applied state is taken for log at
        // the next start, so it must never be ahead of the durable log.
        self.wal.wait_synced(last.index).await?;
        self.room.wait().await;
        let entries = std::mem::take(&mut batch.entries);
        let responders = std::mem::take(&mut batch.responders);
        batch.bytes = 0;
        let applied = self.apply.apply(entries).await.map_err(io::Error::other)?;
        for (applied, responder) in applied.into_iter().zip(responders) {
            if let Some(responder) = responder {
                responder.send(applied);
            }
        }
        Ok(())
    }
}

/// What waits to be committed together.
struct Batch<R: AsyncRuntime> {
    entries: Vec<ApplyEntry>,
    responders: Vec<Option<ApplyResponder<Types<R>>>>,
    bytes: usize,
}

impl<R: AsyncRuntime> RaftStateMachine<Types<R>> for StateMachine<R> {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = SnapshotBuilder<R>;

    async fn applied_state(&mut self) -> io::Result<(Option<RaftLogId<R>>, StoredMembership<R>)> {
        let applied = self.apply.status().applied.map(raft_log_id::<R>);
        let membership = match self.apply.membership() {
            Some((_, bytes)) => codec::decode(&bytes)?,
            None => StoredMembership::<R>::default(),
        };
        Ok((applied, membership))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<Types<R>>>> + Unpin + OptionalSend,
    {
        let mut batch = Batch { entries: Vec::new(), responders: Vec::new(), bytes: 0 };
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let id = log_id_of::<R>(&entry.log_id);
            let payload = match entry.payload {
                EntryPayload::Blank => ApplyPayload::Blank,
                EntryPayload::Normal(command) => {
                    batch.bytes += command.value_bytes();
                    ApplyPayload::Command(command)
                }
                EntryPayload::Membership(membership) => {
                    let stored = StoredMembership::<R>::new(Some(entry.log_id), membership);
                    ApplyPayload::Membership(codec::encode(&stored))
                }
            };
            batch.entries.push(ApplyEntry { id, payload });
            batch.responders.push(responder);
            if batch.entries.len() >= BATCH_ENTRIES_MAX || batch.bytes >= BATCH_BYTES_MAX {
                self.apply_batch(&mut batch).await?;
            }
        }
        self.apply_batch(&mut batch).await
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<SnapshotBuilder<R>> {
        // What a damaged store holds must not become a snapshot.
        if !force && (self.building.load(Ordering::Acquire) || self.apply.status().alarm.is_some()) {
            return None;
        }
        Some(self.get_snapshot_builder().await)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder<R> {
        self.building.store(true, Ordering::Release);
        SnapshotBuilder {
            apply: self.apply.clone(),
            snapshots: self.snapshots.clone(),
            room: DiskRoom::new(self.host.clone(), self.reserve_bytes),
            building: self.building.clone(),
            runtime: PhantomData,
        }
    }

    async fn install_snapshot(&mut self, meta: &RaftSnapshotMeta<R>, snapshot: SnapshotFile) -> io::Result<()> {
        let last = meta.last_log_id.as_ref().map(log_id_of::<R>);
        assert_eq!(last, Some(snapshot.meta().last), "a snapshot is installed under its own log id");
        // Durable first: from here on a restart installs it again, whatever happens to the store.
        self.snapshots.install(snapshot.clone()).await.map_err(io::Error::other)?;
        // Beside the store in use, which stays until the new one is whole.
        self.room.wait_for(snapshot.bytes(), "a snapshot that is to be installed").await;
        let unread = Arc::new(AtomicBool::new(false));
        let installed = match snapshot.rows().await {
            Ok(rows) => {
                let (kept, rows) = (snapshot.meta(), Rows { rows, unread: unread.clone() });
                self.apply.install(kept.last, kept.membership.clone(), Box::new(rows)).await
            }
            Err(error) => {
                unread.store(matches!(error, LogError::Io { .. }), Ordering::Release);
                Err(ApplyError::BadSnapshot { last: snapshot.meta().last, what: error.to_string() })
            }
        };
        // A disk that refuses to read says nothing of what is on it. The log may be gone up to there: the node stops, and
        // the next start reads it again.
        if let Err(ApplyError::BadSnapshot { what, .. }) = &installed
            && !unread.load(Ordering::Acquire)
            && let Some(current) = self.snapshots.current().filter(|current| current.meta() == snapshot.meta())
        {
            // Else each start would try it again. The next one has what the log still holds, or says what to do.
            self.snapshots.set_aside(&current, what).await.map_err(io::Error::other)?;
        }
        installed.map_err(io::Error::other)
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<RaftSnapshot<R>>> {
        self.snapshots.current().map(as_raft_snapshot::<R>).transpose()
    }
}

/// The rows of a snapshot file, as the Apply actor takes them.
struct Rows {
    rows: SnapshotRows,
    /// The disk refused to read: nothing is known to be damaged.
    unread: Arc<AtomicBool>,
}

impl RowSource for Rows {
    fn next_chunk(&mut self) -> BoxFuture<'_, Result<Option<Vec<Row>>, String>> {
        Box::pin(async move {
            self.rows.next_chunk().await.map_err(|error| {
                self.unread.store(matches!(error, LogError::Io { .. }), Ordering::Release);
                error.to_string()
            })
        })
    }
}

/// Builds one snapshot file from a view, in the background.
pub(super) struct SnapshotBuilder<R> {
    apply: ApplyHandle,
    snapshots: Snapshots,
    room: DiskRoom,
    building: Arc<AtomicBool>,
    runtime: PhantomData<fn() -> R>,
}

impl<R: AsyncRuntime> RaftSnapshotBuilder<Types<R>> for SnapshotBuilder<R> {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> io::Result<RaftSnapshot<R>> {
        let built = self.build().await;
        self.building.store(false, Ordering::Release);
        as_raft_snapshot::<R>(built?)
    }
}

impl<R> SnapshotBuilder<R> {
    /// A full disk is waited out: an error would end consensus on this node.
    async fn build(&self) -> io::Result<SnapshotFile> {
        loop {
            let last_bytes = self.snapshots.current().map_or(0, |file| file.bytes());
            self.room.wait_for(last_bytes, "a new snapshot").await;
            let (parts, view, range) = self.apply.snapshot_view().await.map_err(io::Error::other)?;
            let meta = SnapshotMeta { last: parts.last, membership: parts.membership };
            match self.snapshots.build(meta, view, range).await {
                Ok(file) => return Ok(file),
                Err(error) if error.is_disk_full() => {
                    tracing::warn!(%error, "the disk is full: a new snapshot waits for space");
                    self.room.pause().await;
                }
                Err(error) => {
                    let Some(what) = parts.damage.get() else { return Err(io::Error::other(error)) };
                    self.apply.report_damage(parts.store, what.clone()).await;
                    // With the alarm this node goes on in the group, on the snapshot that it has.
                    return self.snapshots.current().ok_or_else(|| io::Error::other(error));
                }
            }
        }
    }
}

/// A snapshot file with the metadata that openraft wants beside it.
pub(super) fn as_raft_snapshot<R: AsyncRuntime>(file: SnapshotFile) -> io::Result<RaftSnapshot<R>> {
    let meta = raft_meta::<R>(file.meta().last, &file.meta().membership)?;
    Ok(openraft::Snapshot { meta, snapshot: file })
}

fn raft_meta<R: AsyncRuntime>(last: LogId, membership: &Bytes) -> io::Result<RaftSnapshotMeta<R>> {
    Ok(RaftSnapshotMeta::<R> {
        last_log_id: Some(raft_log_id::<R>(last)),
        last_membership: if membership.is_empty() {
            StoredMembership::<R>::default()
        } else {
            codec::decode(membership)?
        },
    })
}
