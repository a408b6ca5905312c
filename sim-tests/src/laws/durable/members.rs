use std::collections::BTreeMap;

use super::log::Event;

/// A set of voters for each of the majorities that a membership asks for.
type Sets = Vec<Vec<u64>>;

/// Who votes, as the membership entries in each machine's durable log name them.
#[derive(Default)]
pub struct Members(BTreeMap<u64, Named>);

/// What one machine's log names.
#[derive(Default)]
struct Named {
    /// By the index of the entry.
    by_index: BTreeMap<u64, Sets>,
    last: u64,
    /// A snapshot took the place of entries up to here, and with them of memberships that are not known.
    gap: Option<u64>,
}

/// Voters change one majority at a time: of two memberships that follow each other in a log, the one has a set of
/// voters whose majority the other asks for too. So no two majorities decide apart from each other.
///
/// Joint consensus: Ongaro and Ousterhout, 2014, section 6.
pub const NAME: &str = "voters change by joint consensus";

impl Members {
    /// Something else is durable in a machine's log. An error is a membership that does not follow the one before.
    pub fn observe(&mut self, node: u64, event: &Event) -> Result<(), String> {
        let named = self.0.entry(node).or_default();
        match event {
            Event::Appended { id, voters, .. } => {
                named.last = id.index.0;
                let Some(voters) = voters else { return Ok(()) };
                let before = named.before(id.index.0).map(|(index, sets)| (index, sets.clone()));
                named.by_index.insert(id.index.0, voters.clone());
                match before {
                    Some((index, before)) if !before.iter().any(|set| voters.contains(set)) => Err(format!(
                        "node {node}'s log has the voters {voters:?} at {id}, and those before it, at {index}, are \
                         {before:?}"
                    )),
                    _ => Ok(()),
                }
            }
            Event::Truncated(gone) => {
                if let Some(first) = gone.first() {
                    named.by_index.split_off(&first.index.0);
                    named.last = first.index.0.saturating_sub(1);
                }
                Ok(())
            }
            Event::Purged(upto) => {
                if upto.index.0 > named.last {
                    (named.gap, named.last) = (Some(upto.index.0), upto.index.0);
                }
                Ok(())
            }
            Event::Voted { .. } | Event::Committed { .. } => Ok(()),
        }
    }

    /// Who votes by this machine's entry at this index, and did not by the membership before.
    pub fn new_voters(&self, node: u64, index: u64) -> Vec<u64> {
        let Some(named) = self.0.get(&node) else { return Vec::new() };
        let (Some(now), Some((_, before))) = (named.by_index.get(&index), named.before(index)) else {
            return Vec::new();
        };
        let mut new: Vec<u64> = now.iter().flatten().copied().collect();
        new.retain(|voter| !before.iter().flatten().any(|known| known == voter));
        new.sort_unstable();
        new.dedup();
        new
    }

    /// Whether these are a quorum for an entry at this index: of the voters as of then, or of later ones, by which a
    /// leader counts as soon as it has them in its log (Ongaro's dissertation, section 4.1). The voters are those that
    /// the logs of `by` name; of anyone's, where those name none.
    ///
    /// Once a joint membership is committed its leader goes on to the new voters alone, and counts by these before any
    /// disk has that entry.
    pub fn are_quorum(&self, index: u64, these: &[u64], by: &[u64]) -> bool {
        let logs: Vec<&Named> = self
            .0
            .iter()
            .filter(|(node, named)| by.contains(node) && !named.by_index.is_empty())
            .map(|(_, it)| it)
            .collect();
        let logs = if logs.is_empty() { self.0.values().collect() } else { logs };
        logs.into_iter().any(|named| {
            let then = named.by_index.range(..=index).next_back();
            let later = named.by_index.range(index.saturating_add(1)..);
            then.into_iter().chain(later).any(|(at, sets)| {
                let goal_alone = || match &sets[..] {
                    [_, goal] => is_majority(goal, these) && self.is_held_by_majorities(*at, sets),
                    _ => false,
                };
                sets.iter().all(|voters| is_majority(voters, these)) || goal_alone()
            })
        })
    }

