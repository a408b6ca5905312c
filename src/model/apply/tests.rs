//! Scripts against a state in memory: `check` plays one and shows what each command did.

mod conditions;
mod once;
mod txn;

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
    /// Every state that a key ever had.
    history: Vec<KeyState>,
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
    fn key_at(&self, namespace: &Namespace, key: &Key, revision: LogId) -> Result<Option<KeyState>, Infallible> {
        let is_of_key = |state: &KeyState| match state {
            KeyState::Live(entry) => entry.namespace == *namespace && entry.key == *key,
            KeyState::Deleted(gone) => gone.namespace == *namespace && gone.key == *key,
        };
        Ok(self.history.iter().find(|state| state.revision() == revision && is_of_key(state)).cloned())
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
            if let Change::Key { state, .. } = &change {
                self.history.push(state.clone());
            }
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

/// Commands are joined by `; `. `a=1` sets key a, `del a`, `back a 1:0`, `ns describe x`, `ns del`, `term 3`, `clock 50` (the
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
        } else if let Some((name, revision)) = line.strip_prefix("back ").and_then(|rest| rest.split_once(' ')) {
            let (namespace, revision) = (namespace.clone(), revision.parse().unwrap());
            Some(Op::Rollback { namespace, key: key(name), revision })
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
fn a_rollback_sets_or_deletes_what_history_says() {
    check(
        "a=1; a=2; del a; clock 20; by bob; back a 1:0; back a 1:3; back a 1:2; back a 1:2; back a 2:1; back b 1:0; back a 1:9",
        expect![[r#"
            a=1: Set(created: true)
              term 1 from 0
              namespace n "" of ann @1:0 created 10 entries 1
              n/-/a=1 v1 @1:0 created 10 updated 10 by ann
              audit 1:0:0 namespace.set n by ann false->true
              audit 1:0:1 config.set n/-/a by ann false->true
            a=2: Set(created: false)
              n/-/a=2 v2 @1:1 created 10 updated 10 by ann replaces 1:0
              audit 1:1:0 config.set n/-/a by ann true->true old @1:0
            del a: Deleted
              namespace n "" of ann @1:0 created 10 entries 0
              n/-/a gone @1:2 by ann replaces 1:1
              audit 1:2:0 config.delete n/-/a by ann true->false old @1:1
            back a 1:0: Set(created: true)
              namespace n "" of ann @1:0 created 10 entries 1
              n/-/a=1 v1 @1:3 created 20 updated 20 by bob replaces 1:2
              audit 1:3:0 config.set n/-/a by bob false->true
            back a 1:3: Set(created: false)
              n/-/a=1 v2 @1:4 created 20 updated 20 by bob replaces 1:3
              audit 1:4:0 config.set n/-/a by bob true->true old @1:3
            back a 1:2: Deleted
              namespace n "" of ann @1:0 created 10 entries 0
              n/-/a gone @1:5 by bob replaces 1:4
              audit 1:5:0 config.delete n/-/a by bob true->false old @1:4
            back a 1:2: Absent
            back a 2:1: NoSuchRevision
            back b 1:0: NoSuchRevision
            back a 1:9: NoSuchRevision
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
