use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{Either, select};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::{AsyncRuntime, Instant, RaftMetrics, ServerState};
use tokio::sync::watch;

use super::members;
use super::stamp::{self, Stamper};
use super::state_machine::StateMachine;
use super::status::{RaftRole, RaftStatus, Standing};
use super::types::{Types, log_id_of};
use crate::apply::ApplyHandle;
use crate::base::{LogId, LogIndex, Monotonic, Term};
use crate::host::Host;
use crate::log::{Snapshots, Wal};

/// After a snapshot was asked for, how long until the log's size is looked at again.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(200);

/// Turns openraft's metrics into [`RaftStatus`], says when the role changes, follows log time, asks for snapshots,
/// and ends the node when consensus has stopped.
pub(super) struct Publisher<R: AsyncRuntime> {
    pub(super) host: Host,
    pub(super) raft: openraft::Raft<Types<R>, StateMachine<R>>,
    pub(super) wal: Wal,
    pub(super) apply: ApplyHandle,
    pub(super) stamper: Arc<Mutex<Stamper>>,
    pub(super) snapshots: Snapshots,
    pub(super) snapshot_log_bytes: u64,
    /// When a leader was last heard, on a follower.
    pub(super) heard: Arc<Heard>,
    /// A leader that was silent for longer is not named any more; nor does a leader name itself when no quorum
    /// answered it for so long.
    pub(super) silence_max: Duration,
    pub(super) publish: Arc<watch::Sender<RaftStatus>>,
}

impl<R: AsyncRuntime> Publisher<R> {
    pub(super) async fn run(self) {
        let mut metrics = self.raft.metrics();
        let mut recovery = Recovery { tail: self.wal.last().map(|id| id.index), target: None, done: false };
        let mut members_at = None;
        let mut asked_at = None;
        // Silence changes nothing in the metrics, so it is looked for as well as waited for.
        let mut look_again = self.host.sleep(self.silence_max / 2);
        loop {
            let seen = metrics.borrow_and_update().clone();
            if let Err(fatal) = &seen.running_state {
                self.publish.send_modify(|status| status.role = RaftRole::Stopped);
                self.host.fatal(&format!("consensus stopped on this node: {fatal}"));
                return;
            }
            // Read before the new metrics are looked at: the turn that finds the node caught up still takes what it
            // applied for old, and all that comes after for new.
            let was_caught_up = recovery.done;
            let caught_up = recovery.observe(
                seen.cluster_committed.as_ref().map(log_id_of::<R>),
                seen.last_log_index,
                seen.last_applied.as_ref().map(log_id_of::<R>),
            );
            stamp::lock(&self.stamper).observe(self.apply.status().log_time, self.host.clock.now(), was_caught_up);
            self.publish_metrics(&seen, caught_up, &mut members_at);
            self.ask_for_snapshot(&seen, &mut asked_at).await;
            match select(pin!(metrics.changed()), &mut look_again).await {
                Either::Left((Ok(()), _)) => {}
                Either::Left((Err(_), _)) => return,
                Either::Right(_) => look_again = self.host.sleep(self.silence_max / 2),
            }
        }
    }

    fn publish_metrics(&self, seen: &RaftMetrics<Types<R>>, caught_up: bool, members_at: &mut Option<Option<LogId>>) {
        let membership_id = seen.membership_config.log_id().as_ref().map(log_id_of::<R>);
        let new_members = *members_at != Some(membership_id);
        *members_at = Some(membership_id);
        // Most changes of the metrics are times of answers, which nobody waits for.
        self.publish.send_if_modified(|status| {
            let before = status.clone();
            let role = match seen.state {
                ServerState::Learner => RaftRole::Learner,
                ServerState::Follower => RaftRole::Follower,
                ServerState::Candidate => RaftRole::Candidate,
                ServerState::Leader => RaftRole::Leader,
                ServerState::Shutdown => RaftRole::Stopped,
            };
            let leader = seen.current_leader.filter(|_| self.leader_is_alive(seen));
            if role != status.role || leader != status.leader {
                let leader = leader.map(|id| id.0);
                tracing::info!(term = seen.current_term, role = ?role, leader, "role or leader changed");
            }
            status.role = role;
            status.term = Term(seen.current_term);
            status.leader = leader;
            status.last_log = self.wal.last();
            status.committed = seen.local_committed.as_ref().map(log_id_of::<R>);
            status.applied = seen.last_applied.as_ref().map(log_id_of::<R>);
            status.snapshot = seen.snapshot.as_ref().map(log_id_of::<R>);
            status.purged = seen.purged.as_ref().map(log_id_of::<R>);
            status.caught_up = caught_up;
            status.members_committed = seen.committed_membership_config == seen.membership_config;
            if new_members {
                (status.voters, status.members, status.joint) = members::voters_and_members(seen);
                status.members_at = membership_id;
                let belongs = status.members.contains_key(&status.node);
                let newer = match status.standing {
                    Standing::Removed { at } => membership_id > Some(at),
                    Standing::NotAdded | Standing::Member => true,
                };
                if belongs && newer {
                    status.standing = Standing::Member;
                }
            }
            *status != before
        });
    }

