use std::fmt::Debug;
use std::io;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use futures_util::{Stream, TryStreamExt, stream};
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{AsyncRuntime, OptionalSend, RaftLogReader};

use super::codec;
use super::types::{RaftEntry, RaftLogId, Types, VoteOf, log_id_of, raft_log_id};
use crate::base::LogIndex;
use crate::base::limits::APPEND_BYTES_MAX;
use crate::log::Wal;

/// openraft's log storage on the write-ahead log. Order and durability are the log's; this only translates.
pub(super) struct LogStore<R> {
    wal: Wal,
    runtime: PhantomData<fn() -> R>,
}

impl<R> LogStore<R> {
    pub(super) fn new(wal: Wal) -> LogStore<R> {
        LogStore { wal, runtime: PhantomData }
    }
}

impl<R: AsyncRuntime> RaftLogReader<Types<R>> for LogStore<R> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<RaftEntry<R>>> {
        let (mut from, to) = bounds(&range);
        let mut entries = Vec::new();
        while from < to {
            let part = self.wal.read(LogIndex(from), LogIndex(to), usize::MAX).await?;
            let Some(last) = part.last() else { break };
            from = last.id.index.0 + 1;
            for entry in part {
                entries.push(codec::raft_entry::<R>(entry)?);
            }
        }
        Ok(entries)
    }

    async fn read_vote(&mut self) -> io::Result<Option<VoteOf<R>>> {
        self.wal.vote().map(|vote| codec::decode(&vote)).transpose()
    }

    /// What is applied is read piece by piece: a node that was away has more to apply than memory should hold.
    async fn entries_stream<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<RaftEntry<R>>> + OptionalSend {
        let (from, to) = bounds(&range);
        let pieces = stream::try_unfold((self.wal.clone(), from), move |(wal, from)| async move {
            if from >= to {
                return Ok(None);
            }
            let piece = wal.read(LogIndex(from), LogIndex(to), APPEND_BYTES_MAX).await?;
            let next = piece.last().map(|last| last.id.index.0 + 1);
            let entries = piece.into_iter().map(codec::raft_entry::<R>);
            Ok::<_, io::Error>(next.map(|next| (stream::iter(entries), (wal, next))))
        });
        Box::pin(pieces.try_flatten())
    }

    /// Bytes bound an append frame, not only the number of entries.
    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<RaftEntry<R>>> {
        let part = self.wal.read(LogIndex(start), LogIndex(end), APPEND_BYTES_MAX).await?;
        if part.first().is_some_and(|first| first.id.index.0 != start) {
            // Purged in the meantime. What is left would be sent as if it followed the entry before `start`.
            return Ok(Vec::new());
        }
        part.into_iter().map(codec::raft_entry::<R>).collect()
    }
}

impl<R: AsyncRuntime> RaftLogStorage<Types<R>> for LogStore<R> {
    type LogReader = LogStore<R>;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types<R>>> {
        Ok(LogState {
            last_purged_log_id: self.wal.purged().map(raft_log_id::<R>),
            last_log_id: self.wal.last().map(raft_log_id::<R>),
        })
    }

    async fn get_log_reader(&mut self) -> LogStore<R> {
        LogStore::new(self.wal.clone())
    }

    /// The vote outranks appends that came before it, so it is one record of the same stream, synced behind them.
    async fn save_vote(&mut self, vote: &VoteOf<R>) -> io::Result<()> {
        self.wal.save_vote(codec::encode_vote::<R>(vote)).await
    }

    async fn save_committed(&mut self, committed: Option<RaftLogId<R>>) -> io::Result<()> {
        if let Some(committed) = committed {
            self.wal.save_committed(log_id_of::<R>(&committed));
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<RaftLogId<R>>> {
        Ok(self.wal.committed().map(raft_log_id::<R>))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types<R>>) -> io::Result<()>
    where
        I: IntoIterator<Item = RaftEntry<R>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries.into_iter().map(|entry| codec::log_entry::<R>(&entry)).collect();
        self.wal.append(entries, Box::new(move |synced| callback.io_completed(synced)));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<RaftLogId<R>>) -> io::Result<()> {
        self.wal.truncate_after(last.map(|id| log_id_of::<R>(&id))).await
    }

    async fn purge(&mut self, upto: RaftLogId<R>) -> io::Result<()> {
        self.wal.purge(log_id_of::<R>(&upto)).await
    }
}

/// A range of indexes, half open.
fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(&at) => at,
        Bound::Excluded(&at) => at + 1,
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(&at) => at + 1,
        Bound::Excluded(&at) => at,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}
