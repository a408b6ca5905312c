use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::testing::{delete, scan, set};
use super::search::Specification;
use super::*;
use crate::seed::stream;

fn told(mut record: Record, created: bool, version: u64) -> Record {
    record.outcome = Outcome::Set { revision: "1:1".parse().unwrap(), created, version };
    record
}

fn deleted(id: &str, invoked: u64, returned: u64) -> Record {
    delete(id, "k", invoked, returned).acknowledged_at("1:1")
}

fn judge(records: &[Record], shown: Option<(&str, u64)>) -> Result<Searched, Broken> {
    let mut scan = scan(&shown.map_or(vec![], |(value, _)| vec![("k", value, "1:1")]));
    scan.entries.values_mut().for_each(|seen| seen.version = shown.map_or(0, |(_, version)| version));
    check(records, &[scan]).map(|all| all[0])
}

fn holds(records: &[Record], shown: Option<(&str, u64)>) -> bool {
    match judge(records, shown) {
        Ok(searched) => {
            assert_eq!(searched, Searched::Holds);
            true
        }
        Err(_) => false,
    }
}

#[test]
fn good_histories_hold() {
    let a = || told(set("a", "k", 0, 10), true, 1);
    assert!(holds(&[a(), told(set("b", "k", 11, 20), false, 2)], Some(("b", 2))));
    assert!(holds(&[a(), told(set("b", "k", 5, 20), false, 2)], Some(("b", 2))));
    assert!(holds(&[told(set("a", "k", 0, 10), false, 2), told(set("b", "k", 5, 20), true, 1)], Some(("a", 2))));
    assert!(holds(&[a(), deleted("d", 11, 20)], None));
    assert!(holds(&[a(), deleted("d", 11, 20), told(set("b", "k", 21, 30), true, 1)], Some(("b", 1))));
    assert!(holds(&[a(), delete("d", "k", 0, 10).absent_as_of("1:1")], Some(("a", 1))));
    assert!(holds(&[a(), set("b", "k", 11, 20).refused()], Some(("a", 1))));
}

#[test]
fn a_lost_update_is_seen() {
    let both = [told(set("a", "k", 0, 10), true, 1), told(set("b", "k", 5, 20), true, 1)];
    assert!(!holds(&both, Some(("b", 1))), "both found nothing");
    let first = told(set("a", "k", 0, 10), true, 1);
    assert!(!holds(&[first.clone(), told(set("b", "k", 11, 20), false, 2)], Some(("a", 1))), "the second is gone");
    assert!(!holds(std::slice::from_ref(&first), None));
    assert!(!holds(&[first.clone(), told(set("b", "k", 11, 20), false, 2)], Some(("a", 3))), "the first is repeated");
    assert!(!holds(&[first.clone(), delete("d", "k", 11, 20).absent_as_of("1:1")], Some(("a", 1))));
    assert!(!holds(&[first, deleted("d", 11, 20), deleted("e", 11, 20)], None), "deleted twice");
}

#[test]
fn an_unknown_write_takes_effect_once_late_or_never_but_not_before_it_began() {
    let a = || told(set("a", "k", 0, 10), true, 1);
    let unknown = || set("u", "k", 11, 12).unknown();
    assert!(holds(&[a(), unknown()], Some(("a", 1))));
    assert!(holds(&[a(), unknown()], Some(("u", 2))));
    let after = |version| told(set("b", "k", 50, 60), false, version);
    assert!(holds(&[a(), unknown(), after(2)], Some(("b", 2))));
    assert!(holds(&[a(), unknown(), after(3)], Some(("b", 3))));
    assert!(holds(&[a(), unknown(), after(2)], Some(("u", 3))), "long after the client gave up");
    assert!(!holds(&[a(), unknown(), after(4)], Some(("b", 4))), "twice");
    assert!(!holds(&[a(), unknown(), after(3)], Some(("u", 4))), "before and after");
    assert!(!holds(&[a(), set("u", "k", 61, 70).unknown(), after(3)], Some(("b", 3))), "before it was asked for");
    let gone = delete("d", "k", 11, 12).unknown();
    assert!(holds(&[a(), gone.clone(), told(set("b", "k", 50, 60), true, 1)], Some(("b", 1))));
    assert!(holds(&[a(), gone.clone()], None));
    assert!(holds(&[a(), gone.clone()], Some(("a", 1))));
    assert!(!holds(&[a(), gone, deleted("e", 50, 60), deleted("f", 61, 70)], None));
    assert!(!holds(&[a(), set("r", "k", 11, 12).refused()], Some(("r", 2))), "refused, and it happened");
}

