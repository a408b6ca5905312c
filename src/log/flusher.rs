//! The one task that writes the log: takes what is queued, writes it, syncs once, tells everyone in order.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::index::EntryIndex;
use super::record::Record;
use super::segment::Segment;
use super::writer::Writer;
use super::{LogEntry, LogError};
use crate::base::{GroupId, LogId, LogIndex};
use crate::host::Host;

/// What is told to whoever waits for a sync.
pub type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Payload bytes taken into one batch, but always one operation.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// One operation that waits to be written.
pub struct Queued {
    pub op: Op,
    pub done: Done,
}

pub enum Op {
    Append { entries: Vec<LogEntry>, first_ticket: u64 },
    Truncate(Option<LogId>),
    Vote(Bytes),
    Purge(LogId),
}

impl Op {
    fn payload_bytes(&self) -> usize {
        match self {
            Op::Append { entries, .. } => entries.iter().map(|entry| entry.payload.len()).sum(),
            Op::Truncate(_) | Op::Vote(_) | Op::Purge(_) => 0,
        }
    }
}

/// What the handle and the flusher share.
pub struct Shared {
    pub host: Host,
    pub group: GroupId,
    state: Mutex<State>,
}

/// What the log says now, synced or not, and what waits to be synced.
pub struct State {
    pub index: EntryIndex,
    pub queue: VecDeque<Queued>,
    pub next_ticket: u64,
    /// The last vote that is synced.
    pub vote: Option<Bytes>,
    pub committed: Option<LogId>,
    pub committed_to_write: bool,
    /// The last entry known to be synced, never beyond a truncation that waits.
    pub synced: Option<LogId>,
    pub truncations: VecDeque<Option<LogId>>,
    pub waiters: Vec<(LogIndex, oneshot::Sender<io::Result<()>>)>,
    /// Open segments, for reading.
    pub segments: BTreeMap<u32, Segment>,
    /// Why the log failed. Final.
    pub failed: Option<(io::ErrorKind, String)>,
}

impl Shared {
    pub fn new(host: Host, group: GroupId, state: State) -> Shared {
        Shared { host, group, state: Mutex::new(state) }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("whoever panics holding it stops the node")
    }
}

impl State {
    pub fn failure(&self) -> Option<io::Error> {
        self.failed.as_ref().map(|(kind, reason)| io::Error::new(*kind, reason.clone()))
    }

    /// Whether all up to `index` is durable: synced, or purged and thus in a durable snapshot.
    pub fn is_synced(&self, index: LogIndex) -> bool {
        let upto = Some(index);
        self.synced.map(|id| id.index) >= upto || self.index.purged().map(|id| id.index) >= upto
    }

    /// Takes out the waiters whose entry is durable.
    pub fn take_satisfied(&mut self) -> Vec<oneshot::Sender<io::Result<()>>> {
        let (satisfied, waiting) =
            std::mem::take(&mut self.waiters).into_iter().partition(|(index, _)| self.is_synced(*index));
        self.waiters = waiting;
        Vec::from_iter(satisfied).into_iter().map(|(_, waiter)| waiter).collect()
    }

    fn take_batch(&mut self) -> (Vec<Queued>, Option<LogId>) {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(queued) = self.queue.front() {
            bytes += queued.op.payload_bytes();
            if bytes > BATCH_BYTES_MAX && !batch.is_empty() {
                break;
            }
            batch.extend(self.queue.pop_front());
        }
        let committed = self.committed.filter(|_| std::mem::take(&mut self.committed_to_write));
        (batch, committed)
    }
}

/// An entry that is encoded: index, ticket, segment, offset.
type Unlocated = (LogIndex, u64, u32, u32);

pub struct Flusher {
    shared: Arc<Shared>,
    writer: Writer,
    /// Encoded, and located in the index once it is written.
    unlocated: Vec<Unlocated>,
    /// Taken out of the queue, not encoded yet.
    batch: VecDeque<Queued>,
    /// Encoded whole, and told once it is synced.
    untold: Vec<Queued>,
    /// A committed id that found no room; the next batch takes it along.
    committed_left: Option<LogId>,
}

impl Flusher {
    pub fn new(shared: Arc<Shared>, writer: Writer) -> Flusher {
        Flusher {
            shared,
            writer,
            unlocated: Vec::new(),
            batch: VecDeque::new(),
            untold: Vec::new(),
            committed_left: None,
        }
    }

    /// Runs until the last handle is gone and all is written, or the disk fails.
    pub async fn run(mut self, mut wake: mpsc::Receiver<()>) {
        loop {
            let open = wake.recv().await.is_some();
            loop {
                let (batch, committed) = self.shared.lock().take_batch();
                if batch.is_empty() && committed.is_none() {
                    break;
                }
                let flushed = if batch.is_empty() {
                    self.write_committed(committed).await
                } else {
                    self.flush(batch, committed).await
                };
                if let Err(error) = flushed {
                    return self.fail(error);
                }
            }
            if !open {
                return;
            }
        }
    }

