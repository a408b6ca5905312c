//! The node under test, bound to the simulator.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use confman::base::LogId;
use confman::config::NodeConfig;
use confman::host::{BoxFuture, Clock, Host};
use confman::node::Node;
use confman::peer::{Frame, FrameKind, FrameRole};
use confman::raft::{RaftRole, Types};
use openraft::raft::{VoteRequest, VoteResponse};

use crate::cluster::{NodeFactory, Observation, SimNode};
use crate::host::net::{FrameTap, Place};
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
        Some(Arc::new(Tap(votes)))
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
            committed: raft.committed,
            applied: apply.applied,
            state_hash: apply.state_hash,
            audit_head: apply.audit_head,
        }
    }

    fn read_index(&self, patience: Duration) -> BoxFuture<'static, Result<LogId, String>> {
        let (raft, deadline) = (self.0.raft.clone(), self.1.now().after(patience));
        Box::pin(async move { raft.read_index(deadline).await.map_err(|error| error.to_string()) })
    }
}

struct Tap(VoteTap);

impl FrameTap for Tap {
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
            self.0.voted(from, candidate.term, candidate.voted_for.0);
        }
    }
}
