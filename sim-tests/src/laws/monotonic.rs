use std::collections::BTreeMap;

use super::reached::Reached;
use crate::clients::Record;

/// A node never goes back in what it shows, its restarts included: an answer that was asked for after the same node
/// had given another is of a state at least as new. So is a read on the node that acknowledged the reader's write.
///
/// Monotonic reads and "read your writes" (Terry et al., 1994, section 3) for sessions that stay with one node. That
/// restarts are no excuse: a node serves no read before it has applied again all that it may have served.
#[derive(Default)]
pub struct NothingGoesBackOnANode(BTreeMap<u64, Reached>);

pub const NAME: &str = "a node never shows less than it showed before";

impl NothingGoesBackOnANode {
    /// An operation has ended.
    pub fn ended(&mut self, record: &Record) -> Result<(), String> {
        let Some(applied) = record.applied() else { return Ok(()) };
        let reached = self.0.entry(record.node).or_default();
        reached.add(record, applied);
        match reached.before(record.invoked) {
            Some((earlier, by)) if earlier.index > applied.index => {
                let (who, node) = (&record.request_id, record.node);
                Err(format!("node {node} showed {earlier} to {by}, and {applied} to {who}, which began later"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, in_turn, set};
    use super::*;

    fn check(records: &[Record]) -> Result<(), String> {
        let mut law = NothingGoesBackOnANode::default();
        in_turn(&mut law, records, |_, _| {}, NothingGoesBackOnANode::ended)
    }

    #[test]
    fn a_node_that_shows_less_than_before_is_seen() {
        let newer = get("a", "k", 0, 10).absent_as_of("1:9");
        let older = |invoked| get("b", "k", invoked, 20).absent_as_of("1:8");
        check(&[newer.clone(), older(10)]).unwrap();
        assert!(check(&[newer.clone(), older(11)]).is_err());
        let elsewhere = Record { node: 2, ..older(11) };
        check(&[newer, elsewhere]).unwrap();
    }

    #[test]
    fn a_read_that_misses_what_its_node_acknowledged_is_seen() {
        let write = set("a", "k", 0, 10).acknowledged_at("1:9");
        check(&[write.clone(), get("b", "k", 11, 20).found("a", "1:9")]).unwrap();
        assert!(check(&[write, get("b", "k", 11, 20).absent_as_of("1:8")]).is_err());
    }
}
