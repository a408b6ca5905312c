use std::collections::BTreeMap;

use proptest::prelude::*;

use super::install::Rows;
use super::*;
use crate::base::LogIndex;
use crate::model::{Entry, NamespaceState, Revisions};

/// In milliseconds.
const HOUR: u64 = 60 * 60 * 1000;

/// What a log may hold, with few names so that entries meet each other.
fn payload() -> impl Strategy<Value = ApplyPayload> {
    let name = || "[ab]{1,2}";
    let spaces = || "[mn]";
    let op = prop_oneof![
        6 => (spaces(), name(), "[x-z]{0,3}").prop_map(|(n, k, value)| Op::Set {
            namespace: namespace(&n), key: key(&k), value, value_type: ValueType::String
        }),
        3 => (spaces(), name()).prop_map(|(n, k)| Op::Delete { namespace: namespace(&n), key: key(&k) }),
        1 => (spaces(), any::<bool>()).prop_map(|(n, other)| Op::SetNamespace {
            namespace: namespace(&n), description: if other { "x".into() } else { String::new() }, owner: "bob".into()
        }),
        2 => spaces().prop_map(|n| Op::DeleteNamespace { namespace: namespace(&n) }),
        1 => any::<u8>().prop_map(|byte| Op::Bootstrap { cursor_key: CursorKey([byte; 32]) }),
        4 => proptest::collection::btree_map((spaces(), name()), proptest::option::of("[x-z]"), 1..4).prop_map(|ops| {
            let op = |((n, k), value): ((String, String), Option<String>)| match value {
                Some(value) => TxnOp::Set {
                    namespace: namespace(&n), key: key(&k), value, value_type: ValueType::String
                },
                None => TxnOp::Delete { namespace: namespace(&n), key: key(&k) },
            };
            Op::Txn(Txn::new(Vec::new(), ops.into_iter().map(op).collect()).unwrap())
        }),
    ];
    let condition = prop_oneof![
        6 => Just(Condition::default()),
        1 => Just(Condition { if_match: Some(Revisions::Any), if_none_match: None }),
        1 => Just(Condition { if_match: None, if_none_match: Some(Revisions::Any) }),
    ];
    let once = proptest::option::of("[pqr]{1,2}");
    prop_oneof![
        12 => (op, condition, once, 0..10 * HOUR).prop_map(|(op, condition, once, stamp)| {
            command_once(op, condition, stamp, once.as_deref())
        }),
        1 => Just(ApplyPayload::Blank),
        1 => any::<[u8; 2]>().prop_map(|bytes| ApplyPayload::Membership(Bytes::copy_from_slice(&bytes))),
    ]
}

fn log_of(payloads: Vec<(ApplyPayload, bool)>) -> Vec<ApplyEntry> {
    let mut entries = log("");
    let mut term = 1;
    for (mut payload, new_term) in payloads {
        term += u64::from(new_term);
        // Time goes on, so that receipts come and go.
        if let ApplyPayload::Command(command) = &mut payload {
            command.stamp.0 += entries.len() as u64 * HOUR;
        }
        entries.push(ApplyEntry { id: LogId::new(term, entries.len() as u64), payload });
    }
    entries
}

