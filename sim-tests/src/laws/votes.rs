use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::Laws;
use crate::cluster::Observation;
use crate::runtime::elapsed;

/// A node votes for one candidate in a term, whatever crashes and power losses lie between; and it never forgets the
/// term that it voted in.
///
/// Raft (Ongaro and Ousterhout, 2014), section 5.2; that the vote is on stable storage before the answer: figure 2.
#[derive(Default)]
pub struct OneVotePerTerm {
    /// By voter and term.
    candidates: BTreeMap<(u64, u64), u64>,
    /// The last term in which a node's vote was seen by its candidate, and the process that was looked at last then.
    granted: BTreeMap<u64, (u64, u32)>,
    /// The process that was looked at last, by node.
    processes: BTreeMap<u64, u32>,
    waiting: Vec<oneshot::Sender<u64>>,
}

pub const NAME: &str = "one vote per term, never forgotten";

impl OneVotePerTerm {
    pub fn vote(&mut self, voter: u64, term: u64, candidate: u64) -> Result<(), String> {
        if voter != candidate {
            let process = self.processes.get(&voter).copied().unwrap_or_default();
            let granted = self.granted.entry(voter).or_default();
            *granted = (term, process).max(*granted);
            for tell in self.waiting.drain(..) {
                // Whoever waited may have given up.
                let _ = tell.send(voter);
            }
        }
        match self.candidates.insert((voter, term), candidate) {
            Some(other) if other != candidate => {
                Err(format!("node {voter} voted for {other} and for {candidate}, both in term {term}"))
            }
            _ => Ok(()),
        }
    }

    pub fn observe(&mut self, node: u64, process: u32, seen: &Observation) -> Result<(), String> {
        self.processes.insert(node, process);
        match self.granted.get(&node) {
            // A node that has just started may not have said its term yet; and the process that voted may not have
            // come to say so, as one that stands still.
            Some((term, voted)) if process > *voted && seen.term != 0 && seen.term < *term => {
                Err(format!("node {node} is in term {} and granted its vote in term {term}", seen.term))
            }
            _ => Ok(()),
        }
    }

    /// Completes with who voted, when the next vote reaches its candidate.
    pub fn next_vote(&mut self) -> oneshot::Receiver<u64> {
        let (tell, told) = oneshot::channel();
        self.waiting.push(tell);
        told
    }
}

/// Where votes are reported as they are seen on the network.
#[derive(Clone)]
pub struct VoteTap(Laws);

impl VoteTap {
    pub fn new(laws: Laws) -> VoteTap {
        VoteTap(laws)
    }

    /// The laws that it reports to.
    pub fn laws(&self) -> &Laws {
        &self.0
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

    #[test]
    fn a_forgotten_vote_is_seen() {
        let at = |term| Observation { term, ..Observation::default() };
        let mut law = OneVotePerTerm::default();
        law.observe(1, 1, &at(4)).unwrap();
        law.vote(1, 5, 2).unwrap();
        law.vote(2, 6, 2).unwrap();
        law.observe(1, 1, &at(4)).unwrap();
        law.observe(1, 2, &at(5)).unwrap();
        law.observe(2, 1, &at(7)).unwrap();
        law.observe(1, 2, &at(0)).unwrap();
        assert!(law.observe(1, 2, &at(4)).is_err());
    }
}
