//! Scripts against a state in memory: `check` plays one and shows what each command did.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::base::RequestId;
use crate::model::{CHAIN_START, Compare, Condition, Fingerprint, Once, Revisions, Write};

/// The state as plain maps: an independent, obvious [`View`].
#[derive(Default)]
struct State {
    keys: BTreeMap<(Namespace, Key), KeyState>,
    namespaces: BTreeMap<Namespace, NamespaceRecord>,
    log_time: WallTime,
    audit_head: Option<ChainHash>,
    last_term: Option<Term>,
    cursor_key: Option<CursorKey>,
    receipts: BTreeMap<(String, IdempotencyKey), Receipt>,
    /// The index by time.
    places: BTreeMap<(WallTime, LogIndex), ReceiptPlace>,
    receipts_from: Option<WallTime>,
}

impl View for State {
    type Error = Infallible;

    fn key(&self, namespace: &Namespace, key: &Key) -> Result<Option<KeyState>, Infallible> {
        Ok(self.keys.get(&(namespace.clone(), key.clone())).cloned())
    }
    fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceRecord>, Infallible> {
        Ok(self.namespaces.get(namespace).cloned())
    }
    fn log_time(&self) -> WallTime {
        self.log_time
    }
    fn audit_head(&self) -> ChainHash {
        self.audit_head.unwrap_or(CHAIN_START)
    }
    fn last_term(&self) -> Option<Term> {
        self.last_term
    }
    fn cursor_key(&self) -> Option<CursorKey> {
        self.cursor_key
    }
    fn receipt(&self, principal: &str, key: &IdempotencyKey) -> Result<Option<Receipt>, Infallible> {
        Ok(self.receipts.get(&(principal.to_owned(), key.clone())).cloned())
    }
    fn receipts_from(&self) -> Option<WallTime> {
        self.receipts_from
    }
    fn oldest_receipts(&self, from: WallTime, limit: usize) -> Result<Vec<ReceiptPlace>, Infallible> {
        Ok(self.places.range((from, LogIndex(0))..).take(limit).map(|(_, place)| place.clone()).collect())
    }
}

impl State {
    fn take(&mut self, at: LogId, effects: Effects) -> Outcome {
        for change in effects.changes {
            match change {
                Change::Key { state: KeyState::Live(entry), .. } => {
                    self.keys.insert((entry.namespace.clone(), entry.key.clone()), KeyState::Live(entry));
                }
                Change::Key { state: KeyState::Deleted(gone), .. } => {
                    self.keys.insert((gone.namespace.clone(), gone.key.clone()), KeyState::Deleted(gone));
                }
                Change::Namespace { record, .. } => drop(self.namespaces.insert(record.path().clone(), record)),
                Change::Term { .. } => {}
                Change::CursorKey(key) => self.cursor_key = Some(key),
                Change::Receipt { principal, key, receipt } => {
                    let (at, revision) = (receipt.at, receipt.revision);
                    self.receipts.insert((principal.clone(), key.clone()), receipt);
                    self.places.insert((at, revision.index), ReceiptPlace { at, revision, principal, key });
                }
                Change::Forget(place) => {
                    self.receipts.remove(&(place.principal, place.key));
                    self.places.remove(&(place.at, place.revision.index));
                }
            }
        }
        for event in effects.events {
            assert_eq!(event.previous_hash, self.audit_head());
            assert_eq!(event.hash, event.chained_hash());
            self.audit_head = Some(event.hash);
        }
        self.log_time = effects.log_time;
        self.receipts_from = effects.receipts_from;
        assert_eq!(self.receipts.len(), self.places.len());
        let oldest = self.places.keys().next().map(|(at, _)| *at);
        assert!(oldest.is_none() || (self.receipts_from.is_some() && self.receipts_from <= oldest));
        self.last_term = Some(at.term);
        effects.outcome
    }
}

