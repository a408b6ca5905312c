use super::*;
use crate::model::EventId;

fn keys(page: &ListPage) -> Vec<&str> {
    page.entries.iter().map(|entry| entry.key.as_str()).collect()
}

#[tokio::test]
async fn a_list_honours_prefix_place_limit_and_bytes() {
    let host = fake::host();
    let apply = applied(&host, "a=1; a/b=12345; a/c=1; a/d=1; ab=1; b=1; x=1; del a/c", 99).await;
    let (view, n) = (apply.view().unwrap(), namespace("n"));
    let list = |prefix: &str, after: Option<&str>, limit, bytes| {
        let of = Selection { namespace: &n, prefix, value_type: None };
        view.list(of, after.map(key).as_ref(), limit, bytes).unwrap()
    };
    let all = list("", None, 1000, usize::MAX);
    assert_eq!((keys(&all), all.next.is_some()), (vec!["a", "a/b", "a/d", "ab", "b", "x"], false));
    let page = list("a", None, 2, usize::MAX);
    assert_eq!((keys(&page), page.next.is_some()), (vec!["a", "a/b"], true));
    let page = list("a", Some("a/b"), 2, usize::MAX);
    assert_eq!((keys(&page), page.next.is_some()), (vec!["a/d", "ab"], false));
    let page = list("a/", Some("a/d"), 2, usize::MAX);
    assert_eq!((keys(&page), page.next.is_some()), (vec![], false));
    let page = list("", Some("a/bb"), 1, usize::MAX);
    assert_eq!((keys(&page), page.next.is_some()), (vec!["a/d"], true));
    let entry = crate::base::limits::ENTRY_JSON_BYTES + "n".len() + "a".len() + "\"ann\"".len() + "\"1\"".len();
    let page = list("", None, 1000, 2 * entry + 6);
    assert_eq!((keys(&page), page.next.is_some()), (vec!["a", "a/b"], true), "two fit, to the byte");
    let page = list("", None, 1000, 2 * entry + 5);
    assert_eq!((keys(&page), page.next.is_some()), (vec!["a"], true), "a page is not longer than it may be");
    let page = list("", None, 1000, 1);
    assert_eq!((keys(&page), page.next.is_some()), (vec!["a"], true), "one at least");
    let page = list("zz", Some("a"), 9, 1);
    assert_eq!((keys(&page), page.next.is_some()), (vec![], false));
    let of = Selection { namespace: &namespace("n/m"), prefix: "", value_type: None };
    assert!(view.list(of, None, 9, 9).unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_list_has_the_types_that_are_asked_for() {
    let host = fake::host();
    let apply = start(&host).await;
    let mut entries = log("");
    for (name, value_type) in [("a", ValueType::Json), ("b", ValueType::String), ("c", ValueType::Json)] {
        let op = Op::Set { namespace: namespace("n"), key: key(name), value: "1".into(), value_type };
        entries.push(ApplyEntry { id: LogId::new(1, entries.len() as u64), payload: command(op, 1) });
    }
    // It was of the type before.
    let op = Op::Set { namespace: namespace("n"), key: key("c"), value: "1".into(), value_type: ValueType::String };
    entries.push(ApplyEntry { id: LogId::new(1, entries.len() as u64), payload: command(op, 1) });
    apply_all(&apply, &entries, 9).await;
    let view = apply.view().unwrap();
    let list = |value_type, limit, at| {
        let of = Selection { namespace: &namespace("n"), prefix: "", value_type: Some(value_type) };
        let page = view.list_at(of, None, limit, usize::MAX, crate::base::LogIndex(at)).unwrap();
        (keys(&page).join(" "), page.next.map(|key| key.to_string()))
    };
    assert_eq!(list(ValueType::Json, 9, 9), ("a".to_owned(), None));
    assert_eq!(list(ValueType::Json, 9, 3), ("a c".to_owned(), None));
    assert_eq!(list(ValueType::Json, 1, 3), ("a".to_owned(), Some("a".to_owned())));
    assert_eq!(list(ValueType::String, 9, 9), ("b c".to_owned(), None));
    assert_eq!(list(ValueType::Yaml, 9, 9), (String::new(), None));
}

/// A page has not to pass over a whole namespace: its cursor goes on in the midst of what is not listed.
#[tokio::test]
async fn a_list_ends_early_where_very_many_rows_are_not_listed() {
    use crate::host::{Batch, Stores};
    use crate::keys::config;
    use crate::model::{KeyState, Tombstone};

    let store = fake::FakeStores::new().open("s").await.unwrap();
    let (n, mut batch) = (namespace("n"), Batch::default());
    for number in 0..45_000 {
        let (key, deleted_by) = (key(&format!("k{number:05}")), String::new());
        let (revision, deleted_at) = (LogId::new(1, number), WallTime(1));
        let gone = Tombstone { namespace: n.clone(), key: key.clone(), revision, deleted_at, deleted_by };
        batch.put(config::key(GROUP, &n, &key), config::encode(&KeyState::Deleted(gone)));
    }
    store.commit(batch).await.unwrap();
    let view = StateView::new(GROUP, "s", store.view().unwrap()).unwrap();
    let of = Selection { namespace: &n, prefix: "", value_type: None };
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = view.list(of, after.as_ref(), 10, usize::MAX).unwrap();
        assert_eq!(page.entries, []);
        after = page.next;
        let Some(place) = &after else { break };
        pages.push(place.as_str()[1..].parse::<u32>().unwrap());
    }
    assert_eq!(pages.len(), 2, "{pages:?}");
    assert!((20_000..20_200).contains(&pages[0]) && (40_000..40_400).contains(&pages[1]), "{pages:?}");
}

#[tokio::test]
async fn a_view_stays_at_its_moment() {
    let host = fake::host();
    let apply = applied(&host, "a=1", 9).await;
    let view = apply.view().unwrap();
    apply_all(&apply, &log("a=1; a=2; bootstrap").split_off(2), 1).await;
    assert_eq!(view.entry(&namespace("n"), &key("a")).unwrap().unwrap().value, "1");
    assert_eq!((view.applied(), view.cursor_key()), (Some(LogId::new(1, 1)), None));
    let view = apply.view().unwrap();
    assert_eq!(view.entry(&namespace("n"), &key("a")).unwrap().unwrap().value, "2");
    assert_eq!(view.cursor_key(), Some([3; 32]));
    assert_eq!(view.entry(&namespace("n"), &key("b")).unwrap(), None);
    assert_eq!(view.entry(&namespace("m"), &key("a")).unwrap(), None);
}

#[tokio::test]
async fn audit_events_come_newest_first_of_one_namespace_or_all() {
    let host = fake::host();
    let mut entries = log("a=1; a=2; del a");
    let op = Op::Set { namespace: namespace("n/m"), key: key("k"), value: "v".into(), value_type: ValueType::Json };
    entries.push(ApplyEntry { id: LogId::new(2, 4), payload: command(op, 9) });
    let apply = start(&host).await;
    apply_all(&apply, &entries, 9).await;
    let view = apply.view().unwrap();
    let ids = |ns: Option<&str>, before: Option<&str>, limit| -> Vec<String> {
        let before = before.map(|id| id.parse::<EventId>().unwrap());
        let events = view.audit_before(ns.map(namespace).as_ref(), before, limit).unwrap();
        events.iter().map(|event| event.id.to_string()).collect()
    };
    assert_eq!(ids(None, None, 99), ["2:4:1", "2:4:0", "1:3:0", "1:2:0", "1:1:1", "1:1:0"]);
    assert_eq!(ids(None, Some("2:4:1"), 2), ["2:4:0", "1:3:0"]);
    assert_eq!(ids(Some("n"), None, 3), ["1:3:0", "1:2:0", "1:1:1"]);
    assert_eq!(ids(Some("n"), Some("1:1:1"), 3), ["1:1:0"]);
    assert_eq!(ids(Some("n/m"), None, 9), ["2:4:1", "2:4:0"]);
    assert_eq!(ids(Some("o"), None, 9), [""; 0]);
    let after = view.audit_after(Some((crate::base::LogIndex(2), 0)), 2).unwrap();
    assert_eq!(after.iter().map(|e| e.id.to_string()).collect::<Vec<_>>(), ["1:3:0", "2:4:0"]);
    assert_eq!(view.audit_after(None, 1).unwrap()[0].id.to_string(), "1:1:0");
}

#[tokio::test]
async fn a_page_of_namespaces_is_bounded_in_bytes() {
    let host = fake::host();
    let apply = start(&host).await;
    let mut entries = log("");
    for name in ["a", "b", "c"] {
        let (namespace, description) = (namespace(name), "\n".repeat(100));
        let op = Op::SetNamespace { namespace, description, owner: "bob".into() };
        entries.push(ApplyEntry { id: LogId::new(1, entries.len() as u64), payload: command(op, 1) });
    }
    apply_all(&apply, &entries, 9).await;
    let view = apply.view().unwrap();
    let one = crate::base::limits::NAMESPACE_JSON_BYTES + "a".len() + "\"bob\"".len() + 202;
    let listed = |bytes| {
        let page = view.namespaces_at("", None, 99, bytes, crate::base::LogIndex(u64::MAX)).unwrap();
        (page.namespaces.len(), page.more)
    };
    assert_eq!([listed(3 * one), listed(3 * one - 1), listed(1)], [(3, false), (2, true), (1, true)]);
}
