//! Each fault does to a cluster of real nodes what it says, and the cluster holds; what one fault or operation is does
//! not depend on the others.
#![cfg(madsim)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use sim_tests::laws::AfterViolation;
use sim_tests::nodes::RealNodes;
use sim_tests::run::{Report, Verdict, run};
use sim_tests::schedule::{
    At, Damaged, Drawn, Expect, Fault, Knobs, Mix, Operation, Point, Schedule, StoreLoss, What, When, Where, Who,
    Whose, Work, Workload, atlas, generate,
};
use sim_tests::trace::Trace;

/// What a run recorded.
struct Events(Vec<Value>);

impl Events {
    fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |event| event["kind"] == kind)
    }

    /// Those of a node.
    fn of_node(&self, node: u64, kind: &str) -> Vec<&Value> {
        self.of(kind).filter(|event| event["node"] == node).collect()
    }

    /// Whether a cut took something on its way from a node to a place.
    fn cut(&self, from: u64, to: &str) -> bool {
        self.of_node(from, "lost").iter().any(|event| event["why"] == "cut" && event["to"] == to)
    }

    /// The longest time that a message took from one node to another, in seconds.
    fn slowest(&self, from: u64, to: u64) -> f64 {
        let sent: BTreeMap<u64, f64> =
            self.of_node(from, "send").iter().map(|event| (number(event, "msg"), seconds(event))).collect();
        let took = self.of_node(to, "receive").into_iter().filter_map(|event| {
            let sent = sent.get(&number(event, "msg"))?;
            Some(seconds(event) - sent)
        });
        took.fold(0.0, f64::max)
    }

    /// From the end of a node's process to its next start, in seconds.
    fn downtime(&self, node: u64) -> f64 {
        let stop = self.of_node(node, "stop").first().map_or(f64::MAX, |event| seconds(event));
        let boots = self.of_node(node, "boot");
        boots.iter().map(|event| seconds(event)).find(|at| *at > stop).map_or(0.0, |at| at - stop)
    }

    fn says(&self, kind: &str, what: &str) -> bool {
        self.of(kind).any(|event| event["detail"].as_str().is_some_and(|detail| detail.contains(what)))
    }
}

fn number(event: &Value, member: &str) -> u64 {
    event[member].as_u64().unwrap_or(0)
}

fn seconds(event: &Value) -> f64 {
    event["t"].as_f64().unwrap_or(0.0)
}

/// A run on a thread of its own, since it leaves its marks on the thread.
fn run_it(schedule: Schedule) -> (Report, Events) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    atlas::check(&schedule).unwrap();
    let name = format!("confman-faults-{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let to = path.clone();
    let running = std::thread::spawn(move || {
        let trace = Trace::to_file(&to, 0..u64::MAX).unwrap();
        let report = run(schedule, Arc::new(RealNodes), trace.clone(), AfterViolation::Stop, true);
        trace.finish().unwrap();
        report
    });
    let report = running.join().expect("a run reports, it does not panic");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    (report, Events(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()))
}

/// Three nodes, three busy clients, small logs and snapshots.
fn calm(faults: Vec<Fault>) -> Schedule {
    let base = generate(1);
    let mix = Mix { set: 4, delete: 1, get: 2, list: 1 };
    let drawn = Drawn {
        namespaces: 1,
        keys: 20,
        mix,
        session_reads: 30,
        linearizable_reads: 30,
        pause_ms: 40,
        value_bytes: 300,
    };
    Schedule {
        nodes: 3,
        knobs: Knobs {
            heartbeat_ms: 50,
            election_timeout_ms: (150, 300),
            log_entries_kept: 0,
            segment_bytes: 16 << 10,
            snapshot_log_bytes: 8 << 10,
            ..base.knobs.clone()
        },
        workload: Workload {
            clients: 3,
            patience_ms: 2_000,
            with_library: 0,
            terms_percent: 0,
            work: Work::Drawn(drawn),
        },
        disturbed_ms: 7_000,
        faults,
        expect: Expect::Holds,
        ..base
    }
}

fn fault(who: Who, for_ms: u64, what: What) -> Fault {
    Fault { id: 1, when: When::AtMs(1_500), for_ms: Some(for_ms), who, what }
}

#[track_caller]
fn does(faults: Vec<Fault>, shows: impl FnOnce(&Events) -> bool) {
    let (report, events) = run_it(calm(faults.clone()));
    assert_eq!(report.verdict, Verdict::Holds, "{faults:?}");
    assert_eq!(events.of("fault").count(), faults.len(), "{faults:?}");
    assert!(shows(&events), "{faults:?} did not show");
}

fn one() -> Who {
    Who::Nodes(vec![1])
}

