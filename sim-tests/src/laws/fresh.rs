use std::collections::BTreeMap;

use super::reached::Reached;
use crate::clients::Record;
use crate::schedule::Consistency;

/// A read is as new as it asks for: in a session, as all that the same client was told before, by whichever node;
/// linearizable, as all that anybody was told.
///
/// "Read your writes" and monotonic reads (Terry et al., 1994, section 3) for sessions that move between nodes; the
/// real-time half of linearizability (Herlihy and Wing, 1990). That a read shows the state of the revision it names is
/// another law's matter.
#[derive(Default)]
pub struct AsNewAsAsked {
    anybody: Reached,
    by_client: BTreeMap<u64, Reached>,
}

pub const NAME: &str = "a read is as new as it asks for";

impl AsNewAsAsked {
    /// An operation has ended.
    pub fn ended(&mut self, record: &Record) -> Result<(), String> {
        let Some(applied) = record.applied() else { return Ok(()) };
        let own = self.by_client.entry(record.client).or_default();
        own.add(record, applied);
        self.anybody.add(record, applied);
        let (told, who) = match record.consistency {
            _ if record.is_write() => return Ok(()),
            Consistency::Eventual => return Ok(()),
            Consistency::Session => (&*own, "the same client was"),
            Consistency::Linearizable => (&self.anybody, "somebody was"),
        };
        match told.before(record.invoked) {
            Some((earlier, by)) if earlier.index > applied.index => {
                let (id, node) = (&record.request_id, record.node);
                Err(format!("{id} was shown {applied} by node {node}, and {who} told of {earlier} before, by {by}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, in_turn, set};
    use super::*;

    fn check(consistency: Consistency, client: u64, invoked: u64) -> Result<(), String> {
        let write = set("a", "k", 0, 10).acknowledged_at("1:9");
        let read = get("b", "k", invoked, 20).absent_as_of("1:8");
        let read = Record { consistency, client, node: 2, ..read };
        in_turn(&mut AsNewAsAsked::default(), &[write, read], |_, _| {}, AsNewAsAsked::ended)
    }

    #[test]
    fn a_stale_read_is_seen_where_it_was_not_asked_for() {
        use Consistency::{Eventual, Linearizable, Session};
        check(Eventual, 1, 11).unwrap();
        check(Session, 2, 11).unwrap();
        // It began before the write was acknowledged.
        check(Session, 1, 10).unwrap();
        check(Linearizable, 2, 10).unwrap();
        assert!(check(Session, 1, 11).is_err());
        assert!(check(Linearizable, 1, 11).is_err());
        assert!(check(Linearizable, 2, 11).is_err());
    }
}
