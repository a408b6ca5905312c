use confman::base::LogId;

use super::history::Broken;
use super::model::Model;
use crate::clients::{Outcome, Record, Request, Shown};

/// A list is exact: the entries of its namespace and prefix as of one revision, none missing, none twice, in byte order
/// of their keys; and all its pages are of that revision, on whichever nodes they are read, however much was changed
/// meanwhile. A page says truly whether more follow.
///
/// Snapshot reads (Berenson et al., 1995, section 4.2), over all pages of a list.
pub fn check(records: &[Record], model: &Model<'_>) -> Result<(), Broken> {
    for record in records {
        let Outcome::Listed { items, revision, applied, next } = &record.outcome else { continue };
        page(record, items, *revision, *applied, next.is_some(), model).map_err(|what| {
            let what = format!("{} on node {}, as of {revision}: {what}", record.request_id, record.node);
            Broken::by(record, what)
        })?;
    }
    Ok(())
}

fn page(
    record: &Record,
    items: &[Shown],
    revision: LogId,
    applied: LogId,
    more: bool,
    model: &Model<'_>,
) -> Result<(), String> {
    let Request::List { namespace, prefix, limit, after } = &record.request else {
        return Err("a list was answered, and none was asked for".to_owned());
    };
    match after {
        Some(before) if before.revision != revision => {
            return Err(format!("the page before was of {}", before.revision));
        }
        None if applied != revision => return Err(format!("a first page, where {applied} was applied")),
        _ if applied.index < revision.index => return Err(format!("on a node that had applied {applied}")),
        _ => {}
    }
    if items.len() as u64 > *limit {
        return Err(format!("{} entries, asked for {limit}", items.len()));
    }
    let after = after.as_ref().map(|after| after.key.as_str());
    let mut expected = model.list_at(namespace, prefix, after, revision);
    for shown in items {
        let place =
            || format!("{}/{}, version {} at {}", shown.name.namespace, shown.name.key, shown.version, shown.revision);
        let Some((name, state)) = expected.next() else { return Err(format!("it shows {}, not to be there", place())) };
        if *name != shown.name || !state.shows(shown) {
            let (key, version, at) = (&name.key, state.version, state.revision);
            return Err(format!("it shows {} where {key}, version {version} at {at}, should be", place()));
        }
    }
    match (expected.next(), more) {
        (Some((name, _)), false) => Err(format!("it ends before {}", name.key)),
        (None, true) => Err("it says that more follow, and none do".to_owned()),
        (Some(_), true) if items.is_empty() => Err("it shows nothing, and more follow".to_owned()),
        _ => Ok(()),
    }
}

pub const NAME: &str = "all pages of a list show one revision, whole";

#[cfg(test)]
mod tests {
    use super::super::testing::{event, list, scan, set};
    use super::*;

    /// Two entries at 1:6, a third from 1:7, and the first changed at 1:8.
    fn holds(answer: Record) -> bool {
        let writes = [set("a", "ka", 0, 1), set("b", "kb", 0, 1), set("c", "kc", 0, 1), set("x", "ka", 0, 1)];
        let records: Vec<Record> = writes.into_iter().map(Record::unknown).chain([answer]).collect();
        let scan = scan(&[]).with(&[
            event("x", "config.set", "ka", "1:8"),
            event("c", "config.set", "kc", "1:7"),
            event("b", "config.set", "kb", "1:6"),
            event("a", "config.set", "ka", "1:5"),
        ]);
        let model = Model::replay(&records, &scan.audit).unwrap();
        check(&records, &model).is_ok()
    }

    const A: (&str, &str, u64, &str) = ("ka", "a", 1, "1:5");
    const B: (&str, &str, u64, &str) = ("kb", "b", 1, "1:6");
    const C: (&str, &str, u64, &str) = ("kc", "c", 1, "1:7");
    const X: (&str, &str, u64, &str) = ("ka", "x", 2, "1:8");

    #[test]
    fn a_list_is_of_one_revision_and_whole() {
        let whole = |items: &[_], at| list("k", 10, None).listed(items, at, at, false);
        assert!(holds(whole(&[A, B], "1:6")));
        assert!(holds(whole(&[X, B, C], "1:8")));
        assert!(holds(whole(&[], "1:4")));
        for (what, items, at) in [
            ("one is missing", vec![A], "1:6"),
            ("the last is missing", vec![X, B], "1:8"),
            ("the first is missing", vec![B, C], "1:8"),
            ("one is stale", vec![A, B, C], "1:8"),
            ("one is of the future", vec![X, B], "1:6"),
            ("one is there twice", vec![A, A, B], "1:6"),
            ("the order", vec![B, A], "1:6"),
            ("a stranger", vec![A, B, ("kd", "c", 1, "1:6")], "1:6"),
        ] {
            assert!(!holds(whole(&items, at)), "{what}");
        }
        assert!(!holds(list("x", 10, None).listed(&[A, B], "1:6", "1:6", false)), "outside the prefix");
        assert!(!holds(list("k", 1, None).listed(&[A, B], "1:6", "1:6", false)), "over the limit");
        assert!(!holds(list("k", 10, None).listed(&[A, B], "1:6", "1:7", false)), "a first page of the past");
    }

    #[test]
    fn pages_go_on_where_the_one_before_ended_at_its_revision() {
        let first = |more| list("k", 1, None).listed(&[A], "1:6", "1:6", more);
        assert!(holds(first(true)));
        assert!(!holds(first(false)), "more follow");
        let second =
            |items: &[_], at, applied, more| list("k", 2, Some(("ka", "1:6"))).listed(items, at, applied, more);
        assert!(holds(second(&[B], "1:6", "1:6", false)));
        assert!(holds(second(&[B], "1:6", "1:9", false)));
        assert!(!holds(second(&[B], "1:6", "1:5", false)), "a node that has not applied it");
        assert!(!holds(second(&[B, C], "1:6", "1:8", false)), "the future");
        assert!(!holds(second(&[B, C], "1:8", "1:8", false)), "another revision");
        assert!(!holds(second(&[B], "1:6", "1:8", true)), "nothing follows");
        assert!(!holds(second(&[], "1:6", "1:8", true)), "nothing shown");
        assert!(!holds(second(&[A, B], "1:6", "1:8", false)), "the page before again");
    }
}