#[test]
fn cuts_have_their_shapes() {
    let clients = |events: &Events| events.of("lost").any(|lost| lost["why"] == "cut" && !lost["client"].is_null());
    does(vec![fault(one(), 3_000, What::Cut { holds: false, clients: true })], |events| {
        events.cut(1, "n2") && events.cut(2, "n1") && !events.cut(2, "n3") && clients(events)
    });
    does(vec![fault(one(), 3_000, What::Cut { holds: true, clients: false })], |events| {
        events.of("held").count() > 0 && !events.cut(1, "n2") && !clients(events)
    });
    does(vec![fault(one(), 3_000, What::CutOutward { holds: false })], |events| {
        events.cut(1, "n2") && !events.cut(2, "n1")
    });
    does(vec![fault(one(), 3_000, What::CutInward { holds: false })], |events| {
        !events.cut(1, "n2") && (events.cut(2, "n1") || events.cut(3, "n1"))
    });
    let mut apart = false;
    for (bridge, near, far) in [(1, 2, 3), (2, 1, 3)] {
        does(vec![fault(Who::Nodes(vec![bridge]), 3_000, What::Bridge { holds: false })], |events| {
            // The two have nothing to say to each other where the bridge leads.
            apart |= events.cut(near, &format!("n{far}")) || events.cut(far, &format!("n{near}"));
            [near, far]
                .iter()
                .all(|node| !events.cut(bridge, &format!("n{node}")) && !events.cut(*node, &format!("n{bridge}")))
        });
    }
    assert!(apart);
    does(vec![fault(Who::All, 4_000, What::Swizzle { holds: false })], |events| {
        events.of("lost").any(|lost| lost["why"] == "cut")
    });
}

#[test]
fn messages_are_lost_late_doubled_and_out_of_order() {
    does(vec![fault(one(), 3_000, What::Loss { percent: 20 })], |events| {
        events.of("lost").any(|lost| lost["why"] == "loss")
    });
    does(vec![fault(one(), 3_000, What::Delay { ms: 400 })], |events| {
        events.slowest(1, 2) > 0.1 && events.slowest(2, 1) > 0.1 && events.slowest(2, 3) < 0.1
    });
    does(vec![fault(Who::All, 3_000, What::LinkDelay { to: 2, ms: 400 })], |events| {
        events.slowest(1, 2).max(events.slowest(3, 2)) > 0.1 && events.slowest(2, 1) < 0.1
    });
    does(vec![fault(one(), 3_000, What::Duplication { percent: 30 })], |events| {
        events.of("receive").any(|receive| receive["again"] == true)
    });
    does(vec![fault(one(), 3_000, What::Reordering { percent: 30 })], |events| events.of("overtakes").count() > 0);
}

#[test]
fn processes_end_stand_still_and_come_back() {
    does(vec![fault(one(), 2_000, What::Crash)], |events| (1.9..2.5).contains(&events.downtime(1)));
    does(vec![fault(one(), 2_000, What::PowerLoss)], |events| {
        events.of("power-loss").next().is_some_and(|event| event["nodes"][0] == "n1")
    });
    does(vec![fault(one(), 2_000, What::StoreLoss { how: StoreLoss::DoesNotOpen })], |events| {
        events.says("power-loss", "does not open")
    });
    // The last two starts are those of the beginning and of the blackout.
    does(vec![fault(one(), 2_000, What::RestartStorm { life_ms: 100 })], |events| {
        events.of_node(1, "boot").len() > 5 && events.of_node(2, "boot").len() == 2
    });
    does(vec![fault(Who::All, 4_000, What::RollingRestart { every_ms: 1_000, down_ms: 300 })], |events| {
        (1..=3).all(|node| events.of_node(node, "boot").len() >= 3)
    });
    does(vec![fault(one(), 2_000, What::Pause)], |events| {
        events.of_node(1, "pause").len() == 1 && events.of_node(1, "resume").len() == 1
    });
    does(vec![fault(one(), 2_000, What::SlowNode { paused_ms: 20, every_ms: 40 })], |events| {
        events.of_node(1, "pause").len() > 30
    });
    does(vec![fault(Who::Leader, 500, What::VoterPowerLoss)], |events| {
        let dark = events.of("power-loss").next().map(|event| event["nodes"][0].clone());
        let killed = events.of("stop").next().map(|event| format!("n{}", number(event, "node")));
        dark.is_some_and(|dark| killed.is_some_and(|killed| dark != killed))
    });
}

#[test]
fn an_outage_lasts_until_the_others_have_made_snapshots() {
    does(vec![fault(one(), 10, What::Outage { snapshots: 2 })], |events| {
        let down = events.of_node(1, "stop").first().map_or(0.0, |event| seconds(event));
        let up = down + events.downtime(1);
        let made = events.of("rename").filter(|event| {
            let published = event["detail"].as_str().is_some_and(|detail| detail.ends_with(".snap"));
            published && event["node"] != 1 && (down..up).contains(&seconds(event))
        });
        events.downtime(1) > 0.05 && made.count() >= 2
    });
}

