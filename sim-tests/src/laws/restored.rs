use std::collections::BTreeMap;

use confman::base::LogId;

use super::model::Model;
use super::witness::same_state;
use crate::clients::{AuditEvent, Record, Scan};

/// A restored backup is the old cluster as of the backup's revision: its audit up to there, event for event, and the
/// entries that follow from it. What is written to it has a token beyond all that the old cluster ever gave.
///
/// Confman's own law: API, "Backup"; the tokens of two clusters never mean two things.
pub fn check(records: &[Record], old: &Scan, restored: &Scan, revision: LogId) -> Result<(), String> {
    let up_to = |events: &[AuditEvent]| -> Vec<AuditEvent> {
        events.iter().filter(|event| event.revision.index <= revision.index).cloned().collect()
    };
    let expected: BTreeMap<String, Vec<AuditEvent>> =
        old.audit.iter().map(|(namespace, events)| (namespace.clone(), up_to(events))).collect();
    for (namespace, expected) in &expected {
        let shown = restored.audit.get(namespace).map_or(&[][..], |events| events);
        if shown != expected {
            let (n, m) = (shown.len(), expected.len());
            return Err(format!("of {namespace} it has {n} events, and the old cluster {m} up to {revision}"));
        }
    }
    let model = Model::replay(records, &expected).map_err(|broken| broken.what)?;
    same_state(&model, restored).map_err(|broken| broken.what)
}

/// A write on the restored cluster was told this revision.
pub fn check_token(newest_of_old: Option<LogId>, written: LogId) -> Result<(), String> {
    match newest_of_old.filter(|newest| newest.term >= written.term) {
        Some(newest) => Err(format!("a write on it is {written}, and the old cluster has written {newest}")),
        None => Ok(()),
    }
}

pub const NAME: &str = "a restored backup is the old state, and its tokens are new";

#[cfg(test)]
mod tests {
    use super::super::testing::{event, scan, set};
    use super::*;

    #[test]
    fn a_write_that_is_missing_or_too_new_is_seen() {
        let records = [set("a", "k", 0, 10).acknowledged_at("1:5"), set("b", "j", 11, 20).acknowledged_at("1:7")];
        let events = [event("b", "config.set", "j", "1:7"), event("a", "config.set", "k", "1:5")];
        let old = scan(&[("k", "a", "1:5"), ("j", "b", "1:7")]).with(&events);
        let id = |text: &str| text.parse::<LogId>().unwrap();
        let first = scan(&[("k", "a", "1:5")]).with(&events[1..]);
        check(&records, &old, &first, id("1:6")).unwrap();
        check(&records, &old, &old, id("1:7")).unwrap();
        assert!(check(&records, &old, &first, id("1:7")).is_err());
        assert!(check(&records, &old, &old, id("1:6")).is_err());
        assert!(check(&records, &old, &scan(&[]).with(&events[1..]), id("1:6")).is_err());
    }

    #[test]
    fn a_token_of_the_old_cluster_is_seen() {
        let id = |text: &str| text.parse::<LogId>().unwrap();
        check_token(Some(id("4:9")), id("5:3")).unwrap();
        check_token(None, id("1:1")).unwrap();
        assert!(check_token(Some(id("4:9")), id("4:10")).is_err());
    }
}
