use expect_test::{Expect, expect};

use super::*;
use crate::keys::{
    Space, audit, changes, config, dedup, history, lists, meta, namespace_history, namespaces, space_of, terms,
};
use crate::model::{KeyState, NamespaceRecord, Outcome};

/// All rows of the store after a script, in words.
async fn check(script: &str, expected: Expect) {
    let host = fake::host();
    let apply = applied(&host, script, 1).await;
    let words: Vec<String> = rows(&apply).iter().map(|(key, value)| describe(key, value)).collect();
    expected.assert_eq(&words.join("\n"));
    assert_eq!(apply.status().state_hash, recomputed_hash(&apply));
}

fn describe(key: &[u8], value: &[u8]) -> String {
    let state = |state: KeyState| match state {
        KeyState::Live(e) => format!("={} v{} @{}", e.value, e.version, e.revision),
        KeyState::Deleted(t) => format!(" gone @{}", t.revision),
    };
    match space_of(GROUP, key).unwrap() {
        Space::Meta if key == meta::summary_key(GROUP) => {
            let summary = meta::decode_summary(value).unwrap();
            let (at, time, events) = (summary.applied.unwrap(), summary.log_time.0, summary.audit_events);
            let from = summary.receipts_from.map(|from| format!(" receipts from {}", from.0)).unwrap_or_default();
            let key = summary.cursor_key.is_some();
            format!("meta applied {at} time {time} events {events} cursor key {key}{from}")
        }
        Space::Meta if key == meta::membership_key(GROUP) => {
            let (at, membership) = meta::decode_membership(value).unwrap();
            format!("meta membership @{at} {membership:?}")
        }
        Space::Meta => "meta format".to_owned(),
        Space::Config => {
            let (namespace, name) = config::decode_key(GROUP, key).unwrap();
            let words = format!("config {namespace} {name}");
            words + &state(config::decode(namespace, name, value).unwrap())
        }
        Space::History => {
            let (namespace, name, index) = history::decode_key(GROUP, key).unwrap();
            let words = format!("history {namespace} {name} {index}");
            words + &state(history::decode(namespace, name, value).unwrap())
        }
        Space::Changes => {
            let (index, n) = changes::decode_key(GROUP, key).unwrap();
            let (namespace, name) = changes::decode(value).unwrap();
            format!("changes {index} {n}: {namespace} {name}")
        }
        Space::Namespaces => {
            let record = namespaces::decode(namespaces::decode_key(GROUP, key).unwrap(), value).unwrap();
            format!("namespace {}", describe_namespace(record))
        }
        Space::NamespaceHistory => {
            let (namespace, index) = namespace_history::decode_key(GROUP, key).unwrap();
            let record = namespace_history::decode(namespace, value).unwrap();
            format!("namespace history {index}: {}", describe_namespace(record))
        }
        Space::Audit => {
            let event = audit::decode(audit::decode_key(GROUP, key).unwrap(), value).unwrap();
            format!("audit {} {} at {}", event.id, event.action, event.timestamp.0)
        }
        Space::AuditByNamespace => {
            let (namespace, (index, n)) = audit::decode_namespace_key(GROUP, key).unwrap();
            format!("audit of {namespace} {index} {n}")
        }
        Space::Dedup => {
            let (principal, name) = dedup::decode_key(GROUP, key).unwrap();
            let receipt = dedup::decode(value).unwrap();
            format!("receipt {} of {principal} @{} at {}", name.as_str(), receipt.revision, receipt.at.0)
        }
        Space::DedupByTime => {
            let place = dedup::decode_place(GROUP, key, value).unwrap();
            format!("receipt by time {} {}: {} of {}", place.at.0, place.revision, place.key.as_str(), place.principal)
        }
        Space::Lists => {
            let namespace = lists::decode_key(GROUP, key).unwrap();
            let of = namespace.map_or("namespaces".to_owned(), |namespace| namespace.to_string());
            format!("list of {of} @{}", lists::decode(value).unwrap())
        }
        Space::Terms => {
            format!("term {} from {}", terms::decode(value).unwrap(), terms::decode_key(GROUP, key).unwrap())
        }
    }
}

