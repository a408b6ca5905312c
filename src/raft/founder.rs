//! What consensus needs of a node that begins alone, and what others can read of it: votes and memberships as bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::Bytes;
use openraft::AsyncRuntime;

use super::codec;
use super::status::Member;
use super::types::{StoredMembership, VoteOf, log_id_of, raft_log_id};
use crate::base::{LogId, NodeId, Term};

/// A vote as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoteContent {
    pub term: Term,
    /// Whom this node has voted for, or follows.
    pub node: NodeId,
    /// A quorum has elected it.
    pub committed: bool,
}

/// A membership as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipContent {
    /// The log entry that it came with.
    pub at: Option<LogId>,
    /// Every node, and whether it votes.
    pub members: BTreeMap<NodeId, (Member, bool)>,
    /// It is in the midst of a change.
    pub is_joint: bool,
}

/// The membership of one node alone, as of `at`.
pub fn membership_of_one<R: AsyncRuntime>(at: LogId, node: NodeId, member: Member) -> Bytes {
    let membership = openraft::Membership::new(vec![BTreeSet::from([node])], BTreeMap::from([(node, member)]))
        .expect("the voter is among the nodes");
    codec::encode(&StoredMembership::<R>::new(Some(raft_log_id::<R>(at)), membership))
}

/// The vote of a node for itself: the next election is of a later term.
pub fn vote_for_itself<R: AsyncRuntime>(term: Term, node: NodeId) -> Bytes {
    codec::encode_vote::<R>(&VoteOf::<R>::new(term.0, node))
}

/// Reads a vote out of a log.
pub fn read_vote<R: AsyncRuntime>(bytes: &[u8]) -> io::Result<VoteContent> {
    let vote: VoteOf<R> = codec::decode(bytes)?;
    let leader = vote.leader_id();
    Ok(VoteContent { term: Term(leader.term), node: leader.voted_for, committed: vote.is_committed() })
}

/// Reads a membership out of a snapshot or a store.
pub fn read_membership<R: AsyncRuntime>(bytes: &[u8]) -> io::Result<MembershipContent> {
    let stored: StoredMembership<R> = codec::decode(bytes)?;
    let membership = stored.membership();
    let voters: BTreeSet<NodeId> = membership.voter_ids().collect();
    Ok(MembershipContent {
        at: stored.log_id().as_ref().map(log_id_of::<R>),
        members: membership.nodes().map(|(id, member)| (*id, (member.clone(), voters.contains(id)))).collect(),
        is_joint: membership.get_joint_config().len() > 1,
    })
}
