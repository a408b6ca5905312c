//! A change of the members or of the leader, carried out: see [`super::members`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{Either, select};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::{AsyncRuntime, ChangeMembers, Instant, Precondition, RaftMetrics, ServerState};
use tokio::sync::{oneshot, watch};

use super::members::{Base, ChangeError, ChangeRequest, Changed, MemberChange, conflict, unused_id};
use super::probe::{ProbeError, probe};
use super::state_machine::StateMachine;
use super::status::{Member, RaftStatus};
use super::types::{RaftLogId, Types, log_id_of};
use crate::base::{LogId, Monotonic, NodeId, StorageId};
use crate::host::Host;
use crate::peer::{PeerError, PeerHandle};

/// A learner that neither answers nor comes nearer for so long stays a learner.
const CATCH_UP_SILENCE_MAX: Duration = Duration::from_secs(60);
/// So long before its deadline a request that waits for a learner is answered that the rest goes on without it.
const ANSWER_BEFORE: Duration = Duration::from_millis(500);

/// Why a forced change is dangerous; said where an unforced one is refused.
const FORCE: &str = "With force it is done all the same; the cluster then takes no writes until enough voters answer";

/// One change on its way.
pub(super) struct Course<R: AsyncRuntime> {
    pub host: Host,
    pub raft: openraft::Raft<Types<R>, StateMachine<R>>,
    pub peers: PeerHandle,
    pub node: NodeId,
    pub status: watch::Receiver<RaftStatus>,
    pub election_timeout_max: Duration,
    /// Turns true where the wait for a learner is to end.
    pub cancelled: watch::Receiver<bool>,
}

/// Who waits for a change, until when.
pub(super) struct Asker {
    pub answer: Option<oneshot::Sender<Result<Changed, ChangeError>>>,
    pub deadline: Monotonic,
}

impl Asker {
    pub fn answer(&mut self, outcome: Result<Changed, ChangeError>) {
        if let Some(answer) = self.answer.take() {
            // Its deadline may have passed.
            let _ = answer.send(outcome);
        }
    }
}

impl<R: AsyncRuntime> Course<R> {
    /// Carries the change out, and answers. May go on after the answer.
    pub async fn run(mut self, request: ChangeRequest, mut asker: Asker) {
        let what = request.change.to_string();
        let outcome = self.change(request, &mut asker).await;
        match &outcome {
            Ok(changed) => {
                let at = changed.at.map(|at| at.to_string());
                tracing::info!(at, "membership: done {what}");
            }
            Err(ChangeError::NotLeader) => tracing::info!("membership: {what} is for another leader"),
            Err(why) => tracing::warn!("membership: {what} was not done: {why}"),
        }
        asker.answer(outcome);
    }

    async fn change(&mut self, request: ChangeRequest, asker: &mut Asker) -> Result<Changed, ChangeError> {
        let ChangeRequest { change, force } = request;
        if !matches!(change, MemberChange::Lead { .. }) {
            self.finish_joint(force).await?;
        }
        match change {
            MemberChange::Add { node, peer, url, promote } => {
                let added = self.bring_in(node, None, Member { peer, url, ..Member::default() }, force).await?;
                if !promote || self.base()?.votes(node) {
                    return Ok(Changed { at: added, pending: false });
                }
                self.catch_up_or_tell(node, added, asker).await?;
                let at = self.change_voters(None, Some(node), force).await?;
                Ok(Changed { at: Some(at), pending: false })
            }
            MemberChange::Promote { node } => {
                let base = self.base()?;
                if !base.nodes.contains_key(&node) {
                    return Err(ChangeError::NoSuchMember(node));
                }
                if base.votes(node) {
                    return Ok(Changed { at: base.at, pending: false });
                }
                self.catch_up_by(node, before(asker.deadline)).await?;
                let at = self.change_voters(None, Some(node), force).await?;
                Ok(Changed { at: Some(at), pending: false })
            }
            MemberChange::Remove { node } => self.remove(node, force).await,
            MemberChange::Replace { old, node, peer, url } => {
                let base = self.base()?;
                if !base.nodes.contains_key(&old) {
                    if base.votes(node) && base.nodes.get(&node).is_some_and(|it| it.peer == peer && it.url == url) {
                        return Ok(Changed { at: base.at, pending: false });
                    }
                    return Err(ChangeError::NoSuchMember(old));
                }
                if old == node {
                    return conflict(format!(
                        "node {old} cannot be replaced under its own id: with another data directory it could vote \
                         twice in one term. Give the new node an id that was never used, like {}",
                        unused_id(base.nodes.keys())
                    ));
                }
                if !base.votes(old) {
                    return conflict(format!("node {old} is a learner: remove it, and add node {node} in its place"));
                }
                let added = self.bring_in(node, Some(old), Member { peer, url, ..Member::default() }, force).await?;
                self.catch_up_or_tell(node, added, asker).await?;
                let at = self.change_voters(Some(old), Some(node), force).await?;
                Ok(Changed { at: Some(at), pending: false })
            }
            MemberChange::Lead { node } => self.lead(node).await,
        }
    }

