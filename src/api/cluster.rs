//! The cluster as its members report it, and what is wrong with it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::actor::ApiHandle;
use super::clocks;
use super::forward;
use super::types::{Member, PeerCall, RaftRole, RaftStatus};
use crate::base::{GroupId, LogId, LogIndex, Monotonic, NodeId, Term, WallTime};
use crate::raft::Standing;

/// How often the leader compares the states of all members, whether or not anyone asks for them.
const COMPARE_EVERY: Duration = Duration::from_secs(10);
/// How long a member has to report.
const REPORT_WAIT: Duration = Duration::from_millis(500);

/// What one node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its release.
    pub version: String,
    /// See [`ApiHandle::publish_key_set`].
    pub key_set: u64,
    /// What its clock said.
    pub clock: WallTime,
    pub groups: Vec<GroupReport>,
}

/// One Raft group on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReport {
    pub group: GroupId,
    pub role: RaftRole,
    pub term: Term,
    pub leader: Option<NodeId>,
    pub last_log: Option<LogIndex>,
    pub committed: Option<LogId>,
    pub applied: Option<LogId>,
    pub snapshot: Option<LogId>,
    pub purged: Option<LogId>,
    /// Of the state at `applied`.
    pub state_hash: u128,
    /// The state was found damaged and is not served: says what to do.
    pub alarm: Option<String>,
    pub caught_up: bool,
}

/// All members, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// By id.
    pub members: Vec<MemberView>,
    pub alarms: Vec<Alarm>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    pub node: NodeId,
    pub member: Member,
    /// What it said, or why it said nothing.
    pub report: Result<NodeReport, String>,
}

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    pub kind: AlarmKind,
    pub nodes: Vec<NodeId>,
    /// What was seen, and what to do.
    pub detail: String,
}

/// See [`Alarm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// Two members have different states at one applied id. Stays until this node restarts.
    StateHashMismatch,
    /// A member found its own state damaged, and does not serve it.
    StateDamaged,
    /// Two members do not know the same API keys.
    ApiKeysDiffer,
    /// The clock of a member is far from those of the others.
    ClocksDiffer,
    /// The node that answers does not belong to the cluster: it was removed, or not added yet.
    NotAMember,
}

/// State mismatches that were seen once, by group and pair of nodes. They do not go away by themselves.
pub(super) type StickyAlarms = BTreeMap<(GroupId, NodeId, NodeId), Alarm>;

/// Whether this node serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready {
        leader_url: String,
    },
    /// It has not caught up since it started.
    NotCaughtUp,
    /// It found its own state damaged.
    Damaged,
    NoLeader,
    /// It was removed from the cluster, or was not added yet: says what to do.
    NotAMember {
        detail: &'static str,
    },
}

const REMOVED: &str = "this node was removed from the cluster, and what it has grows old: stop it. To bring the machine \
    back, give it an empty data directory and a new id, and add it";
const NOT_ADDED: &str = "this node is empty, and the cluster exists without it or with the data that it had: add it \
    with `confman cluster add`, or `confman cluster replace` in the place of one that is lost; its log has the whole \
    command";

/// What to do about a node that does not belong to the cluster.
fn stands_outside(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Member => None,
        Standing::NotAdded => Some(NOT_ADDED),
        Standing::Removed { .. } => Some(REMOVED),
    }
}

impl ApiHandle {
    /// Whether this node has caught up and knows a leader.
    pub fn ready(&self) -> Readiness {
        if let Some(detail) = stands_outside(self.shared.below.consensus.standing()) {
            return Readiness::NotAMember { detail };
        }
        let status = self.shared.below.consensus.status();
        match status.leader_member() {
            _ if self.shared.below.state.status().alarm.is_some() => Readiness::Damaged,
            _ if !status.caught_up => Readiness::NotCaughtUp,
            Some((_, member)) => Readiness::Ready { leader_url: member.url.clone() },
            None => Readiness::NoLeader,
        }
    }

    /// Tells the other nodes which API keys this one knows: a digest of them all, so that different sets are noticed.
    pub fn publish_key_set(&self, digest: u64) {
        self.shared.key_set.store(digest, Ordering::Relaxed);
    }

    /// The members, as this node knows them.
    pub fn members(&self) -> RaftStatus {
        self.shared.below.consensus.status()
    }

    /// What this node says of itself.
    pub fn report(&self) -> NodeReport {
        let raft = self.shared.below.consensus.status();
        // Hash and applied id must be of one moment: both from the state, none from Raft's status.
        let state = self.shared.below.state.status();
        NodeReport {
            version: self.shared.identity.version.clone(),
            key_set: self.shared.key_set.load(Ordering::Relaxed),
            clock: self.shared.host.clock.wall(),
            groups: vec![GroupReport {
                group: self.shared.identity.group,
                role: raft.role,
                term: raft.term,
                leader: raft.leader,
                last_log: raft.last_log,
                committed: raft.committed,
                applied: state.applied,
                snapshot: raft.snapshot,
                purged: raft.purged,
                state_hash: state.state_hash,
                alarm: state.alarm,
                caught_up: raft.caught_up,
            }],
        }
    }

