//! The node under test, bound to the simulator.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use confman::base::LogId;
use confman::config::NodeConfig;
use confman::host::{BoxFuture, Clock, Host};
use confman::node::Node;
use confman::peer::{Frame, FrameKind, FrameRole};
use confman::raft::{RaftRole, RaftStatus, Standing, Types};
use openraft::raft::{AppendEntriesRequest, VoteRequest, VoteResponse};

use crate::cluster::{Membership, NodeFactory, Observation, SimNode};
use crate::host::net::{FrameTap, Place};
use crate::laws::durable::frames::Frames;
use crate::laws::votes::VoteTap;
use crate::runtime::MadRuntime;

/// Starts Confman nodes.
pub struct RealNodes;

impl NodeFactory for RealNodes {
    fn start(&self, host: Host, config: NodeConfig) -> BoxFuture<'static, Result<Arc<dyn SimNode>, String>> {
        Box::pin(async move {
            let clock = host.clock.clone();
            let node = Node::start::<MadRuntime>(host, config).await.map_err(|error| error.to_string())?;
            Ok(Arc::new(RealNode(node, clock)) as Arc<dyn SimNode>)
        })
    }

    fn vote_tap(&self, votes: VoteTap) -> Option<Arc<dyn FrameTap>> {
        let frames = Frames::new(votes.laws().clone());
        Some(Arc::new(Tap { votes, frames }))
    }
}

struct RealNode(Node, Arc<dyn Clock>);

impl SimNode for RealNode {
    fn router(&self) -> Router {
        self.0.router.clone()
    }

    fn observe(&self) -> Observation {
        let (raft, apply) = (self.0.raft.status(), self.0.apply.status());
        Observation {
            term: raft.term.0,
            leads: raft.role == RaftRole::Leader,
            role: match raft.role {
                RaftRole::Learner => "learner",
                RaftRole::Follower => "follower",
                RaftRole::Candidate => "candidate",
                RaftRole::Leader => "leader",
                RaftRole::Stopped => "stopped",
            },
            leader: raft.leader.map(|leader| leader.0),
            last_log: raft.last_log,
            snapshot: raft.snapshot,
            purged: raft.purged,
            committed: raft.committed,
            applied: apply.applied,
            state_hash: apply.state_hash,
            audit_head: apply.audit_head,
            membership: membership(&raft),
            outside: raft.standing != Standing::Member,
        }
    }

    fn read_index(&self, patience: Duration) -> BoxFuture<'static, Result<LogId, String>> {
        let (raft, deadline) = (self.0.raft.clone(), self.1.now().after(patience));
        Box::pin(async move { raft.read_index(deadline).await.map_err(|error| error.to_string()) })
    }
}

fn membership(raft: &RaftStatus) -> Membership {
    let voters: BTreeSet<u64> = raft.voters.iter().map(|id| id.0).collect();
    let learners = raft.members.keys().map(|id| id.0).filter(|id| !voters.contains(id)).collect();
    Membership { at: raft.members_at, committed: raft.members_committed, joint: raft.joint, voters, learners }
}

/// Whether an append carries no entries. One that does is longer than this.
fn is_heartbeat(body: &[u8]) -> bool {
    const WITHOUT_ENTRIES_MAX: usize = 64;
    let message = body.get(1..).filter(|_| body.len() <= WITHOUT_ENTRIES_MAX);
    message
        .and_then(|message| postcard::from_bytes::<AppendEntriesRequest<Types<MadRuntime>>>(message).ok())
        .is_some_and(|append| append.entries.is_empty())
}

struct Tap {
    votes: VoteTap,
    frames: Frames,
}

impl FrameTap for Tap {
    fn what(&self, frame: &Bytes) -> &'static str {
        let Ok(Frame { kind, role, body, .. }) = Frame::decode(frame.clone()) else { return "handshake" };
        match (role, kind) {
            (FrameRole::Request, FrameKind::Append) if is_heartbeat(&body) => "heartbeat",
            (FrameRole::Request, FrameKind::Append) => "append",
            (FrameRole::Request, FrameKind::Vote) => "vote",
            (FrameRole::Request, FrameKind::PreVote) => "pre-vote",
            (FrameRole::Request, FrameKind::TransferLeader) => "transfer of leadership",
            (FrameRole::Request, FrameKind::ReadIndex) => "read index",
            (FrameRole::Request, FrameKind::SnapshotChunk) => "snapshot chunk",
            (FrameRole::Request, FrameKind::Forward) => "forward",
            (FrameRole::Request, FrameKind::Probe) => "probe",
            (FrameRole::Request, FrameKind::Status) => "status",
            (FrameRole::Answer, FrameKind::Append) => "answer to append",
            (FrameRole::Answer, FrameKind::Vote) => "answer to vote",
            (FrameRole::Answer, FrameKind::PreVote) => "answer to pre-vote",
            (FrameRole::Answer, FrameKind::ReadIndex) => "answer to read index",
            (FrameRole::Answer, FrameKind::SnapshotChunk) => "answer to snapshot chunk",
            (FrameRole::Answer, FrameKind::Forward) => "answer to forward",
            (FrameRole::Answer, _) => "answer",
            (FrameRole::Failure, _) => "failure",
            (FrameRole::Rejection, _) => "rejection",
        }
    }

    fn frame(&self, from: Place, _to: Place, frame: &Bytes) {
        let Ok(Frame { kind: FrameKind::Vote, role, body, .. }) = Frame::decode(frame.clone()) else { return };
        // The first byte is the version of the encoding, which the node itself checks.
        let Some(message) = body.get(1..) else { return };
        let granted = match role {
            // Who asks for votes has voted for itself.
            FrameRole::Request => {
                let request = postcard::from_bytes::<VoteRequest<Types<MadRuntime>>>(message);
                request.ok().map(|request| request.vote)
            }
            FrameRole::Answer => {
                let answer = postcard::from_bytes::<VoteResponse<Types<MadRuntime>>>(message);
                answer.ok().filter(|answer| answer.vote_granted).map(|answer| answer.vote)
            }
            _ => None,
        };
        if let Some(vote) = granted {
            let candidate = vote.leader_id();
            self.votes.voted(from, candidate.term, candidate.voted_for.0);
        }
    }

    fn sent(&self, link: u64, from: Place, _to: Place, frame: &Bytes) {
        self.frames.sent(link, from, frame);
    }
}
