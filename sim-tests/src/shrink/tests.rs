use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::schedule::{Action, Consistency, Expect, Operation, What, When, Who, Work, atlas, generate};

/// Breaks the law where `needs` says so.
struct Pretend<F> {
    needs: F,
    trials: AtomicU64,
}

impl<F: Fn(&Schedule) -> bool + Sync> Pretend<F> {
    fn new(needs: F) -> Pretend<F> {
        Pretend { needs, trials: AtomicU64::new(0) }
    }

    fn shrink(&self, from: &Schedule, violated_ms: Option<u64>) -> Shrunk {
        assert!((self.needs)(from), "what is shrunk breaks the law");
        let limits = Limits { jobs: 2, schedulers: 2, time_up: &|| false };
        let shrunk = shrink(from.clone(), violated_ms, self, &limits, &mut |_| {});
        assert!((self.needs)(&shrunk.schedule), "what is left breaks the law");
        assert!(shrunk.minimal);
        assert_eq!(shrunk.trials, self.trials.load(Ordering::Relaxed));
        atlas::check(&shrunk.schedule).unwrap();
        shrunk
    }
}

impl<F: Fn(&Schedule) -> bool + Sync> Trial for Pretend<F> {
    fn breaks(&self, schedule: &Schedule) -> bool {
        atlas::check(schedule).expect("what no simulator would run is not tried");
        self.trials.fetch_add(1, Ordering::Relaxed);
        (self.needs)(schedule)
    }

    fn listed(&self, schedule: &Schedule) -> Option<Schedule> {
        let mut listed = schedule.listed((0..400).map(operation).collect());
        listed.workload.clients = 5;
        Some(listed)
    }
}

/// One of 400 operations, by five clients, over 20 seconds.
fn operation(number: u64) -> Operation {
    let action = Action::Set { namespace: "app-0".to_owned(), key: format!("key.{number}"), bytes: 1_000 };
    let (client, node) = (number % 5 + 1, number % 3 + 1);
    Operation { id: format!("o{number}"), client, at_ms: number * 50, node, action, consistency: Consistency::Eventual }
}

/// A schedule with enough in it.
fn rich() -> Schedule {
    let many = |schedule: &Schedule| {
        schedule.faults.len() >= 15
            && schedule.expect == Expect::Holds
            && (schedule.nodes, schedule.spares) == (5, 0)
            && schedule.workload.clients > 4
            && fits(3, schedule, &[2, 9, 14])
    };
    (0..).map(generate).find(many).expect("some seed has them")
}

/// Whether these faults could strike a cluster of so many.
fn fits(nodes: u64, schedule: &Schedule, ids: &[u64]) -> bool {
    let faults = schedule.faults.iter().filter(|fault| ids.contains(&fault.id)).cloned().collect();
    let small = Schedule { nodes, faults, ..schedule.clone() };
    Schedule::parse(&small.print()).is_ok() && atlas::check(&small).is_ok()
}

fn listed() -> Schedule {
    let mut schedule = rich();
    schedule.workload.clients = 5;
    schedule.listed((0..400).map(operation).collect())
}

fn has_operation(schedule: &Schedule, id: &str) -> bool {
    match &schedule.workload.work {
        Work::Operations(operations) => operations.iter().any(|operation| operation.id == id),
        Work::Drawn(_) => true,
    }
}

fn has_fault(schedule: &Schedule, id: u64) -> bool {
    schedule.faults.iter().any(|fault| fault.id == id)
}

fn ids(schedule: &Schedule) -> (Vec<u64>, Vec<String>) {
    let operations = match &schedule.workload.work {
        Work::Operations(operations) => operations.iter().map(|operation| operation.id.clone()).collect(),
        Work::Drawn(_) => vec!["drawn".to_owned()],
    };
    (schedule.faults.iter().map(|fault| fault.id).collect(), operations)
}

#[test]
fn only_the_fault_and_the_operation_that_are_needed_are_left() {
    let mut known = rich().faults.into_iter().map(|fault| fault.id);
    let needed = known.find(|id| fits(1, &rich(), &[*id])).expect("a fault that one node can have");
    let trial = Pretend::new(move |schedule: &Schedule| has_fault(schedule, needed) && has_operation(schedule, "o17"));
    let shrunk = trial.shrink(&listed(), None);
    assert_eq!(ids(&shrunk.schedule), (vec![needed], vec!["o17".to_owned()]));
    assert_eq!((shrunk.schedule.nodes, shrunk.schedule.workload.clients), (1, 1));
    assert!(shrunk.schedule.disturbed_ms < 1_000, "{}", Size::of(&shrunk.schedule));
    assert!(shrunk.trials < 300, "{}", shrunk.trials);
}

#[test]
fn what_belongs_together_stays_together() {
    let trial = Pretend::new(|schedule: &Schedule| {
        [2, 9, 14].iter().all(|id| has_fault(schedule, *id))
            && ["o3", "o4", "o111", "o399"].iter().all(|id| has_operation(schedule, id))
            && schedule.nodes >= 3
            && schedule.knobs == rich().knobs
    });
    let shrunk = trial.shrink(&listed(), None);
    let needed = ["o3", "o4", "o111", "o399"].map(str::to_owned).to_vec();
    assert_eq!(ids(&shrunk.schedule), (vec![2, 9, 14], needed));
    assert_eq!((shrunk.schedule.nodes, &shrunk.schedule.knobs), (3, &rich().knobs));
    assert_eq!(shrunk.schedule.disk.store_breaks, 0.0);
}

