use std::collections::BTreeMap;

use confman::base::LogId;

use super::log::Event;

/// Log matching: where two durable logs have an entry of the same index and term, it is the same entry, and so are all
/// before it.
///
/// Raft (Ongaro and Ousterhout, 2014), figure 3 and section 5.3. As in its proof, it is enough that the entries before
/// the two have the same id: the rest follows step by step. It also is state machine safety (figure 3) for all that is
/// applied from a log: one id, one payload.
#[derive(Default)]
pub struct LogMatching(BTreeMap<LogId, Known>);

struct Known {
    before: Option<LogId>,
    hash: u64,
    node: u64,
}

pub const NAME: &str = "log matching: one durable log id, one entry and one past";

impl LogMatching {
    pub fn observe(&mut self, node: u64, event: &Event) -> Result<(), String> {
        let Event::Appended { id, before, hash, .. } = event else { return Ok(()) };
        let known = self.0.entry(*id).or_insert(Known { before: *before, hash: *hash, node });
        if known.hash != *hash {
            return Err(format!("the entry {id} of node {node} is another than that of node {}", known.node));
        }
        if known.before != *before {
            let (theirs, ours) = (known.before, *before);
            return Err(format!("before {id} node {} has {theirs:?} and node {node} {ours:?}", known.node));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_payload_and_another_past_are_seen() {
        let entry = |before: (u64, u64), hash| Event::Appended {
            id: LogId::new(3, 7),
            before: Some(LogId::new(before.0, before.1)),
            hash,
            voters: None,
        };
        let mut law = LogMatching::default();
        law.observe(1, &entry((2, 6), 5)).unwrap();
        law.observe(2, &entry((2, 6), 5)).unwrap();
        assert!(law.observe(2, &entry((2, 6), 4)).is_err());
        assert!(law.observe(3, &entry((1, 6), 5)).is_err());
    }
}