    /// Whether enough logs name this membership at this index for it to be committed.
    fn is_held_by_majorities(&self, index: u64, sets: &Sets) -> bool {
        let holds = |named: &Named| named.by_index.get(&index) == Some(sets);
        let holders: Vec<u64> = self.0.iter().filter(|(_, named)| holds(named)).map(|(node, _)| *node).collect();
        sets.iter().all(|voters| is_majority(voters, &holders))
    }
}

fn is_majority(voters: &[u64], these: &[u64]) -> bool {
    voters.iter().filter(|voter| these.contains(voter)).count() > voters.len() / 2
}

impl Named {
    /// The membership before this index, where the log tells it.
    fn before(&self, index: u64) -> Option<(u64, &Sets)> {
        let (at, sets) = self.by_index.range(..index).next_back()?;
        self.gap.is_none_or(|gap| *at > gap).then_some((*at, sets))
    }
}

#[cfg(test)]
mod tests {
    use confman::base::LogId;

    use super::*;

    fn append(term: u64, index: u64, voters: &[&[u64]]) -> Event {
        let voters = Some(voters.iter().map(|set| set.to_vec()).collect());
        Event::Appended { id: LogId::new(term, index), before: None, hash: 0, voters }
    }

    #[test]
    fn a_majority_of_each_set_is_asked_for() {
        let mut members = Members::default();
        assert!(!members.are_quorum(5, &[1, 2, 3], &[1]), "nobody votes yet");
        members.observe(1, &append(0, 0, &[&[1, 2, 3, 4]])).unwrap();
        let holds = |members: &Members, index, these: &[u64]| members.are_quorum(index, these, &[1]);
        assert!(!holds(&members, 5, &[1, 2]) && holds(&members, 5, &[1, 2, 4]));
        assert!(!holds(&members, 5, &[1, 2, 5, 6]), "these do not vote");
        members.observe(1, &append(1, 9, &[&[1, 2, 3, 4], &[4, 5, 6]])).unwrap();
        assert!(!holds(&members, 9, &[1, 2, 3]) && !holds(&members, 9, &[4, 5, 6]));
        assert!(holds(&members, 9, &[1, 2, 3, 5, 6]));
        assert!(holds(&members, 5, &[1, 2, 3]), "who voted before may have counted it");
        assert_eq!(members.new_voters(1, 9), [5, 6]);
        for node in [2, 3, 4, 5] {
            assert!(!holds(&members, 9, &[4, 6]), "the joint membership is not committed yet");
            members.observe(node, &append(1, 9, &[&[1, 2, 3, 4], &[4, 5, 6]])).unwrap();
        }
        assert!(holds(&members, 9, &[4, 6]) && !holds(&members, 9, &[1, 2, 3]));
    }

    #[test]
    fn what_another_log_names_does_not_count() {
        let mut members = Members::default();
        for node in [1, 2] {
            members.observe(node, &append(0, 0, &[&[1, 2, 3]])).unwrap();
        }
        members.observe(2, &append(1, 5, &[&[1, 2, 3], &[2, 3, 4]])).unwrap();
        assert!(members.are_quorum(7, &[1, 3], &[1, 3]), "1 never had it");
        assert!(!members.are_quorum(7, &[1, 2], &[2]));
        members.observe(2, &Event::Truncated(vec![LogId::new(1, 5)])).unwrap();
        assert!(members.are_quorum(7, &[1, 2], &[2]));
    }

    #[test]
    fn a_change_in_one_step_is_seen() {
        let mut members = Members::default();
        members.observe(1, &append(0, 0, &[&[1, 2, 3]])).unwrap();
        members.observe(1, &append(1, 4, &[&[1, 2, 3], &[1, 2, 4]])).unwrap();
        members.observe(1, &append(1, 5, &[&[1, 2, 4]])).unwrap();
        assert!(members.observe(1, &append(1, 6, &[&[2, 4, 5]])).is_err());
        members.observe(2, &append(0, 0, &[&[1, 2, 3]])).unwrap();
        members.observe(2, &Event::Purged(LogId::new(1, 5))).unwrap();
        members.observe(2, &append(1, 6, &[&[1, 2, 4], &[2, 4, 5]])).unwrap();
    }
}
