use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::flusher::{Done, Flusher, Op, Queued, Shared, State, lower};
use super::index::Source;
use super::read::read_entries;
use super::record::{APPEND_HEAD_BYTES, BODY_BYTES_MAX};
use super::recover::recover;
use super::writer::Writer;
use super::{LogEntry, LogError, WalSettings};
use crate::base::{GroupId, LogId, LogIndex};
use crate::host::Host;

/// The write-ahead log of one group: entries, vote, committed id. Cheap to clone; one task writes.
///
/// What a method says about the log is what was submitted so far, synced or not, except [`Wal::vote`] and
/// [`Wal::synced`]. After a failed write or sync every further operation fails, and the node is told to stop.
#[derive(Clone)]
pub struct Wal {
    shared: Arc<Shared>,
    /// Holds one wake-up: the flusher takes all that is queued. It ends when the last handle is gone.
    wake: mpsc::Sender<()>,
}

impl Wal {
    /// Opens the log, creating an empty one where there is none: cuts a tail that a power loss tore, refuses damage.
    ///
    /// `applied` is what the store proves to have been synced here: an id that was applied *from this log*. Pass `None`
    /// where a snapshot covers what the store has applied. Entries up to it must be in the log or purged.
    pub async fn open(
        host: &Host,
        group: GroupId,
        settings: WalSettings,
        applied: Option<LogId>,
    ) -> Result<Wal, LogError> {
        let recovered = recover(host, group, &settings, applied).await?;
        let writer = Writer::new(host, group, &settings, &recovered);
        let state = State {
            index: recovered.index,
            queue: VecDeque::new(),
            next_ticket: 1,
            vote: recovered.image.vote,
            // What was recorded as committed may have been cut with the tail.
            committed: lower(recovered.image.committed, recovered.image.last),
            committed_to_write: false,
            synced: recovered.image.last,
            truncations: VecDeque::new(),
            waiters: Vec::new(),
            segments: recovered.segments.into_iter().map(|(seq, (segment, _))| (seq, segment)).collect(),
            failed: None,
        };
        let shared = Arc::new(Shared::new(host.clone(), group, state));
        let (wake, woken) = mpsc::channel(1);
        host.spawn("log-flusher", Flusher::new(shared.clone(), writer).run(woken));
        Ok(Wal { shared, wake })
    }

    fn wake(&self) {
        // A full channel already holds a wake-up; a closed one means that the log failed, which callers are told.
        let _ = self.wake.try_send(());
    }

    /// Queues an operation after `change` took effect in memory.
    fn submit(&self, op: Op, done: Done, change: impl FnOnce(&mut State)) {
        let mut state = self.shared.lock();
        if let Some(failure) = state.failure() {
            drop(state);
            return done(Err(failure));
        }
        change(&mut state);
        state.queue.push_back(Queued { op, done });
        let satisfied = state.take_satisfied();
        drop(state);
        for waiter in satisfied {
            // Whoever waited may have gone.
            let _ = waiter.send(Ok(()));
        }
        self.wake();
    }

    async fn submit_and_wait(&self, op: Op, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let (tx, rx) = oneshot::channel();
        let done = Box::new(move |outcome| {
            // Whoever waited may have gone.
            let _ = tx.send(outcome);
        });
        self.submit(op, done, change);
        rx.await.unwrap_or_else(|_| Err(io::Error::other("the log was closed")))
    }

    /// Adds entries. They can be read when this returns; `done` is called once they are durable, in order with all else
    /// that was submitted.
    ///
    /// # Panics
    /// Where the first does not follow the last entry, or one the other. (The first entry ever may have any index.)
    pub fn append(&self, entries: Vec<LogEntry>, done: Done) {
        let too_long = |entry: &LogEntry| entry.payload.len() as u64 > BODY_BYTES_MAX - APPEND_HEAD_BYTES;
        if let Some(entry) = entries.iter().find(|entry| too_long(entry)) {
            let what = format!("entry {} has {} bytes", entry.id, entry.payload.len());
            return done(Err(io::Error::new(io::ErrorKind::InvalidInput, what)));
        }
        // The ticket is known only under the lock, so the operation is put together there.
        let mut state = self.shared.lock();
        if let Some(failure) = state.failure() {
            drop(state);
            return done(Err(failure));
        }
        let first_ticket = state.next_ticket;
        state.next_ticket += entries.len() as u64;
        for (entry, ticket) in entries.iter().zip(first_ticket..) {
            state.index.append(entry, ticket);
        }
        state.queue.push_back(Queued { op: Op::Append { entries, first_ticket }, done });
        drop(state);
        self.wake();
    }

