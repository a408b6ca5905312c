use std::collections::{BTreeMap, VecDeque};
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
}

pub const NAME: &str = "a voter had caught up when it became one";

impl CaughtUp {
    pub fn committed(&mut self, at: Duration, id: LogId) {
        if self.committed.back().is_none_or(|(_, newest)| newest.index < id.index) {
            self.committed.push_back((at, id));
        }
    }

    /// The entry `id` is durable on `node`, as the first to have it or not.
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
        let Some((_, known)) = self.committed.front().filter(|(said, _)| long_ago(said)) else { return Ok(()) };
        // An old leader's entry is written late, and will never count.
        if known.term > id.term {
            return Ok(());
        }
        let new = members.new_voters(node, id.index.0);
        match new.iter().find(|voter| !machines.get(voter).is_some_and(|machine| machine.holds(*known))) {
            Some(voter) => Err(format!("node {voter} votes by {id}, and does not have {known}, long committed")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::log::Event;
    use super::super::testing::{Disks, append};
    use super::*;

    #[test]
    fn a_voter_that_has_nothing_is_seen() {
        let mut disks = Disks::of_three(&[append(1, 0), append(1, 1)]);
        let s = Duration::from_secs;
        let mut law = CaughtUp { election_timeout: s(1), ..CaughtUp::default() };
        law.committed(s(1), LogId::new(1, 1));
        let id = LogId::new(1, 2);
        let voters = Some(vec![vec![1, 2, 3], vec![1, 2, 3, 4]]);
        disks.members.observe(1, &Event::Appended { id, before: None, hash: 0, voters }).unwrap();
        law.observe(s(5), 1, id, &disks.machines, &disks.members).unwrap();
        assert!(law.observe(s(20), 1, id, &disks.machines, &disks.members).is_err());
        law.observe(s(20), 1, LogId::new(1, 1), &disks.machines, &disks.members).unwrap();
    }
}