    async fn flush(&mut self, batch: Vec<Queued>, committed: Option<LogId>) -> Result<(), LogError> {
        self.batch.extend(batch);
        while let Some(queued) = self.batch.pop_front() {
            let encoded = self.encode(&queued.op).await;
            self.untold.push(queued);
            encoded?;
        }
        if let Some(committed) = committed.or(self.committed_left.take()) {
            self.put(&Record::Committed(committed)).await?;
        }
        self.write_and_sync().await?;
        self.remove_purged_segments().await;
        Ok(())
    }

    async fn encode(&mut self, op: &Op) -> Result<(), LogError> {
        match op {
            Op::Append { entries, first_ticket } => {
                for (entry, ticket) in entries.iter().zip(*first_ticket..) {
                    let record = Record::Append { id: entry.id, payload: entry.payload.clone() };
                    let (seq, offset) = self.put(&record).await?;
                    self.unlocated.push((entry.id.index, ticket, seq, offset));
                }
            }
            Op::Truncate(to) => drop(self.put(&Record::Truncate(*to)).await?),
            Op::Vote(vote) => drop(self.put(&Record::Vote(vote.clone())).await?),
            Op::Purge(upto) => drop(self.put(&Record::Purge(*upto)).await?),
        }
        Ok(())
    }

    /// The committed id alone: written where there is room, never synced, never a reason for a new segment.
    async fn write_committed(&mut self, committed: Option<LogId>) -> Result<(), LogError> {
        let Some(id) = committed else { return Ok(()) };
        let record = Record::Committed(id);
        if !self.writer.has_room(record.bytes()) {
            self.committed_left = committed;
            return Ok(());
        }
        self.writer.push(&record);
        self.writer.write_out().await
    }

    async fn put(&mut self, record: &Record) -> Result<(u32, u32), LogError> {
        if !self.writer.has_room(record.bytes()) {
            self.write_and_sync().await?;
            let segment = self.writer.roll(record.bytes()).await?;
            self.shared.lock().segments.insert(segment.seq, segment);
        } else if self.writer.is_full() {
            self.write_out().await?;
        }
        Ok(self.writer.push(record))
    }

    async fn write_out(&mut self) -> Result<(), LogError> {
        self.writer.write_out().await?;
        locate(&mut self.shared.lock(), &mut self.unlocated);
        Ok(())
    }

    /// One sync for all that wait; then all are told, in order.
    async fn write_and_sync(&mut self) -> Result<(), LogError> {
        self.writer.write_and_sync().await?;
        let image = self.writer.image();
        let satisfied = {
            let mut state = self.shared.lock();
            locate(&mut state, &mut self.unlocated);
            let truncated = self.untold.iter().filter(|queued| matches!(queued.op, Op::Truncate(_))).count();
            state.truncations.drain(..truncated);
            let limits = state.truncations.iter().copied();
            // The entries behind a truncation that still waits are no longer in the log.
            state.synced = limits.fold(image.last, lower);
            state.vote.clone_from(&image.vote);
            state.take_satisfied()
        };
        for queued in self.untold.drain(..) {
            (queued.done)(Ok(()));
        }
        for waiter in satisfied {
            // Whoever waited may have gone.
            let _ = waiter.send(Ok(()));
        }
        Ok(())
    }

    async fn remove_purged_segments(&mut self) {
        while let Some((seq, path)) = self.writer.take_purged_segment() {
            self.shared.lock().segments.remove(&seq);
            if let Err(error) = self.shared.host.files.remove(&path).await {
                // It is found and removed when the log is opened next.
                tracing::warn!(group = %self.shared.group, file = path, %error, "an old log segment could not be removed");
            }
        }
    }

    /// A failed write or sync is final: what the disk holds now is unknown, so nothing more is promised.
    fn fail(self, error: LogError) {
        let reason = format!("the log of group {} failed: {error}", self.shared.group);
        let kind = io::Error::from(error).kind();
        let (queue, waiters) = {
            let mut state = self.shared.lock();
            state.failed = Some((kind, reason.clone()));
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.waiters))
        };
        self.shared.host.fatal(&reason);
        for queued in self.untold.into_iter().chain(self.batch).chain(queue) {
            (queued.done)(Err(io::Error::new(kind, reason.clone())));
        }
        for (_, waiter) in waiters {
            // Whoever waited may have gone.
            let _ = waiter.send(Err(io::Error::new(kind, reason.clone())));
        }
    }
}

/// These entries can be read from their files now.
fn locate(state: &mut State, written: &mut Vec<Unlocated>) {
    for (index, ticket, seq, offset) in written.drain(..) {
        state.index.locate(index, ticket, seq, offset);
    }
    state.index.shrink_cache();
}

/// The one with the lower index; the first where they are equal.
pub fn lower(a: Option<LogId>, b: Option<LogId>) -> Option<LogId> {
    if b.map(|id| id.index) < a.map(|id| id.index) { b } else { a }
}
