use confman::base::LogId;

use super::{DurableState, Judged};
use crate::laws::Laws;
use crate::runtime::elapsed;

/// When a node tells a leader that it has the entries up to some id, they are durable on its disk.
///
/// Raft (Ongaro and Ousterhout, 2014), figure 2: log[] is "updated on stable storage before responding to RPCs". It is
/// what a leader counts commits by. A later leader may have had them truncated before the answer left.
pub const NAME: &str = "an append is durable before it is acknowledged";

impl DurableState {
    fn append_acknowledged(&mut self, node: u64, term: u64, upto: LogId) -> Judged {
        if self.machine(node).held_in(term, upto) {
            return Ok(());
        }
        Err((NAME, format!("node {node} told the leader of term {term} that it has {upto}, and its disk does not")))
    }

    fn commit_told(&mut self, node: u64, term: u64, id: LogId) -> Judged {
        self.committed(node, term, id)
    }
}

impl Laws {
    /// A node sends its leader of this term the answer that it has all entries up to this one.
    pub fn append_acknowledged(&self, node: u64, term: u64, upto: LogId) {
        let mut inner = self.lock();
        let judged = inner.durable.append_acknowledged(node, term, upto);
        let about = inner.trace.last_of(node);
        inner.note(elapsed(), judged, about.as_slice());
    }

    /// A leader of this term tells a follower that all entries up to this one are committed.
    pub fn commit_told(&self, leader: u64, term: u64, id: LogId) {
        let mut inner = self.lock();
        let judged = inner.durable.commit_told(leader, term, id);
        let about = inner.trace.last_of(leader);
        inner.note(elapsed(), judged, about.as_slice());
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disks, append, truncate, vote};
    use super::*;

    #[test]
    fn an_answer_before_the_sync_is_seen() {
        let mut disks = Disks::of_three(&[append(1, 0)]);
        disks.write(1, &[append(1, 1)]);
        let told = |disks: &mut Disks, term, id: (u64, u64)| {
            disks.state(|state| state.append_acknowledged(1, term, LogId::new(id.0, id.1))).is_ok()
        };
        assert!(told(&mut disks, 1, (1, 0)) && !told(&mut disks, 1, (1, 1)));
        disks.sync(1);
        assert!(told(&mut disks, 1, (1, 1)) && !told(&mut disks, 2, (2, 1)));
        disks.write(1, &[truncate(1, 0)]);
        disks.sync(1);
        assert!(!told(&mut disks, 1, (1, 1)), "no later leader had it truncated");
        disks.write(1, &[vote(2, 3, true)]);
        disks.sync(1);
        assert!(told(&mut disks, 1, (1, 1)) && !told(&mut disks, 2, (1, 1)));
    }
}