    /// Serves another node's question ([`PeerCall::Status`]).
    pub fn handle_status(&self) -> Bytes {
        forward::encode(&self.report())
    }

    /// Asks all members at once. A member that does not answer in time is named as such.
    pub async fn cluster(&self) -> ClusterView {
        let deadline = self.shared.host.clock.now().after(REPORT_WAIT);
        let members = self.members().members;
        let reports = members.into_iter().map(|(node, member)| async move {
            let report = self.report_of(node, &member, deadline).await;
            MemberView { node, member, report }
        });
        let members = join_all(reports).await;
        let mut alarms = self.mismatches(&members);
        alarms.extend(damaged(&members));
        alarms.extend(key_sets_that_differ(&members));
        alarms.extend(clocks::that_differ(&members));
        if let Some(detail) = stands_outside(self.shared.below.consensus.standing()) {
            let nodes = vec![self.shared.identity.node];
            alarms.push(Alarm { kind: AlarmKind::NotAMember, nodes, detail: detail.to_owned() });
        }
        ClusterView { members, alarms }
    }

    /// Compares the members' states for as long as the node runs, while it leads: a difference raises its alarm in the
    /// log even where nobody looks at `/cluster`.
    pub async fn watch_states(self) {
        let mut told = Vec::new();
        loop {
            self.shared.host.sleep(COMPARE_EVERY).await;
            if self.shared.below.consensus.status().role != RaftRole::Leader {
                told.clear();
                continue;
            }
            let alarms = self.cluster().await.alarms;
            let off = alarms.into_iter().find(|alarm| alarm.kind == AlarmKind::ClocksDiffer);
            let nodes = off.as_ref().map_or_else(Vec::new, |alarm| alarm.nodes.clone());
            // Once, not every time that it is seen.
            if let Some(alarm) = off.filter(|alarm| alarm.nodes != told) {
                tracing::warn!(node = self.shared.identity.node.0, "{}", alarm.detail);
            }
            told = nodes;
        }
    }

    async fn report_of(&self, node: NodeId, member: &Member, deadline: Monotonic) -> Result<NodeReport, String> {
        if node == self.shared.identity.node {
            return Ok(self.report());
        }
        let call = self.shared.below.peers.call(node, &member.peer, PeerCall::Status, Bytes::new(), deadline);
        match self.shared.host.until(deadline, call).await {
            Some(Ok(answer)) => forward::decode(&answer),
            Some(Err(error)) => Err(error.to_string()),
            None => Err(format!("no answer within {} ms", REPORT_WAIT.as_millis())),
        }
    }

    /// All state mismatches seen so far, those of `members` included.
    fn mismatches(&self, members: &[MemberView]) -> Vec<Alarm> {
        let mut sticky = self.shared.sticky_alarms.lock().expect("no holder of this lock can panic");
        for (pair, alarm) in state_mismatches(members) {
            sticky.entry(pair).or_insert_with(|| {
                tracing::error!(node = self.shared.identity.node.0, group = pair.0.0, "{}", alarm.detail);
                alarm
            });
        }
        sticky.values().cloned().collect()
    }
}

fn state_mismatches(members: &[MemberView]) -> StickyAlarms {
    let mut found = StickyAlarms::new();
    let groups =
        |member: &MemberView| member.report.as_ref().map_or_else(|_| Vec::new(), |report| report.groups.clone());
    for (at, a) in members.iter().enumerate() {
        for b in &members[at + 1..] {
            for ours in groups(a) {
                for theirs in groups(b) {
                    let Some(applied) = ours.applied else { continue };
                    let same_moment = ours.group == theirs.group && theirs.applied == Some(applied);
                    if !same_moment || ours.state_hash == theirs.state_hash {
                        continue;
                    }
                    let detail = format!(
                        "nodes {} and {} have different states at {applied} in group {}: {:032x} and {:032x}. Compare with \
                         the other nodes to see which one is wrong, and replace that node's data directory",
                        a.node, b.node, ours.group, ours.state_hash, theirs.state_hash
                    );
                    let alarm = Alarm { kind: AlarmKind::StateHashMismatch, nodes: vec![a.node, b.node], detail };
                    found.insert((ours.group, a.node, b.node), alarm);
                }
            }
        }
    }
    found
}

/// The members that found their own state damaged.
fn damaged(members: &[MemberView]) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    for member in members {
        for group in member.report.iter().flat_map(|report| &report.groups) {
            if let Some(detail) = group.alarm.clone() {
                alarms.push(Alarm { kind: AlarmKind::StateDamaged, nodes: vec![member.node], detail });
            }
        }
    }
    alarms
}

