use std::sync::OnceLock;

use tokio::sync::watch;

use crate::base::{NodeId, StorageId};
use crate::config::MemberConfig;
use crate::log::Wal;
use crate::peer::PeerGuard;
use crate::raft::RaftStatus;

/// Decides who may talk to this node, before any frame passes: the members of the cluster, each with the data
/// directory that the membership knows. A node whose directory was wiped would vote again where it has voted.
pub(super) struct Guard {
    wal: Wal,
    /// The members of a fresh cluster: who may talk while this node's own log is empty.
    configured: Vec<MemberConfig>,
    status: OnceLock<watch::Receiver<RaftStatus>>,
}

impl Guard {
    pub(super) fn new(wal: Wal, configured: Vec<MemberConfig>) -> Guard {
        Guard { wal, configured, status: OnceLock::new() }
    }

    /// From here on the membership decides.
    pub(super) fn follow(&self, status: watch::Receiver<RaftStatus>) {
        self.status.set(status).ok();
    }
}

impl PeerGuard for Guard {
    fn admit(&self, node: NodeId, storage: StorageId) -> Result<(), String> {
        let Some(status) = self.status.get() else {
            return Err("this node is starting; try again".to_owned());
        };
        let status = status.borrow();
        if status.members.is_empty() {
            return if self.wal.last().is_some() {
                Err("this node is reading its membership; try again".to_owned())
            } else if self.configured.iter().any(|member| member.id == node) {
                Ok(())
            } else {
                Err(format!("node {node} is not among the [[members]] of this fresh cluster's settings"))
            };
        }
        match status.members.get(&node) {
            Some(member) if member.storage == storage => Ok(()),
            Some(member) => Err(format!(
                "node {node} comes with data directory {storage}, but the cluster knows it with {}: its data was \
                 wiped or replaced, and it must not vote again under this id. Bring the old directory back, or give \
                 the node a new id and add it to the cluster",
                member.storage
            )),
            None => Err(format!("node {node} is not a member of this cluster; add it first")),
        }
    }
}
