use std::collections::BTreeMap;
use std::fmt;

use confman::base::LogId;

use super::machine::Machine;
use super::members::Members;

/// What anyone says is committed, a quorum of the voters has in its durable log, or in a durable snapshot. And what a
/// client is told to have happened is committed.
///
/// Raft (Ongaro and Ousterhout, 2014), section 5.3 and, for the stable storage, figure 2. It is judged when it is first
/// said: what was durable and is truncated afterwards is not committed, or was to be kept, which is another law.
#[derive(Default)]
pub struct CommittedOnQuorum {
    /// By index: the term, and the hash of the payload where somebody's log still had it.
    committed: BTreeMap<u64, (u64, Option<u64>)>,
}

pub const NAME: &str = "committed is durable on a quorum";

impl CommittedOnQuorum {
    pub fn said(
        &mut self,
        by: fmt::Arguments<'_>,
        id: LogId,
        machines: &BTreeMap<u64, Machine>,
        members: &Members,
    ) -> Result<(), String> {
        if let Some((term, _)) = self.committed.get(&id.index.0) {
            if *term == id.term.0 {
                return Ok(());
            }
            return Err(format!("by {by} {id} is committed, and {term}:{} was committed before", id.index.0));
        }
        let holders: Vec<u64> =
            machines.iter().filter(|(_, machine)| machine.holds(id)).map(|(node, _)| *node).collect();
        if !members.are_quorum(id.index.0, &holders, &holders) {
            return Err(format!("by {by} {id} is committed, and it is durable on nodes {holders:?} only"));
        }
        // All before it is committed with it.
        let from = self.committed.range(..id.index.0).next_back().map_or(0, |(index, _)| index + 1);
        for node in holders.into_iter().filter(|node| !machines[node].is_damaged()) {
            for index in from..=id.index.0 {
                if let Some((term, hash)) = machines[&node].log().entry(index) {
                    self.committed.entry(index).or_insert((term, Some(hash)));
                }
            }
        }
        self.committed.entry(id.index.0).or_insert((id.term.0, None));
        Ok(())
    }

    /// Whether `node` may do without a committed entry: an entry of a later term behind it is committed too, and others
    /// have both, as a quorum. Then the node never took the later one, and is to have both by a snapshot: openraft cuts
    /// its log back to what it knows to be committed before it installs one that contradicts the log.
    pub fn is_kept_without(&self, node: u64, id: LogId, machines: &BTreeMap<u64, Machine>, members: &Members) -> bool {
        let later = self.committed.range(id.index.0 + 1..).any(|(_, (term, _))| *term > id.term.0);
        let others = machines.iter().filter(|(other, machine)| **other != node && machine.holds(id));
        let holders: Vec<u64> = others.map(|(other, _)| *other).collect();
        later && members.are_quorum(id.index.0, &holders, &holders)
    }

    /// Whether this very entry is known to be committed.
    pub fn has(&self, id: LogId) -> bool {
        self.committed.get(&id.index.0).is_some_and(|(term, _)| *term == id.term.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disks, append, truncate};
    use super::*;

    fn said(law: &mut CommittedOnQuorum, disks: &Disks, id: (u64, u64)) -> bool {
        law.said(format_args!("node 1"), LogId::new(id.0, id.1), &disks.machines, &disks.members).is_ok()
    }

    #[test]
    fn what_only_a_minority_has_synced_is_not_committed() {
        let mut disks = Disks::of_three(&[append(1, 0), append(1, 1)]);
        let mut law = CommittedOnQuorum::default();
        assert!(said(&mut law, &disks, (1, 1)));
        disks.write(1, &[append(1, 2)]);
        disks.write(2, &[append(1, 2)]);
        disks.write(3, &[append(1, 2)]);
        disks.sync(1);
        assert!(!said(&mut law, &disks, (1, 2)), "written on all, synced on one");
        disks.sync(3);
        assert!(said(&mut law, &disks, (1, 2)));
        assert!(!said(&mut law, &disks, (2, 2)), "another entry is committed there");
        assert!(law.has(LogId::new(1, 0)) && !law.has(LogId::new(1, 3)));
    }

    #[test]
    fn an_entry_of_another_term_and_a_truncated_one_do_not_count() {
        let mut disks = Disks::of_three(&[append(1, 0), append(1, 1)]);
        let mut law = CommittedOnQuorum::default();
        assert!(!said(&mut law, &disks, (2, 1)));
        disks.write(2, &[truncate(1, 0)]);
        disks.write(3, &[truncate(1, 0)]);
        disks.sync(2);
        disks.sync(3);
        assert!(!said(&mut law, &disks, (1, 1)));
    }

    #[test]
    fn a_durable_snapshot_holds_what_it_covers_and_a_torn_one_does_not() {
        let mut disks = Disks::of_three(&[append(1, 0)]);
        let mut law = CommittedOnQuorum::default();
        disks.snapshot(1, LogId::new(1, 9), true);
        disks.snapshot(2, LogId::new(1, 9), false);
        assert!(!said(&mut law, &disks, (1, 9)));
        disks.snapshot(3, LogId::new(1, 12), true);
        assert!(said(&mut law, &disks, (1, 9)));
    }
}