    fn metrics(&self) -> RaftMetrics<Types<R>> {
        self.raft.metrics().borrow_watched().clone()
    }

    /// The membership now, if this node leads.
    fn base(&self) -> Result<Base, ChangeError> {
        let metrics = self.metrics();
        if metrics.state != ServerState::Leader {
            return Err(ChangeError::NotLeader);
        }
        let stored = &metrics.membership_config;
        Ok(Base {
            at: stored.log_id().as_ref().map(log_id_of::<R>),
            voters: stored.membership().get_joint_config().clone(),
            nodes: stored.membership().nodes().map(|(id, member)| (*id, member.clone())).collect(),
        })
    }

    /// Makes a node a learner, unless it is a member as asked for already. `instead_of` goes as it comes, and may have
    /// its addresses.
    async fn bring_in(
        &mut self,
        node: NodeId,
        instead_of: Option<NodeId>,
        mut member: Member,
        force: bool,
    ) -> Result<Option<LogId>, ChangeError> {
        let base = self.base()?;
        if let Some(known) = base.nodes.get(&node) {
            if (&known.peer, &known.url) == (&member.peer, &member.url) {
                return Ok(base.at);
            }
            return conflict(format!(
                "node {node} is a member already, at {} and {}: give the new node an id that was never used, like {}",
                known.peer,
                known.url,
                unused_id(base.nodes.keys())
            ));
        }
        let taken = |known: &Member| known.peer == member.peer || known.url == member.url;
        let others = base.nodes.iter().filter(|(id, _)| Some(**id) != instead_of);
        if let Some((other, _)) = others.into_iter().find(|(_, known)| taken(known)) {
            return conflict(format!(
                "node {other} has this address already: where the new node takes its place, use \
                 `confman cluster replace {other} {node} --peer {} --url {}`",
                member.peer, member.url
            ));
        }
        member.storage = self.probe_empty(node, &member).await?;
        self.check_quorum(&base, &base.goal(None, None), force).await?;
        tracing::info!(member = node.0, peer = member.peer, storage = %member.storage, "adding a learner");
        let nodes = BTreeMap::from([(node, member)]);
        self.propose(&base, ChangeMembers::AddNodes(nodes), true).await.map(Some)
    }

    /// The data directory of a node that may come in.
    async fn probe_empty(&self, node: NodeId, member: &Member) -> Result<StorageId, ChangeError> {
        let address = &member.peer;
        // It may have been asked before it was started, or under another address.
        self.peers.forget(node);
        let found = match probe(&self.host, &self.peers, node, address).await {
            Ok(found) => found,
            Err(ProbeError::Call(PeerError::Refused(why))) => {
                return conflict(format!("node {node} at {address} and this cluster do not fit together: {why}"));
            }
            Err(why) => {
                return conflict(format!(
                    "node {node} does not answer at {address}: {why}. Start it first, with an empty data directory \
                     and this cluster's name and secret"
                ));
            }
        };
        if !found.empty {
            return conflict(format!(
                "node {node} at {address} has data already, of this cluster or of another: stop it, give it an empty \
                 data directory and an id that was never used, and start it again; its [[members]] must name the \
                 nodes of this cluster beside itself, so that it forms none of its own"
            ));
        }
        if found.peer != member.peer || found.url != member.url {
            return conflict(format!(
                "node {node} says that it is reached at {} by nodes and at {} by clients, and {address} and {} were \
                 asked for: correct the request, or the node's configuration",
                found.peer, found.url, member.url
            ));
        }
        Ok(found.storage)
    }

    async fn remove(&mut self, node: NodeId, force: bool) -> Result<Changed, ChangeError> {
        let base = self.base()?;
        if !base.nodes.contains_key(&node) {
            return Err(ChangeError::NoSuchMember(node));
        }
        let at = if base.votes(node) {
            self.change_voters(Some(node), None, force).await?
        } else {
            self.check_quorum(&base, &base.goal(None, None), force).await?;
            self.propose(&base, ChangeMembers::RemoveNodes(BTreeSet::from([node])), true).await?
        };
        Ok(Changed { at: Some(at), pending: false })
    }

