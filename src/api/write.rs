//! One write, or one change of the cluster's members, on its way to the leader.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::actor::Identity;
use super::below::Below;
use super::forward::{self, ForwardReply, ForwardRequest};
use super::types::{CallError, Member, PeerCall, ProposeError};
use crate::base::{Monotonic, NodeId, RequestId};
use crate::host::Host;
use crate::model::{Applied, Write};
use crate::raft::{ChangeError, ChangeRequest, Changed};

/// How long a write waits for a leader to appear: an election ends well within it.
const LEADER_WAIT_MAX: Duration = Duration::from_millis(1500);
/// How long a change of members that a leader handed over waits for the next one, which may have to be elected.
const HANDED_OVER_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long to wait before asking again, where no other leader appears. Doubles up to the second.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(100);
/// How long a change of members waits until this node knows of it. One that was removed never does.
const MEMBERS_APPLIED_WAIT: Duration = Duration::from_secs(1);

/// A write that a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteRequest {
    pub write: Write,
    /// The principal that asks.
    pub actor: String,
    pub request_id: RequestId,
    /// It comes from another node, which passed it on: it goes no further.
    pub forwarded: bool,
    /// The client may be told where the leader is; else the write is passed on.
    pub may_redirect: bool,
}

/// A change of the cluster's members, or of its leader, that an operator asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersRequest {
    pub request: ChangeRequest,
    /// The principal that asks.
    pub actor: String,
    pub request_id: RequestId,
    /// See [`WriteRequest`].
    pub may_redirect: bool,
}

/// What the leader is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Work {
    Write(Write),
    Members(ChangeRequest),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Done {
    Written(Applied),
    Members(Changed),
}

/// Work on its way to the leader.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub work: Work,
    pub actor: String,
    pub request_id: RequestId,
    pub forwarded: bool,
    pub may_redirect: bool,
}

impl From<WriteRequest> for Errand {
    fn from(request: WriteRequest) -> Errand {
        let WriteRequest { write, actor, request_id, forwarded, may_redirect } = request;
        Errand { work: Work::Write(write), actor, request_id, forwarded, may_redirect }
    }
}

impl From<MembersRequest> for Errand {
    fn from(request: MembersRequest) -> Errand {
        let MembersRequest { request, actor, request_id, may_redirect } = request;
        Errand { work: Work::Members(request), actor, request_id, forwarded: false, may_redirect }
    }
}

/// A write that was not answered with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Surely not done. The client is to ask the leader at `leader_url`.
    #[error("the leader is at {leader_url}")]
    NotLeader { leader_url: String },
    /// Surely not done. No leader was found in time.
    #[error("there is no leader")]
    NoLeader,
    /// It may or may not take effect.
    #[error("whether the write takes effect is not known")]
    OutcomeUnknown,
    /// Surely not done. Too many requests are waiting.
    #[error("too many requests are waiting")]
    Overloaded,
    /// Surely not done. The leader is short of disk.
    #[error("{free_bytes} bytes of disk are free, less than the reserve")]
    StorageFull { free_bytes: u64 },
    /// Surely not done. The node is about to stop.
    #[error("the node is stopping")]
    Stopping,
    /// A change of members that the leader refused: why, and what to do.
    #[error("{0}")]
    Conflict(String),
    /// A change of members. Surely not done: there is no such member.
    #[error("node {0} is not a member")]
    NoSuchMember(NodeId),
}

/// One attempt that did not end the write.
enum Attempt {
    /// The write is done or failed for good.
    Ended(Result<Done, WriteError>),
    /// Surely not done, for a reason that may pass.
    TryAgain,
    /// The leader leaves the rest of a change of members to the next one.
    HandedOver,
}

/// Carries work to the leader and waits until this node has applied what came of it.
pub(super) struct Routing {
    pub host: Host,
    pub identity: Identity,
    pub below: Below,
}

impl Routing {
    /// Ends by `deadline`.
    pub async fn carry(&self, errand: Errand, deadline: Monotonic) -> Result<Done, WriteError> {
        let mut give_up = deadline.min(self.host.clock.now().after(LEADER_WAIT_MAX));
        let (mut ruled_out, mut begun) = (None, false);
        let mut retry = RETRY_FIRST;
        loop {
            let status = self.below.consensus.status();
            if let Some((leader, member)) = status.leader_member() {
                match self.attempt(&errand, leader, member, deadline).await {
                    Attempt::Ended(result) => return result,
                    Attempt::TryAgain => {}
                    Attempt::HandedOver => {
                        begun = true;
                        if ruled_out != Some((status.term, leader)) {
                            give_up = deadline.min(self.host.clock.now().after(HANDED_OVER_WAIT_MAX));
                        }
                    }
                }
                ruled_out = Some((status.term, leader));
            }
            let now = self.host.clock.now();
            // A forwarded write has a follower behind it that looks for the next leader itself.
            if errand.forwarded || now >= give_up {
                return Err(if begun && !errand.forwarded { WriteError::OutcomeUnknown } else { WriteError::NoLeader });
            }
            let other = self.below.consensus.leader_other_than(ruled_out);
            let _ = self.host.until(give_up.min(now.after(retry)), other).await;
            retry = RETRY_MAX.min(retry * 2);
        }
    }