/// One alarm that names all who answered: which of the sets is the intended one, only the operator knows.
fn key_sets_that_differ(members: &[MemberView]) -> Option<Alarm> {
    let mut by_set: BTreeMap<u64, Vec<NodeId>> = BTreeMap::new();
    for member in members {
        if let Ok(report) = &member.report {
            by_set.entry(report.key_set).or_default().push(member.node);
        }
    }
    if by_set.len() < 2 {
        return None;
    }
    let mut nodes: Vec<NodeId> = by_set.into_values().flatten().collect();
    nodes.sort();
    let detail = "not all nodes know the same API keys: give all nodes the same [[auth.apiKeys]] and send them SIGHUP";
    Some(Alarm { kind: AlarmKind::ApiKeysDiffer, nodes, detail: detail.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{World, member};
    use crate::api::types::CallError;

    fn report(applied: Option<LogId>, state_hash: u128, key_set: u64) -> NodeReport {
        let group = GroupReport {
            group: GroupId::MAIN,
            role: RaftRole::Follower,
            term: Term(5),
            leader: Some(NodeId(1)),
            last_log: applied.map(|applied| applied.index),
            committed: applied,
            applied,
            snapshot: None,
            purged: None,
            state_hash,
            alarm: None,
            caught_up: true,
        };
        NodeReport { version: "0.1.0".to_owned(), key_set, clock: WallTime(0), groups: vec![group] }
    }

    fn view(node: u64, report: Result<NodeReport, String>) -> MemberView {
        MemberView { node: NodeId(node), member: member(node), report }
    }

    #[test]
    fn states_are_compared_at_equal_applied_ids_only() {
        let at = Some(LogId::new(5, 42));
        let alike = [view(1, Ok(report(at, 7, 0))), view(2, Ok(report(at, 7, 0)))];
        assert!(state_mismatches(&alike).is_empty());
        let later = [view(1, Ok(report(at, 7, 0))), view(2, Ok(report(Some(LogId::new(5, 43)), 8, 0)))];
        assert!(state_mismatches(&later).is_empty());
        let empty = [view(1, Ok(report(None, 7, 0))), view(2, Ok(report(None, 8, 0)))];
        assert!(state_mismatches(&empty).is_empty());
        let differ = [view(1, Ok(report(at, 7, 0))), view(2, Err("down".to_owned())), view(3, Ok(report(at, 8, 0)))];
        let found = state_mismatches(&differ);
        let alarm = found.values().next().expect("nodes 1 and 3 differ");
        assert_eq!((found.len(), &alarm.nodes), (1, &vec![NodeId(1), NodeId(3)]));
        assert!(alarm.detail.contains("5:42"), "{}", alarm.detail);
    }

    #[test]
    fn different_key_sets_are_noticed_among_those_who_answer() {
        let alike = [view(1, Ok(report(None, 0, 3))), view(2, Err("down".to_owned()))];
        assert_eq!(key_sets_that_differ(&alike), None);
        let differ = [view(1, Ok(report(None, 0, 4))), view(2, Ok(report(None, 0, 3)))];
        let alarm = key_sets_that_differ(&differ).expect("an alarm");
        assert_eq!(alarm.nodes, vec![NodeId(1), NodeId(2)]);
    }

    #[test]
    fn a_leader_compares_states_unasked() {
        let world = World::new();
        let node = world.node(1);
        node.consensus.change(|status| status.role = RaftRole::Leader);
        node.state.set_hash(7);
        node.peers.answer(2, Ok(forward::encode(&report(node.state.applied(), 8, 0))));
        let host = node.api.shared.host.clone();
        let watching = node.api.clone().watch_states();
        let until = host.clock.now().after(COMPARE_EVERY * 2);
        assert!(world.run(async move { host.until(until, watching).await.is_none() }));
        assert_eq!(node.api.mismatches(&[]).len(), 1);
    }

    #[test]
    fn a_silent_member_is_named_and_an_alarm_stays() {
        let world = World::new();
        let node = world.node(1);
        node.state.set_hash(7);
        let mut theirs = report(node.state.applied(), 8, 0);
        theirs.clock = node.api.shared.host.clock.wall();
        node.peers.answer(2, Ok(forward::encode(&theirs)));
        node.peers.hang(3);
        let api = node.api.clone();
        let seen = world.run(async move { api.cluster().await });
        assert_eq!(seen.members.len(), 3);
        assert_eq!(seen.members[2].report, Err("no answer within 500 ms".to_owned()));
        assert_eq!(seen.alarms.len(), 1);

        theirs.groups[0].state_hash = 7;
        node.peers.answer(2, Ok(forward::encode(&theirs)));
        node.peers.answer(3, Err(CallError::NotDelivered("refused".to_owned())));
        let api = node.api.clone();
        let seen = world.run(async move { api.cluster().await });
        assert_eq!(seen.alarms.len(), 1, "it stays until someone looked");
        assert_eq!(seen.members[2].report, Err("not delivered: refused".to_owned()));
    }
}
