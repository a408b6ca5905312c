use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::apply::{ApplyEntry, ApplyHandle, ApplyPayload};
use crate::base::{GroupId, LogId, RequestId, WallTime};
use crate::host::Batch;
use crate::host::fake::{self, FakeHost};
use crate::keys::{audit, history};
use crate::model::{Command, Key, Namespace, Op, ValueType};

const GROUP: GroupId = GroupId(0);

fn namespace(text: &str) -> Namespace {
    Namespace::parse(text).unwrap()
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// Applies `n/k=v` and `-n/k` as they come.
async fn apply_script(apply: &ApplyHandle, first: u64, script: &str) {
    let entry = |(at, line): (usize, &str)| {
        let op = match line.strip_prefix('-') {
            Some(name) => {
                let (ns, k) = name.split_once('/').unwrap();
                Op::Delete { namespace: namespace(ns), key: key(k) }
            }
            None => {
                let (name, value) = line.split_once('=').unwrap();
                let (ns, k) = name.split_once('/').unwrap();
                let (namespace, key) = (namespace(ns), key(k));
                Op::Set { namespace, key, value: value.into(), value_type: ValueType::String }
            }
        };
        let request_id = RequestId::parse("r").unwrap();
        let command = Command { stamp: WallTime(1), actor: "ann".into(), request_id, write: op.into() };
        ApplyEntry { id: LogId::new(1, first + at as u64), payload: ApplyPayload::Command(command) }
    };
    apply.apply(script.split(' ').enumerate().map(entry).collect()).await.unwrap();
}

async fn start(host: &FakeHost) -> (ApplyHandle, AuditHandle) {
    let apply = ApplyHandle::start(&host.host, GROUP).await.unwrap();
    let audit = AuditHandle::start(&host.host, GROUP, apply.views());
    (apply, audit)
}

async fn tamper(host: &FakeHost, key: Bytes, value: Option<Bytes>) {
    let batch = Batch { puts_and_removals: vec![(key, value)] };
    host.host.stores.open("state-0-1").await.unwrap().commit(batch).await.unwrap();
}

fn words(page: &AuditPage) -> Vec<String> {
    let word = |record: &AuditRecord| {
        let value = |value: &Option<String>| value.clone().unwrap_or("-".into());
        let (event, old, new) = (&record.event, value(&record.old_value), value(&record.new_value));
        format!("{} {} {old}>{new}", event.id, event.action)
    };
    page.records.iter().map(word).chain(page.more.then(|| "more".to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_are_newest_first_with_the_values_that_are_kept() {
    let host = fake::host();
    let (apply, audit) = start(&host).await;
    apply_script(&apply, 0, "n/a=1 n/a=2 m/a=x -n/a n/a=3").await;
    let page = audit.events(Some(namespace("n")), None, 50).await.unwrap();
    assert_eq!(
        words(&page),
        [
            "1:4:0 config.set ->3",
            "1:3:0 config.delete 2>-",
            "1:1:0 config.set 1>2",
            "1:0:1 config.set ->1",
            "1:0:0 namespace.set ->-"
        ]
    );
    assert_eq!(page.applied, Some(LogId::new(1, 4)));
    let page = audit.events(None, None, 2).await.unwrap();
    assert_eq!(words(&page), ["1:4:0 config.set ->3", "1:3:0 config.delete 2>-", "more"]);
    let before = page.records.last().map(|record| record.event.id);
    let page = audit.events(None, before, 3).await.unwrap();
    assert_eq!(words(&page), ["1:2:1 config.set ->x", "1:2:0 namespace.set ->-", "1:1:0 config.set 1>2", "more"]);
    let page = audit.events(None, page.records.last().map(|record| record.event.id), 2).await.unwrap();
    assert_eq!(words(&page), ["1:0:1 config.set ->1", "1:0:0 namespace.set ->-"], "no more");
    // A value that history has let go of is not replaced by another one.
    tamper(&host, history::key(GROUP, &namespace("n"), &key("a"), crate::base::LogIndex(1)), None).await;
    let page = audit.events(Some(namespace("n")), None, 3).await.unwrap();
    assert_eq!(words(&page), ["1:4:0 config.set ->3", "1:3:0 config.delete ->-", "1:1:0 config.set 1>-", "more"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_bounded_in_bytes_and_long_pages_are_whole() {
    let host = fake::host();
    let (apply, audit) = start(&host).await;
    let large = "x".repeat(1 << 20);
    let script: Vec<String> = (0..10).map(|_| format!("n/a={large}")).collect();
    apply_script(&apply, 0, &script.join(" ")).await;
    let page = audit.events(None, None, 50).await.unwrap();
    assert!(page.more && (1..=4).contains(&page.records.len()), "{}", page.records.len());
    let script: Vec<String> = (0..300).map(|n| format!("m/k{n}=v")).collect();
    apply_script(&apply, 10, &script.join(" ")).await;
    let page = audit.events(Some(namespace("m")), None, 1000).await.unwrap();
    assert_eq!((page.records.len(), page.more), (301, false));
}

#[tokio::test(start_paused = true)]
async fn the_chain_is_verified_from_the_beginning_and_then_kept_up_with() {
    let host = fake::host();
    let (apply, audit) = start(&host).await;
    assert_eq!(audit.status(), AuditStatus::default());
    let script: Vec<String> = (0..1000).map(|n| format!("n/k{n}=v")).collect();
    apply_script(&apply, 0, &script.join(" ")).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(audit.status().events, 1001);
    apply_script(&apply, 1000, "-n/k5").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(audit.status(), AuditStatus { verified_up_to: Some("1:1000:0".parse().unwrap()), events: 1002 });
    apply.start_over("test").await.unwrap();
    apply_script(&apply, 0, "n/a=1").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(audit.status().events, 2, "a state that begins again is verified again");
    assert_eq!(host.fatal_reason(), None);
}

#[tokio::test(start_paused = true)]
async fn a_broken_chain_stops_the_node_and_names_the_event() {
    for (at, change, named) in [
        ((1, 0), "alter", "event 1:1:0"),
        ((0, 0), "alter", "event 1:0:0"),
        ((1, 0), "remove", "event 1:2:0"),
        ((3, 0), "remove", "behind event 1:2:0"),
        ((0, 0), "remove", "event 1:0:1"),
    ] {
        let host = fake::host();
        let (apply, audit_handle) = start(&host).await;
        apply_script(&apply, 0, "n/a=1 n/a=2 n/a=3 -n/a").await;
        let position = (crate::base::LogIndex(at.0), at.1);
        let events = apply.view().unwrap().audit_after(None, 99).unwrap();
        let mut event = events.into_iter().find(|event| audit::position(event.id) == position).unwrap();
        event.actor = "mallory".into();
        let value = (change == "alter").then(|| audit::encode(&event));
        tamper(&host, audit::key(GROUP, position), value).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let reason = host.fatal_reason().unwrap();
        assert!(reason.contains(named) && reason.contains("Ask another node"), "{named}: {reason}");
        drop(audit_handle);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_is_told_whether_the_chain_is_whole() {
    let host = fake::host();
    let (apply, audit) = start(&host).await;
    let empty = audit.verify().await.unwrap();
    assert_eq!((empty.verified, empty.first, empty.broken), (chain::Verified::START, None, None));
    let script: Vec<String> = (0..1000).map(|n| format!("n/k{n}=v")).collect();
    apply_script(&apply, 0, &script.join(" ")).await;
    // What comes after it began is left to the next one.
    let (found, second, ()) = futures_util::future::join3(audit.verify(), audit.verify(), async {
        apply_script(&apply, 1000, "n/late=v").await;
    })
    .await;
    assert_eq!(second, Err(AuditError::Overloaded), "one at a time");
    let found = found.unwrap();
    assert_eq!((found.verified.events, found.applied), (1001, Some(LogId::new(1, 999))));
    assert_eq!(found.first.map(|id| id.to_string()).as_deref(), Some("1:0:0"));
    assert_eq!(found.verified.last.map(|id| id.to_string()).as_deref(), Some("1:999:0"));
    assert_eq!(found.broken, None);
    let whole = audit.verify().await.unwrap();
    assert_eq!((whole.verified.events, whole.verified.head), (1002, apply.view().unwrap().audit_head()));
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_is_told_where_the_chain_breaks() {
    for (at, change, events, broken_at) in [
        ((300, 0), "alter", 301, Some("1:300:0")),
        ((0, 0), "alter", 0, Some("1:0:0")),
        ((300, 0), "remove", 301, Some("1:301:0")),
        ((599, 0), "remove", 600, None),
        ((300, 0), "garble", 256, None),
    ] {
        let host = fake::host();
        let apply = ApplyHandle::start(&host.host, GROUP).await.unwrap();
        let script: Vec<String> = (0..600).map(|n| format!("n/k{n}=v")).collect();
        apply_script(&apply, 0, &script.join(" ")).await;
        let position = (crate::base::LogIndex(at.0), at.1);
        let events_of = apply.view().unwrap().audit_after(None, 9999).unwrap();
        let mut event = events_of.into_iter().find(|event| audit::position(event.id) == position).unwrap();
        event.actor = "mallory".into();
        let value = match change {
            "alter" => Some(audit::encode(&event)),
            "garble" => Some(Bytes::from_static(b"\x01?")),
            _ => None,
        };
        tamper(&host, audit::key(GROUP, position), value).await;
        let found = verifier::whole(&host.host, apply.view().unwrap()).await;
        let broken = found.broken.expect("it is broken");
        let event = broken.event.map(|id| id.to_string());
        assert_eq!((found.verified.events, event.as_deref()), (events, broken_at), "{at:?} {change}: {}", broken.what);
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_queries_are_refused_at_once() {
    let host = fake::host();
    let (apply, audit) = start(&host).await;
    apply_script(&apply, 0, "n/a=1").await;
    // One thread: the actor cannot run before all of these have been sent.
    let queries = (0..200).map(|_| audit.events(None, None, 1));
    let answers = futures_util::future::join_all(queries).await;
    let overloaded = answers.iter().filter(|answer| **answer == Err(AuditError::Overloaded)).count();
    assert_eq!(overloaded, 200 - 64);
    assert!(answers[0].is_ok());
}
