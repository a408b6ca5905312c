use std::cmp::Ordering;
use std::marker::PhantomData;

use openraft::impls::{BoxedErrorSource, InlineBatch, leader_id_std};
use openraft::raft::responder::Responder;
use openraft::{AsyncRuntime, OptionalSend, RaftTypeConfig};

use super::status::Member;
use crate::base::{LogId, NodeId};
use crate::log::SnapshotFile;
use crate::model::{Applied, Command};

/// openraft's type configuration. Standard leader ids: at most one leader per term, so that a committed log id is a
/// term and an index, which is what a version token shows.
pub struct Types<R>(PhantomData<fn() -> R>);

impl<R: AsyncRuntime> RaftTypeConfig for Types<R> {
    type D = Command;
    type R = Applied;
    type NodeId = NodeId;
    type Node = Member;
    type Term = u64;
    type LeaderId = leader_id_std::LeaderId<u64, NodeId>;
    type Vote = openraft::Vote<Self::LeaderId>;
    type Payload = openraft::EntryPayload<Command, NodeId, Member>;
    type Entry = openraft::Entry<openraft::alias::CommittedLeaderIdOf<Self>, Self::Payload>;
    type AsyncRuntime = R;
    type Responder<T: OptionalSend + 'static> = Reply<T>;
    type Batch<T: OptionalSend + 'static> = InlineBatch<T>;
    type ErrorSource = BoxedErrorSource;
}

/// openraft's vote for these types.
pub type VoteOf<R> = openraft::alias::VoteOf<Types<R>>;
pub(super) type RaftLogId<R> = openraft::alias::LogIdOf<Types<R>>;
pub(super) type RaftEntry<R> = openraft::alias::EntryOf<Types<R>>;
pub(super) type StoredMembership<R> = openraft::alias::StoredMembershipOf<Types<R>>;
pub(super) type RaftSnapshotMeta<R> = openraft::alias::SnapshotMetaOf<Types<R>>;

pub(super) type RaftSnapshot<R> = openraft::alias::SnapshotOf<Types<R>, SnapshotFile>;

/// openraft's log id as ours.
pub fn log_id_of<R: AsyncRuntime>(id: &RaftLogId<R>) -> LogId {
    LogId::new(*id.leader_id, id.index)
}

/// Our log id as openraft's.
pub(super) fn raft_log_id<R: AsyncRuntime>(id: LogId) -> RaftLogId<R> {
    RaftLogId::<R>::new_term_index(id.term.0, id.index.0)
}

/// Where the outcome of a proposal goes. Dropped without a call where openraft loses it: then it is not known.
pub struct Reply<T>(Box<dyn FnOnce(T) + Send>);

impl<T> Reply<T> {
    pub(super) fn new(answer: impl FnOnce(T) + Send + 'static) -> Reply<T> {
        Reply(Box::new(answer))
    }
}

impl<C: RaftTypeConfig, T: OptionalSend + 'static> Responder<C, T> for Reply<T> {
    fn on_complete(self, result: T) {
        (self.0)(result);
    }
}

// Derives would ask of `R` what only the marker needs.
impl<R> Clone for Types<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Types<R> {}
impl<R> Default for Types<R> {
    fn default() -> Self {
        Types(PhantomData)
    }
}
impl<R> std::fmt::Debug for Types<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Types")
    }
}
impl<R> PartialEq for Types<R> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl<R> Eq for Types<R> {}
impl<R> PartialOrd for Types<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<R> Ord for Types<R> {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}
