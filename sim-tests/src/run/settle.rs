//! After the healing, where the members were changed: who belongs to the cluster in the end, and who does not.

use std::collections::BTreeSet;
use std::time::Duration;

use super::operator::Operator;
use super::{Course, Stopped};
use crate::cluster::{Cluster, Membership};
use crate::laws::members::Asked;
use crate::laws::served;
use crate::runtime::{elapsed, sleep};
use crate::schedule::{Schedule, What};
use crate::seed::stream;

/// What was asked for before the healing and is still on its way has come to its end when nothing changed for so long.
const QUIET: Duration = Duration::from_secs(5);
/// Longer than a change of a healed cluster takes, and not so long that one that was lost takes all the time there is.
const PATIENCE: Duration = Duration::from_secs(3);

impl Course {
    /// Lets changes that are under way end, gives every learner its vote, and has lost nodes replaced. Who belongs to
    /// the cluster then must serve.
    pub(super) async fn members_settle(&self, cluster: &Cluster) -> Result<(), Stopped> {
        let operator = Operator { cluster: cluster.clone(), laws: self.laws.clone(), patience: PATIENCE };
        let mut rng = stream(self.schedule.seed, "operator/settle");
        let give_up_at = elapsed() + served::WITHIN + QUIET;
        let (mut last, mut since) = (Membership::default(), elapsed());
        loop {
            self.stop_if_violated()?;
            let now = as_the_leader_has_it(cluster);
            if now != last {
                (last, since) = (now, elapsed());
            }
            let settled = last.at.is_some() && last.committed && !last.joint;
            match left_to_do(&self.schedule, cluster, &last) {
                Some(asked) if settled => {
                    operator.ask_once(asked, &mut rng).await;
                }
                None if settled && elapsed() >= since + QUIET => {
                    cluster.set_members(last.members());
                    return Ok(());
                }
                _ => {}
            }
            if elapsed() > give_up_at {
                let what = format!("the members do not settle: {last:?}");
                self.laws.judge(elapsed(), served::NAME, Err(what));
                return Err(Stopped::Violation);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Who runs and does not belong to the cluster says so.
    pub(super) async fn outsiders_know(&self, cluster: &Cluster) -> Result<(), Stopped> {
        let members: BTreeSet<u64> = cluster.members().into_iter().collect();
        let give_up_at = elapsed() + served::WITHIN;
        let outsiders = |node: &u64| !members.contains(node) && !cluster.is_lost(*node);
        for node in cluster.in_service().into_iter().filter(outsiders) {
            let says_so = || cluster.node(node).is_some_and(|(_, sim_node)| sim_node.observe().outside);
            while !says_so() {
                self.stop_if_violated()?;
                if elapsed() > give_up_at {
                    let what = format!("node {node} does not belong to the cluster, and does not say so");
                    self.laws.judge(elapsed(), served::NAME, Err(what));
                    return Err(Stopped::Violation);
                }
                sleep(Duration::from_millis(100)).await;
            }
            self.trace.count("nodes outside the cluster that say so");
        }
        Ok(())
    }
}

fn as_the_leader_has_it(cluster: &Cluster) -> Membership {
    let leaders = cluster.observe().into_iter().filter(|(_, seen)| seen.leads);
    leaders.max_by_key(|(_, seen)| seen.term).map(|(_, seen)| seen.membership).unwrap_or_default()
}

/// What an operator still has to ask for.
fn left_to_do(schedule: &Schedule, cluster: &Cluster, membership: &Membership) -> Option<Asked> {
    if let Some(node) = membership.learners.first() {
        return Some(Asked::Promote { node: *node });
    }
    let old = *membership.voters.iter().find(|node| cluster.is_lost(**node))?;
    let with = schedule.faults.iter().find_map(|fault| match fault.what {
        What::ReplaceMember { with, lost: true } => Some(with),
        _ => None,
    })?;
    if membership.voters.contains(&with) {
        return Some(Asked::Remove { node: old });
    }
    Some(Asked::Replace { old, node: with })
}