    async fn attempt(&self, request: &Errand, leader: NodeId, member: &Member, deadline: Monotonic) -> Attempt {
        if leader == self.identity.node {
            self.propose(request, deadline).await
        } else if request.forwarded {
            Attempt::TryAgain
        } else if request.may_redirect {
            Attempt::Ended(Err(WriteError::NotLeader { leader_url: member.url.clone() }))
        } else {
            self.forward(request, leader, member, deadline).await
        }
    }

    async fn propose(&self, request: &Errand, deadline: Monotonic) -> Attempt {
        let Errand { work, actor, request_id, .. } = request.clone();
        let write = match work {
            Work::Write(write) => write,
            Work::Members(change) => return self.change_members(change, &actor, &request_id, deadline).await,
        };
        let proposed = self.below.consensus.propose(write, actor, request_id, deadline);
        Attempt::Ended(match self.host.until(deadline, proposed).await {
            Some(Ok(applied)) => Ok(Done::Written(applied)),
            Some(Err(ProposeError::NotLeader)) => return Attempt::TryAgain,
            Some(Err(ProposeError::Overloaded)) => Err(WriteError::Overloaded),
            Some(Err(ProposeError::StorageFull { free_bytes })) => Err(WriteError::StorageFull { free_bytes }),
            Some(Err(ProposeError::OutcomeUnknown)) | None => Err(WriteError::OutcomeUnknown),
        })
    }

    async fn change_members(
        &self,
        change: ChangeRequest,
        actor: &str,
        request_id: &RequestId,
        deadline: Monotonic,
    ) -> Attempt {
        let ChangeRequest { change: what, force } = &change;
        tracing::info!(%request_id, actor, force, "membership: {what} was asked for");
        let changed = self.below.consensus.change_members(change, deadline);
        Attempt::Ended(match self.host.until(deadline, changed).await {
            Some(Ok(changed)) => Ok(Done::Members(changed)),
            Some(Err(ChangeError::NotLeader)) => return Attempt::HandedOver,
            Some(Err(ChangeError::Conflict(why))) => Err(WriteError::Conflict(why)),
            Some(Err(ChangeError::NoSuchMember(node))) => Err(WriteError::NoSuchMember(node)),
            Some(Err(ChangeError::OutcomeUnknown)) | None => Err(WriteError::OutcomeUnknown),
        })
    }

    async fn forward(&self, request: &Errand, leader: NodeId, member: &Member, deadline: Monotonic) -> Attempt {
        let wait = deadline.since(self.host.clock.now());
        let body = forward::encode(&ForwardRequest {
            work: request.work.clone(),
            actor: request.actor.clone(),
            request_id: request.request_id.clone(),
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        });
        let call = self.below.peers.call(leader, &member.peer, PeerCall::Forward, body, deadline);
        let reply = match self.host.until(deadline, call).await {
            Some(Ok(reply)) => reply,
            Some(Err(CallError::NotDelivered(reason))) => {
                tracing::debug!(request_id = %request.request_id, leader = leader.0, reason, "forward not delivered");
                return Attempt::TryAgain;
            }
            Some(Err(CallError::NoAnswer(_))) | None => return Attempt::Ended(Err(WriteError::OutcomeUnknown)),
        };
        let reply = match forward::decode(&reply) {
            Ok(reply) => reply,
            Err(reason) => {
                tracing::warn!(request_id = %request.request_id, leader = leader.0, reason, "unreadable answer to a forward");
                return Attempt::Ended(Err(WriteError::OutcomeUnknown));
            }
        };
        Attempt::Ended(match reply {
            ForwardReply::Done(done) => self.applied_here(done, deadline).await,
            ForwardReply::NotLeader if matches!(request.work, Work::Members(_)) => return Attempt::HandedOver,
            ForwardReply::NotLeader | ForwardReply::Stopping => return Attempt::TryAgain,
            ForwardReply::Conflict(why) => Err(WriteError::Conflict(why)),
            ForwardReply::NoSuchMember(node) => Err(WriteError::NoSuchMember(node)),
            ForwardReply::Overloaded => Err(WriteError::Overloaded),
            ForwardReply::StorageFull { free_bytes } => Err(WriteError::StorageFull { free_bytes }),
            ForwardReply::OutcomeUnknown => Err(WriteError::OutcomeUnknown),
            // In the midst of an upgrade the client can still speak to the leader itself.
            ForwardReply::Refused(reason) => {
                tracing::warn!(request_id = %request.request_id, leader = leader.0, reason, "forward refused");
                Err(WriteError::NotLeader { leader_url: member.url.clone() })
            }
        })
    }