#[test]
fn drawn_operations_become_a_list_where_that_breaks_the_law_too() {
    let trial = Pretend::new(|schedule: &Schedule| has_operation(schedule, "o7"));
    let shrunk = trial.shrink(&rich(), None);
    assert_eq!(ids(&shrunk.schedule), (vec![], vec!["o7".to_owned()]));
    let drawn = Pretend::new(|schedule: &Schedule| matches!(schedule.workload.work, Work::Drawn(_)));
    let shrunk = drawn.shrink(&rich(), None);
    assert_eq!(ids(&shrunk.schedule), (vec![], vec!["drawn".to_owned()]));
    assert_eq!(shrunk.schedule.workload.clients, 1);
}

#[test]
fn what_came_after_the_violation_goes_at_once() {
    let early = |schedule: &Schedule| has_operation(schedule, "o2");
    let (hinted, blind) = (Pretend::new(early), Pretend::new(early));
    let mut first = None;
    let limits = Limits { jobs: 1, schedulers: 0, time_up: &|| false };
    shrink(listed(), Some(120), &hinted, &limits, &mut |step| {
        if step.trials == 1 {
            first.get_or_insert(Size::of(step.best));
        }
    });
    assert_eq!(first.map(|size| size.disturbed_ms), Some(320));
    blind.shrink(&listed(), None);
    // A hint that is wrong does no harm.
    assert_eq!(ids(&Pretend::new(early).shrink(&listed(), Some(0)).schedule).1, ["o2"]);
}

#[test]
fn a_candidate_that_needs_another_scheduler_gets_it() {
    let trial = Pretend::new(|schedule: &Schedule| {
        has_fault(schedule, 1) && (schedule.faults.len() > 1 || schedule.scheduler_seed == Some(2))
    });
    let shrunk = trial.shrink(&listed(), None);
    assert_eq!((ids(&shrunk.schedule).0, shrunk.schedule.scheduler_seed), (vec![1], Some(2)));
}

#[test]
fn faults_get_shorter_and_strike_fewer() {
    let mut from = listed();
    from.faults.retain(|fault| fault.id == 1);
    from.faults[0].who = Who::All;
    from.faults[0].what = What::PowerLoss;
    from.faults[0].when = When::AtMs(900);
    from.faults[0].for_ms = Some(12_000);
    let trial = Pretend::new(|schedule: &Schedule| {
        schedule.nodes == 5
            && schedule.faults.iter().any(|fault| match &fault.who {
                Who::All => true,
                Who::Nodes(nodes) => nodes.contains(&4),
                _ => false,
            })
    });
    let fault = trial.shrink(&from, None).schedule.faults.remove(0);
    assert_eq!(fault.who, Who::Nodes(vec![4]));
    assert!(fault.for_ms.unwrap() < 100, "{fault:?}");
    assert_eq!(fault.when, When::AtMs(200));
}

#[test]
fn a_search_whose_time_is_up_gives_the_best_so_far() {
    let (up, breaks) = (AtomicBool::new(false), |schedule: &Schedule| has_operation(schedule, "o300"));
    let limits = Limits { jobs: 2, schedulers: 1, time_up: &|| up.load(Ordering::Relaxed) };
    let shrunk = shrink(listed(), None, &Pretend::new(breaks), &limits, &mut |step| {
        up.store(step.trials > 20, Ordering::Relaxed);
    });
    assert!(breaks(&shrunk.schedule) && !shrunk.minimal);
    assert!(shrunk.trials < 40, "{}", shrunk.trials);
    assert!(Size::of(&shrunk.schedule).faults < listed().faults.len());
}

#[test]
fn the_result_does_not_depend_on_how_many_run_at_once() {
    let needs = |schedule: &Schedule| schedule.faults.len() >= 2 && has_operation(schedule, "o50");
    let with = |jobs| {
        let limits = Limits { jobs, schedulers: 1, time_up: &|| false };
        shrink(listed(), None, &Pretend::new(needs), &limits, &mut |_| {}).schedule
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn a_report_tells_what_is_gone_set_and_left() {
    let trial = Pretend::new(|schedule: &Schedule| has_fault(schedule, 3) && has_operation(schedule, "o17"));
    let (from, small) = (listed(), trial.shrink(&listed(), None).schedule);
    let lines = report(&from, &small);
    let with = |begins: &str| lines.iter().filter(|line| line.starts_with(begins)).count();
    assert_eq!(with("left   "), 2, "{lines:#?}");
    assert_eq!(with("gone   faults: "), 1, "{lines:#?}");
    assert!(with("set    ") > 0, "{lines:#?}");
    let fault = small.faults[0].what.name();
    assert!(lines.iter().any(|line| line.starts_with(&format!("left   {fault} "))), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("o17: client 1 at 200 ms asks node 1")), "{lines:#?}");
    assert_eq!(report(&from, &from).iter().filter(|line| !line.starts_with("left")).count(), 0);
}

#[test]
fn limits_that_need_fewer_operations_are_tried_before_operations_go() {
    // As many bytes as a snapshot needs.
    let trial = Pretend::new(|schedule: &Schedule| match &schedule.workload.work {
        Work::Operations(operations) => {
            let bytes = operations.iter().map(|operation| match operation.action {
                Action::Set { bytes, .. } => bytes,
                _ => 0,
            });
            bytes.sum::<u64>() >= schedule.knobs.snapshot_log_bytes
        }
        Work::Drawn(_) => true,
    });
    let mut from = listed();
    from.knobs.snapshot_log_bytes = 100_000;
    let shrunk = trial.shrink(&from, None);
    assert_eq!(ids(&shrunk.schedule).1.len(), 1);
    assert!(shrunk.schedule.knobs.snapshot_log_bytes <= 4_000);
}
