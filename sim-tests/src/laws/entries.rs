use super::history::Broken;
use super::model::{Model, brief};
use crate::clients::{Outcome, Record};

/// A read of one entry shows exactly what the entry was at the revision that the answering node had applied, by the
/// answer's own word; and a delete that found nothing found it so at its own place in the log.
///
/// The witness check of reads (see [`witness`](super::witness)): a state that is between two revisions, or of another
/// than is claimed, is no state. Snapshot reads in the sense of Berenson et al., 1995, section 4.2.
pub fn check(records: &[Record], model: &Model<'_>) -> Result<(), Broken> {
    for record in records {
        let Some(name) = record.name() else { continue };
        let (at, shown) = match &record.outcome {
            Outcome::Absent { revision } => (*revision, None),
            Outcome::Found { entry, applied } => (*applied, Some(entry)),
            _ => continue,
        };
        let state = model.entry_at(name, at);
        let same = match (state, shown) {
            (Some(state), Some(shown)) => state.shows(shown),
            (state, shown) => state.is_none() && shown.is_none(),
        };
        if !same {
            let shown = shown.map_or("absent".to_owned(), |it| format!("version {} at {}", it.version, it.revision));
            let what = format!(
                "{} on node {}: {}/{} as of {at} is shown {shown}; it was {}",
                record.request_id,
                record.node,
                name.namespace,
                name.key,
                brief(state)
            );
            return Err(Broken::by(record, what));
        }
    }
    Ok(())
}

pub const NAME: &str = "a read shows its entry as of one revision";

#[cfg(test)]
mod tests {
    use super::super::testing::{delete, event, get, scan, set};
    use super::*;

    fn holds(answer: Record) -> bool {
        let writes = [set("a", "k", 0, 1), set("b", "k", 0, 1), delete("d", "k", 0, 1)];
        let records: Vec<Record> = writes.into_iter().map(Record::unknown).chain([answer]).collect();
        let scan = scan(&[]).with(&[
            event("d", "config.delete", "k", "2:9"),
            event("b", "config.set", "k", "1:7"),
            event("a", "config.set", "k", "1:5"),
        ]);
        let model = Model::replay(&records, &scan.audit).unwrap();
        check(&records, &model).is_ok()
    }

    #[test]
    fn a_state_of_another_revision_is_seen() {
        let read = || get("r", "k", 2, 3);
        let found = |value, version, at, applied: &str| read().found(value, at).version(version).as_of(applied);
        for applied in ["1:5", "1:6"] {
            assert!(holds(found("a", 1, "1:5", applied)));
            assert!(!holds(found("b", 2, "1:7", applied)), "it shows the future");
            assert!(!holds(read().absent_as_of(applied)));
        }
        assert!(holds(found("b", 2, "1:7", "2:8")));
        assert!(!holds(found("a", 1, "1:5", "2:8")), "it is stale by its own word");
        assert!(!holds(found("b", 1, "1:7", "2:8")));
        assert!(!holds(found("a", 2, "1:7", "2:8")));
        assert!(!holds(found("b", 2, "1:7", "2:9")));
        assert!(holds(read().absent_as_of("2:9")));
        assert!(holds(read().absent_as_of("1:4")));
    }

    #[test]
    fn a_delete_that_finds_nothing_where_something_was_is_seen() {
        assert!(holds(delete("e", "k", 2, 3).absent_as_of("1:4")));
        assert!(holds(delete("e", "k", 2, 3).absent_as_of("2:10")));
        assert!(!holds(delete("e", "k", 2, 3).absent_as_of("1:8")));
    }
}
