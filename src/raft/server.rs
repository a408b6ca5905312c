use std::sync::Arc;

use bytes::Bytes;
use openraft::AsyncRuntime;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::codec;
use super::network::{ChunkAnswer, SnapshotChunk};
use super::publish::Heard;
use super::read_index::ReadIndexHandle;
use super::state_machine::{StateMachine, as_raft_snapshot};
use super::types::{Types, VoteOf};
use crate::base::LogId;
use crate::host::{BoxFuture, Clock};
use crate::log::{SnapshotFile, SnapshotMeta, SnapshotReceiver, Snapshots};
use crate::peer::FrameKind;

/// Answers the Raft frames of other nodes. Erases the runtime.
#[derive(Clone)]
pub struct RaftServer(Arc<dyn Serve>);

trait Serve: Send + Sync {
    fn handle(self: Arc<Self>, kind: FrameKind, body: Bytes) -> BoxFuture<'static, Result<Bytes, String>>;
}

impl RaftServer {
    pub(super) fn new<R: AsyncRuntime>(
        raft: openraft::Raft<Types<R>, StateMachine<R>>,
        snapshots: Snapshots,
        clock: Arc<dyn Clock>,
        heard: Arc<Heard>,
        reads: ReadIndexHandle,
    ) -> RaftServer {
        RaftServer(Arc::new(Server { raft, snapshots, clock, heard, reads, incoming: Mutex::new(None) }))
    }

    /// Hands one frame to the group. An error is sent back as text; the caller logs it and tries again.
    pub fn handle(&self, kind: FrameKind, body: Bytes) -> BoxFuture<'static, Result<Bytes, String>> {
        self.0.clone().handle(kind, body)
    }
}

struct Server<R: AsyncRuntime> {
    raft: openraft::Raft<Types<R>, StateMachine<R>>,
    snapshots: Snapshots,
    clock: Arc<dyn Clock>,
    heard: Arc<Heard>,
    reads: ReadIndexHandle,
    /// The one snapshot that is being received. A leader of a newer term, or a newer snapshot, takes its place.
    incoming: Mutex<Option<Incoming>>,
}

struct Incoming {
    last: LogId,
    total: u64,
    receiver: SnapshotReceiver,
    written: u64,
}

impl<R: AsyncRuntime> Serve for Server<R> {
    fn handle(self: Arc<Self>, kind: FrameKind, body: Bytes) -> BoxFuture<'static, Result<Bytes, String>> {
        Box::pin(async move {
            match kind {
                FrameKind::Append => {
                    let request: AppendEntriesRequest<Types<R>> = decode(&body)?;
                    // Entries may wait long for a full disk: the leader was heard all the same.
                    if self.raft.metrics().borrow_watched().vote == request.vote {
                        self.heard.now(self.clock.now());
                    }
                    let answer = self.raft.append_entries(request).await.map_err(text)?;
                    if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
                        self.heard.now(self.clock.now());
                    }
                    Ok(codec::encode(&answer))
                }
                FrameKind::Vote => {
                    let request: VoteRequest<Types<R>> = decode(&body)?;
                    Ok(codec::encode(&self.raft.vote(request).await.map_err(text)?))
                }
                FrameKind::PreVote => {
                    let request: VoteRequest<Types<R>> = decode(&body)?;
                    Ok(codec::encode(&self.raft.pre_vote(request).await.map_err(text)?))
                }
                FrameKind::TransferLeader => {
                    let answer = self.raft.handle_transfer_leader(decode(&body)?).await.map_err(text)?;
                    Ok(codec::encode(&answer))
                }
                FrameKind::ReadIndex => self.reads.answer(&body).await,
                FrameKind::SnapshotChunk => Ok(codec::encode(&self.receive(decode(&body)?).await?)),
                other => Err(format!("{other:?} is not a frame of consensus")),
            }
        })
    }
}

impl<R: AsyncRuntime> Server<R> {
    /// Takes one chunk. Chunks may come twice or out of order: the answer names the offset that is wanted next.
    async fn receive(&self, chunk: SnapshotChunk) -> Result<ChunkAnswer, String> {
        let vote: VoteOf<R> = decode(&chunk.vote)?;
        // The lock is held while openraft installs a snapshot, which may wait for disk space. Chunks that come
        // meanwhile (repetitions, a new leader's) must not pile up behind it; the sender tries again.
        let mut incoming = self.incoming.try_lock().map_err(|_| "this node is busy with a snapshot; try again")?;
        let known = incoming.as_ref().is_some_and(|held| held.last == chunk.last && held.total == chunk.total);
        if !known {
            if let Some(own) = self.snapshots.current().filter(|own| own.meta().last.index >= chunk.last.index) {
                // It came before, and the answer was late or lost; or this node has built one as new.
                return self.install(vote, own).await;
            }
            if chunk.offset != 0 {
                return Ok(ChunkAnswer::Continue { from: 0 });
            }
            let meta = SnapshotMeta { last: chunk.last, membership: chunk.membership };
            let receiver = self.snapshots.receive(meta).await.map_err(text)?;
            tracing::info!(snapshot = %chunk.last, bytes = chunk.total, "receiving a snapshot from the leader");
            *incoming = Some(Incoming { last: chunk.last, total: chunk.total, receiver, written: 0 });
        }
        let held = incoming.as_mut().expect("set above where it was not");
        if chunk.offset != held.written {
            return Ok(ChunkAnswer::Continue { from: held.written });
        }
        let length = chunk.data.len() as u64;
        if length == 0 && held.written < held.total {
            return Err(format!("an empty chunk at {} of {} bytes", held.written, held.total));
        }
        held.receiver.write(chunk.offset, chunk.data).await.map_err(text)?;
        held.written += length;
        if held.written < held.total {
            return Ok(ChunkAnswer::Continue { from: held.written });
        }
        let done = incoming.take().expect("held above");
        let file = done.receiver.finish().await.map_err(text)?;
        self.install(vote, file).await
    }

    async fn install(&self, vote: VoteOf<R>, file: SnapshotFile) -> Result<ChunkAnswer, String> {
        let snapshot = as_raft_snapshot::<R>(file).map_err(text)?;
        let answer = self.raft.install_full_snapshot(vote, snapshot).await.map_err(text)?;
        Ok(ChunkAnswer::Done { vote: codec::encode_vote::<R>(&answer.vote) })
    }
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    codec::decode(body).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