#[test]
fn a_disk_that_fails_stops_its_node() {
    does(vec![fault(one(), 0, What::FailedSync)], |events| {
        events.of("synced").any(|event| event["ok"] == false) && events.says("fatal", "the sync failed")
    });
    let restart = Fault { id: 2, when: When::AtMs(2_000), ..fault(one(), 10, What::Crash) };
    does(vec![fault(one(), 0, What::ReadError), restart], |events| events.says("fatal", "the read failed"));
}

#[test]
fn damage_is_found_by_the_next_start_and_the_others_serve() {
    for what in [What::FlippedBit { file: Damaged::Log }, What::MisdirectedWrite { file: Damaged::Log }] {
        let calm = calm(vec![fault(one(), 0, what)]);
        // A log that is purged at once takes its damage with it.
        let knobs = Knobs { log_entries_kept: 10_000, snapshot_log_bytes: 4 << 20, ..calm.knobs.clone() };
        let schedule = Schedule { expect: Expect::DetectAndStop { node: 1 }, knobs, ..calm };
        let (report, events) = run_it(schedule);
        assert_eq!(report.verdict, Verdict::Holds);
        assert_eq!(events.of("damage").count(), 1);
        assert!(events.says("fatal", "is damaged at offset"));
    }
}

#[test]
fn what_goes_on_for_good_goes_on_until_the_others_have_served_without() {
    let dead = Fault { for_ms: None, ..fault(one(), 0, What::Crash) };
    let (report, events) = run_it(calm(vec![dead]));
    assert_eq!(report.verdict, Verdict::Holds);
    let heal_all = events.of("phase").find(|phase| phase["detail"] == "heal all").map_or(0.0, seconds);
    let down = events.of_node(1, "stop").first().map_or(0.0, |event| seconds(event));
    assert!(down + events.downtime(1) >= heal_all, "it is not started before");
    let served = events.of("told").filter(|told| {
        let probe = told["op"].as_str().is_some_and(|op| op.starts_with('p'));
        probe && told["outcome"] == "set" && seconds(told) > down && seconds(told) <= heal_all
    });
    assert!(served.count() >= 2);
}

#[test]
fn a_fault_at_a_point_strikes_in_that_call() {
    let at = At { point: Point::AfterAppendBeforeSync, node: Where::One(Whose::Leader), nth: 2, from_ms: 1_500 };
    let power = Fault { when: When::At(at), ..fault(Who::There, 100, What::PowerLoss) };
    does(vec![power], |events| {
        let struck = events.of("fault").next().map_or(0.0, seconds);
        let dark = events.of("power-loss").next().map_or(1.0, seconds);
        struck > 0.0 && struck == dark
    });
}

/// Operations by their ids, without their moments.
fn by_id(operations: &[Operation]) -> BTreeMap<String, Operation> {
    operations.iter().map(|each| (each.id.clone(), Operation { at_ms: 0, ..each.clone() })).collect()
}

#[test]
fn to_take_a_fault_out_leaves_the_operations_as_they_were() {
    let seed = (0..).find(|seed| generate(*seed).faults.len() > 8 && generate(*seed).expect == Expect::Holds);
    let whole = Schedule { disturbed_ms: 6_000, ..generate(seed.expect("many seeds have so many faults")) };
    let mut less = whole.clone();
    less.faults.retain(|fault| fault.id % 2 == 0);
    let (whole, less) = (by_id(&run_it(whole).0.operations), by_id(&run_it(less).0.operations));
    let mut common = 0;
    for (id, operation) in &whole {
        if let Some(same) = less.get(id) {
            assert_eq!(same, operation);
            common += 1;
        }
    }
    assert!(common > 20, "{common}");
}

#[test]
fn a_drawn_run_repeats_as_a_list_and_goes_on_without_some_of_it() {
    let drawn = calm(vec![fault(Who::Leader, 500, What::Crash)]);
    let (report, _) = run_it(drawn.clone());
    assert!(report.operations.len() > 50);
    let listed = Schedule::parse(&drawn.listed(report.operations.clone()).print()).unwrap();
    let (again, _) = run_it(listed.clone());
    assert_eq!(again.verdict, Verdict::Holds);
    assert_eq!(by_id(&again.operations), by_id(&report.operations));
    let few: Vec<Operation> = report.operations.into_iter().filter(|operation| operation.client == 2).take(9).collect();
    let (fewer, _) = run_it(drawn.listed(few.clone()));
    assert_eq!(by_id(&fewer.operations), by_id(&few));
}