fn logs() -> impl Strategy<Value = Vec<ApplyEntry>> {
    proptest::collection::vec((payload(), proptest::bool::weighted(0.1)), 0..60).prop_map(log_of)
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// The same log gives the same answers and the same bytes, however it is cut into batches, through a restart, and
    /// through a snapshot in the midst of it; and the hash kept on the way is the hash of the rows.
    #[test]
    fn one_log_is_one_state(entries in logs(), cuts in (1..20usize, 1..20usize), middle in 0.0..1.0f64) {
        run(async {
            let host = fake::host();
            let whole = start(&host).await;
            let answers = apply_all(&whole, &entries, 1).await;
            prop_assert_eq!(whole.status().state_hash, recomputed_hash(&whole));

            let host = fake::host();
            let batched = start(&host).await;
            prop_assert_eq!(&apply_all(&batched, &entries, cuts.0).await, &answers);
            prop_assert_eq!(rows(&batched), rows(&whole));
            prop_assert_eq!(batched.status(), whole.status());

            let middle = 1 + ((entries.len() - 1) as f64 * middle) as usize;
            let host = fake::host();
            let first = start(&host).await;
            apply_all(&first, &entries[..middle], cuts.0).await;
            drop(first);
            let restarted_host = host.kill();
            let restarted = start(&restarted_host).await;
            let (parts, view, range) = restarted.snapshot_view().await.unwrap();
            prop_assert_eq!(&apply_all(&restarted, &entries[middle..], cuts.1).await, &answers[middle..]);
            prop_assert_eq!(rows(&restarted), rows(&whole));

            let host = fake::host();
            let installed = start(&host).await;
            installed.install(parts.last, parts.membership, Rows::boxed(&*view, &range, cuts.0)).await.unwrap();
            prop_assert_eq!(&apply_all(&installed, &entries[middle..], cuts.1).await, &answers[middle..]);
            prop_assert_eq!(rows(&installed), rows(&whole));
            prop_assert_eq!(installed.status(), whole.status());
            prop_assert_eq!(installed.membership(), whole.membership());
            Ok(())
        })?;
    }

    /// A list of any revision shows what the state was then, whatever the size of its pages.
    #[test]
    fn a_list_of_a_revision_is_the_state_of_that_time(entries in logs(), limit in 1..5usize) {
        run(async {
            let host = fake::host();
            let apply = start(&host).await;
            let mut moments: Vec<BTreeMap<(Namespace, Key), Entry>> = Vec::new();
            let mut changed = BTreeMap::new();
            for entry in &entries {
                apply.apply(vec![entry.clone()]).await.unwrap();
                let view = apply.view().unwrap();
                let now = everything_listed(&view, None, 1000);
                // What a list's ETag is made of changes just when the list does.
                for name in ["m", "n"].map(namespace) {
                    let of = |moment: &BTreeMap<(Namespace, Key), Entry>| -> Vec<Entry> {
                        moment.values().filter(|entry| entry.namespace == name).cloned().collect()
                    };
                    if of(&now) != moments.last().map(of).unwrap_or_default() {
                        changed.insert(name.clone(), entry.id);
                    }
                    prop_assert_eq!(view.list_changed(Some(&name)).unwrap(), changed.get(&name).copied());
                }
                moments.push(now);
            }
            let view = apply.view().unwrap();
            for (index, moment) in moments.iter().enumerate() {
                prop_assert_eq!(&everything_listed(&view, Some(LogIndex(index as u64)), limit), moment);
                for ((namespace, key), entry) in moment {
                    let at = view.key_state_at(namespace, key, LogIndex(index as u64)).unwrap();
                    let at = at.and_then(crate::model::KeyState::live);
                    prop_assert_eq!(at.as_ref(), Some(entry));
                }
                let term = entries[index].id.term;
                prop_assert_eq!(view.term_at(LogIndex(index as u64)).unwrap(), Some(term));
            }
            prop_assert_eq!(view.term_at(LogIndex(moments.len() as u64)).unwrap(), None);
            for namespace in namespaces_listed(&view, LogIndex(u64::MAX), limit) {
                let listed = moments.last().unwrap().keys().filter(|(n, _)| *n == namespace.path).count();
                prop_assert_eq!(namespace.entries, listed as u64);
            }
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// The same for the list of namespaces.
    #[test]
    fn the_namespaces_of_a_revision_are_those_of_that_time(entries in logs(), limit in 1..3usize) {
        run(async {
            let host = fake::host();
            let apply = start(&host).await;
            let settings = |rows: Vec<NamespaceState>| -> Vec<NamespaceState> {
                rows.into_iter().map(|row| NamespaceState { entries: 0, ..row }).collect()
            };
            let (mut moments, mut changed) = (Vec::<Vec<NamespaceState>>::new(), None);
            for entry in &entries {
                apply.apply(vec![entry.clone()]).await.unwrap();
                let view = apply.view().unwrap();
                let read = ["m", "n"].map(|name| view.namespace(&namespace(name)).unwrap());
                let now = settings(read.into_iter().flatten().collect());
                if now != moments.last().cloned().unwrap_or_default() {
                    changed = Some(entry.id);
                }
                prop_assert_eq!(view.list_changed(None).unwrap(), changed);
                moments.push(now);
            }
            let view = apply.view().unwrap();
            for (index, moment) in moments.iter().enumerate() {
                let listed = settings(namespaces_listed(&view, LogIndex(index as u64), limit));
                prop_assert_eq!(&listed, moment);
            }
            Ok(())
        })?;
    }
}

/// All namespaces, page by page.
fn namespaces_listed(view: &StateView, at: LogIndex, limit: usize) -> Vec<NamespaceState> {
    let (mut all, mut after) = (Vec::new(), None::<Namespace>);
    loop {
        let page = view.namespaces_at("", after.as_ref(), limit, usize::MAX, at).unwrap();
        assert!(page.namespaces.len() <= limit && (page.namespaces.len() == limit || !page.more));
        after = page.namespaces.last().map(|row| row.path.clone());
        all.extend(page.namespaces);
        if !page.more {
            return all;
        }
    }
}

/// All entries of both namespaces, page by page.
fn everything_listed(view: &StateView, at: Option<LogIndex>, limit: usize) -> BTreeMap<(Namespace, Key), Entry> {
    let mut all = BTreeMap::new();
    for namespace in ["m", "n"].map(namespace) {
        let mut after: Option<Key> = None;
        loop {
            let of = Selection { namespace: &namespace, prefix: "", value_type: None };
            let page = match at {
                Some(at) => view.list_at(of, after.as_ref(), limit, usize::MAX, at).unwrap(),
                None => view.list(of, after.as_ref(), limit, usize::MAX).unwrap(),
            };
            assert!(page.entries.len() <= limit && (page.entries.len() == limit || page.next.is_none()));
            assert!(page.next.is_none() || page.next.as_ref() == page.entries.last().map(|entry| &entry.key));
            after = page.next;
            for entry in page.entries {
                let before = all.insert((namespace.clone(), entry.key.clone()), entry);
                assert_eq!(before, None, "each entry comes once");
            }
            if after.is_none() {
                break;
            }
        }
    }
    all
}
