//! What the API actor needs from the rooms below it, and no more.

use std::sync::Arc;

use bytes::Bytes;

use super::read::ReadError;
use super::types::{
    ApplyStatus, AuditPage, AuditVerification, CallError, EventId, ListPage, NamespacePage, PeerCall, ProposeError,
    RaftStatus,
};
use crate::base::{LogId, LogIndex, Monotonic, NodeId, RequestId, Term, WallTime};
use crate::host::{BoxFuture, StoreError};
use crate::keys::{DiffPage, HistoryPage, Selection};
use crate::model::{Applied, Entry, Key, KeyState, Namespace, NamespaceState, Write};
use crate::raft::{ChangeError, ChangeRequest, Changed, ReadIndexError, Standing};

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
        write: Write,
        actor: String,
        request_id: RequestId,
        deadline: Monotonic,
    ) -> BoxFuture<'static, Result<Applied, ProposeError>>;
    /// Changes the members, or who leads, with this node as leader; by `deadline` at the latest.
    fn change_members(
        &self,
        request: ChangeRequest,
        deadline: Monotonic,
    ) -> BoxFuture<'static, Result<Changed, ChangeError>>;
    /// Completes once this node has applied all that was acknowledged, by any node, before this was called; a quorum
    /// confirms meanwhile what that is. By `deadline`.
    fn read_index(&self, deadline: Monotonic) -> BoxFuture<'static, Result<(), ReadIndexError>>;
    /// The entry that nothing which was committed before this was called lies behind, as a quorum confirms. By
    /// `deadline`.
    fn committed(&self, deadline: Monotonic) -> BoxFuture<'static, Result<LogId, ReadIndexError>>;
    /// As last published.
    fn status(&self) -> RaftStatus;
    /// Whether this node belongs to the cluster, as last published.
    fn standing(&self) -> Standing;
    /// Completes once the status names a leader in a term and where it is, and not the one that is ruled out. Completes at once where
    /// that holds already. The caller bounds the wait.
    fn leader_other_than(&self, ruled_out: Option<(Term, NodeId)>) -> BoxFuture<'static, ()>;
}

/// The applied state.
pub trait State: Send + Sync {
    /// As last published: an applied id, and the hash of the state at just that id.
    fn status(&self) -> ApplyStatus;
    /// The newest consistent view. `Err` says what failed, for the log.
    fn view(&self) -> Result<Box<dyn ReadView>, String>;
    /// Completes once this node has applied `index`: true; false where it stops before. The caller bounds the wait.
    fn wait_applied(&self, index: LogIndex) -> BoxFuture<'static, bool>;
    /// The state of this moment as a file. `Err` says what failed, for the log.
    fn backup(&self) -> BoxFuture<'static, Result<OpenedBackup, String>>;
}

/// The revision of a backup, and its bytes.
pub type OpenedBackup = (LogId, Box<dyn BackupBytes>);

/// The bytes of a backup, in order. What is held in memory of them is bounded.
pub trait BackupBytes: Send {
    /// The next ones; `None` behind the last. An error is final, and then the file is not whole.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, String>>;
}

/// The state at one applied id. Reads are short and bounded.
pub trait ReadView: Send {
    fn applied(&self) -> Option<LogId>;
    /// The term of the entry at an index that is applied, for ever; `None` beyond what is applied.
    fn term_at(&self, index: LogIndex) -> Result<Option<Term>, StoreError>;
    fn entry(&self, namespace: &Namespace, key: &Key) -> Result<Option<Entry>, StoreError>;
    /// Entries whose key comes after `after`, in byte order: at most `limit`, and it ends early once they have
    /// `bytes_max` bytes, or too many rows lie between them. With `at`, as they were when that index was applied, which
    /// this view must have reached.
    fn list(
        &self,
        of: Selection<'_>,
        after: Option<&Key>,
        limit: usize,
        bytes_max: usize,
        at: Option<LogIndex>,
    ) -> Result<ListPage, StoreError>;
    /// A key's state when that index was applied, which this view must have reached.
    fn key_state_at(&self, namespace: &Namespace, key: &Key, at: LogIndex) -> Result<Option<KeyState>, StoreError>;
    /// What a key was before the revision with the index `before`, else all that it ever was: newest first, bounded as
    /// [`ReadView::list`].
    fn history(
        &self,
        namespace: &Namespace,
        key: &Key,
        before: Option<LogIndex>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<HistoryPage, StoreError>;
    /// The keys behind `after` that have not the same value or type at two indexes, which this view must have reached;
    /// bounded as [`ReadView::list`].
    fn diff(
        &self,
        namespace: &Namespace,
        between: (LogIndex, LogIndex),
        after: Option<&Key>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<DiffPage, StoreError>;
    /// The time that this state knows.
    fn log_time(&self) -> WallTime;
    /// The last revision that changed anything at or before a time, which log time must have passed; `None` before all.
    fn revision_at(&self, time: WallTime) -> Result<Option<LogId>, StoreError>;
    fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceState>, StoreError>;
    /// Namespaces that begin with `prefix` and come after `after`, else as [`ReadView::list`].
    fn namespaces(
        &self,
        prefix: &str,
        after: Option<&Namespace>,
        limit: usize,
        bytes_max: usize,
        at: Option<LogIndex>,
    ) -> Result<NamespacePage, StoreError>;
    /// The revision that last changed the list of a namespace's entries, or the list of namespaces; `None` where nothing
    /// ever did.
    fn list_changed(&self, namespace: Option<&Namespace>) -> Result<Option<LogId>, StoreError>;
    /// The replicated secret that authenticates cursors; `None` before anything was written.
    fn cursor_key(&self) -> Option<[u8; 32]>;
}

/// The Audit actor.
pub trait AuditLog: Send + Sync {
    /// Events of one namespace or of all, newest first, older than `before`: at most `limit`, and it ends early once
    /// their values fill a page; at least one where there is one.
    fn events(
        &self,
        namespace: Option<Namespace>,
        before: Option<EventId>,
        limit: usize,
    ) -> BoxFuture<'static, Result<AuditPage, ReadError>>;
    /// Verifies the whole chain, which may take minutes; it ends when the future is dropped.
    fn verify(&self) -> BoxFuture<'static, Result<AuditVerification, ReadError>>;
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
