use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use openraft::alias::SnapshotOf;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{RPCOption, RPCTypes, RaftNetworkFactory, RaftNetworkV2};

use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::{AsyncRuntime, OptionalSend};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::codec;
use super::status::Member;
use super::types::{Types, VoteOf};
use crate::base::limits::SNAPSHOT_CHUNK_BYTES;
use crate::base::{GroupId, LogId, NodeId};
use crate::host::Host;
use crate::log::{LogError, SnapshotFile};
use crate::peer::{FrameKind, Lane, PeerError, PeerHandle, PeerTarget};

/// An append with entries may wait for the other side's disk; losing its frame costs this much.
const APPEND_DEADLINE: Duration = Duration::from_secs(2);
/// One chunk of a snapshot, its write on the other side included.
const CHUNK_DEADLINE: Duration = Duration::from_secs(5);
/// The other side checks and installs the whole snapshot before it answers the last chunk: it has a second more for
/// each so many bytes. Where it needs longer it goes on, refuses repetitions meanwhile as busy, and answers the one
/// after its end at once.
const INSTALL_BYTES_PER_S_MIN: u64 = 8 << 20;

/// Makes openraft's connections to other nodes.
pub(super) struct Network<R> {
    pub(super) host: Host,
    pub(super) node: NodeId,
    pub(super) group: GroupId,
    pub(super) peers: PeerHandle,
    pub(super) runtime: PhantomData<fn() -> R>,
}

/// openraft's connection to one other node.
pub(super) struct Client<R> {
    host: Host,
    node: NodeId,
    group: GroupId,
    peers: PeerHandle,
    target: PeerTarget,
    runtime: PhantomData<fn() -> R>,
}

/// A piece of a snapshot file on its way.
#[derive(Serialize, Deserialize)]
pub(super) struct SnapshotChunk {
    /// The vote of the leader that sends, encoded.
    pub vote: Bytes,
    pub last: LogId,
    pub membership: Bytes,
    pub offset: u64,
    pub total: u64,
    pub data: Bytes,
}

/// What the receiver says to a chunk.
#[derive(Serialize, Deserialize)]
pub(super) enum ChunkAnswer {
    /// Written; or not, because this offset is the one it waits for.
    Continue { from: u64 },
    /// The snapshot is installed, or refused by a higher vote: openraft's answer, encoded.
    Done { vote: Bytes },
}

impl<R: AsyncRuntime> RaftNetworkFactory<Types<R>> for Network<R> {
    type Network = Client<R>;

    async fn new_client(&mut self, target: NodeId, member: &Member) -> Client<R> {
        Client {
            host: self.host.clone(),
            node: self.node,
            group: self.group,
            peers: self.peers.clone(),
            target: PeerTarget { node: target, address: member.peer.clone() },
            runtime: PhantomData,
        }
    }
}

impl<R: AsyncRuntime> Client<R> {
    async fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        lane: Lane,
        kind: FrameKind,
        action: RPCTypes,
        request: &Q,
        within: Duration,
    ) -> Result<A, RPCError<Types<R>>> {
        let deadline = self.host.clock.now().after(within);
        let body = codec::encode(request);
        match self.peers.call(&self.target, lane, self.group, kind, body, deadline).await {
            Ok(answer) => codec::decode(&answer).map_err(|e| NetworkError::from_string(e).into()),
            Err(PeerError::TimedOut) => {
                Err(Timeout { action, id: self.node, target: self.target.node, timeout: within }.into())
            }
            Err(e @ (PeerError::Unreachable(_) | PeerError::Refused(_))) => Err(Unreachable::from_string(e).into()),
            Err(e) => Err(NetworkError::from_string(e).into()),
        }
    }

    /// The other side refuses a snapshot that is not whole, and would do so for ever where the damage is on this side.
    async fn stop_if_damaged(&self, file: &SnapshotFile) {
        if let Err(LogError::Damaged { file, offset, what }) = file.verify().await {
            self.host.fatal(&format!(
                "{file} is damaged at offset {offset}: {what}. Nothing else is known to be wrong: start the node again, \
                 and it sets the file aside and makes a new snapshot of its store"
            ));
        }
    }

    /// Sends the file chunk by chunk, from wherever the receiver is.
    async fn send_snapshot(
        &self,
        vote: VoteOf<R>,
        file: SnapshotFile,
    ) -> Result<SnapshotResponse<Types<R>>, RPCError<Types<R>>> {
        let vote = codec::encode_vote::<R>(&vote);
        let total = file.bytes();
        let mut offset = 0;
        loop {
            let data = file.read_chunk(offset, SNAPSHOT_CHUNK_BYTES).await.map_err(network_error)?;
            let is_last = offset + data.len() as u64 >= total;
            let chunk = SnapshotChunk {
                vote: vote.clone(),
                last: file.meta().last,
                membership: file.meta().membership.clone(),
                offset,
                total,
                data,
            };
            let install = Duration::from_secs(if is_last { total / INSTALL_BYTES_PER_S_MIN } else { 0 });
            let within = CHUNK_DEADLINE + install;
            let answer =
                self.call(Lane::Bulk, FrameKind::SnapshotChunk, RPCTypes::InstallSnapshot, &chunk, within).await;
            if is_last && answer.is_err() {
                self.stop_if_damaged(&file).await;
            }
            match answer? {
                ChunkAnswer::Done { vote } => {
                    return Ok(SnapshotResponse::new(codec::decode(&vote).map_err(network_error)?));
                }
                ChunkAnswer::Continue { from } => offset = from.min(total),
            }
        }
    }
}

fn network_error<R: AsyncRuntime>(error: io::Error) -> RPCError<Types<R>> {
    NetworkError::new(&error).into()
}

impl<R: AsyncRuntime> RaftNetworkV2<Types<R>> for Client<R> {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types<R>>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types<R>>, RPCError<Types<R>>> {
        // Heartbeats keep openraft's short deadline and a lane of their own; entries wait for a disk.
        let (lane, within) = if rpc.entries.is_empty() {
            (Lane::Control, option.soft_ttl())
        } else {
            (Lane::Append, APPEND_DEADLINE.max(option.soft_ttl()))
        };
        self.call(lane, FrameKind::Append, RPCTypes::AppendEntries, &rpc, within).await
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types<R>>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types<R>>, RPCError<Types<R>>> {
        self.call(Lane::Control, FrameKind::Vote, RPCTypes::Vote, &rpc, option.soft_ttl()).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types<R>>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types<R>>, RPCError<Types<R>>> {
        self.call(Lane::Control, FrameKind::PreVote, RPCTypes::Vote, &rpc, option.soft_ttl()).await
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<R>,
        snapshot: SnapshotOf<Types<R>, SnapshotFile>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types<R>>, StreamingError<Types<R>>> {
        let send = std::pin::pin!(self.send_snapshot(vote, snapshot.snapshot));
        match select(std::pin::pin!(cancel), send).await {
            Either::Left((closed, _)) => Err(StreamingError::Closed(closed)),
            Either::Right((sent, _)) => sent.map_err(StreamingError::from),
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<Types<R>>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types<R>>, RPCError<Types<R>>> {
        self.call(Lane::Control, FrameKind::TransferLeader, RPCTypes::TransferLeader, &req, option.soft_ttl()).await
    }
}
