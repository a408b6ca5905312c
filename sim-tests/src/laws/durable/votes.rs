use super::log::Event;
use super::{DurableState, Judged};
use crate::laws::Laws;
use crate::runtime::elapsed;

/// The durable vote goes forward: to a later term, or within one from a candidate to the leader that won, also across
/// restarts. And a vote is durable when the frame leaves that speaks of it.
///
/// Raft (Ongaro and Ousterhout, 2014), figure 2: currentTerm and votedFor are "updated on stable storage before
/// responding to RPCs"; section 5.2 for one vote per term.
pub fn observe(node: u64, event: &Event) -> Result<(), String> {
    let Event::Voted { before: Some(before), now } = event else { return Ok(()) };
    let forward = now.term > before.term
        || (now.term == before.term && now.candidate == before.candidate && now.won >= before.won)
        // The term has a leader, whoever this node had voted for.
        || (now.term == before.term && now.won && !before.won);
    if forward { Ok(()) } else { Err(format!("node {node}'s durable vote went from {before:?} to {now:?}")) }
}

pub const NAME: &str = "the durable vote goes forward, and before its answer";

impl DurableState {
    /// A node tells another that it voted like this.
    fn vote_leaves(&mut self, node: u64, term: u64, candidate: u64) -> Judged {
        let machine = self.machine(node);
        if machine.has_voted(term, candidate) {
            return Ok(());
        }
        let vote = machine.vote();
        let what = format!("node {node} tells that it voted for {candidate} in term {term}; durable is {vote:?}");
        Err((NAME, what))
    }
}

impl Laws {
    /// A node sends a frame that says that it voted for this candidate in this term.
    pub fn vote_leaves(&self, node: u64, term: u64, candidate: u64) {
        let mut inner = self.lock();
        let judged = inner.durable.vote_leaves(node, term, candidate);
        let about = inner.trace.last_of(node);
        inner.note(elapsed(), judged, about.as_slice());
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::Ballot;
    use super::super::testing::{Disks, vote};
    use super::*;

    #[test]
    fn a_vote_that_goes_back_or_aside_is_seen() {
        let ballot = |term, candidate, won| Ballot { term, candidate, won };
        let goes = |before, now| observe(1, &Event::Voted { before: Some(before), now }).is_ok();
        assert!(goes(ballot(3, 1, false), ballot(4, 2, false)));
        assert!(goes(ballot(3, 1, false), ballot(3, 1, true)));
        assert!(goes(ballot(3, 1, false), ballot(3, 2, true)), "the other one won");
        assert!(!goes(ballot(3, 1, false), ballot(3, 2, false)));
        assert!(!goes(ballot(3, 1, true), ballot(3, 2, true)));
        assert!(!goes(ballot(3, 1, true), ballot(3, 1, false)));
        assert!(!goes(ballot(3, 1, true), ballot(2, 1, true)));
    }

    #[test]
    fn a_vote_that_is_told_before_its_sync_is_seen() {
        let mut disks = Disks::of_three(&[]);
        disks.write(1, &[vote(4, 2, false)]);
        assert!(disks.state(|state| state.vote_leaves(1, 4, 2)).is_err());
        disks.sync(1);
        assert!(disks.state(|state| state.vote_leaves(1, 4, 2)).is_ok());
        assert!(disks.state(|state| state.vote_leaves(1, 4, 3)).is_err());
        disks.write(1, &[vote(5, 3, false)]);
        disks.sync(1);
        assert!(disks.state(|state| state.vote_leaves(1, 4, 2)).is_ok(), "told late, and true");
    }
}
