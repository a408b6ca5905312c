//! What the API actor needs from the rooms below it, and no more.

use std::sync::Arc;

use bytes::Bytes;

use super::types::{ApplyStatus, AuditPage, CallError, EventId, ListPage, PeerCall, ProposeError, RaftStatus};
use crate::base::{LogId, LogIndex, Monotonic, NodeId, RequestId, Term};
use crate::host::{BoxFuture, StoreError};
use crate::model::{Applied, Entry, Key, Namespace, Op};

/// All that is below, for one group.
#[derive(Clone)]
pub struct Below {
    pub consensus: Arc<dyn Consensus>,
    pub state: Arc<dyn State>,
    pub audit: Arc<dyn AuditLog>,
    pub peers: Arc<dyn Peers>,
}

/// The Raft actor.
pub trait Consensus: Send + Sync {
    /// Proposes on this node; answers once the entry is committed and applied here, or `deadline` has passed. The
    /// Raft actor stamps the time into the command.
    fn propose(
        &self,
        op: Op,
        actor: String,
        request_id: RequestId,
        deadline: Monotonic,
    ) -> BoxFuture<'static, Result<Applied, ProposeError>>;
    /// As last published.
    fn status(&self) -> RaftStatus;
    /// Completes once the status names a leader in a term, and not the one that is ruled out. Completes at once where
    /// that holds already. The caller bounds the wait.
    fn leader_other_than(&self, ruled_out: Option<(Term, NodeId)>) -> BoxFuture<'static, ()>;
}

/// The applied state.
pub trait State: Send + Sync {
    /// As last published: an applied id, and the hash of the state at just that id.
    fn status(&self) -> ApplyStatus;
    /// The newest consistent view.
    fn view(&self) -> Result<Box<dyn ReadView>, StoreError>;
    /// Completes once this node has applied `index`: true; false where it stops before. The caller bounds the wait.
    fn wait_applied(&self, index: LogIndex) -> BoxFuture<'static, bool>;
}

/// The state at one applied id. Reads are short and bounded.
pub trait ReadView: Send {
    fn applied(&self) -> Option<LogId>;
    fn entry(&self, namespace: &Namespace, key: &Key) -> Result<Option<Entry>, StoreError>;
    /// Entries whose key begins with `prefix` and comes after `after`, in byte order: at most `limit`, and it ends
    /// early once they have `bytes_max` bytes. At least one where there is one.
    fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<ListPage, StoreError>;
    /// The replicated secret that authenticates cursors.
    fn cursor_key(&self) -> Result<[u8; 32], StoreError>;
}

/// The Audit actor.
pub trait AuditLog: Send + Sync {
    /// Events of one namespace or of all, newest first, older than `before`: at most `limit`, and it ends early once
    /// they have `bytes_max` bytes. At least one where there is one. `Err` says what failed, for the log.
    fn events(
        &self,
        namespace: Option<Namespace>,
        before: Option<EventId>,
        limit: usize,
        bytes_max: usize,
    ) -> BoxFuture<'static, Result<AuditPage, String>>;
}

/// The API actors of the other nodes.
pub trait Peers: Send + Sync {
    /// Sends `body` to the API actor of `to`, at `address`, and brings back its answer, by `deadline` at the latest.
    fn call(
        &self,
        to: NodeId,
        address: &str,
        call: PeerCall,
        body: Bytes,
        deadline: Monotonic,
    ) -> BoxFuture<'static, Result<Bytes, CallError>>;
}
