use expect_test::expect;

use super::check;

#[test]
fn a_transaction_is_one_revision_with_an_event_and_a_change_for_each_key() {
    check(
        "z=0; txn a=1 z=1 del:b m/c=1 m/d=1; clock 20; by bob; txn a=2 del:z del:m/c; txn del:b; txn a=3 e=1 once t; \
         a=4; txn a=3 e=1 once t",
        expect![[r#"
            z=0: Set(created: true)
              term 1 from 0
              namespace n "" of ann @1:0 created 10 entries 1
              n/-/z=0 v1 @1:0 created 10 updated 10 by ann
              audit 1:0:0 namespace.set n by ann false->true
              audit 1:0:1 config.set n/-/z by ann false->true
            txn a=1 z=1 del:b m/c=1 m/d=1: Txn[Set { version: 1 }, Set { version: 2 }, Absent, Set { version: 1 }, Set { version: 1 }]
              namespace m "" of ann @1:1 created 10 entries 2
              namespace n "" of ann @1:0 created 10 entries 2
              n/-/a=1 v1 @1:1 created 10 updated 10 by ann
              n/-/z=1 v2 @1:1 created 10 updated 10 by ann replaces 1:0
              m/-/c=1 v1 @1:1 created 10 updated 10 by ann
              m/-/d=1 v1 @1:1 created 10 updated 10 by ann
              audit 1:1:0 config.set n/-/a by ann false->true
              audit 1:1:1 config.set n/-/z by ann true->true old @1:0
              audit 1:1:2 namespace.set m by ann false->true
              audit 1:1:3 config.set m/-/c by ann false->true
              audit 1:1:4 config.set m/-/d by ann false->true
            txn a=2 del:z del:m/c: Txn[Set { version: 2 }, Deleted, Deleted]
              namespace m "" of ann @1:1 created 10 entries 1
              namespace n "" of ann @1:0 created 10 entries 1
              n/-/a=2 v2 @1:2 created 10 updated 20 by bob replaces 1:1
              n/-/z gone @1:2 by bob replaces 1:1
              m/-/c gone @1:2 by bob replaces 1:1
              audit 1:2:0 config.set n/-/a by bob true->true old @1:1
              audit 1:2:1 config.delete n/-/z by bob true->false old @1:1
              audit 1:2:2 config.delete m/-/c by bob true->false old @1:1
            txn del:b: Txn[Absent]
            txn a=3 e=1 once t: Txn[Set { version: 3 }, Set { version: 1 }]
              receipt t of bob @1:4 at 20
              namespace n "" of ann @1:0 created 10 entries 2
              n/-/a=3 v3 @1:4 created 10 updated 20 by bob replaces 1:2
              n/-/e=1 v1 @1:4 created 20 updated 20 by bob
              audit 1:4:0 config.set n/-/a by bob true->true old @1:2
              audit 1:4:1 config.set n/-/e by bob false->true
            a=4: Set(created: false)
              n/-/a=4 v4 @1:5 created 10 updated 20 by bob replaces 1:4
              audit 1:5:0 config.set n/-/a by bob true->true old @1:4
            txn a=3 e=1 once t: Txn[Set { version: 3 }, Set { version: 1 }] as at 1:4
        "#]],
    );
}

#[test]
fn a_transaction_that_fails_changes_nothing_and_names_each_comparison() {
    check(
        "a=1; b=1; txn a@1:0 b@1:0 c@absent e@9:9 d=1; txn a@1:0 b@absent c@1:0 m/x@absent a=2; txn a@1:0 c@absent a=2 c=1; txn a@1:0 a=3 once t; txn a@1:0 a=3 once t",
        expect![[r#"
            a=1: Set(created: true)
              term 1 from 0
              namespace n "" of ann @1:0 created 10 entries 1
              n/-/a=1 v1 @1:0 created 10 updated 10 by ann
              audit 1:0:0 namespace.set n by ann false->true
              audit 1:0:1 config.set n/-/a by ann false->true
            b=1: Set(created: true)
              namespace n "" of ann @1:0 created 10 entries 2
              n/-/b=1 v1 @1:1 created 10 updated 10 by ann
              audit 1:1:0 config.set n/-/b by ann false->true
            txn a@1:0 b@1:0 c@absent e@9:9 d=1: CompareFailed 1:1:1 3:absent
            txn a@1:0 b@absent c@1:0 m/x@absent a=2: CompareFailed 1:1:1 2:absent
            txn a@1:0 c@absent a=2 c=1: Txn[Set { version: 2 }, Set { version: 1 }]
              namespace n "" of ann @1:0 created 10 entries 3
              n/-/a=2 v2 @1:4 created 10 updated 10 by ann replaces 1:0
              n/-/c=1 v1 @1:4 created 10 updated 10 by ann
              audit 1:4:0 config.set n/-/a by ann true->true old @1:0
              audit 1:4:1 config.set n/-/c by ann false->true
            txn a@1:0 a=3 once t: CompareFailed 0:1:4
              receipt t of ann @1:5 at 10
            txn a@1:0 a=3 once t: CompareFailed 0:1:4 as at 1:5
        "#]],
    );
}

#[test]
fn a_namespace_that_a_transaction_brings_back_counts_all_its_entries() {
    check(
        "a=1; del a; ns del; txn a=1 b=1 c=1; txn del:a del:b c=2; del c; ns del",
        expect![[r#"
        a=1: Set(created: true)
          term 1 from 0
          namespace n "" of ann @1:0 created 10 entries 1
          n/-/a=1 v1 @1:0 created 10 updated 10 by ann
          audit 1:0:0 namespace.set n by ann false->true
          audit 1:0:1 config.set n/-/a by ann false->true
        del a: Deleted
          namespace n "" of ann @1:0 created 10 entries 0
          n/-/a gone @1:1 by ann replaces 1:0
          audit 1:1:0 config.delete n/-/a by ann true->false old @1:0
        ns del: Deleted
          namespace n gone @1:2 replaces 1:0
          audit 1:2:0 namespace.delete n by ann true->false old @1:0
        txn a=1 b=1 c=1: Txn[Set { version: 1 }, Set { version: 1 }, Set { version: 1 }]
          namespace n "" of ann @1:3 created 10 entries 3 replaces 1:2
          n/-/a=1 v1 @1:3 created 10 updated 10 by ann replaces 1:1
          n/-/b=1 v1 @1:3 created 10 updated 10 by ann
          n/-/c=1 v1 @1:3 created 10 updated 10 by ann
          audit 1:3:0 namespace.set n by ann false->true
          audit 1:3:1 config.set n/-/a by ann false->true
          audit 1:3:2 config.set n/-/b by ann false->true
          audit 1:3:3 config.set n/-/c by ann false->true
        txn del:a del:b c=2: Txn[Deleted, Deleted, Set { version: 2 }]
          namespace n "" of ann @1:3 created 10 entries 1
          n/-/a gone @1:4 by ann replaces 1:3
          n/-/b gone @1:4 by ann replaces 1:3
          n/-/c=2 v2 @1:4 created 10 updated 10 by ann replaces 1:3
          audit 1:4:0 config.delete n/-/a by ann true->false old @1:3
          audit 1:4:1 config.delete n/-/b by ann true->false old @1:3
          audit 1:4:2 config.set n/-/c by ann true->true old @1:3
        del c: Deleted
          namespace n "" of ann @1:3 created 10 entries 0
          n/-/c gone @1:5 by ann replaces 1:4
          audit 1:5:0 config.delete n/-/c by ann true->false old @1:4
        ns del: Deleted
          namespace n gone @1:6 replaces 1:3
          audit 1:6:0 namespace.delete n by ann true->false old @1:3
    "#]],
    );
}
