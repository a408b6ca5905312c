//! Changes of the group's membership, and of its leader (Ongaro's thesis, chapter 4).
//!
//! One at a time, on the leader. A new node comes in as a learner, which receives the log and does not count; it
//! becomes a voter once it has caught up. Voters change by joint consensus: the leader first commits the old and the
//! new voters together, each by their own majority, then the new ones alone. A leader that is to be removed hands over
//! first, so that its successor does it. A joint membership that an earlier leader left is finished by the next.
//!
//! Before anything is proposed the leader asks all nodes concerned for a sign of life, and refuses what would leave
//! fewer voters answering than make a majority.
//! How it is carried out is in `course`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::{AsyncRuntime, RaftMetrics};
use serde::{Deserialize, Serialize};

use super::status::Member;
use super::types::Types;
use crate::base::{LogId, NodeId};

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberChange {
    /// A new node, as a learner; with `promote` it becomes a voter once it has caught up.
    Add {
        node: NodeId,
        peer: String,
        url: String,
        promote: bool,
    },
    /// A learner becomes a voter, if it has caught up.
    Promote {
        node: NodeId,
    },
    Remove {
        node: NodeId,
    },
    /// `node` comes in as a learner and, once it has caught up, takes the place of `old` in one change of voters.
    Replace {
        old: NodeId,
        node: NodeId,
        peer: String,
        url: String,
    },
    /// This node shall lead.
    Lead {
        node: NodeId,
    },
}

/// A change, and how much is risked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRequest {
    pub change: MemberChange,
    /// Also where too few voters answer to commit it, or would after it.
    pub force: bool,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The newest entry of it, committed. None where nothing had to be written.
    pub at: Option<LogId>,
    /// The new node is a learner, and the leader goes on by itself once it has caught up.
    pub pending: bool,
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ChangeError {
    /// Surely not done: this node does not lead, or has handed over so that another may do it. Ask the leader.
    #[error("this node is not the leader")]
    NotLeader,
    /// Not done (what was done of it is said). What to do is said, too.
    #[error("{0}")]
    Conflict(String),
    /// Surely not done: there is no such member.
    #[error("node {0} is not a member")]
    NoSuchMember(NodeId),
    /// It may or may not take effect, also later.
    #[error("it is not known whether the change takes effect")]
    OutcomeUnknown,
}

impl MemberChange {
    /// The node that must catch up before the change can end.
    pub(super) fn learner(&self) -> Option<NodeId> {
        match self {
            MemberChange::Add { node, promote: true, .. }
            | MemberChange::Promote { node }
            | MemberChange::Replace { node, .. } => Some(*node),
            _ => None,
        }
    }
}

impl std::fmt::Display for MemberChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MemberChange::Add { node, .. } => write!(f, "adding node {node}"),
            MemberChange::Promote { node } => write!(f, "promoting node {node}"),
            MemberChange::Remove { node } => write!(f, "removing node {node}"),
            MemberChange::Replace { old, node, .. } => write!(f, "replacing node {old} by node {node}"),
            MemberChange::Lead { node } => write!(f, "handing the leadership to node {node}"),
        }
    }
}

pub(super) fn conflict<T>(what: impl Into<String>) -> Result<T, ChangeError> {
    Err(ChangeError::Conflict(what.into()))
}

/// The membership that a change begins from.
#[derive(Clone, Debug, Default)]
pub(super) struct Base {
    /// Of the entry that brought it.
    pub at: Option<LogId>,
    /// One set, or two in a joint membership.
    pub voters: Vec<BTreeSet<NodeId>>,
    pub nodes: BTreeMap<NodeId, Member>,
}

impl Base {
    /// Whether a node has a vote.
    pub fn votes(&self, node: NodeId) -> bool {
        self.voters.iter().any(|set| set.contains(&node))
    }

    /// The voters that a change leads to.
    pub fn goal(&self, without: Option<NodeId>, with: Option<NodeId>) -> BTreeSet<NodeId> {
        let mut goal = self.voters.last().cloned().unwrap_or_default();
        goal.extend(with);
        if let Some(without) = without {
            goal.remove(&without);
        }
        goal
    }

    /// Whether a change to the voters `goal` can be committed, and leaves a majority, with those that answer now.
    pub fn check_quorum(&self, goal: &BTreeSet<NodeId>, answering: &BTreeSet<NodeId>) -> Result<(), String> {
        for (set, when) in self.voters.iter().map(|set| (set, "now")).chain([(goal, "after it")]) {
            let majority = set.len() / 2 + 1;
            let silent: Vec<String> = set.difference(answering).map(NodeId::to_string).collect();
            let alive = set.len() - silent.len();
            if alive < majority {
                let nodes = if silent.len() == 1 { "node" } else { "nodes" };
                let does = if silent.len() == 1 { "does" } else { "do" };
                return Err(format!(
                    "of the {} voters {when} only {alive} would answer, and a majority is {majority}: {nodes} {} {does} \
                     not answer. Bring them back, or remove or replace those first",
                    set.len(),
                    silent.join(", "),
                ));
            }
        }
        Ok(())
    }
}

/// An id that no member has. That it was never used either is for the operator to know.
pub(super) fn unused_id<'a>(used: impl Iterator<Item = &'a NodeId>) -> NodeId {
    NodeId(used.map(|id| id.0).max().unwrap_or(0) + 1)
}

/// What the status shows of the membership.
pub(super) fn voters_and_members<R: AsyncRuntime>(
    seen: &RaftMetrics<Types<R>>,
) -> (Arc<Vec<NodeId>>, Arc<BTreeMap<NodeId, Member>>, bool) {
    let membership = seen.membership_config.membership();
    (
        Arc::new(membership.voter_ids().collect()),
        Arc::new(membership.nodes().map(|(id, member)| (*id, member.clone())).collect()),
        membership.get_joint_config().len() > 1,
    )
}
