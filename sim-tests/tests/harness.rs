//! The simulator's own tests: a sound pretender passes, each broken one is caught, and the same seed is the same run.
#![cfg(madsim)]

mod pretend;

use std::sync::Arc;

use pretend::{Bug, Pretenders};
use sim_tests::laws::AfterViolation;
use sim_tests::run::{Report, Verdict, run};
use sim_tests::schedule::{Expect, Schedule, What, When, Where, Who, Work, atlas, generate};
use sim_tests::trace::Trace;

/// The seed's schedule, for a cluster of one: without what such a cluster does not survive, and what a pretender does
/// not have.
fn alone(seed: u64) -> Schedule {
    let mut schedule = Schedule { nodes: 1, spares: 0, expect: Expect::Holds, ..generate(seed) };
    schedule.workload.with_library = 0;
    schedule.faults.retain(|fault| {
        let between_two = matches!(fault.what, What::LinkDelay { .. });
        let of_operators = matches!(fault.what, What::TransferLeader | What::Restore { .. });
        let pretended = !of_operators && !fault.what.changes_members();
        fault.for_ms.is_some() && fault.what.damages().is_none() && !between_two && pretended
    });
    for fault in &mut schedule.faults {
        if let Who::Nodes(nodes) = &mut fault.who {
            *nodes = vec![1];
        }
        if let When::At(at) = &mut fault.when {
            at.node = Where::Node(1);
        }
    }
    // Pretenders know nothing of conditions, of keys by which a request is done once, nor of how new a read is to be.
    schedule.workload.terms_percent = 0;
    if let Work::Drawn(drawn) = &mut schedule.workload.work {
        (drawn.session_reads, drawn.linearizable_reads) = (0, 0);
    }
    atlas::check(&schedule).expect("what is left is for one node");
    schedule
}

/// Runs a seed on a thread of its own: a run leaves its marks on the thread.
fn run_seed(seed: u64, bug: Bug) -> Report {
    let schedule = alone(seed);
    std::thread::spawn(move || run(schedule, Arc::new(Pretenders(bug)), Trace::default(), AfterViolation::Stop, true))
        .join()
        .expect("a run reports, it does not panic")
}

#[test]
fn a_sound_node_passes() {
    for seed in 0..20 {
        let report = run_seed(seed, Bug::None);
        assert_eq!(report.verdict, Verdict::Holds, "{report}");
    }
}

#[test]
fn every_bug_is_caught_by_its_law() {
    for (bug, laws) in [
        (
            Bug::AnswersBeforeSync,
            vec![
                "same applied id, same state hash and audit chain",
                "acknowledged writes survive, refused ones do not happen",
                "revisions strictly increase in real-time order",
                "a node never shows less than it showed before",
            ],
        ),
        (
            Bug::RefusesWhatItDoes,
            vec![
                "acknowledged writes survive, refused ones do not happen",
                "a read returns what was written",
                "the audit witnesses every effect once",
            ],
        ),
        (Bug::LosesEvents, vec!["the audit witnesses every effect once"]),
        (Bug::ShowsGarbage, vec!["a read returns what was written", "the audit witnesses every effect once"]),
        (Bug::ShowsThePast, vec!["a read shows its entry as of one revision"]),
        (Bug::GoesBack, vec!["a node never shows less than it showed before"]),
        (Bug::CutsLists, vec!["all pages of a list show one revision, whole"]),
        (Bug::PagesDrift, vec!["all pages of a list show one revision, whole"]),
        (
            Bug::ForgetsVersions,
            vec!["the audit witnesses every effect once", "the history of each entry is linearizable"],
        ),
        (Bug::Stops, vec!["no node stops itself unprovoked"]),
        (Bug::StaysDown, vec!["served again within 30 seconds of healing"]),
    ] {
        let caught = (0..20).map(|seed| run_seed(seed, bug).verdict).find(|verdict| *verdict != Verdict::Holds);
        match caught {
            Some(Verdict::Violated(violation)) => assert!(laws.contains(&violation.law), "{bug:?}: {violation:?}"),
            other => panic!("{bug:?}: {other:?}"),
        }
    }
}

#[test]
fn a_seed_is_a_run() {
    for seed in 0..5 {
        let (a, b) = (run_seed(seed, Bug::None), run_seed(seed, Bug::None));
        assert_eq!(a.trace.identity(), b.trace.identity(), "seed {seed}");
        assert_ne!(a.trace.identity(), run_seed(seed + 1, Bug::None).trace.identity());
    }
}
