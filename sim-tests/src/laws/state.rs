use std::collections::BTreeMap;

use confman::base::LogId;

use crate::cluster::Observation;

/// Nodes that have applied the same entry have the same state and the same audit chain; and one index has one entry.
///
/// State machine safety, Raft (Ongaro and Ousterhout, 2014), figure 3; the hash as Confman's own laws demand it.
#[derive(Default)]
pub struct EqualState(BTreeMap<u64, Known>);

struct Known {
    id: LogId,
    state_hash: u128,
    audit_head: [u8; 32],
    node: u64,
}

pub const NAME: &str = "same applied id, same state hash and audit chain";

impl EqualState {
    pub fn observe(&mut self, node: u64, seen: &Observation) -> Result<(), String> {
        let Some(id) = seen.applied else { return Ok(()) };
        let now = Known { id, state_hash: seen.state_hash, audit_head: seen.audit_head, node };
        let known = self.0.entry(id.index.0).or_insert(now);
        let other = known.node;
        if known.id != id {
            return Err(format!("node {other} applied {} and node {node} {id}", known.id));
        }
        if known.state_hash != seen.state_hash {
            let (theirs, ours) = (known.state_hash, seen.state_hash);
            return Err(format!(
                "at {id} the state of node {other} hashes to {theirs:032x}, node {node}'s to {ours:032x}"
            ));
        }
        if known.audit_head != seen.audit_head {
            return Err(format!("at {id} the audit chains of nodes {other} and {node} differ"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hash_another_chain_and_another_entry_are_seen() {
        let at = |term, index| Observation { applied: Some(LogId::new(term, index)), ..Observation::default() };
        let mut law = EqualState::default();
        law.observe(1, &at(1, 5)).unwrap();
        law.observe(2, &at(1, 5)).unwrap();
        assert!(law.observe(2, &at(2, 5)).is_err());
        assert!(law.observe(2, &Observation { state_hash: 1, ..at(1, 5) }).is_err());
        assert!(law.observe(2, &Observation { audit_head: [1; 32], ..at(1, 5) }).is_err());
    }
}
