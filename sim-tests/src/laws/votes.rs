use std::collections::BTreeMap;

use super::Laws;
use crate::runtime::elapsed;

/// A node votes for one candidate in a term, whatever crashes and power losses lie between.
///
/// Raft (Ongaro and Ousterhout, 2014), section 5.2; that the vote is on stable storage before the answer: figure 2.
#[derive(Default)]
pub struct OneVotePerTerm(BTreeMap<(u64, u64), u64>);

pub const NAME: &str = "one vote per term";

impl OneVotePerTerm {
    pub fn vote(&mut self, voter: u64, term: u64, candidate: u64) -> Result<(), String> {
        match self.0.insert((voter, term), candidate) {
            Some(other) if other != candidate => {
                Err(format!("node {voter} voted for {other} and for {candidate}, both in term {term}"))
            }
            _ => Ok(()),
        }
    }
}

/// Where votes are reported as they are seen on the network.
#[derive(Clone)]
pub struct VoteTap(Laws);

impl VoteTap {
    pub fn new(laws: Laws) -> VoteTap {
        VoteTap(laws)
    }

    /// `voter` granted its vote of `term` to `candidate`.
    pub fn voted(&self, voter: u64, term: u64, candidate: u64) {
        self.0.vote(elapsed(), voter, term, candidate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_votes_in_one_term_are_seen() {
        let mut law = OneVotePerTerm::default();
        law.vote(1, 5, 2).unwrap();
        law.vote(1, 5, 2).unwrap();
        law.vote(1, 6, 3).unwrap();
        law.vote(2, 5, 3).unwrap();
        assert!(law.vote(1, 5, 3).is_err());
    }
}
