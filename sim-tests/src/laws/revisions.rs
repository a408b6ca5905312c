use std::collections::BTreeMap;

use confman::base::LogId;

use super::reached::Reached;
use crate::clients::Record;

/// Revisions follow real time: a write that began after an answer had shown a revision gets a greater one, no two
/// writes share one, and the later term has the later index.
///
/// Linearizability of the log order (Herlihy and Wing, 1990, section 2.2: the order of non-overlapping operations
/// is kept), as the REST contract promises it of version tokens.
#[derive(Default)]
pub struct RealTimeOrder {
    reached: Reached,
    /// What answers showed of the log, by index.
    log: BTreeMap<u64, Place>,
}

struct Place {
    id: LogId,
    shown_by: String,
    /// The write that has this place.
    write: Option<String>,
}

pub const NAME: &str = "revisions strictly increase in real-time order";

impl RealTimeOrder {
    /// An operation has ended.
    pub fn ended(&mut self, record: &Record) -> Result<(), String> {
        let who = &record.request_id;
        if let Some(applied) = record.applied() {
            self.place(record, applied)?;
            self.reached.add(record, applied);
        }
        let Some(revision) = record.decided() else { return Ok(()) };
        if let Some(place) = self.log.get_mut(&revision.index.0)
            && let Some(other) = place.write.replace(who.clone())
        {
            return Err(format!("{other} and {who} were both decided at {revision}"));
        }
        // Every operation that returned before this one was invoked has ended, and is known.
        match self.reached.before(record.invoked) {
            Some((earlier, by)) if earlier.index >= revision.index => {
                Err(format!("{by} had been told {earlier} before {who} began, which got {revision}"))
            }
            _ => Ok(()),
        }
    }

    fn place(&mut self, record: &Record, id: LogId) -> Result<(), String> {
        let who = &record.request_id;
        let before = self.log.range(..=id.index.0).next_back().map(|(_, place)| place);
        let after = self.log.range(id.index.0..).next().map(|(_, place)| place);
        if let Some(other) =
            before.filter(|other| other.id.term > id.term || (other.id.index == id.index && other.id != id))
        {
            return Err(format!("{who} was told {id}, and {} {}", other.shown_by, other.id));
        }
        if let Some(other) = after.filter(|other| other.id.term < id.term) {
            return Err(format!("{who} was told {id}, and {} {}", other.shown_by, other.id));
        }
        self.log.entry(id.index.0).or_insert_with(|| Place { id, shown_by: who.clone(), write: None });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{delete, get, in_turn, set};
    use super::*;

    fn check(records: &[Record]) -> Result<(), String> {
        let mut law = RealTimeOrder::default();
        in_turn(&mut law, records, |_, _| {}, RealTimeOrder::ended)
    }

    #[test]
    fn a_revision_out_of_real_time_order_is_seen() {
        let a = set("a", "k", 0, 10).acknowledged_at("1:5");
        check(&[a.clone(), set("b", "k", 11, 20).acknowledged_at("1:6")]).unwrap();
        check(&[a.clone(), set("b", "k", 5, 20).acknowledged_at("1:4")]).unwrap();
        check(&[a.clone(), set("b", "k", 11, 20).acknowledged_at("2:6")]).unwrap();
        for bad in [
            set("b", "k", 11, 20).acknowledged_at("1:4"),
            set("b", "k", 5, 20).acknowledged_at("1:5"),
            set("b", "k", 5, 20).acknowledged_at("2:5"),
            set("b", "k", 5, 20).acknowledged_at("2:4"),
            set("b", "k", 5, 9).acknowledged_at("2:4"),
            delete("b", "k", 11, 20).absent_as_of("1:4"),
            delete("b", "k", 5, 20).absent_as_of("1:5"),
        ] {
            assert!(check(&[a.clone(), bad.clone()]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_write_that_gets_a_revision_which_was_read_before_it_began_is_seen() {
        let read = get("r", "k", 0, 10).absent_as_of("1:7");
        check(&[read.clone(), set("b", "k", 11, 20).acknowledged_at("1:8")]).unwrap();
        check(&[read.clone(), set("b", "k", 9, 20).acknowledged_at("1:7")]).unwrap();
        assert!(check(&[read, set("b", "k", 11, 20).acknowledged_at("1:7")]).is_err());
    }
}