    /// Whether a quorum follows the leader that openraft names, as far as this node can tell. openraft keeps naming
    /// the last one for as long as nobody wins another election, which without a quorum is for ever.
    fn leader_is_alive(&self, seen: &RaftMetrics<Types<R>>) -> bool {
        if seen.state == ServerState::Leader {
            let alone = seen.membership_config.membership().voter_ids().eq([seen.id]);
            alone || seen.last_quorum_acked.as_ref().is_some_and(|at| at.elapsed() < self.silence_max)
        } else {
            self.heard.within(self.silence_max, self.host.clock.now())
        }
    }

    /// A snapshot is due when the log since the last one has outgrown the setting and the last snapshot's size, so
    /// that the cost of snapshots stays in proportion to the writes between them.
    async fn ask_for_snapshot(&self, seen: &RaftMetrics<Types<R>>, asked_at: &mut Option<(Option<LogId>, Monotonic)>) {
        let last = self.snapshots.current();
        let last_id = last.as_ref().map(|file| file.meta().last);
        let Some(applied) = seen.last_applied.as_ref().map(log_id_of::<R>) else { return };
        if last_id.is_some_and(|last| last >= applied) {
            return;
        }
        let due = self.snapshot_log_bytes.max(last.map_or(0, |file| file.bytes()));
        if self.wal.bytes_after(last_id.map(|id| id.index)) < due {
            return;
        }
        let now = self.host.clock.now();
        let pending = asked_at.is_some_and(|(then, at)| then == last_id && now.since(at) < SNAPSHOT_PAUSE);
        if !pending {
            *asked_at = Some((last_id, now));
            self.raft.trigger().snapshot().await.ok();
        }
    }
}

/// When this node last took an append or a heartbeat from a leader of its term.
#[derive(Default)]
pub(super) struct Heard(AtomicU64);

impl Heard {
    pub(super) fn now(&self, now: Monotonic) {
        self.0.store(now.0.as_millis() as u64 + 1, Ordering::Relaxed);
    }

    fn within(&self, silence_max: Duration, now: Monotonic) -> bool {
        match self.0.load(Ordering::Relaxed) {
            0 => false,
            at => (now.0.as_millis() as u64 + 1).saturating_sub(at) < silence_max.as_millis() as u64,
        }
    }
}

/// When a restarted node has seen again all that it may have shown before: the cluster's commit covers the log that
/// it came back with (or what is left of it), and it has applied that commit.
struct Recovery {
    tail: Option<LogIndex>,
    target: Option<LogId>,
    done: bool,
}

impl Recovery {
    fn observe(&mut self, cluster: Option<LogId>, last_log: Option<u64>, applied: Option<LogId>) -> bool {
        if self.target.is_none()
            && let Some(committed) = cluster
        {
            let tail = self.tail.map_or(0, |tail| tail.0).min(last_log.unwrap_or(0));
            if committed.index.0 >= tail {
                self.target = Some(committed);
            }
        }
        if let Some(target) = self.target {
            self.done = self.done || applied.is_some_and(|applied| applied.index >= target.index);
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_caught_up_once_its_old_tail_is_committed_and_applied() {
        let mut recovery = Recovery { tail: Some(LogIndex(10)), target: None, done: false };
        assert!(!recovery.observe(None, Some(10), Some(LogId::new(1, 5))), "no leader has spoken");
        assert!(!recovery.observe(Some(LogId::new(2, 7)), Some(10), Some(LogId::new(2, 7))), "an old commit");
        assert!(!recovery.observe(Some(LogId::new(2, 11)), Some(12), Some(LogId::new(2, 7))), "not applied yet");
        assert!(recovery.observe(Some(LogId::new(2, 20)), Some(20), Some(LogId::new(2, 11))));
        assert!(recovery.observe(None, Some(20), Some(LogId::new(2, 11))), "once is for good");
    }

    #[test]
    fn a_tail_that_a_leader_cut_off_is_not_waited_for() {
        let mut recovery = Recovery { tail: Some(LogIndex(10)), target: None, done: false };
        assert!(recovery.observe(Some(LogId::new(2, 8)), Some(8), Some(LogId::new(2, 8))));
    }
}
