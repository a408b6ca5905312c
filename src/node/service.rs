use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::api::ApiHandle;
use crate::base::{GroupId, NodeId};
use crate::host::BoxFuture;
use crate::log::Wal;
use crate::peer::{FrameKind, PeerService};
use crate::raft::{self, Member, RaftServer};

/// Hands the frames of other nodes to the actor that they are for. Bound late: peers may call while this node is
/// still starting, and are told so.
pub(super) struct Service {
    /// This node, as its configuration and its data directory have it.
    own: Member,
    wal: Wal,
    raft: OnceLock<RaftServer>,
    api: OnceLock<ApiHandle>,
}

impl Service {
    pub(super) fn new(own: Member, wal: Wal) -> Arc<Service> {
        Arc::new(Service { own, wal, raft: OnceLock::new(), api: OnceLock::new() })
    }

    pub(super) fn bind_raft(&self, raft: RaftServer) {
        assert!(self.raft.set(raft).is_ok(), "consensus is bound once");
    }

    pub(super) fn bind_api(&self, api: ApiHandle) {
        assert!(self.api.set(api).is_ok(), "the API is bound once");
    }
}

impl PeerService for Service {
    fn handle(
        &self,
        _from: NodeId,
        group: GroupId,
        kind: FrameKind,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, String>> {
        let starting = || -> BoxFuture<'static, Result<Bytes, String>> {
            Box::pin(std::future::ready(Err("this node is starting; try again".to_owned())))
        };
        if group != GroupId::MAIN {
            return Box::pin(std::future::ready(Err(format!("this node runs no group {group}"))));
        }
        match kind {
            FrameKind::Probe => {
                let answer = raft::answer_probe(&self.own, &self.wal);
                Box::pin(std::future::ready(Ok(answer)))
            }
            FrameKind::Forward | FrameKind::Status => match self.api.get() {
                Some(api) => {
                    let api = api.clone();
                    Box::pin(async move {
                        match kind {
                            FrameKind::Forward => Ok(api.handle_forward(body).await),
                            _ => Ok(api.handle_status()),
                        }
                    })
                }
                None => starting(),
            },
            _ => match self.raft.get() {
                Some(raft) => raft.handle(kind, body),
                None => starting(),
            },
        }
    }
}
