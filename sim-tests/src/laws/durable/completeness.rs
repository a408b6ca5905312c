use std::collections::BTreeMap;

use confman::base::LogId;

use super::machine::Machine;
use crate::cluster::Observation;

/// Leader completeness: the leader of a term has every entry that was committed in the terms before.
///
/// Raft (Ongaro and Ousterhout, 2014), figure 3 and section 5.4.3. A leader's newest entries may not be synced yet:
/// then its word counts for them, and for all others its disk.
#[derive(Default)]
pub struct LeaderCompleteness {
    /// The furthest id that was said to be committed by a node of this term, so not in a later one.
    committed: BTreeMap<u64, LogId>,
}

pub const NAME: &str = "leader completeness";

impl LeaderCompleteness {
    /// A node of this term says that the entry is committed.
    pub fn committed(&mut self, term: u64, id: LogId) {
        let furthest = self.committed.entry(term).or_insert(id);
        if furthest.index < id.index {
            *furthest = id;
        }
    }

    pub fn observe(&self, node: u64, seen: &Observation, machine: &Machine) -> Result<(), String> {
        if !seen.leads {
            return Ok(());
        }
        let before = self.committed.range(..seen.term).map(|(_, id)| *id);
        let Some(committed) = before.max_by_key(|id| id.index) else { return Ok(()) };
        let says = seen.last_log.is_some_and(|last| last.index >= committed.index);
        let differs = machine.log().entry(committed.index.0).is_some_and(|(term, _)| term != committed.term.0);
        if says && !differs {
            return Ok(());
        }
        let last = seen.last_log;
        Err(format!("node {node} leads in term {}, its log ends at {last:?}, and {committed} was committed", seen.term))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disks, append};
    use super::*;

    #[test]
    fn a_leader_that_lacks_a_committed_entry_is_seen() {
        let leads = |term, last: u64| Observation {
            term,
            leads: true,
            last_log: Some(LogId::new(1, last)),
            ..Observation::default()
        };
        let mut disks = Disks::of_three(&[append(1, 0)]);
        disks.write(2, &[append(2, 1)]);
        disks.sync(2);
        let mut law = LeaderCompleteness::default();
        law.committed(3, LogId::new(1, 1));
        law.committed(3, LogId::new(1, 0));
        assert!(law.observe(1, &leads(4, 1), &disks.machines[&1]).is_ok(), "its disk is behind its memory");
        assert!(law.observe(1, &leads(4, 0), &disks.machines[&1]).is_err());
        assert!(law.observe(1, &leads(3, 0), &disks.machines[&1]).is_ok(), "committed in its own term or later");
        assert!(law.observe(2, &leads(4, 5), &disks.machines[&2]).is_err(), "another entry stands there");
        let follows = Observation { leads: false, ..leads(4, 0) };
        assert!(law.observe(1, &follows, &disks.machines[&1]).is_ok());
    }
}
