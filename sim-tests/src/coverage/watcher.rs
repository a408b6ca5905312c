use std::collections::BTreeMap;
use std::time::Duration;

use confman::base::LogId;

use super::Point;
use crate::cluster::Observation;
use crate::trace::Trace;

/// Tells points by what the nodes say of themselves, look by look.
pub struct Watcher {
    trace: Trace,
    voters: usize,
    before: BTreeMap<u64, (u32, Observation)>,
    /// Who led last, in which term.
    led: Option<(u64, u64)>,
    without_leader_since: Option<Duration>,
}

/// One look at all nodes that serve: their numbers and incarnations, and what they say.
pub type Look = [(u64, u32, Observation)];

impl Watcher {
    pub fn new(trace: Trace, voters: u64) -> Watcher {
        Watcher { trace, voters: voters as usize, before: BTreeMap::new(), led: None, without_leader_since: None }
    }

    /// The nodes that serve at this moment said this.
    pub fn look(&mut self, at: Duration, look: &Look) {
        // Until there was a leader once, nothing is news.
        if self.led.is_some() {
            self.outages(look);
            self.lags(look);
        }
        self.leadership(at, look);
        for (node, incarnation, seen) in look {
            self.tell_if(!seen.membership.learners.is_empty(), Point::LearnerFollowed);
            self.tell_if(seen.membership.joint, Point::VotersJoint);
            self.tell_if(seen.outside && seen.membership.at.is_some(), Point::RemovedNodeKnew);
            match self.before.get(node) {
                Some((same, before)) if same == incarnation => self.node(before, seen),
                Some(_) => self.restarted(look, seen),
                None => {}
            }
        }
        for (node, incarnation, seen) in look {
            self.before.insert(*node, (*incarnation, seen.clone()));
        }
    }

    fn tell_if(&self, happened: bool, point: Point) {
        if happened {
            self.trace.sometimes(point);
        }
    }

    fn outages(&mut self, look: &Look) {
        self.tell_if(look.is_empty(), Point::AllDown);
        self.tell_if(look.len() <= self.voters / 2, Point::QuorumDown);
        let runs = |node: u64, incarnation: u32| look.iter().any(|(n, i, _)| (*n, *i) == (node, incarnation));
        for (node, (incarnation, before)) in &mut self.before {
            if before.leads && !runs(*node, *incarnation) {
                self.trace.sometimes(Point::LeaderDied);
                if index(before.last_log) > index(before.committed) {
                    self.trace.sometimes(Point::LeaderLostInFlight);
                }
                // Told once.
                before.leads = false;
            }
        }
    }

    fn lags(&self, look: &Look) {
        let most = look.iter().map(|(_, _, seen)| index(seen.applied)).max().unwrap_or(0);
        for (_, _, seen) in look {
            self.tell_if(index(seen.applied) + 50 <= most, Point::FollowerFarBehind);
            self.tell_if(index(seen.applied) + 10 <= index(seen.committed), Point::AppliedLagsCommitted);
        }
    }

    fn leadership(&mut self, at: Duration, look: &Look) {
        let mut leaders: Vec<(u64, u64)> =
            look.iter().filter(|(_, _, seen)| seen.leads).map(|(node, _, seen)| (seen.term, *node)).collect();
        leaders.sort_unstable();
        self.tell_if(leaders.len() > 1, Point::TwoClaimLeadership);
        let Some((term, node)) = leaders.last().copied() else {
            let since = *self.without_leader_since.get_or_insert(at);
            let long = self.led.is_some() && at >= since + Duration::from_secs(1);
            self.tell_if(long, Point::NoLeaderForLong);
            return;
        };
        self.without_leader_since = None;
        if let Some((old_term, old_node)) = self.led
            && term > old_term
        {
            self.trace.sometimes(if node == old_node { Point::SameLeaderAgain } else { Point::LeaderChanged });
            self.tell_if(term > old_term + 1, Point::TermWithoutLeader);
            let inherited = look.iter().any(|(n, _, seen)| {
                *n == node && seen.committed.is_some_and(|id| id.term.0 < term) && more_than_own(seen, term)
            });
            self.tell_if(inherited, Point::EntriesInherited);
            let joint = look.iter().any(|(n, _, seen)| *n == node && seen.membership.joint);
            self.tell_if(joint && node != old_node, Point::JointInherited);
        }
        if self.led.is_none_or(|(old_term, _)| term > old_term) {
            self.led = Some((term, node));
        }
    }

