use expect_test::expect;

use super::*;

#[test]
fn a_repeat_is_told_what_came_of_the_first() {
    check(
        "a=1 once k; clock 20; a=2; a=1 once k; a=3 once k; by bob; a=1 once k; by ann; del a once d; a=5; del a once d; \
         del zzz once e; zzz=1; del zzz once e; a=1 if-none * once f; del a; a=1 if-none * once f; a=1 once f; \
         ns describe x once g; ns describe y; ns describe x once g; ns del once h; ns del once h",
        expect![[r#"
            a=1 once k: Set(created: true)
              term 1 from 0
              receipt k of ann @1:0 at 10
              namespace n "" of ann @1:0 created 10 entries 1
              n/-/a=1 v1 @1:0 created 10 updated 10 by ann
              audit 1:0:0 namespace.set n by ann false->true
              audit 1:0:1 config.set n/-/a by ann false->true
            a=2: Set(created: false)
              n/-/a=2 v2 @1:1 created 10 updated 20 by ann replaces 1:0
              audit 1:1:0 config.set n/-/a by ann true->true old @1:0
            a=1 once k: Set(created: true) as at 1:0
            a=3 once k: IdempotencyMismatch
            a=1 once k: Set(created: false)
              receipt k of bob @1:4 at 20
              n/-/a=1 v3 @1:4 created 10 updated 20 by bob replaces 1:1
              audit 1:4:0 config.set n/-/a by bob true->true old @1:1
            del a once d: Deleted
              receipt d of ann @1:5 at 20
              namespace n "" of ann @1:0 created 10 entries 0
              n/-/a gone @1:5 by ann replaces 1:4
              audit 1:5:0 config.delete n/-/a by ann true->false old @1:4
            a=5: Set(created: true)
              namespace n "" of ann @1:0 created 10 entries 1
              n/-/a=5 v1 @1:6 created 20 updated 20 by ann replaces 1:5
              audit 1:6:0 config.set n/-/a by ann false->true
            del a once d: Deleted as at 1:5
            del zzz once e: Absent
              receipt e of ann @1:8 at 20
            zzz=1: Set(created: true)
              namespace n "" of ann @1:0 created 10 entries 2
              n/-/zzz=1 v1 @1:9 created 20 updated 20 by ann
              audit 1:9:0 config.set n/-/zzz by ann false->true
            del zzz once e: Absent as at 1:8
            a=1 if-none * once f: PreconditionFailed(1:6)
              receipt f of ann @1:11 at 20
            del a: Deleted
              namespace n "" of ann @1:0 created 10 entries 1
              n/-/a gone @1:12 by ann replaces 1:6
              audit 1:12:0 config.delete n/-/a by ann true->false old @1:6
            a=1 if-none * once f: PreconditionFailed(1:6) as at 1:11
            a=1 once f: IdempotencyMismatch
            ns describe x once g: NamespaceSet(created: false)
              receipt g of ann @1:15 at 20
              namespace n "x" of bob @1:15 created 10 entries 1 replaces 1:0
              audit 1:15:0 namespace.set n by ann true->true old @1:0
            ns describe y: NamespaceSet(created: false)
              namespace n "y" of bob @1:16 created 10 entries 1 replaces 1:15
              audit 1:16:0 namespace.set n by ann true->true old @1:15
            ns describe x once g: NamespaceSet(created: false) as at 1:15
            ns del once h: NamespaceNotEmpty
              receipt h of ann @1:18 at 20
            ns del once h: NamespaceNotEmpty as at 1:18
        "#]],
    );
}

#[test]
fn a_repeat_brings_the_same_outcome_in_every_part() {
    let mut state = State::default();
    let mut index = 0;
    let mut send = |state: &mut State, op: &Op, condition: &Condition, key: Option<&str>| {
        let once = key.map(|key| once(op, condition, key));
        let write = Write { op: op.clone(), condition: condition.clone(), once };
        let request_id = RequestId::parse("r").unwrap();
        let command = Command { stamp: WallTime(10 + index), actor: "ann".into(), request_id, write };
        let at = LogId::new(1, index);
        index += 1;
        let Ok(effects) = apply(&*state, at, &command);
        let revision = effects.revision;
        (revision, state.take(at, effects))
    };
    let (namespace, key) = (Namespace::parse("n").unwrap(), Key::parse("k").unwrap());
    let set = |value: &str| Op::Set {
        namespace: namespace.clone(),
        key: key.clone(),
        value: value.to_owned(),
        value_type: ValueType::Json,
    };
    let describe =
        Op::SetNamespace { namespace: namespace.clone(), description: "d".to_owned(), owner: "o".to_owned() };
    let delete = Op::Delete { namespace: namespace.clone(), key: key.clone() };
    let none = Condition::default();
    let absent = Condition { if_none_match: Some(Revisions::Any), ..Condition::default() };
    let asked = [
        (set("1"), &none),
        (set("2"), &none),
        (set("3"), &absent),
        (describe, &none),
        (Op::DeleteNamespace { namespace: namespace.clone() }, &none),
        (Op::Txn(txn("n/k@9:9 a=1")), &none),
        (Op::Txn(txn("a=1 del:k del:zzz")), &none),
        (Op::Txn(txn("del:a")), &none),
        (delete.clone(), &none),
        (set("4"), &none),
        (delete, &none),
    ];
    for (n, (op, condition)) in asked.iter().enumerate() {
        let key = n.to_string();
        let first = send(&mut state, op, condition, Some(&key));
        send(&mut state, &set("between"), &none, None);
        let (keys, events) = (state.keys.clone(), state.audit_head);
        assert_eq!(send(&mut state, op, condition, Some(&key)), first, "{op:?}");
        assert_eq!((&state.keys, state.audit_head), (&keys, events), "a repeat changes nothing: {op:?}");
    }
    // Whoever sends a made-up fingerprint is not told of the other request.
    let fingerprint = Fingerprint::of(&asked[0].0, &none);
    let write = Write {
        op: asked[10].0.clone(),
        condition: none.clone(),
        once: Some(Box::new(Once { key: IdempotencyKey::parse("0").unwrap(), fingerprint })),
    };
    let command =
        Command { stamp: WallTime(99), actor: "ann".into(), request_id: RequestId::parse("r").unwrap(), write };
    let Ok(effects) = apply(&state, LogId::new(1, index), &command);
    assert_eq!((effects.outcome, effects.changes.len()), (Outcome::IdempotencyMismatch, 0));
}

#[test]
fn a_receipt_is_kept_for_a_day_of_log_time() {
    let day = 24 * 60 * 60 * 1000;
    check(
        &format!(
            "clock 0; a=1 once k; clock 5; a=2 once l; clock {}; a=1 once k; clock {day}; bootstrap; a=1 once k; \
             clock {}; a=2 once l; clock 0; a=1 once k; clock {}; blank; del zzz; del zzz",
            day - 1,
            day + 4,
            3 * day,
        ),
        expect![[r#"
            a=1 once k: Set(created: true)
              term 1 from 0
              receipt k of ann @1:0 at 0
              namespace n "" of ann @1:0 created 0 entries 1
              n/-/a=1 v1 @1:0 created 0 updated 0 by ann
              audit 1:0:0 namespace.set n by ann false->true
              audit 1:0:1 config.set n/-/a by ann false->true
            a=2 once l: Set(created: false)
              receipt l of ann @1:1 at 5
              n/-/a=2 v2 @1:1 created 0 updated 5 by ann replaces 1:0
              audit 1:1:0 config.set n/-/a by ann true->true old @1:0
            a=1 once k: Set(created: true) as at 1:0
            bootstrap: None
              forget k of ann at 0
              cursor key
            a=1 once k: Set(created: false)
              receipt k of ann @1:4 at 86400000
              n/-/a=1 v3 @1:4 created 0 updated 86400000 by ann replaces 1:1
              audit 1:4:0 config.set n/-/a by ann true->true old @1:1
            a=2 once l: Set(created: false) as at 1:1
            a=1 once k: Set(created: false) as at 1:4
            blank: None
            del zzz: Absent
              forget l of ann at 5
              forget k of ann at 86400000
            del zzz: Absent
        "#]],
    );
}

/// However many there are, a command lets go of a few: and what waits its turn is kept no longer all the same.
#[test]
fn many_receipts_expire_a_few_at_a_time() {
    let day = 24 * 60 * 60 * 1000;
    let first: Vec<String> = (0..20).map(|n| format!("del zzz once k{n}")).collect();
    let script =
        format!("clock 0; {}; clock {day}; del zzz; del zzz once k19; blank; del zzz; del zzz", first.join("; "));
    check(
        &script,
        expect![[r#"
        del zzz once k0: Absent
          term 1 from 0
          receipt k0 of ann @1:0 at 0
        del zzz once k1: Absent
          receipt k1 of ann @1:1 at 0
        del zzz once k2: Absent
          receipt k2 of ann @1:2 at 0
        del zzz once k3: Absent
          receipt k3 of ann @1:3 at 0
        del zzz once k4: Absent
          receipt k4 of ann @1:4 at 0
        del zzz once k5: Absent
          receipt k5 of ann @1:5 at 0
        del zzz once k6: Absent
          receipt k6 of ann @1:6 at 0
        del zzz once k7: Absent
          receipt k7 of ann @1:7 at 0
        del zzz once k8: Absent
          receipt k8 of ann @1:8 at 0
        del zzz once k9: Absent
          receipt k9 of ann @1:9 at 0
        del zzz once k10: Absent
          receipt k10 of ann @1:10 at 0
        del zzz once k11: Absent
          receipt k11 of ann @1:11 at 0
        del zzz once k12: Absent
          receipt k12 of ann @1:12 at 0
        del zzz once k13: Absent
          receipt k13 of ann @1:13 at 0
        del zzz once k14: Absent
          receipt k14 of ann @1:14 at 0
        del zzz once k15: Absent
          receipt k15 of ann @1:15 at 0
        del zzz once k16: Absent
          receipt k16 of ann @1:16 at 0
        del zzz once k17: Absent
          receipt k17 of ann @1:17 at 0
        del zzz once k18: Absent
          receipt k18 of ann @1:18 at 0
        del zzz once k19: Absent
          receipt k19 of ann @1:19 at 0
        del zzz: Absent
          forget k0 of ann at 0
          forget k1 of ann at 0
          forget k2 of ann at 0
          forget k3 of ann at 0
          forget k4 of ann at 0
          forget k5 of ann at 0
          forget k6 of ann at 0
          forget k7 of ann at 0
        del zzz once k19: Absent
          forget k8 of ann at 0
          forget k9 of ann at 0
          forget k10 of ann at 0
          forget k11 of ann at 0
          forget k12 of ann at 0
          forget k13 of ann at 0
          forget k14 of ann at 0
          forget k15 of ann at 0
          forget k19 of ann at 0
          receipt k19 of ann @1:21 at 86400000
        blank: None
        del zzz: Absent
          forget k16 of ann at 0
          forget k17 of ann at 0
          forget k18 of ann at 0
        del zzz: Absent
    "#]],
    );
}
