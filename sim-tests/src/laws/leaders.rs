use std::collections::BTreeMap;

use crate::cluster::Observation;

/// Election safety: at most one leader in a term.
///
/// Raft (Ongaro and Ousterhout, 2014), figure 3.
#[derive(Default)]
pub struct OneLeaderPerTerm(BTreeMap<u64, u64>);

pub const NAME: &str = "one leader per term";

impl OneLeaderPerTerm {
    pub fn observe(&mut self, node: u64, seen: &Observation) -> Result<(), String> {
        if !seen.leads {
            return Ok(());
        }
        match self.0.insert(seen.term, node) {
            Some(other) if other != node => Err(format!("nodes {other} and {node} both led in term {}", seen.term)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_leaders_in_one_term_are_seen() {
        let leads = |term| Observation { term, leads: true, ..Observation::default() };
        let mut law = OneLeaderPerTerm::default();
        law.observe(1, &leads(1)).unwrap();
        law.observe(2, &leads(2)).unwrap();
        law.observe(1, &leads(1)).unwrap();
        law.observe(1, &Observation { leads: false, ..leads(2) }).unwrap();
        assert!(law.observe(1, &leads(2)).is_err());
    }
}
