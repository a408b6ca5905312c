use confman::base::LogId;

use super::history::Broken;
use super::model::Model;
use crate::clients::{MustBe, Name, Outcome, Record};

/// A write under a condition was made where the condition held at its own place in the log, and nowhere else: so of all
/// writes that name one revision of an entry at most one is made. One that was not made was told what was there.
///
/// `If-Match` as a compare-and-set: etcd's and Consul's tests hold transactions to the same.
pub fn check(records: &[Record], model: &Model<'_>) -> Result<(), Broken> {
    for record in records {
        if let (Some(must_be), Some(name)) = (record.terms.must_be, record.name()) {
            judge(record, must_be, name, model).map_err(|what| Broken::by(record, what))?;
        }
    }
    Ok(())
}

fn judge(record: &Record, must_be: MustBe, name: &Name, model: &Model<'_>) -> Result<(), String> {
    let id = &record.request_id;
    if let Some(effect) = model.effect(id) {
        let (at, before) = (effect.revision, before(model, name, effect.revision));
        if !must_be.holds(before) {
            return Err(format!("{id} was to find {must_be:?} and took effect at {at}, where it found {before:?}"));
        }
    }
    if let Outcome::Failed { current, revision } = record.outcome {
        let there = before(model, name, revision);
        if current != there {
            return Err(format!("{id} was told that {current:?} is there at {revision}; by the audit it is {there:?}"));
        }
        if must_be.holds(there) {
            return Err(format!("{id} was to find {must_be:?}, which is so at {revision}, and was refused"));
        }
    }
    Ok(())
}

/// The entry's revision right before a place in the log.
fn before(model: &Model<'_>, name: &Name, at: LogId) -> Option<LogId> {
    let earlier = LogId::new(at.term.0, at.index.0.checked_sub(1)?);
    model.entry_at(name, earlier).map(|state| state.revision)
}

pub const NAME: &str = "a condition is decided by what is there";

#[cfg(test)]
mod tests {
    use super::super::testing::{event, scan, set};
    use super::*;
    use crate::clients::Terms;

    fn if_match(record: Record, at: &str) -> Record {
        Record { terms: Terms { once: false, must_be: Some(MustBe::At(at.parse().unwrap())) }, ..record }
    }

    fn holds(records: &[Record], events: &[crate::clients::AuditEvent]) -> bool {
        let scan = scan(&[]).with(events);
        check(records, &Model::replay(records, &scan.audit).unwrap()).is_ok()
    }

    #[test]
    fn two_winners_of_one_revision_are_seen() {
        let first = set("a", "k", 0, 1).unknown();
        let (b, c) = (if_match(set("b", "k", 2, 3).unknown(), "1:5"), if_match(set("c", "k", 2, 3).unknown(), "1:5"));
        let events = [event("b", "config.set", "k", "1:6"), event("a", "config.set", "k", "1:5")];
        assert!(holds(&[first.clone(), b.clone(), c.clone()], &events));
        let both = [&[event("c", "config.set", "k", "1:7")][..], &events].concat();
        assert!(!holds(&[first, b, c], &both));
    }

    #[test]
    fn a_refusal_must_be_right() {
        let first = set("a", "k", 0, 1).unknown();
        let refused = |named: &str, current: Option<&str>, at: &str| {
            let current = current.map(|current| current.parse().unwrap());
            let outcome = Outcome::Failed { current, revision: at.parse().unwrap() };
            if_match(Record { outcome, ..set("b", "k", 2, 3) }, named)
        };
        let events = [event("a", "config.set", "k", "1:5")];
        for (record, right) in [
            (refused("1:4", Some("1:5"), "1:6"), true),
            (refused("1:4", None, "1:5"), true),
            (refused("1:5", Some("1:5"), "1:6"), false),
            (refused("1:4", None, "1:6"), false),
            (refused("1:4", Some("1:4"), "1:6"), false),
        ] {
            assert_eq!(holds(&[first.clone(), record.clone()], &events), right, "{record:?}");
        }
    }
}