fn show(at: LogId, effects: &Effects) -> String {
    let mut out = String::new();
    match &effects.outcome {
        Outcome::Set { created, .. } => write!(out, "Set(created: {created})").unwrap(),
        Outcome::NamespaceSet { created, .. } => write!(out, "NamespaceSet(created: {created})").unwrap(),
        Outcome::PreconditionFailed { current } => {
            let current = current.map_or("absent".to_owned(), |current| current.to_string());
            write!(out, "PreconditionFailed({current})").unwrap();
        }
        Outcome::CompareFailed { failed } => {
            write!(out, "CompareFailed").unwrap();
            for FailedCompare { n, current } in failed {
                write!(out, " {n}:{}", current.map_or("absent".to_owned(), |current| current.to_string())).unwrap();
            }
        }
        Outcome::Txn { results } => write!(out, "Txn{results:?}").unwrap(),
        other => write!(out, "{other:?}").unwrap(),
    }
    if effects.revision != at {
        write!(out, " as at {}", effects.revision).unwrap();
    }
    for change in &effects.changes {
        match change {
            Change::Key { state: KeyState::Live(e), replaces, .. } => {
                write!(
                    out,
                    "\n  {}/-/{}={} v{} @{} created {} updated {} by {}",
                    e.namespace, e.key, e.value, e.version, e.revision, e.created_at.0, e.updated_at.0, e.updated_by
                )
                .unwrap();
                replaces.iter().for_each(|r| write!(out, " replaces {r}").unwrap());
            }
            Change::Key { state: KeyState::Deleted(t), replaces, .. } => {
                write!(out, "\n  {}/-/{} gone @{} by {}", t.namespace, t.key, t.revision, t.deleted_by).unwrap();
                replaces.iter().for_each(|r| write!(out, " replaces {r}").unwrap());
            }
            Change::Namespace { record, replaces } => {
                match record {
                    NamespaceRecord::Live(row) => write!(
                        out,
                        "\n  namespace {} {:?} of {} @{} created {} entries {}",
                        row.path, row.description, row.owner, row.revision, row.created_at.0, row.entries
                    )
                    .unwrap(),
                    NamespaceRecord::Deleted { path, revision } => {
                        write!(out, "\n  namespace {path} gone @{revision}").unwrap();
                    }
                }
                replaces.iter().for_each(|r| write!(out, " replaces {r}").unwrap());
            }
            Change::Term { first, term } => write!(out, "\n  term {term} from {first}").unwrap(),
            Change::CursorKey(_) => write!(out, "\n  cursor key").unwrap(),
            Change::Receipt { principal, key, receipt } => {
                write!(out, "\n  receipt {} of {principal} @{} at {}", key.as_str(), receipt.revision, receipt.at.0)
                    .unwrap();
            }
            Change::Forget(place) => {
                write!(out, "\n  forget {} of {} at {}", place.key.as_str(), place.principal, place.at.0).unwrap();
            }
        }
    }
    for event in &effects.events {
        let key = event.key.as_ref().map(|key| format!("/-/{key}")).unwrap_or_default();
        write!(out, "\n  audit {} {} {}{key} by {}", event.id, event.action, event.namespace, event.actor).unwrap();
        write!(out, " {}->{}", event.old_digest.is_some(), event.new_digest.is_some()).unwrap();
        event.old_revision.iter().for_each(|r| write!(out, " old @{r}").unwrap());
    }
    out
}

/// Commands are joined by `; `. `a=1` sets key a, `del a`, `ns describe x`, `ns del`, `term 3`, `clock 50` (the
/// stamps from here on), `by bob`, `blank`, `bootstrap`, `txn a@1:0 b@absent a=1 del:b m/c=1`. The namespace is `n`, but
/// where a transaction names another. A command may end with `if-match 1:0,1:1`, `if-none *` and `once KEY`.
fn check(script: &str, expected: Expect) {
    let mut state = State::default();
    let (mut term, mut index, mut clock, mut actor) = (1, 0, 10, "ann".to_owned());
    let mut out = String::new();
    let namespace = Namespace::parse("n").unwrap();
    for line in script.split("; ") {
        let at = LogId::new(term, index);
        let key = |name: &str| Key::parse(name).unwrap();
        let op = if let Some(number) = line.strip_prefix("term ") {
            term = number.parse().unwrap();
            continue;
        } else if let Some(number) = line.strip_prefix("clock ") {
            clock = number.parse().unwrap();
            continue;
        } else if let Some(name) = line.strip_prefix("by ") {
            actor = name.to_owned();
            continue;
        } else if line == "blank" {
            None
        } else if line == "bootstrap" {
            Some(Op::Bootstrap { cursor_key: CursorKey([index as u8; 32]) })
        } else if let Some(text) = line.strip_prefix("ns describe ").map(|text| text.split(' ').next().unwrap()) {
            let (namespace, description) = (namespace.clone(), text.to_owned());
            Some(Op::SetNamespace { namespace, description, owner: "bob".into() })
        } else if line.starts_with("ns del") {
            Some(Op::DeleteNamespace { namespace: namespace.clone() })
        } else if let Some(words) = line.strip_prefix("txn ") {
            Some(Op::Txn(txn(words.split(" once ").next().unwrap())))
        } else if let Some(name) = line.strip_prefix("del ") {
            Some(Op::Delete { namespace: namespace.clone(), key: key(name.split(' ').next().unwrap()) })
        } else {
            let (name, value) = line.split(' ').next().unwrap().split_once('=').unwrap();
            let (namespace, key, value) = (namespace.clone(), key(name), value.to_owned());
            Some(Op::Set { namespace, key, value, value_type: ValueType::String })
        };
        let revisions = |word: &str| {
            let text = line.split_once(word)?.1.split(' ').next()?;
            let one_of = || Revisions::OneOf(text.split(',').map(|revision| revision.parse().unwrap()).collect());
            Some(if text == "*" { Revisions::Any } else { one_of() })
        };
        let condition = Condition { if_match: revisions(" if-match "), if_none_match: revisions(" if-none ") };
        let effects = match op {
            None => apply_unchanged(&state, at),
            Some(op) => {
                let request_id = RequestId::parse("r").unwrap();
                let once = line.split_once(" once ").map(|(_, key)| once(&op, &condition, key));
                let write = Write { op, condition, once };
                let Ok(effects) =
                    apply(&state, at, &Command { stamp: WallTime(clock), actor: actor.clone(), request_id, write });
                effects
            }
        };
        writeln!(out, "{line}: {}", show(at, &effects)).unwrap();
        state.take(at, effects);
        index += 1;
    }
    expected.assert_eq(&out);
}

