use std::collections::BTreeMap;

use crate::cluster::Observation;

/// While a process lives, its term, its committed and its applied index do not go back.
///
/// Raft (Ongaro and Ousterhout, 2014), figure 2: "increases monotonically".
#[derive(Default)]
pub struct NothingGoesBack(BTreeMap<(u64, u32), Observation>);

pub const NAME: &str = "term, commit and applied index go forward";

impl NothingGoesBack {
    pub fn observe(&mut self, node: u64, incarnation: u32, seen: &Observation) -> Result<(), String> {
        if let Some(before) = self.0.insert((node, incarnation), seen.clone()) {
            let pairs = [("term", Some(before.term), Some(seen.term))].into_iter().chain(
                [
                    ("committed index", before.committed, seen.committed),
                    ("applied index", before.applied, seen.applied),
                ]
                .map(|(what, a, b)| (what, a.map(|id| id.index.0), b.map(|id| id.index.0))),
            );
            for (what, before, now) in pairs {
                if before > now {
                    return Err(format!("node {node}'s {what} went back from {before:?} to {now:?}"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use confman::base::LogId;

    use super::*;

    #[test]
    fn going_back_is_seen_and_a_restart_may_replay() {
        let at = |term, index| Observation { term, applied: Some(LogId::new(1, index)), ..Observation::default() };
        let mut law = NothingGoesBack::default();
        law.observe(1, 1, &at(1, 5)).unwrap();
        law.observe(1, 2, &at(1, 3)).unwrap();
        assert!(law.observe(1, 2, &at(1, 2)).is_err());
        assert!(law.observe(1, 2, &at(0, 3)).is_err());
    }
}