    /// Records the vote; returns once it and all that was submitted before is durable.
    pub async fn save_vote(&self, vote: Bytes) -> io::Result<()> {
        if vote.len() as u64 > BODY_BYTES_MAX / 2 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the vote is too long"));
        }
        self.submit_and_wait(Op::Vote(vote), |_| {}).await
    }

    /// Records what is committed, with the next write: no sync of its own, and nobody waits.
    pub fn save_committed(&self, committed: LogId) {
        let mut state = self.shared.lock();
        if state.committed == Some(committed) || state.failed.is_some() {
            return;
        }
        state.committed = Some(committed);
        state.committed_to_write = true;
        drop(state);
        self.wake();
    }

    /// Removes the entries after `last`; returns once that and all that was submitted before is durable.
    pub async fn truncate_after(&self, last: Option<LogId>) -> io::Result<()> {
        self.submit_and_wait(Op::Truncate(last), |state| {
            state.index.truncate_after(last);
            // Purged entries stay purged, and durable.
            let limit = if state.index.purged().map(|id| id.index) > last.map(|id| id.index) {
                state.index.purged()
            } else {
                last
            };
            state.synced = lower(state.synced, limit);
            state.truncations.push_back(limit);
        })
        .await
    }

    /// Removes the entries up to and with `upto`, which must be in a durable snapshot; it may lie beyond the last entry,
    /// and then nothing is left. Returns once that is durable.
    pub async fn purge(&self, upto: LogId) -> io::Result<()> {
        self.submit_and_wait(Op::Purge(upto), |state| state.index.purge(upto)).await
    }

    /// The last durable vote.
    pub fn vote(&self) -> Option<Bytes> {
        self.shared.lock().vote.clone()
    }

    /// What is committed, as far as it was recorded; never beyond the last entry.
    pub fn committed(&self) -> Option<LogId> {
        let state = self.shared.lock();
        lower(state.committed, state.index.last())
    }

    /// The last entry, or what was purged where there is none.
    pub fn last(&self) -> Option<LogId> {
        self.shared.lock().index.last()
    }

    pub fn purged(&self) -> Option<LogId> {
        self.shared.lock().index.purged()
    }

    /// The last entry known to be durable.
    pub fn synced(&self) -> Option<LogId> {
        self.shared.lock().synced
    }

    /// Returns once all entries up to and with `index` are durable here.
    pub async fn wait_synced(&self, index: LogIndex) -> io::Result<()> {
        let waiting = {
            let mut state = self.shared.lock();
            if let Some(failure) = state.failure() {
                return Err(failure);
            }
            if state.is_synced(index) {
                return Ok(());
            }
            let (tx, rx) = oneshot::channel();
            state.waiters.push((index, tx));
            rx
        };
        waiting.await.unwrap_or_else(|_| Err(io::Error::other("the log was closed")))
    }

    /// The id of the entry at `index`, or of the last purged one; `None` where there is none.
    pub fn id_at(&self, index: LogIndex) -> Option<LogId> {
        self.shared.lock().index.id_at(index)
    }

    /// Entries from `from` to before `to`, as far as they exist: at most `bytes_max` of payload, but at least one.
    ///
    /// Bytes that are not what was written stop the node.
    pub async fn read(&self, from: LogIndex, to: LogIndex, bytes_max: usize) -> io::Result<Vec<LogEntry>> {
        let (plan, segments) = {
            let state = self.shared.lock();
            let plan = state.index.plan(from, to, bytes_max);
            let mut segments = std::collections::BTreeMap::new();
            for (_, source) in &plan {
                if let Source::File { seq, .. } = source
                    && let Some(segment) = state.segments.get(seq)
                {
                    segments.entry(*seq).or_insert_with(|| segment.clone());
                }
            }
            (plan, segments)
        };
        read_entries(plan, &segments).await.map_err(|error| {
            if let LogError::Damaged { .. } = &error {
                self.shared.host.fatal(&format!("the log of group {}: {error}", self.shared.group));
            }
            error.into()
        })
    }

    /// Payload bytes of the entries after `index`, or of all: when to build a snapshot.
    pub fn bytes_after(&self, index: Option<LogIndex>) -> u64 {
        self.shared.lock().index.bytes_after(index)
    }
}
