//! What the state knows of its past.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::LogIndex;
use crate::model::{Entry, KeyState, Outcome};

/// All that is kept of a key, page by page: the index of each state, and its value.
fn history(view: &StateView, name: &str, limit: usize) -> Vec<(u64, Option<String>)> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = view.history(&namespace("n"), &key(name), before, limit, usize::MAX).unwrap();
        assert!(page.states.len() <= limit && (page.states.len() == limit || !page.more));
        let last = page.states.last().map(|state| state.revision().index);
        assert!(before.is_none() || last < before, "a page begins behind the one before");
        before = last;
        let more = page.more;
        all.extend(page.states.into_iter().map(|state| {
            let index = state.revision().index.0;
            (index, state.live().map(|entry| entry.value))
        }));
        if !more {
            return all;
        }
    }
}

fn live(view: &StateView, at: u64) -> BTreeMap<Key, Entry> {
    let of = Selection { namespace: &namespace("n"), prefix: "", value_type: None };
    let page = view.list_at(of, None, 999, usize::MAX, LogIndex(at)).unwrap();
    page.entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect()
}

#[tokio::test]
async fn a_rollback_finds_what_came_before_it_in_its_own_batch_too() {
    for batch in [1, 2, 99] {
        let host = fake::host();
        // At 5 the row that history is asked for does not exist; 6 is where it comes to be.
        let script = "a=1; a=2; back a 1:1; del a; back a 9:4; back a 1:2; back a 1:4; back a 1:9; back b 1:1";
        let apply = start(&host).await;
        let answers = apply_all(&apply, &log(script), batch).await;
        let outcome = |answer: &Applied| match &answer.outcome {
            Outcome::Set { entry, created } => format!("{} v{} {created}", entry.value, entry.version),
            other => format!("{other:?}"),
        };
        let outcomes: Vec<String> = answers.iter().skip(1).map(outcome).collect();
        assert_eq!(
            outcomes,
            [
                "1 v1 true",
                "2 v2 false",
                "1 v3 false",
                "Deleted",
                "NoSuchRevision",
                "2 v1 true",
                "Deleted",
                "NoSuchRevision",
                "NoSuchRevision"
            ]
        );
        let view = apply.view().unwrap();
        let value = |text: &str| Some(text.to_owned());
        let all = vec![(7, None), (6, value("2")), (4, None), (3, value("1")), (2, value("2")), (1, value("1"))];
        for limit in [1, 2, 6, 99] {
            assert_eq!(history(&view, "a", limit), all);
        }
        assert_eq!(history(&view, "b", 9), []);
        assert_eq!(view.state_hash(), recomputed_hash(&apply));
    }
}

#[tokio::test]
async fn a_page_of_history_or_differences_is_bounded_in_bytes() {
    let host = fake::host();
    let apply = applied(&host, "a=1; b=1; a=2; b=2; a=3", 99).await;
    let view = apply.view().unwrap();
    let entry = crate::base::limits::ENTRY_JSON_BYTES + "n".len() + "a".len() + "\"ann\"".len() + "\"1\"".len();
    let states = |bytes| {
        let page = view.history(&namespace("n"), &key("a"), None, 99, bytes).unwrap();
        (page.states.len(), page.more)
    };
    assert_eq!([states(3 * entry), states(3 * entry - 1), states(1)], [(3, false), (2, true), (1, true)]);
    let differences = |bytes| {
        let page = view.diff(&namespace("n"), (LogIndex(2), LogIndex(5)), None, 99, bytes).unwrap();
        (page.differences.len(), page.next.map(|key| key.to_string()))
    };
    let one = 2 * entry + 1;
    assert_eq!(differences(2 * one), (2, None));
    assert_eq!([differences(2 * one - 1), differences(1)], [(1, Some("a".to_owned())), (1, Some("a".to_owned()))]);
}

fn any_write() -> impl Strategy<Value = (Op, u64)> {
    let op = prop_oneof![
        3 => ("[abc]", "[12]").prop_map(|(name, value)| set(&name, &value)),
        1 => "[abc]".prop_map(|name| delete(&name)),
        1 => ("[abc]", 1..20u64).prop_map(|(name, index)| {
            Op::Rollback { namespace: namespace("n"), key: key(&name), revision: LogId::new(1, index) }
        }),
        1 => Just(Op::DeleteNamespace { namespace: namespace("m") }),
    ];
    // Stamps stand still, leap and go back.
    (op, 0..40u64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against what was seen when each entry was the last one.
    #[test]
    fn the_past_is_what_it_was_when_it_was_now(
        writes in proptest::collection::vec(any_write(), 1..24),
        limit in 1..4usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let host = fake::host();
            let apply = start(&host).await;
            let mut entries = log("");
            for (op, stamp) in writes {
                entries.push(ApplyEntry { id: LogId::new(1, entries.len() as u64), payload: command(op, stamp) });
            }
            let (mut moments, mut times, mut states) = (Vec::new(), Vec::new(), BTreeMap::<Key, Vec<KeyState>>::new());
            for entry in &entries {
                apply_all(&apply, std::slice::from_ref(entry), 1).await;
                let view = apply.view().unwrap();
                moments.push(live(&view, u64::MAX));
                times.push(view.log_time());
                for name in ["a", "b", "c"].map(key) {
                    if let Some(state) = view.key_state(&namespace("n"), &name).unwrap() {
                        let of_key = states.entry(name).or_default();
                        if of_key.last() != Some(&state) {
                            of_key.push(state);
                        }
                    }
                }
            }
            let view = apply.view().unwrap();
            for (name, states) in &states {
                let expected: Vec<_> = states
                    .iter()
                    .rev()
                    .map(|state| (state.revision().index.0, state.clone().live().map(|entry| entry.value)))
                    .collect();
                prop_assert_eq!(history(&view, name.as_str(), limit), expected);
            }
            for time in 0..41 {
                let revision = view.revision_at(WallTime(time)).unwrap();
                let last = times.iter().rposition(|at| at.0 <= time);
                let shown = live(&view, revision.map_or(0, |revision| revision.index.0));
                prop_assert_eq!(shown, last.map(|last| moments[last].clone()).unwrap_or_default(), "at {}", time);
            }
            for (from, before) in moments.iter().enumerate() {
                for (to, after) in moments.iter().enumerate() {
                    let mut found = BTreeMap::new();
                    let mut place = None;
                    loop {
                        let between = (LogIndex(from as u64), LogIndex(to as u64));
                        let page = view.diff(&namespace("n"), between, place.as_ref(), limit, usize::MAX).unwrap();
                        assert!(page.differences.len() <= limit);
                        found.extend(page.differences.into_iter().map(|it| (it.key, (it.before, it.after))));
                        place = page.next;
                        if place.is_none() {
                            break;
                        }
                    }
                    for name in ["a", "b", "c"].map(key) {
                        let was_and_is = (before.get(&name).cloned(), after.get(&name).cloned());
                        let value = |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.value.clone());
                        let expected = (value(&was_and_is.0) != value(&was_and_is.1)).then_some(was_and_is);
                        prop_assert_eq!(found.get(&name).cloned(), expected, "{} from {} to {}", name, from, to);
                    }
                }
            }
            Ok(())
        })?;
    }
}
