use std::collections::{BTreeMap, BTreeSet};

use confman::base::LogId;

use super::model::Model;
use super::witness::same_state;
use crate::clients::{AuditEvent, Record, Scan};

/// A restored backup is the old cluster as of the backup's revision: its audit up to there, event for event, and the
/// entries that follow from it. What is written to it has a token beyond all that the old cluster ever gave.
///
/// Who comes with the token of a write that the backup holds is served; with one that it does not, hears so at once.
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

/// The last write that the backup holds, the first that it does not, and the last one of all.
pub fn tokens_to_try(records: &[Record], revision: LogId) -> BTreeSet<LogId> {
    let written = || records.iter().filter_map(Record::acknowledged);
    let kept = written().filter(|token| token.index <= revision.index).max();
    let lost = written().filter(|token| token.index > revision.index).min();
    [kept, lost, written().max()].into_iter().flatten().collect()
}

/// A read with the token of an old cluster's write was served, or told at once that the version is unknown.
pub fn check_old_token(token: LogId, revision: LogId, served: bool, unknown: bool) -> Result<(), String> {
    let is_kept = token.index <= revision.index;
    match (is_kept, served, unknown) {
        (true, true, _) | (false, _, true) => Ok(()),
        (true, ..) => {
            Err(format!("a read that has to see {token}, which is in the backup of {revision}, is not served"))
        }
        (false, ..) => {
            Err(format!("a read that has to see {token}, lost with a backup of {revision}, does not hear it"))
        }
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
    fn a_lost_write_that_is_not_told_of_is_seen() {
        let id = |text: &str| text.parse::<LogId>().unwrap();
        let records = ["1:5", "1:6", "2:8", "2:9"].map(|at| set("a", "k", 0, 10).acknowledged_at(at));
        assert_eq!(tokens_to_try(&records, id("2:7")), [id("1:6"), id("2:8"), id("2:9")].into());
        check_old_token(id("1:6"), id("2:7"), true, false).unwrap();
        check_old_token(id("2:8"), id("2:7"), false, true).unwrap();
        assert!(check_old_token(id("1:6"), id("2:7"), false, true).is_err());
        assert!(check_old_token(id("2:8"), id("2:7"), true, false).is_err());
        assert!(check_old_token(id("2:8"), id("2:7"), false, false).is_err());
    }

    #[test]
    fn a_token_of_the_old_cluster_is_seen() {
        let id = |text: &str| text.parse::<LogId>().unwrap();
        check_token(Some(id("4:9")), id("5:3")).unwrap();
        check_token(None, id("1:1")).unwrap();
        assert!(check_token(Some(id("4:9")), id("4:10")).is_err());
    }
}