    fn node(&self, before: &Observation, seen: &Observation) {
        let lost = before.role == "candidate" && seen.role == "follower";
        self.tell_if(lost, Point::ElectionLost);
        let replaced = match (before.last_log, seen.last_log) {
            (Some(was), Some(is)) => is.term > was.term && is.index <= was.index && index(seen.snapshot) < is.index.0,
            _ => false,
        };
        self.tell_if(replaced, Point::ConflictTruncated);
        if index(seen.snapshot) > index(before.snapshot) {
            let built = index(before.applied) >= index(seen.snapshot);
            self.tell_if(built, Point::SnapshotBuilt);
            self.tell_if(!built && index(before.last_log) > index(seen.snapshot), Point::SnapshotOverLongerLog);
        }
        let purged = index(seen.purged) > index(before.purged) && seen.purged == seen.applied;
        self.tell_if(purged, Point::PurgedToTheTip);
    }

    fn restarted(&self, look: &Look, seen: &Observation) {
        let committed = look.iter().map(|(_, _, other)| index(other.committed)).max().unwrap_or(0);
        self.tell_if(index(seen.applied) < committed, Point::RestartedNodeLagged);
    }
}

/// Whether the log holds more uncommitted entries than the one that a new leader adds.
fn more_than_own(seen: &Observation, term: u64) -> bool {
    let own = u64::from(seen.last_log.is_some_and(|id| id.term.0 == term));
    index(seen.last_log) > index(seen.committed) + own
}

fn index(id: Option<LogId>) -> u64 {
    id.map_or(0, |id| id.index.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(term: u64, last: u64, committed: u64) -> Observation {
        let id = |index| Some(LogId::new(1, index));
        Observation {
            term,
            leads: true,
            role: "leader",
            last_log: id(last),
            committed: id(committed),
            ..Observation::default()
        }
    }

    fn told(looks: &[&Look]) -> Vec<Point> {
        let trace = Trace::default();
        let mut watcher = Watcher::new(trace.clone(), 3);
        for (second, look) in looks.iter().enumerate() {
            watcher.look(Duration::from_secs(second as u64), look);
        }
        trace.warm().into_keys().collect()
    }

    #[test]
    fn a_leader_that_goes_with_entries_in_flight_is_told_and_a_quiet_one_is_not() {
        let follower = || (2, 1, Observation::default());
        let busy: &Look = &[(1, 1, leads(1, 9, 7)), follower()];
        let quiet: &Look = &[(1, 1, leads(1, 7, 7)), follower()];
        let after: &Look = &[follower(), (3, 1, Observation::default())];
        assert_eq!(told(&[busy, after]), [Point::LeaderDied, Point::LeaderLostInFlight]);
        assert_eq!(told(&[quiet, after]), [Point::LeaderDied]);
    }

    #[test]
    fn changes_of_leadership_are_told() {
        let (first, second): (&Look, &Look) = (
            &[(1, 1, leads(1, 7, 7)), (2, 1, Observation::default())],
            &[(1, 1, leads(1, 7, 7)), (2, 1, leads(3, 8, 7))],
        );
        let told = told(&[first, second]);
        assert_eq!(
            told,
            [Point::LeaderChanged, Point::TermWithoutLeader, Point::TwoClaimLeadership, Point::EntriesInherited]
        );
    }
}
