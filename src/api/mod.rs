//! The API actor: admission, deadlines and routing of writes to the leader; reads from the newest view.
//!
//! **A write** passes the actor, which holds a bounded number of them and refuses one more at once
//! ([`WriteError::Overloaded`]). Each runs as a task of its own (`write`): it finds the leader, proposes there (on the
//! leader itself, by forwarding over the peers, or by telling the client where to go), and is answered only when the
//! entry is committed and applied by this node. Every error says whether the write may have happened: only
//! [`WriteError::OutcomeUnknown`] leaves that open.
//!
//! **An eventual read** is answered by the handle, without a message, from the newest applied view, once the node has
//! recovered.
//!
//! What the actor needs from the rooms below it is in `below`, as small traits; `node.rs` binds them.

mod actor;
mod backup;
mod below;
mod clocks;
mod cluster;
mod cursor;
mod forward;
mod fresh;
mod past;
mod read;
#[cfg(test)]
pub(crate) mod testing;
mod types;
mod write;

pub use actor::{ApiHandle, Identity};
pub use backup::Backup;
pub use below::{AuditLog, BackupBytes, Below, Consensus, OpenedBackup, Peers, ReadView, State};
pub use cluster::{Alarm, AlarmKind, ClusterView, GroupReport, MemberView, NodeReport, Readiness};
pub use fresh::Freshness;
pub use past::{DiffAnswer, HistoryAnswer, Moment};
pub use read::{AuditAnswer, ListAnswer, ListRequest, NamespacesAnswer, PageRequest, ReadAnswer, ReadError};
pub use types::{
    ApplyStatus, AuditBreak, AuditEvent, AuditPage, AuditVerification, CallError, EventId, ListPage, Member,
    NamespacePage, PeerCall, ProposeError, RaftRole, RaftStatus,
};
pub use write::{MembersRequest, WriteError, WriteRequest};

pub use crate::keys::{DiffPage, Difference, HistoryPage, Selection};
pub use crate::raft::{ChangeError, ChangeRequest, Changed, MemberChange, ReadIndexError, Standing};
