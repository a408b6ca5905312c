use std::collections::BTreeMap;

use confman::base::LogId;

/// Who votes, as the membership entries in durable logs name them.
#[derive(Default)]
pub struct Members {
    /// By the index of the entry; a set of voters for each of the majorities that it asks for.
    named: BTreeMap<u64, Vec<Vec<u64>>>,
}

impl Members {
    /// An entry names the voters.
    pub fn learn(&mut self, id: LogId, voters: &[Vec<u64>]) {
        self.named.insert(id.index.0, voters.to_vec());
    }

    /// Whether those that hold an entry are a quorum for it: of the voters as of then, or of later ones, by which a
    /// leader counts as soon as it has them in its log (Ongaro's dissertation, section 4.1).
    pub fn are_quorum(&self, index: u64, holders: &[u64]) -> bool {
        let then = self.named.range(..=index).next_back();
        let later = self.named.range(index.saturating_add(1)..);
        then.into_iter().chain(later).any(|(_, sets)| {
            sets.iter().all(|voters| {
                let holding = voters.iter().filter(|voter| holders.contains(voter)).count();
                holding > voters.len() / 2
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_of_each_set_is_asked_for() {
        let mut members = Members::default();
        assert!(!members.are_quorum(5, &[1, 2, 3]), "nobody votes yet");
        members.learn(LogId::new(0, 0), &[vec![1, 2, 3, 4]]);
        assert!(!members.are_quorum(5, &[1, 2]) && members.are_quorum(5, &[1, 2, 4]));
        assert!(!members.are_quorum(5, &[1, 2, 5, 6]), "these do not vote");
        members.learn(LogId::new(1, 9), &[vec![1, 2, 3, 4], vec![4, 5, 6]]);
        assert!(!members.are_quorum(9, &[1, 2, 3]) && !members.are_quorum(9, &[4, 5, 6]));
        assert!(members.are_quorum(9, &[1, 2, 3, 5, 6]));
        assert!(members.are_quorum(5, &[1, 2, 3]), "who voted before may have counted it");
    }
}