    /// A client that was answered must find its write on the node that answered.
    async fn applied_here(&self, done: Done, deadline: Monotonic) -> Result<Done, WriteError> {
        let (index, deadline) = match &done {
            Done::Written(applied) => (applied.revision.index, deadline),
            Done::Members(Changed { at: None, .. }) => return Ok(done),
            Done::Members(Changed { at: Some(at), .. }) => {
                (at.index, deadline.min(self.host.clock.now().after(MEMBERS_APPLIED_WAIT)))
            }
        };
        let here = self.below.state.wait_applied(index);
        match (self.host.until(deadline, here).await, &done) {
            (Some(true), _) | (_, Done::Members(_)) => Ok(done),
            (Some(false) | None, Done::Written(_)) => Err(WriteError::OutcomeUnknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{FakeNode, Scripted, World};
    use crate::base::LogId;
    use crate::model::{Key, Namespace, Op, Outcome, ValueType};
    use crate::raft::MemberChange;

    fn set() -> WriteRequest {
        WriteRequest {
            write: Write::from(Op::Set {
                namespace: Namespace::parse("a").expect("a namespace"),
                key: Key::parse("k").expect("a key"),
                value: "v".to_owned(),
                value_type: ValueType::String,
            }),
            actor: "dev".to_owned(),
            request_id: RequestId::parse("r1").expect("a request id"),
            forwarded: false,
            may_redirect: false,
        }
    }

    /// The outcome of one write, and how long it took.
    fn write(world: &World, node: &FakeNode, request: WriteRequest) -> (Result<LogId, WriteError>, u128) {
        let (api, before) = (node.api.clone(), world.elapsed());
        let result = world.run(async move { api.write(request).await });
        (result.map(|applied| applied.revision), (world.elapsed() - before).as_millis())
    }

    #[test]
    fn the_leader_proposes_and_says_what_came_of_it() {
        let world = World::new();
        let node = world.node(1);
        assert_eq!(write(&world, &node, set()), (Ok(LogId::new(5, 1)), 0));
        for (from, to) in [
            (ProposeError::Overloaded, WriteError::Overloaded),
            (ProposeError::StorageFull { free_bytes: 1 }, WriteError::StorageFull { free_bytes: 1 }),
            (ProposeError::OutcomeUnknown, WriteError::OutcomeUnknown),
        ] {
            node.consensus.script([Scripted::Fail(from)]);
            assert_eq!(write(&world, &node, set()), (Err(to), 0));
        }
        node.consensus.script([Scripted::Hang]);
        assert_eq!(write(&world, &node, set()), (Err(WriteError::OutcomeUnknown), 5000));
    }

    #[test]
    fn what_was_surely_not_proposed_is_tried_again() {
        let world = World::new();
        let node = world.node(1);
        node.consensus.script([Scripted::Fail(ProposeError::NotLeader), Scripted::Fail(ProposeError::NotLeader)]);
        assert_eq!(write(&world, &node, set()), (Ok(LogId::new(5, 1)), 60));
    }

    #[test]
    fn a_write_waits_a_while_for_a_leader_and_then_says_that_there_is_none() {
        let world = World::new();
        let node = world.node(2);
        node.consensus.change(|status| status.leader = None);
        assert_eq!(write(&world, &node, set()), (Err(WriteError::NoLeader), 1500));

        let (api, consensus, clock) = (node.api.clone(), node.consensus.clone(), node.host.clone());
        node.host.spawn("election", async move {
            clock.sleep(Duration::from_millis(700)).await;
            consensus.change(|status| (status.leader, status.term.0) = (Some(NodeId(2)), 6));
        });
        let result = world.run(async move { api.write(set()).await });
        assert!(result.is_ok(), "{result:?}");
    }

    #[test]
    fn a_follower_redirects_or_forwards_and_answers_after_its_own_apply() {
        let world = World::new();
        let (leader, follower) = (world.node(1), world.node(2));
        follower.peers.connect(1, &leader.api);
        let redirect = WriteRequest { may_redirect: true, ..set() };
        let not_leader = WriteError::NotLeader { leader_url: "http://n1:7400".to_owned() };
        assert_eq!(write(&world, &follower, redirect), (Err(not_leader), 0));
        assert_eq!(leader.state.applied(), Some(LogId::new(5, 0)), "a redirect does nothing");

        let (state, clock) = (follower.state.clone(), follower.host.clone());
        follower.host.spawn("replication", async move {
            clock.sleep(Duration::from_millis(30)).await;
            let WriteRequest { write, actor, request_id, .. } = set();
            state.apply(write, actor, request_id);
        });
        assert_eq!(write(&world, &follower, set()), (Ok(LogId::new(5, 1)), 30));
        assert_eq!(leader.state.applied(), Some(LogId::new(5, 1)));

        // The second is never replicated: done on the leader, not seen here.
        assert_eq!(write(&world, &follower, set()), (Err(WriteError::OutcomeUnknown), 5000));
    }

    #[test]
    fn a_forward_that_may_have_arrived_is_unknown_and_one_that_did_not_is_tried_again() {
        let world = World::new();
        let (leader, follower) = (world.node(1), world.node(2));
        follower.peers.connect(1, &leader.api);
        follower.peers.answer(1, Err(CallError::NoAnswer("broken".to_owned())));
        assert_eq!(write(&world, &follower, set()), (Err(WriteError::OutcomeUnknown), 0));
        follower.peers.answer(1, Ok(bytes::Bytes::from_static(b"\x63garbage")));
        assert_eq!(write(&world, &follower, set()), (Err(WriteError::OutcomeUnknown), 0));
        follower.peers.hang(1);
        assert_eq!(write(&world, &follower, set()), (Err(WriteError::OutcomeUnknown), 5000));
        follower.peers.answer(1, Err(CallError::NotDelivered("refused".to_owned())));
        assert_eq!(write(&world, &follower, set()), (Err(WriteError::NoLeader), 1500));

        let (peers, state, clock) = (follower.peers.clone(), follower.state.clone(), follower.host.clone());
        follower.host.spawn("repair", async move {
            let WriteRequest { write, actor, request_id, .. } = set();
            state.apply(write, actor, request_id);
            clock.sleep(Duration::from_millis(100)).await;
            peers.heal(1);
        });
        assert_eq!(write(&world, &follower, set()), (Ok(LogId::new(5, 1)), 140));
    }

    #[test]
    fn the_leaders_errors_come_back_through_a_forward() {
        let world = World::new();
        let (leader, follower) = (world.node(1), world.node(2));
        follower.peers.connect(1, &leader.api);
        for (from, to) in [
            (ProposeError::Overloaded, WriteError::Overloaded),
            (ProposeError::StorageFull { free_bytes: 1 }, WriteError::StorageFull { free_bytes: 1 }),
            (ProposeError::OutcomeUnknown, WriteError::OutcomeUnknown),
        ] {
            leader.consensus.script([Scripted::Fail(from)]);
            assert_eq!(write(&world, &follower, set()), (Err(to), 0));
        }
        follower.peers.answer(1, Ok(forward::encode(&ForwardReply::Refused("newer".to_owned()))));
        let not_leader = WriteError::NotLeader { leader_url: "http://n1:7400".to_owned() };
        assert_eq!(write(&world, &follower, set()), (Err(not_leader), 0));
    }

    #[test]
    fn a_forwarded_write_goes_no_further() {
        let world = World::new();
        let (second, third) = (world.node(2), world.node(3));
        // Both believe that another leads.
        second.consensus.change(|status| status.leader = Some(NodeId(3)));
        second.peers.connect(3, &third.api);
        third.peers.connect(1, &second.api);
        assert_eq!(write(&world, &second, set()), (Err(WriteError::NoLeader), 1500));
        let refused = world.run(async move { second.api.handle_forward(bytes::Bytes::from_static(b"\x02x")).await });
        assert!(matches!(forward::decode(&refused), Ok(ForwardReply::Refused(_))));
    }

    #[test]
    fn no_more_than_the_bound_are_held_and_a_stop_lets_them_end() {
        let world = World::new();
        let node = world.node_with(1, 2);
        node.consensus.script([Scripted::Hang, Scripted::Hang]);
        let (a, b, c, d) = (node.api.clone(), node.api.clone(), node.api.clone(), node.api.clone());
        let held = async move { futures_util::future::join(a.write(set()), b.write(set())).await };
        let third = async move {
            let refused = c.write(set()).await;
            let stop = d.stop();
            let late = d.write(set());
            (refused, futures_util::future::join(stop, late).await.1)
        };
        let ((first, second), (third, late)) = world.run(futures_util::future::join(held, third));
        assert_eq!(first, Err(WriteError::OutcomeUnknown));
        assert_eq!(second, Err(WriteError::OutcomeUnknown));
        assert_eq!(third, Err(WriteError::Overloaded));
        assert_eq!(late, Err(WriteError::Stopping));
        assert_eq!(write(&world, &node, set()), (Err(WriteError::Stopping), 0));
    }

    #[test]
    fn absent_is_an_outcome_and_not_an_error() {
        let world = World::new();
        let node = world.node(1);
        let (namespace, key) = (Namespace::parse("a").expect("a namespace"), Key::parse("k").expect("a key"));
        let request = WriteRequest { write: Op::Delete { namespace, key }.into(), ..set() };
        let api = node.api.clone();
        let applied = world.run(async move { api.write(request).await }).expect("applied");
        assert_eq!(applied.outcome, Outcome::Absent);
    }

    fn remove(node: u64) -> MembersRequest {
        MembersRequest {
            request: ChangeRequest { change: MemberChange::Remove { node: NodeId(node) }, force: false },
            actor: "ops".to_owned(),
            request_id: RequestId::parse("r1").expect("a request id"),
            may_redirect: false,
        }
    }

    /// What became of a change, and how long it took.
    fn change(world: &World, node: &FakeNode, request: MembersRequest) -> (Result<Changed, WriteError>, u128) {
        let (api, before) = (node.api.clone(), world.elapsed());
        let result = world.run(async move { api.change_members(request).await });
        (result, (world.elapsed() - before).as_millis())
    }

    #[test]
    fn a_change_of_members_goes_where_writes_go() {
        let world = World::new();
        let (leader, follower) = (world.node(1), world.node(2));
        follower.peers.connect(1, &leader.api);
        let at = leader.state.applied();
        assert_eq!(change(&world, &follower, remove(3)), (Ok(Changed { at, pending: false }), 0));
        assert_eq!(leader.consensus.changes.lock().unwrap()[0], remove(3).request);
        let redirect = MembersRequest { may_redirect: true, ..remove(3) };
        let not_leader = WriteError::NotLeader { leader_url: "http://n1:7400".to_owned() };
        assert_eq!(change(&world, &follower, redirect), (Err(not_leader), 0));
        for (from, to) in [
            (ChangeError::Conflict("no".to_owned()), WriteError::Conflict("no".to_owned())),
            (ChangeError::NoSuchMember(NodeId(3)), WriteError::NoSuchMember(NodeId(3))),
            (ChangeError::OutcomeUnknown, WriteError::OutcomeUnknown),
        ] {
            leader.consensus.script_changes([Err(from)]);
            assert_eq!(change(&world, &follower, remove(3)), (Err(to), 0));
        }
        // This node never applies it: it may be the one that was removed.
        let changed = Changed { at: Some(LogId::new(5, 9)), pending: false };
        leader.consensus.script_changes([Ok(changed)]);
        assert_eq!(change(&world, &follower, remove(2)), (Ok(changed), 1000));
    }

    #[test]
    fn a_change_that_a_leader_hands_over_is_taken_to_the_next() {
        let world = World::new();
        let (first, second) = (world.node(1), world.node(2));
        first.peers.connect(2, &second.api);
        second.consensus.change(|status| (status.leader, status.term.0) = (Some(NodeId(2)), 6));
        first.consensus.script_changes((0..10).map(|_| Err(ChangeError::NotLeader)));
        let (consensus, clock) = (first.consensus.clone(), first.host.clone());
        first.host.spawn("election", async move {
            clock.sleep(Duration::from_millis(300)).await;
            consensus.change(|status| (status.leader, status.term.0) = (Some(NodeId(2)), 6));
        });
        assert!(change(&world, &first, remove(1)).0.is_ok());
        assert_eq!(second.consensus.changes.lock().unwrap().len(), 1);

        // Nobody takes it up: what the leader had begun may be there.
        second.consensus.script_changes((0..100).map(|_| Err(ChangeError::NotLeader)));
        first.peers.answer(2, Err(CallError::NotDelivered("refused".to_owned())));
        assert_eq!(change(&world, &first, remove(1)), (Err(WriteError::NoLeader), 1500));
        first.peers.heal(2);
        assert_eq!(change(&world, &first, remove(1)).0, Err(WriteError::OutcomeUnknown));
    }
}
