use std::collections::BTreeSet;

use confman::base::LogId;

use super::Laws;
use crate::cluster::Observation;

/// The members of the cluster are those that were asked for: nobody comes in whom nobody added, nobody goes whom nobody
/// removed, and what an operator was told is done stays done. A learner votes only where that was asked for, too.
///
/// Confman's own law, of what operators are promised.
#[derive(Default)]
pub struct AskedFor {
    first: BTreeSet<u64>,
    came: BTreeSet<u64>,
    went: BTreeSet<u64>,
    done: Vec<(Asked, LogId)>,
}

pub const NAME: &str = "the members are those that were asked for";

/// A change that an operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Add { node: u64 },
    Remove { node: u64 },
    Replace { old: u64, node: u64 },
    Promote { node: u64 },
    Lead { node: u64 },
}

impl Asked {
    fn comes(self) -> Option<u64> {
        match self {
            Asked::Add { node } | Asked::Replace { node, .. } | Asked::Promote { node } => Some(node),
            Asked::Remove { .. } | Asked::Lead { .. } => None,
        }
    }

    fn goes(self) -> Option<u64> {
        match self {
            Asked::Remove { node } | Asked::Replace { old: node, .. } => Some(node),
            Asked::Add { .. } | Asked::Promote { .. } | Asked::Lead { .. } => None,
        }
    }
}

impl AskedFor {
    pub fn observe(&self, node: u64, seen: &Observation) -> Result<(), String> {
        let membership = &seen.membership;
        let Some(at) = membership.at.filter(|_| !self.first.is_empty()) else { return Ok(()) };
        let members = membership.members();
        let wrong = |what: String| Err(format!("node {node} has a membership, of {at}, {what}"));
        if let Some(stranger) = members.iter().find(|id| !self.first.contains(id) && !self.came.contains(id)) {
            return wrong(format!("with node {stranger}, which nobody added"));
        }
        let stays = |id: &&u64| self.first.contains(id) && !self.went.contains(id);
        if let Some(gone) = self.first.iter().filter(stays).find(|id| !membership.voters.contains(id)) {
            return wrong(format!("in which node {gone} does not vote, which nobody removed"));
        }
        for (asked, done) in self.done.iter().filter(|(_, done)| at >= *done) {
            if let Some(id) = asked.comes().filter(|id| !self.went.contains(id) && !membership.voters.contains(id)) {
                return wrong(format!("in which node {id} does not vote, and {asked:?} was done at {done}"));
            }
            if let Some(id) = asked.goes().filter(|id| members.contains(id)) {
                return wrong(format!("with node {id}, and {asked:?} was done at {done}"));
            }
        }
        Ok(())
    }
}

impl Laws {
    /// The cluster is formed by these.
    pub fn first_members(&self, nodes: BTreeSet<u64>) {
        self.lock().members.first = nodes;
    }

    /// An operator asks for a change.
    pub fn change_asked(&self, asked: Asked) {
        let members = &mut self.lock().members;
        members.came.extend(asked.comes());
        members.went.extend(asked.goes());
    }

    /// An operator was told that a change is done, as this entry.
    pub fn change_done(&self, asked: Asked, at: LogId) {
        self.lock().members.done.push((asked, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Membership;

    fn seen(index: u64, voters: &[u64], learners: &[u64]) -> Observation {
        let (voters, learners) = (voters.iter().copied().collect(), learners.iter().copied().collect());
        let membership = Membership { at: Some(LogId::new(1, index)), voters, learners, ..Membership::default() };
        Observation { membership, ..Observation::default() }
    }

    #[test]
    fn who_comes_and_goes_unasked_is_seen() {
        let laws = Laws::default();
        laws.first_members(BTreeSet::from([1, 2, 3]));
        let holds = |seen: &Observation| laws.lock().members.observe(1, seen).is_ok();
        assert!(holds(&seen(1, &[1, 2, 3], &[])) && holds(&Observation::default()));
        assert!(!holds(&seen(2, &[1, 2, 3, 4], &[])) && !holds(&seen(2, &[1, 2, 3], &[4])));
        assert!(!holds(&seen(2, &[1, 2], &[])) && !holds(&seen(2, &[1, 2], &[3])));
        laws.change_asked(Asked::Add { node: 4 });
        assert!(holds(&seen(2, &[1, 2, 3], &[4])) && holds(&seen(3, &[1, 2, 3, 4], &[])));
        laws.change_done(Asked::Add { node: 4 }, LogId::new(1, 3));
        assert!(holds(&seen(2, &[1, 2, 3], &[4])) && !holds(&seen(3, &[1, 2, 3], &[4])));
        laws.change_asked(Asked::Remove { node: 4 });
        assert!(holds(&seen(5, &[1, 2, 3], &[])) && holds(&seen(4, &[1, 2, 3, 4], &[])));
        laws.change_done(Asked::Remove { node: 4 }, LogId::new(1, 5));
        assert!(holds(&seen(4, &[1, 2, 3, 4], &[])) && !holds(&seen(6, &[1, 2, 3, 4], &[])));
    }
}
