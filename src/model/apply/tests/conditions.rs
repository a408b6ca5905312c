use expect_test::expect;

use super::check;

#[test]
fn a_condition_is_decided_by_what_is_there() {
    check(
        "a=1 if-match *; a=1 if-none *; a=2 if-none *; a=2 if-match 1:9,1:1; a=3 if-match 1:1; a=3 if-none 1:3; \
         a=3 if-match 1:3 if-none 1:1; del a if-match 1:3; del a if-match *; del a if-match *; a=4 if-match 1:8; \
         ns describe x if-match 1:0; ns describe x if-match 1:1; ns del if-match 1:0; ns del if-match *; ns del if-match 1:0",
        expect![[r#"
            a=1 if-match *: PreconditionFailed(absent)
              term 1 from 0
            a=1 if-none *: Set(created: true)
              namespace n "" of ann @1:1 created 10 entries 1
              n/-/a=1 v1 @1:1 created 10 updated 10 by ann
              audit 1:1:0 namespace.set n by ann false->true
              audit 1:1:1 config.set n/-/a by ann false->true
            a=2 if-none *: PreconditionFailed(1:1)
            a=2 if-match 1:9,1:1: Set(created: false)
              n/-/a=2 v2 @1:3 created 10 updated 10 by ann replaces 1:1
              audit 1:3:0 config.set n/-/a by ann true->true old @1:1
            a=3 if-match 1:1: PreconditionFailed(1:3)
            a=3 if-none 1:3: PreconditionFailed(1:3)
            a=3 if-match 1:3 if-none 1:1: Set(created: false)
              n/-/a=3 v3 @1:6 created 10 updated 10 by ann replaces 1:3
              audit 1:6:0 config.set n/-/a by ann true->true old @1:3
            del a if-match 1:3: PreconditionFailed(1:6)
            del a if-match *: Deleted
              namespace n "" of ann @1:1 created 10 entries 0
              n/-/a gone @1:8 by ann replaces 1:6
              audit 1:8:0 config.delete n/-/a by ann true->false old @1:6
            del a if-match *: Absent
            a=4 if-match 1:8: PreconditionFailed(absent)
            ns describe x if-match 1:0: PreconditionFailed(1:1)
            ns describe x if-match 1:1: NamespaceSet(created: false)
              namespace n "x" of bob @1:12 created 10 entries 0 replaces 1:1
              audit 1:12:0 namespace.set n by ann true->true old @1:1
            ns del if-match 1:0: PreconditionFailed(1:12)
            ns del if-match *: Deleted
              namespace n gone @1:14 replaces 1:12
              audit 1:14:0 namespace.delete n by ann true->false old @1:12
            ns del if-match 1:0: Absent
        "#]],
    );
}

#[test]
fn what_has_entries_or_is_absent_is_told_so_whatever_the_condition() {
    check(
        "ns del if-match 1:0; a=1; ns del if-match 9:9; del b if-match 9:9",
        expect![[r#"
        ns del if-match 1:0: Absent
          term 1 from 0
        a=1: Set(created: true)
          namespace n "" of ann @1:1 created 10 entries 1
          n/-/a=1 v1 @1:1 created 10 updated 10 by ann
          audit 1:1:0 namespace.set n by ann false->true
          audit 1:1:1 config.set n/-/a by ann false->true
        ns del if-match 9:9: NamespaceNotEmpty
        del b if-match 9:9: Absent
    "#]],
    );
}