#[test]
fn the_violation_has_the_moment_and_the_operation() {
    let records = [
        told(set("a", "k", 0, 10), true, 1),
        told(set("b", "k", 11, 20), true, 1),
        told(set("c", "k", 21, 30), false, 2),
    ];
    let broken = judge(&records, Some(("c", 2))).unwrap_err();
    assert_eq!(broken.at, records[1].returned);
    assert!(broken.what.contains("explains b"), "{}", broken.what);
}

#[test]
fn a_spent_budget_is_inconclusive() {
    let name = Name { namespace: "n".to_owned(), key: "k".to_owned() };
    let sound = history(&mut stream(1, "sound"), 200, 8);
    let stale = [told(set("a", "k", 0, 10), true, 1), told(set("b", "k", 11, 20), true, 1)];
    for records in [&sound[..], &stale[..]] {
        let records: Vec<&Record> = records.iter().collect();
        assert_eq!(judge_entry(&name, &records, &[], 1), Ok(Searched::Inconclusive));
    }
}

/// What a sound register answers: each operation takes effect at a moment within its interval, or later where its
/// outcome is unknown.
fn history(rng: &mut StdRng, operations: usize, clients: usize) -> Vec<Record> {
    let mut records = Vec::new();
    let mut effects: Vec<(u64, usize)> = Vec::new();
    let mut free = vec![0; clients];
    for number in 0..operations {
        let client = rng.random_range(0..clients);
        let invoked = free[client] + rng.random_range(1..20);
        let returned = invoked + rng.random_range(1..40);
        free[client] = returned;
        let id = format!("o{number}");
        let record =
            if rng.random_bool(0.7) { set(&id, "k", invoked, returned) } else { delete(&id, "k", invoked, returned) };
        let record = match rng.random_range(0..10) {
            0 => record.refused(),
            1 => record.unknown(),
            _ => told(record, false, 0),
        };
        let unknown = matches!(record.outcome, Outcome::Unknown(_));
        if matches!(record.outcome, Outcome::Set { .. }) {
            effects.push((rng.random_range(invoked..=returned), number));
        } else if unknown && rng.random_bool(0.6) {
            effects.push((invoked + rng.random_range(0..200), number));
        }
        records.push(record);
    }
    effects.sort_unstable();
    let revision = "1:1".parse().unwrap();
    let mut version = 0;
    for (_, number) in effects {
        let record: &mut Record = &mut records[number];
        let (created, existed) = (version == 0, version > 0);
        let outcome = match record.request {
            Request::Set { .. } => {
                version += 1;
                Outcome::Set { revision, created, version }
            }
            _ if existed => Outcome::Deleted { revision },
            _ => Outcome::Absent { revision },
        };
        if matches!(record.request, Request::Delete { .. }) {
            version = 0;
        }
        if !matches!(record.outcome, Outcome::Unknown(_)) {
            record.outcome = outcome;
        }
    }
    records
}

