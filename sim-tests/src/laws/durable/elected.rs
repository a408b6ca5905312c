use std::collections::{BTreeMap, BTreeSet};

use super::machine::Machine;
use super::members::Members;
use crate::cluster::Observation;

/// Who leads a term was elected: a quorum of the voters has its vote for it on disk.
///
/// Raft (Ongaro and Ousterhout, 2014), section 5.2; who votes: section 6.
#[derive(Default)]
pub struct Elected(BTreeSet<(u64, u64)>);

pub const NAME: &str = "a leader has the durable votes of a quorum";

impl Elected {
    pub fn observe(
        &mut self,
        node: u64,
        seen: &Observation,
        machines: &BTreeMap<u64, Machine>,
        members: &Members,
    ) -> Result<(), String> {
        if !seen.leads || !self.0.insert((seen.term, node)) {
            return Ok(());
        }
        let voted = |machine: &Machine| machine.is_damaged() || machine.has_voted(seen.term, node);
        let votes: Vec<u64> = machines.iter().filter(|(_, machine)| voted(machine)).map(|(node, _)| *node).collect();
        let last = seen.last_log.map_or(0, |last| last.index.0);
        let all: Vec<u64> = machines.keys().copied().collect();
        if members.are_quorum(last, &votes, &all) {
            return Ok(());
        }
        Err(format!("node {node} leads in term {}, and has the durable votes of nodes {votes:?} only", seen.term))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disks, append, vote};
    use super::*;

    #[test]
    fn a_leader_by_a_minority_is_seen() {
        let leads = |term| Observation { term, leads: true, ..Observation::default() };
        let mut disks = Disks::of_three(&[append(1, 0)]);
        disks.write(1, &[vote(4, 1, false)]);
        disks.write(2, &[vote(4, 1, false)]);
        disks.sync(1);
        let law = |disks: &Disks| Elected::default().observe(1, &leads(4), &disks.machines, &disks.members);
        assert!(law(&disks).is_err(), "the other's vote is not synced");
        disks.sync(2);
        law(&disks).unwrap();
    }
}