fn once(op: &Op, condition: &Condition, key: &str) -> Box<Once> {
    Box::new(Once { key: IdempotencyKey::parse(key).unwrap(), fingerprint: Fingerprint::of(op, condition) })
}

fn txn(words: &str) -> Txn {
    let name = |text: &str| {
        let (namespace, key) = text.split_once('/').unwrap_or(("n", text));
        (Namespace::parse(namespace).unwrap(), Key::parse(key).unwrap())
    };
    let (mut compare, mut ops) = (Vec::new(), Vec::new());
    for word in words.split(' ') {
        if let Some((at, revision)) = word.split_once('@') {
            let (namespace, key) = name(at);
            compare.push(Compare { namespace, key, revision: revision.parse().ok() });
        } else if let Some(at) = word.strip_prefix("del:") {
            let (namespace, key) = name(at);
            ops.push(TxnOp::Delete { namespace, key });
        } else {
            let (at, value) = word.split_once('=').unwrap();
            let ((namespace, key), value) = (name(at), value.to_owned());
            ops.push(TxnOp::Set { namespace, key, value, value_type: ValueType::String });
        }
    }
    Txn::new(compare, ops).unwrap()
}

#[test]
fn a_key_is_created_changed_deleted_and_created_again() {
    check(
        "a=1; clock 20; by bob; a=2; a=2; del a; clock 30; a=3",
        expect![[r#"
        a=1: Set(created: true)
          term 1 from 0
          namespace n "" of ann @1:0 created 10 entries 1
          n/-/a=1 v1 @1:0 created 10 updated 10 by ann
          audit 1:0:0 namespace.set n by ann false->true
          audit 1:0:1 config.set n/-/a by ann false->true
        a=2: Set(created: false)
          n/-/a=2 v2 @1:1 created 10 updated 20 by bob replaces 1:0
          audit 1:1:0 config.set n/-/a by bob true->true old @1:0
        a=2: Set(created: false)
          n/-/a=2 v3 @1:2 created 10 updated 20 by bob replaces 1:1
          audit 1:2:0 config.set n/-/a by bob true->true old @1:1
        del a: Deleted
          namespace n "" of ann @1:0 created 10 entries 0
          n/-/a gone @1:3 by bob replaces 1:2
          audit 1:3:0 config.delete n/-/a by bob true->false old @1:2
        a=3: Set(created: true)
          namespace n "" of ann @1:0 created 10 entries 1
          n/-/a=3 v1 @1:4 created 30 updated 30 by bob replaces 1:3
          audit 1:4:0 config.set n/-/a by bob false->true
    "#]],
    );
}

#[test]
fn deleting_what_is_not_there_changes_nothing() {
    check(
        "del a; a=1; del b; del a; del a",
        expect![[r#"
        del a: Absent
          term 1 from 0
        a=1: Set(created: true)
          namespace n "" of ann @1:1 created 10 entries 1
          n/-/a=1 v1 @1:1 created 10 updated 10 by ann
          audit 1:1:0 namespace.set n by ann false->true
          audit 1:1:1 config.set n/-/a by ann false->true
        del b: Absent
        del a: Deleted
          namespace n "" of ann @1:1 created 10 entries 0
          n/-/a gone @1:3 by ann replaces 1:1
          audit 1:3:0 config.delete n/-/a by ann true->false old @1:1
        del a: Absent
    "#]],
    );
}

#[test]
fn a_namespace_counts_its_entries_and_goes_only_when_empty() {
    check(
        "ns del; ns describe x; ns del; ns del; a=1; b=1; ns describe y; ns del; del a; ns del; del b; ns del",
        expect![[r#"
            ns del: Absent
              term 1 from 0
            ns describe x: NamespaceSet(created: true)
              namespace n "x" of bob @1:1 created 10 entries 0
              audit 1:1:0 namespace.set n by ann false->true
            ns del: Deleted
              namespace n gone @1:2 replaces 1:1
              audit 1:2:0 namespace.delete n by ann true->false old @1:1
            ns del: Absent
            a=1: Set(created: true)
              namespace n "" of ann @1:4 created 10 entries 1 replaces 1:2
              n/-/a=1 v1 @1:4 created 10 updated 10 by ann
              audit 1:4:0 namespace.set n by ann false->true
              audit 1:4:1 config.set n/-/a by ann false->true
            b=1: Set(created: true)
              namespace n "" of ann @1:4 created 10 entries 2
              n/-/b=1 v1 @1:5 created 10 updated 10 by ann
              audit 1:5:0 config.set n/-/b by ann false->true
            ns describe y: NamespaceSet(created: false)
              namespace n "y" of bob @1:6 created 10 entries 2 replaces 1:4
              audit 1:6:0 namespace.set n by ann true->true old @1:4
            ns del: NamespaceNotEmpty
            del a: Deleted
              namespace n "y" of bob @1:6 created 10 entries 1
              n/-/a gone @1:8 by ann replaces 1:4
              audit 1:8:0 config.delete n/-/a by ann true->false old @1:4
            ns del: NamespaceNotEmpty
            del b: Deleted
              namespace n "y" of bob @1:6 created 10 entries 0
              n/-/b gone @1:10 by ann replaces 1:5
              audit 1:10:0 config.delete n/-/b by ann true->false old @1:5
            ns del: Deleted
              namespace n gone @1:11 replaces 1:6
              audit 1:11:0 namespace.delete n by ann true->false old @1:6
        "#]],
    );
}

#[test]
fn log_time_never_goes_back() {
    check(
        "clock 50; a=1; clock 40; a=2; clock 60; del zzz; clock 10; a=3",
        expect![[r#"
        a=1: Set(created: true)
          term 1 from 0
          namespace n "" of ann @1:0 created 50 entries 1
          n/-/a=1 v1 @1:0 created 50 updated 50 by ann
          audit 1:0:0 namespace.set n by ann false->true
          audit 1:0:1 config.set n/-/a by ann false->true
        a=2: Set(created: false)
          n/-/a=2 v2 @1:1 created 50 updated 50 by ann replaces 1:0
          audit 1:1:0 config.set n/-/a by ann true->true old @1:0
        del zzz: Absent
        a=3: Set(created: false)
          n/-/a=3 v3 @1:3 created 50 updated 60 by ann replaces 1:1
          audit 1:3:0 config.set n/-/a by ann true->true old @1:1
    "#]],
    );
}

#[test]
fn every_term_is_noted_once_whatever_its_first_entry() {
    check(
        "blank; blank; term 2; a=1; term 4; del zzz; blank; term 5; bootstrap; bootstrap",
        expect![[r#"
        blank: None
          term 1 from 0
        blank: None
        a=1: Set(created: true)
          term 2 from 2
          namespace n "" of ann @2:2 created 10 entries 1
          n/-/a=1 v1 @2:2 created 10 updated 10 by ann
          audit 2:2:0 namespace.set n by ann false->true
          audit 2:2:1 config.set n/-/a by ann false->true
        del zzz: Absent
          term 4 from 3
        blank: None
        bootstrap: None
          term 5 from 5
          cursor key
        bootstrap: None
    "#]],
    );
}

#[test]
#[should_panic(expected = "term went back")]
fn a_term_that_goes_back_is_a_broken_truth() {
    check("term 2; blank; term 1; blank", expect![[""]]);
}

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