#[test]
fn histories_of_hundreds_of_operations_are_judged_soon() {
    let began = Instant::now();
    for seed in 0..20 {
        let records = history(&mut stream(seed, "long"), 200, 8);
        assert_eq!(check(&records, &[]), Ok(vec![Searched::Holds]), "seed {seed}");
    }
    let thousands = history(&mut stream(1, "long"), 4_000, 8);
    assert_eq!(check(&thousands, &[]), Ok(vec![Searched::Holds]));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn one_wrong_answer_among_hundreds_is_seen() {
    for seed in 0..20 {
        let mut rng = stream(seed, "wrong");
        let mut records = history(&mut rng, 200, 8);
        let last = records.len() - 1;
        let wrong = records[..last].iter_mut().rev().find(|record| matches!(record.outcome, Outcome::Set { .. }));
        if let Some(Record { outcome: Outcome::Set { created, version, .. }, .. }) = wrong {
            (*created, *version) = (false, *version + 400);
        }
        assert!(check(&records, &[]).is_err(), "seed {seed}: {:?}", check(&records, &[]));
    }
}

/// Tries all orders of all subsets: what linearizability means, word for word.
fn naive(state: State, calls: &[Call<Operation>], left: &mut Vec<usize>) -> bool {
    if left.iter().all(|call| calls[*call].returned().is_none()) {
        return true;
    }
    (0..left.len()).any(|i| {
        let call = left[i];
        let comes_first = left.iter().all(|other| calls[*other].returned().is_none_or(|at| at >= calls[call].invoked));
        let Some(next) = EntryRegister::step(&state, &calls[call].operation).filter(|_| comes_first) else {
            return false;
        };
        left.remove(i);
        let explained = naive(next, calls, left);
        left.insert(i, call);
        explained
    })
}

fn random_call(rng: &mut StdRng) -> Call<Operation> {
    let invoked = rng.random_range(0..12);
    let returned = rng.random_bool(0.7).then(|| Duration::from_secs(invoked + rng.random_range(0..6)));
    let version = rng.random_range(1..4);
    let value = Value(rng.random_range(0..3));
    let answered = returned.is_some();
    let operation = match rng.random_range(0..3) {
        0 if answered && rng.random_bool(0.3) => Operation::Read(State::Absent),
        0 if answered => Operation::Read(State::Present { value: Value(value.0.max(1)), version }),
        1 => Operation::Delete { existed: answered.then(|| rng.random_bool(0.5)) },
        _ => Operation::Set { value, told: answered.then_some(Told { created: version == 1, version }) },
    };
    let alike = match operation {
        Operation::Set { value: Value::UNSHOWN, .. } => Some(UNSEEN_SET),
        Operation::Delete { .. } => Some(ANY_DELETE),
        _ => None,
    };
    Call {
        operation,
        invoked: Duration::from_secs(invoked),
        end: returned.map_or(End::Unknown { alike }, End::Returned),
    }
}

/// Answers that some order explains, with a wrong one now and then.
fn plausible(rng: &mut StdRng, calls: &mut [Call<Operation>]) {
    let mut order: Vec<(u64, usize)> = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        let invoked = call.invoked.as_secs();
        let last = call.returned().map_or(invoked + 20, |returned| returned.as_secs());
        order.push((rng.random_range(invoked..=last), number));
    }
    order.shuffle(rng);
    order.sort_by_key(|(at, _)| *at);
    let mut state = State::Absent;
    for (_, number) in order {
        let answered = calls[number].returned().is_some();
        if rng.random_bool(0.05) || (!answered && rng.random_bool(0.5)) {
            continue;
        }
        let existed = state != State::Absent;
        let version = if let State::Present { version, .. } = state { version + 1 } else { 1 };
        match &mut calls[number].operation {
            Operation::Set { told, .. } => *told = answered.then_some(Told { created: !existed, version }),
            Operation::Delete { existed: told } => *told = answered.then_some(existed),
            Operation::Read(shown) => *shown = state,
        }
        state = EntryRegister::step(&state, &calls[number].operation).expect("answered as it is");
    }
}

#[test]
fn the_search_agrees_with_trying_all_orders() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..20_000 {
        let mut rng = stream(seed, "naive");
        let many = rng.random_range(1..8);
        let mut calls: Vec<_> = (0..many).map(|_| random_call(&mut rng)).collect();
        if rng.random_bool(0.7) {
            plausible(&mut rng, &mut calls);
        }
        let expected = naive(State::Absent, &calls, &mut (0..many).collect());
        let found = search::<EntryRegister>(State::Absent, &calls, u64::MAX);
        assert_eq!(found == Found::Linearizable, expected, "seed {seed}: {calls:#?}: {found:?}");
        if expected { good += 1 } else { bad += 1 }
    }
    assert!(good > 2_000 && bad > 2_000, "{good} good, {bad} bad");
}
