use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use confman::base::LogId;

use super::machine::Machine;
use super::members::Members;

/// A node gets its vote once it has caught up: what was committed ten election timeouts before the entry that names it
/// a voter, it has on disk.
///
/// Ongaro's dissertation, section 4.2.1. The nodes ask for more: one election timeout, and the entry is to be synced.
#[derive(Default)]
pub struct CaughtUp {
    pub election_timeout: Duration,
    /// When each entry was first said to be committed, newest last.
    committed: VecDeque<(Duration, LogId)>,
    /// Entries with new voters that were durable somewhere.
    known: BTreeSet<LogId>,
}

pub const NAME: &str = "a voter had caught up when it became one";

impl CaughtUp {
    pub fn committed(&mut self, at: Duration, id: LogId) {
        if self.committed.back().is_none_or(|(_, newest)| newest.index < id.index) {
            self.committed.push_back((at, id));
        }
    }

    /// The entry `id` is durable on `node`. Only the first node to have it matters: for the copies that come later, its
    /// voters have been voters since.
    pub fn observe(
        &mut self,
        at: Duration,
        node: u64,
        id: LogId,
        machines: &BTreeMap<u64, Machine>,
        members: &Members,
    ) -> Result<(), String> {
        let long_ago = |said: &Duration| *said + self.election_timeout * 10 <= at;
        while self.committed.get(1).is_some_and(|(said, _)| long_ago(said)) {
            self.committed.pop_front();
        }
        let new = members.new_voters(node, id.index.0);
        if new.is_empty() || !self.known.insert(id) {
            return Ok(());
        }
        let Some((_, committed)) = self.committed.front().filter(|(said, _)| long_ago(said)) else { return Ok(()) };
        // An old leader's entry is written late, and will never count.
        if committed.term > id.term {
            return Ok(());
        }
        match new.iter().find(|voter| !machines.get(voter).is_some_and(|machine| machine.holds(*committed))) {
            Some(voter) => Err(format!("node {voter} votes by {id}, and does not have {committed}, long committed")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::log::Event;
    use super::super::testing::{Disks, append};
    use super::*;

    const S: Duration = Duration::from_secs(1);

    /// Entry 2 makes node 4 a voter, which has nothing; entry 1 was committed after a second.
    fn node_4_votes_by(id: LogId) -> (Disks, CaughtUp) {
        let mut disks = Disks::of_three(&[append(1, 0), append(1, 1)]);
        let mut law = CaughtUp { election_timeout: S, ..CaughtUp::default() };
        law.committed(S, LogId::new(1, 1));
        let voters = Some(vec![vec![1, 2, 3], vec![1, 2, 3, 4]]);
        disks.members.observe(1, &Event::Appended { id, before: None, hash: 0, voters }).unwrap();
        (disks, law)
    }

    #[test]
    fn a_voter_that_has_nothing_is_seen() {
        let id = LogId::new(1, 2);
        let (disks, mut law) = node_4_votes_by(id);
        law.observe(S * 20, 1, LogId::new(1, 1), &disks.machines, &disks.members).unwrap();
        assert!(law.observe(S * 20, 1, id, &disks.machines, &disks.members).is_err());
    }

    #[test]
    fn a_copy_that_comes_late_is_not_judged_by_what_was_committed_since() {
        let id = LogId::new(1, 2);
        let (disks, mut law) = node_4_votes_by(id);
        law.observe(S * 5, 1, id, &disks.machines, &disks.members).unwrap();
        law.committed(S * 6, LogId::new(1, 3));
        law.observe(S * 20, 1, id, &disks.machines, &disks.members).unwrap();
    }
}