    /// Changes the voters by joint consensus. Where this node is to go it hands over, and its successor does it.
    async fn change_voters(
        &mut self,
        without: Option<NodeId>,
        with: Option<NodeId>,
        force: bool,
    ) -> Result<LogId, ChangeError> {
        let base = self.base()?;
        let goal = base.goal(without, with);
        if goal.is_empty() {
            return conflict("the last voter cannot be removed: a cluster without voters is no cluster");
        }
        let answering = self.check_quorum(&base, &goal, force).await?;
        if !goal.contains(&self.node) {
            return self.leave_it_to(base.goal(without, None).intersection(&answering).copied().collect()).await;
        }
        let mut steps = Vec::new();
        if let Some(with) = with {
            steps.push(ChangeMembers::AddVoterIds(BTreeSet::from([with])));
        }
        if let Some(without) = without {
            steps.push(ChangeMembers::RemoveVoters(BTreeSet::from([without])));
        }
        self.propose(&base, ChangeMembers::Batch(steps), false).await
    }

    /// Hands over to one of these, who carries the change out: this node is none of the voters that it leads to, and
    /// openraft does not take the second step of a change from a leader that the first one has removed.
    async fn leave_it_to(&mut self, these: BTreeSet<NodeId>) -> Result<LogId, ChangeError> {
        let Some(to) = self.furthest(&these) else {
            return conflict(format!("node {} leads, and no other voter answers that could take over", self.node));
        };
        self.transfer(to).await?;
        Err(ChangeError::NotLeader)
    }

    /// Ends a joint membership that an earlier leader left.
    pub async fn finish(mut self) {
        if let Err(why) = self.finish_joint(false).await {
            tracing::debug!(%why, "membership: not finished; trying again");
        }
    }

    /// A change begins from one set of voters: what an earlier leader left half done is ended first.
    async fn finish_joint(&mut self, force: bool) -> Result<(), ChangeError> {
        let base = self.base()?;
        if base.voters.len() < 2 {
            return Ok(());
        }
        tracing::info!("membership: finishing a change that an earlier leader began");
        let goal = base.goal(None, None);
        if !goal.contains(&self.node) {
            let answering = self.check_quorum(&base, &goal, force).await?;
            return self.leave_it_to(goal.intersection(&answering).copied().collect()).await.map(drop);
        }
        self.propose(&base, ChangeMembers::AddVoterIds(BTreeSet::new()), false).await.map(drop)
    }

    /// Refuses what would lose the quorum, unless forced; who answers.
    async fn check_quorum(
        &mut self,
        base: &Base,
        goal: &BTreeSet<NodeId>,
        force: bool,
    ) -> Result<BTreeSet<NodeId>, ChangeError> {
        let concerned: BTreeSet<NodeId> = base.voters.iter().flatten().chain(goal).copied().collect();
        let answering = self.answering(&concerned).await?;
        match base.check_quorum(goal, &answering) {
            Err(why) if !force => conflict(format!("{why}. {FORCE}")),
            Err(why) => {
                tracing::warn!("membership: forced, though {why}");
                Ok(answering)
            }
            Ok(()) => Ok(answering),
        }
    }