fn describe_namespace(record: NamespaceRecord) -> String {
    match record {
        NamespaceRecord::Live(row) => {
            format!("{} {:?} of {} @{} entries {}", row.path, row.description, row.owner, row.revision, row.entries)
        }
        NamespaceRecord::Deleted { path, revision } => format!("{path} gone @{revision}"),
    }
}

#[tokio::test]
async fn every_state_of_a_namespace_is_stored_once() {
    check(
        "ns x; a=1; ns y; del a; nsdel; nsdel; a=2",
        expect![[r#"
            meta format
            meta membership @0:0 b"first"
            meta applied 1:7 time 7 events 7 cursor key false
            config n a=2 v1 @1:7
            history n a 2=1 v1 @1:2
            history n a 4 gone @1:4
            changes 2 0: n a
            changes 4 0: n a
            changes 7 0: n a
            namespace n "" of ann @1:7 entries 1
            audit 1:1:0 namespace.set at 1
            audit 1:2:0 config.set at 2
            audit 1:3:0 namespace.set at 3
            audit 1:4:0 config.delete at 4
            audit 1:5:0 namespace.delete at 5
            audit 1:7:0 namespace.set at 7
            audit 1:7:1 config.set at 7
            audit of n 1 0
            audit of n 2 0
            audit of n 3 0
            audit of n 4 0
            audit of n 5 0
            audit of n 7 0
            audit of n 7 1
            term 0 from 0
            term 1 from 1
            namespace history 1: n "x" of bob @1:1 entries 1
            namespace history 3: n "y" of bob @1:3 entries 0
            namespace history 5: n gone @1:5
            list of namespaces @1:7
            list of n @1:7"#]],
    )
    .await;
}

#[tokio::test]
async fn every_state_of_a_key_is_stored_once() {
    check(
        "a=1; a=2; del a; a=3; del zzz",
        expect![[r#"
            meta format
            meta membership @0:0 b"first"
            meta applied 1:5 time 5 events 5 cursor key false
            config n a=3 v1 @1:4
            history n a 1=1 v1 @1:1
            history n a 2=2 v2 @1:2
            history n a 3 gone @1:3
            changes 1 0: n a
            changes 2 0: n a
            changes 3 0: n a
            changes 4 0: n a
            namespace n "" of ann @1:1 entries 1
            audit 1:1:0 namespace.set at 1
            audit 1:1:1 config.set at 1
            audit 1:2:0 config.set at 2
            audit 1:3:0 config.delete at 3
            audit 1:4:0 config.set at 4
            audit of n 1 0
            audit of n 1 1
            audit of n 2 0
            audit of n 3 0
            audit of n 4 0
            term 0 from 0
            term 1 from 1
            list of namespaces @1:1
            list of n @1:4"#]],
    )
    .await;
}

#[tokio::test]
async fn memberships_terms_and_the_cursor_key_are_kept() {
    check(
        "blank; bootstrap; bootstrap; term 4; a=1; member second; term 5; blank",
        expect![[r#"
            meta format
            meta membership @4:5 b"second"
            meta applied 5:6 time 4 events 2 cursor key true
            config n a=1 v1 @4:4
            changes 4 0: n a
            namespace n "" of ann @4:4 entries 1
            audit 4:4:0 namespace.set at 4
            audit 4:4:1 config.set at 4
            audit of n 4 0
            audit of n 4 1
            term 0 from 0
            term 1 from 1
            term 4 from 4
            term 5 from 6
            list of namespaces @4:4
            list of n @4:4"#]],
    )
    .await;
}

#[tokio::test]
async fn a_transaction_is_rows_of_one_revision() {
    check(
        "a=1; txn a=2 b=1 del:c; txn del:a del:b c=1",
        expect![[r#"
        meta format
        meta membership @0:0 b"first"
        meta applied 1:3 time 3 events 7 cursor key false
        config n a gone @1:3
        config n b gone @1:3
        config n c=1 v1 @1:3
        history n a 1=1 v1 @1:1
        history n a 2=2 v2 @1:2
        history n b 2=1 v1 @1:2
        changes 1 0: n a
        changes 2 0: n a
        changes 2 1: n b
        changes 3 0: n a
        changes 3 1: n b
        changes 3 2: n c
        namespace n "" of ann @1:1 entries 1
        audit 1:1:0 namespace.set at 1
        audit 1:1:1 config.set at 1
        audit 1:2:0 config.set at 2
        audit 1:2:1 config.set at 2
        audit 1:3:0 config.delete at 3
        audit 1:3:1 config.delete at 3
        audit 1:3:2 config.set at 3
        audit of n 1 0
        audit of n 1 1
        audit of n 2 0
        audit of n 2 1
        audit of n 3 0
        audit of n 3 1
        audit of n 3 2
        term 0 from 0
        term 1 from 1
        list of namespaces @1:1
        list of n @1:3"#]],
    )
    .await;
}

#[tokio::test]
async fn a_receipt_is_a_row_and_a_place_in_time() {
    check(
        "a=1 once k; a=1 once k; a=2 once k; del zzz once l",
        expect![[r#"
        meta format
        meta membership @0:0 b"first"
        meta applied 1:4 time 4 events 2 cursor key false receipts from 1
        config n a=1 v1 @1:1
        changes 1 0: n a
        namespace n "" of ann @1:1 entries 1
        audit 1:1:0 namespace.set at 1
        audit 1:1:1 config.set at 1
        audit of n 1 0
        audit of n 1 1
        receipt k of ann @1:1 at 1
        receipt l of ann @1:4 at 4
        term 0 from 0
        term 1 from 1
        receipt by time 1 1:1: k of ann
        receipt by time 4 1:4: l of ann
        list of namespaces @1:1
        list of n @1:1"#]],
    )
    .await;
}

/// A batch must not let go of other receipts than its entries one by one would: log time may leap within it.
#[tokio::test]
async fn receipts_expire_the_same_in_whichever_batches() {
    // More of one moment than one command lets go of, so that the next one in the batch must know what is gone already.
    let many: Vec<String> = (0..20).map(|n| format!("del a once k{n:02}")).collect();
    let script = format!("clock 5; {}; clock 90000000; del a once l; del a once k00; a=1", many.join("; "));
    let mut seen = Vec::new();
    for batch in [1, 2, 3, 7, 99] {
        let host = fake::host();
        let apply = applied(&host, &script, batch).await;
        assert_eq!(apply.status().state_hash, recomputed_hash(&apply));
        seen.push((apply.status().state_hash, rows(&apply)));
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]));
    let words: Vec<String> = seen[0].1.iter().map(|(key, value)| describe(key, value)).collect();
    let receipts: Vec<&String> = words.iter().filter(|words| words.contains("receipt")).collect();
    expect![[r#"
        [
            "meta applied 1:23 time 90000000 events 2 cursor key false receipts from 90000000",
            "receipt k00 of ann @1:22 at 90000000",
            "receipt l of ann @1:21 at 90000000",
            "receipt by time 90000000 1:21: l of ann",
            "receipt by time 90000000 1:22: k00 of ann",
        ]
    "#]]
    .assert_debug_eq(&receipts);
}

/// What is on disk and in snapshots must not change without a new format.
#[tokio::test]
async fn the_bytes_of_the_rows_stay_as_they_are() {
    let host = fake::host();
    let apply = applied(&host, "a=1; a=2; del a; bootstrap; ns x; nsdel; a=3 once k", 1).await;
    let hex = |(key, value): &Row| format!("{} {}", hex::encode(key), hex::encode(value));
    expect![[r#"
        0100000000666f726d617400 03
        01000000006d656d6265727368697000 010000056669727374dd5235e0
        010000000073756d6d61727900 0201010707efeab4e1e2d1d6e1f8a1919686f281f296b0024b8dea52133aafcf6fe104cd26227b0b872a97bbb06aa5bb2dc6f5379704c2f508010404040404040404040404040404040404040404040404040404040404040404010778ec86e7
        02000000006e006100 0100010701070703616e6e000133
        03000000006e0061000000000000000001 0100010101010103616e6e000131
        03000000006e0061000000000000000002 0100010202010203616e6e000132
        03000000006e0061000000000000000003 010101030303616e6e
        0400000000000000000000000100000000 01016e0161
        0400000000000000000000000200000000 01016e0161
        0400000000000000000000000300000000 01016e0161
        0400000000000000000000000700000000 01016e0161
        05000000006e00 010003616e6e07010701
        0600000000000000000000000100000000 0101010203616e6e0172016e000001f97d29ad508c04c044148c1d279fabc8cbb65cd8fc463491b48e593a841bd7630000000000000000000000000000000000000000000000000000000000000000009f97f79dae6d66f8110fff467374c157779cc846ac7655213f27babddb40a255
        0600000000000000000000000100000001 0101010003616e6e0172016e0101610001e48c433395b27ba37f90fe34a3f0245e8e88dcb59a36966e745638af5c6aca62009f97f79dae6d66f8110fff467374c157779cc846ac7655213f27babddb40a255b850c36efa3a8fe93716b1c0efd70eefb25f875a3940e3c98cc6935cef4bef15
        0600000000000000000000000200000000 0101020003616e6e0172016e01016101e48c433395b27ba37f90fe34a3f0245e8e88dcb59a36966e745638af5c6aca6201831af7c399fdb8d3683af98bedf5361dae34ba40c27a4df39c5777b5a9f12475010101b850c36efa3a8fe93716b1c0efd70eefb25f875a3940e3c98cc6935cef4bef1597b84ef4e0763f9d68faa9858156b407055aa1c343d3451233410e95ab986f9f
        0600000000000000000000000300000000 0101030103616e6e0172016e01016101831af7c399fdb8d3683af98bedf5361dae34ba40c27a4df39c5777b5a9f124750001010297b84ef4e0763f9d68faa9858156b407055aa1c343d3451233410e95ab986f9f1558efe60fe40d25d02920a36469e01173e7b934662a7c7ced3467ef71cc24e2
        0600000000000000000000000500000000 0101050203616e6e0172016e0001f97d29ad508c04c044148c1d279fabc8cbb65cd8fc463491b48e593a841bd76301f0d3331eef5b9945bd985c2eb87312afa705ffebd08507a4c139530bad81fc6e0101011558efe60fe40d25d02920a36469e01173e7b934662a7c7ced3467ef71cc24e2e951617d766cefa4fd951550b1aa29b65be0a3ae39cce081f71cc9d5d1c9b67a
        0600000000000000000000000600000000 0101060303616e6e0172016e0001f0d3331eef5b9945bd985c2eb87312afa705ffebd08507a4c139530bad81fc6e00010105e951617d766cefa4fd951550b1aa29b65be0a3ae39cce081f71cc9d5d1c9b67aa8815758f9b951a0b98d45cdab2d6e936c59123913943d5cf7ad6ed82f62f874
        0600000000000000000000000700000000 0101070203616e6e0172016e000001f97d29ad508c04c044148c1d279fabc8cbb65cd8fc463491b48e593a841bd76300a8815758f9b951a0b98d45cdab2d6e936c59123913943d5cf7ad6ed82f62f874e894511aedd5b32d1a6cac90ca17eb91b8eeebf222083ace3a96a3a5bbb96280
        0600000000000000000000000700000001 0101070003616e6e0172016e010161000176fc57352f98e115f2fc92428eafb0ed3d261c99328def6136703cf64fdecab300e894511aedd5b32d1a6cac90ca17eb91b8eeebf222083ace3a96a3a5bbb962804b8dea52133aafcf6fe104cd26227b0b872a97bbb06aa5bb2dc6f5379704c2f5
        07000000006e00000000000000000100000000 01
        07000000006e00000000000000000100000001 01
        07000000006e00000000000000000200000000 01
        07000000006e00000000000000000300000000 01
        07000000006e00000000000000000500000000 01
        07000000006e00000000000000000600000000 01
        07000000006e00000000000000000700000000 01
        07000000006e00000000000000000700000001 01
        0800000000616e6e006b00 01268d4d27da579613610622cd5b9a8d273eafb5ca5a07c71aa7dc0c90749061d1010707000107
        09000000000000000000000000 0100
        09000000000000000000000001 0101
        0a000000006e000000000000000001 010003616e6e01010100
        0a000000006e000000000000000005 01017803626f6201010500
        0a000000006e000000000000000006 020106
        0b0000000000000000000000070000000000000007 010103616e6e016b
        0c0000000000 010107
        0c000000006e00 010107"#]].assert_eq(&rows(&apply).iter().map(hex).collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn a_batch_is_answered_in_order_and_later_entries_see_earlier_ones() {
    let host = fake::host();
    let apply = start(&host).await;
    let answers = apply.apply(log("a=1; a=2; del a; del a; a=3")).await.unwrap();
    let words: Vec<String> = answers
        .iter()
        .map(|answer| match &answer.outcome {
            Outcome::Set { entry, created } => format!("{answer} v{} created {created}", entry.version),
            other => format!("{answer} {other:?}"),
        })
        .collect();
    assert_eq!(
        words,
        ["0:0 None", "1:1 v1 created true", "1:2 v2 created false", "1:3 Deleted", "1:4 Absent", "1:5 v1 created true"]
    );
    assert_eq!(apply.apply(Vec::new()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_answer_comes_after_the_state_is_published() {
    let host = fake::host();
    let apply = start(&host).await;
    assert_eq!(apply.status(), ApplyStatus::default());
    let waiting = tokio::spawn({
        let apply = apply.clone();
        async move { apply.wait_applied(crate::base::LogIndex(2)).await }
    });
    apply_all(&apply, &log("a=1; a=2; member second"), 2).await;
    waiting.await.unwrap().unwrap();
    assert_eq!(apply.status().applied, Some(LogId::new(1, 3)));
    assert_eq!(apply.view().unwrap().applied(), Some(LogId::new(1, 3)));
    assert_eq!(apply.membership(), Some((LogId::new(1, 3), Bytes::from_static(b"second"))));
    assert_eq!(apply.status().audit_events, 3);
    assert_eq!(apply.view().unwrap().audit_head(), apply.status().audit_head);
}

#[tokio::test]
async fn an_entry_that_does_not_follow_stops_the_node() {
    for wrong in [0, 1, 3, 9] {
        let host = fake::host();
        let apply = applied(&host, "a=1", 9).await;
        let batch = vec![ApplyEntry { id: LogId::new(1, wrong), payload: ApplyPayload::Blank }];
        assert_eq!(apply.apply(batch).await, Err(ApplyError::Stopped), "{wrong}");
        assert!(host.fatal_reason().unwrap().contains("apply"), "{wrong}");
        assert_eq!(apply.wait_applied(crate::base::LogIndex(5)).await, Err(Stopped));
    }
}

#[tokio::test]
async fn the_first_entry_has_index_zero() {
    let host = fake::host();
    let apply = start(&host).await;
    let batch = vec![ApplyEntry { id: LogId::new(1, 1), payload: ApplyPayload::Blank }];
    assert_eq!(apply.apply(batch).await, Err(ApplyError::Stopped));
}