    /// Which of these nodes answer a heartbeat that is sent from now on.
    async fn answering(&self, nodes: &BTreeSet<NodeId>) -> Result<BTreeSet<NodeId>, ChangeError> {
        let began = self.host.clock.now();
        let until = began.after(self.election_timeout_max * 2);
        if self.raft.trigger().heartbeat().await.is_err() {
            return Err(ChangeError::NotLeader);
        }
        let mut metrics = self.raft.metrics();
        loop {
            let answered = {
                let seen = metrics.borrow_and_update();
                let Some(heard) = seen.heartbeat.as_ref().filter(|_| seen.state == ServerState::Leader) else {
                    return Err(ChangeError::NotLeader);
                };
                let asked = self.host.clock.now().since(began);
                let since = |id: &NodeId| heard.get(id).is_some_and(|at| at.is_some_and(|at| at.elapsed() <= asked));
                nodes.iter().copied().filter(|id| *id == self.node || since(id)).collect::<BTreeSet<_>>()
            };
            if answered.len() == nodes.len() {
                return Ok(answered);
            }
            match self.host.until(until, metrics.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) => return Err(ChangeError::NotLeader),
                None => return Ok(answered),
            }
        }
    }

    /// Who holds the longest log.
    fn furthest(&self, among: &BTreeSet<NodeId>) -> Option<NodeId> {
        let metrics = self.metrics();
        let matched = metrics.replication.as_ref()?;
        among.iter().copied().max_by_key(|id| matched.get(id).and_then(|id| id.as_ref().map(|id| id.index)))
    }

    /// Waits until a learner has caught up; tells the asker before its deadline that this goes on.
    async fn catch_up_or_tell(
        &mut self,
        node: NodeId,
        added: Option<LogId>,
        asker: &mut Asker,
    ) -> Result<(), ChangeError> {
        match self.caught_up(node, Some(before(asker.deadline))).await {
            Err(CatchUp::TooLate { .. }) => {}
            other => return other.map_err(|why| why.into_error(node)),
        }
        asker.answer(Ok(Changed { at: added, pending: true }));
        self.caught_up(node, None).await.map_err(|why| why.into_error(node))
    }

    async fn catch_up_by(&mut self, node: NodeId, deadline: Monotonic) -> Result<(), ChangeError> {
        self.caught_up(node, Some(deadline)).await.map_err(|why| why.into_error(node))
    }

    /// Waits until a learner has, within one election timeout, received all that the log held when it began (Ongaro's
    /// thesis, section 4.2.1): as a voter it then holds up no commit for longer than an election would.
    async fn caught_up(&mut self, node: NodeId, deadline: Option<Monotonic>) -> Result<(), CatchUp> {
        let mut metrics = self.raft.metrics();
        let mut round: Option<(Option<u64>, Monotonic)> = None;
        let mut sign_of_life = (None, self.host.clock.now());
        loop {
            let (matched, last, heard) = {
                let seen = metrics.borrow_and_update();
                let (Some(matched), Some(heard)) = (&seen.replication, &seen.heartbeat) else {
                    return Err(CatchUp::NotLeader);
                };
                let (Some(matched), Some(heard)) = (matched.get(&node), heard.get(&node)) else {
                    return Err(CatchUp::Gone);
                };
                (matched.as_ref().map(|id| id.index), seen.last_log_index, *heard)
            };
            let now = self.host.clock.now();
            let (target, began) = *round.get_or_insert((last, now));
            if matched >= target {
                if now.since(began) <= self.election_timeout_max {
                    return Ok(());
                }
                round = None;
                continue;
            }
            if sign_of_life.0 != Some((matched, heard)) {
                sign_of_life = (Some((matched, heard)), now);
            }
            let lag = last.unwrap_or(0).saturating_sub(matched.unwrap_or(0));
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Err(CatchUp::TooLate { lag });
            }
            let given_up = sign_of_life.1.after(CATCH_UP_SILENCE_MAX);
            if now >= given_up {
                return Err(CatchUp::Silent { lag });
            }
            if *self.cancelled.borrow() {
                return Err(CatchUp::Cancelled);
            }
            let until = deadline.map_or(given_up, |deadline| deadline.min(given_up));
            let mut cancelled = self.cancelled.clone();
            let wake = select(Box::pin(metrics.changed()), Box::pin(cancelled.wait_for(|cancelled| *cancelled)));
            if let Some(Either::Left((Err(_), _))) = self.host.until(until, wake).await {
                return Err(CatchUp::NotLeader);
            }
        }
    }

    async fn lead(&mut self, to: NodeId) -> Result<Changed, ChangeError> {
        let base = self.base()?;
        if to == self.node {
            return Ok(Changed { at: None, pending: false });
        }
        if !base.nodes.contains_key(&to) {
            return Err(ChangeError::NoSuchMember(to));
        }
        if !base.votes(to) {
            return conflict(format!("node {to} is a learner, which cannot lead: promote it first"));
        }
        if !self.answering(&BTreeSet::from([to])).await?.contains(&to) {
            return conflict(format!("node {to} does not answer: it cannot take over"));
        }
        self.transfer(to).await?;
        match self.leader_after_transfer().await {
            Some(leader) if leader == to => Ok(Changed { at: None, pending: false }),
            Some(leader) => conflict(format!("node {leader} leads now, not node {to}: try again")),
            None => Err(ChangeError::OutcomeUnknown),
        }
    }

    /// Gives the leadership to a voter, and waits until this node leads no more.
    async fn transfer(&mut self, to: NodeId) -> Result<(), ChangeError> {
        tracing::info!(to = to.0, "handing the leadership over");
        self.raft.trigger().transfer_leader(to).await.map_err(|_| ChangeError::NotLeader)?;
        let until = self.host.clock.now().after(self.election_timeout_max * 4);
        let mut metrics = self.raft.metrics();
        loop {
            if metrics.borrow_and_update().state != ServerState::Leader {
                return Ok(());
            }
            match self.host.until(until, metrics.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) => return Err(ChangeError::NotLeader),
                // It proposes nothing more in its term, and the others elect one of themselves.
                None => return Ok(()),
            }
        }
    }

    /// Who leads once the leadership was given away.
    async fn leader_after_transfer(&mut self) -> Option<NodeId> {
        let until = self.host.clock.now().after(self.election_timeout_max * 4);
        let own = self.node;
        let other = self.status.wait_for(|status| status.leader.is_some_and(|leader| leader != own));
        self.host.until(until, other).await?.ok()?.leader
    }

    /// Proposes a change of the membership `base`, and waits until it is committed: without an end while this node
    /// leads, since it is in the log.
    async fn propose(
        &self,
        base: &Base,
        change: ChangeMembers<NodeId, Member>,
        retain: bool,
    ) -> Result<LogId, ChangeError> {
        let began_from = *self.metrics().membership_config.log_id();
        if began_from.as_ref().map(log_id_of::<R>) != base.at {
            return conflict("the membership has changed meanwhile: look at it, and try again");
        }
        let unchanged = [Precondition::LastMembershipLogId { last_membership_log_id: began_from }];
        let changed = Box::pin(self.raft.change_membership_if(change, retain, unchanged));
        let deposed = Box::pin(self.deposed());
        let outcome = match select(changed, deposed).await {
            Either::Left((outcome, _)) => outcome,
            // Only the first step can have been refused for that, and it would have said so.
            Either::Right(_) => return Err(ChangeError::OutcomeUnknown),
        };
        let nothing_written = || {
            let now: Option<RaftLogId<R>> = *self.metrics().membership_config.log_id();
            now.as_ref().map(log_id_of::<R>) == base.at
        };
        match outcome {
            Ok(written) => Ok(log_id_of::<R>(&written.log_id)),
            Err(RaftError::Fatal(_)) => Err(ChangeError::OutcomeUnknown),
            Err(RaftError::APIError(error)) => match error {
                // Checked before the append. It may be the second step's, after the joint membership was committed.
                ClientWriteError::ForwardToLeader(_) if nothing_written() => Err(ChangeError::NotLeader),
                ClientWriteError::PreconditionFailed(_) if nothing_written() => {
                    conflict("the membership has changed meanwhile: look at it, and try again")
                }
                ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(_)) if nothing_written() => {
                    conflict("the change before this one is not committed yet: try again")
                }
                ClientWriteError::ChangeMembershipError(error) if nothing_written() => conflict(error.to_string()),
                _ => Err(ChangeError::OutcomeUnknown),
            },
        }
    }

    /// Completes once this node leads no more.
    async fn deposed(&self) {
        let mut metrics = self.raft.metrics();
        while metrics.borrow_and_update().state == ServerState::Leader {
            if metrics.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Why a learner is not promoted.
#[derive(Debug, PartialEq, Eq)]
enum CatchUp {
    NotLeader,
    /// It is no member any more.
    Gone,
    TooLate {
        lag: u64,
    },
    Silent {
        lag: u64,
    },
    /// It is to be removed.
    Cancelled,
}

impl CatchUp {
    fn into_error(self, node: NodeId) -> ChangeError {
        let so_far = format!("node {node} is a learner");
        match self {
            CatchUp::NotLeader => ChangeError::NotLeader,
            CatchUp::Gone => ChangeError::NoSuchMember(node),
            CatchUp::TooLate { lag } => ChangeError::Conflict(format!(
                "{so_far} and has not caught up: it lags by {lag} entries. Try again when it does not"
            )),
            CatchUp::Silent { lag } => ChangeError::Conflict(format!(
                "{so_far}, lags by {lag} entries and was silent for {} s: see its log, then try again",
                CATCH_UP_SILENCE_MAX.as_secs()
            )),
            CatchUp::Cancelled => ChangeError::Conflict(format!("{so_far}, and its removal was asked for")),
        }
    }
}

fn before(deadline: Monotonic) -> Monotonic {
    Monotonic(deadline.0.saturating_sub(ANSWER_BEFORE))
}
