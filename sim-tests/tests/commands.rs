//! The commands of `sim`, run as they are run by people: exit codes, what is printed, what is written.
#![cfg(madsim)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sim_tests::schedule::{Expect, Fault, Schedule, What, When, Who, generate};
use tempfile::TempDir;

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim")).args(arguments).output().expect("the program was built with this test")
}

/// Runs it; what it printed must have this in it.
#[track_caller]
fn expect(arguments: &[&str], code: i32, printed: &[&str]) -> String {
    let output = sim(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    for part in printed {
        assert!(text.contains(part), "{arguments:?} does not print {part:?}: {text}");
    }
    text
}

/// A second of work without faults.
fn short() -> Schedule {
    let expect = Expect::Holds;
    Schedule { nodes: 1, disturbed_ms: 1_000, faults: Vec::new(), expect, ..generate(3) }
}

/// Nobody ever stands for election: the law that says when it must serve again is broken.
fn without_leader() -> Schedule {
    let mut schedule = Schedule { nodes: 3, ..short() };
    schedule.knobs.election_timeout_ms = (100_000, 200_000);
    schedule
}

fn file(folder: &TempDir, name: &str, schedule: &Schedule) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, schedule.print()).unwrap();
    text(&path)
}

fn text(path: &Path) -> String {
    path.to_str().expect("temporary folders have plain names").to_owned()
}

/// The schedule in a file, which besides names the commit.
fn kept(path: &Path) -> Schedule {
    let kept = Schedule::read(path).unwrap();
    assert_ne!(kept.commit, "");
    Schedule { commit: short().commit, ..kept }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_says_what_it_did_and_writes_what_it_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let schedule = file(&folder, "short.json", &short());
    let in_folder = |name: &str| -> PathBuf { folder.path().join(name) };
    let (trace, window, saved) = (in_folder("trace"), in_folder("window"), in_folder("saved"));
    expect(
        &["run", "--schedule", &schedule, "--trace", &text(&trace), "--save-schedule", &text(&saved)],
        0,
        &["seed 3: 1 nodes", "holds"],
    );
    assert_eq!(kept(&saved), short());
    let all = lines(&trace);
    let run = ["run", "--schedule", &schedule, "--json", "--checkpoints", "--events", "10..30"];
    let json = expect(&[&run[..], &["--trace", &text(&window)]].concat(), 0, &[]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["verdict"], &json["seed"]), (&"holds".into(), &3.into()));
    assert_eq!(json["events"], all.len());
    assert_eq!(json["checkpoints"].as_array().unwrap().len(), all.len().div_ceil(4_096));
    assert_eq!(lines(&window), all[10..30]);
}

#[test]
fn a_violation_is_told_with_its_law_and_what_to_do_next() {
    let folder = TempDir::new().unwrap();
    let schedule = file(&folder, "mute.json", &without_leader());
    let printed = ["VIOLATED: served again", "at 3", "repeat: make sim SCHEDULE=", "shrink: make", "explain: make"];
    expect(&["run", "--schedule", &schedule], 1, &printed);
    expect(&["run", "--schedule", &schedule, "--all-laws"], 1, &["VIOLATED: served again"]);
}

#[test]
fn what_cannot_be_run_is_the_harness_s_failure_and_what_does_not_end_is_inconclusive() {
    let folder = TempDir::new().unwrap();
    expect(&["run", "--schedule", &text(&folder.path().join("none.json"))], 2, &["none.json"]);
    expect(&["run"], 2, &["--seed"]);
    expect(&["run", "--seed", "1", "--trace", "/nowhere/trace"], 2, &["/nowhere/trace"]);
    let schedule = file(&folder, "mute.json", &without_leader());
    let trace = text(&folder.path().join("trace"));
    let ended = ["run", "--limit-s", "0", "--schedule", &schedule];
    expect(&ended, 3, &["inconclusive", "did not end", "repeat: make sim SCHEDULE="]);
    let json = expect(&[&ended[..], &["--json", "--trace", &trace]].concat(), 3, &[]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["verdict"], "did not end");
    assert!(json["conclusion"].as_str().unwrap().contains(&trace), "{json}");
}

#[test]
fn a_swarm_counts_its_seeds_and_says_what_it_did_not_run() {
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("swarm.json");
    expect(
        &["swarm", "--seeds", "2", "--from", "5", "--json", &text(&json)],
        0,
        &["2 seeds in", "2 holds", "times real time per core", "writes acknowledged", "points warm"],
    );
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!((&written["done"], &written["from"]), (&2.into(), &5.into()));
    expect(&["swarm", "--seeds", "2", "--fresh", "--time-budget", "0s"], 3, &["--from 20", "2 seeds were NOT RUN"]);
    let failures = folder.path().join("failures");
    let unending = ["swarm", "--seeds", "1", "--limit-s", "1", "--from", "2", "--failures", &text(&failures)];
    // A seed may be over within a second on a fast machine.
    if sim(&unending).status.code() == Some(3) {
        assert_eq!(kept(&failures.join("seed-2.json")), generate(2));
        assert!(!lines(&failures.join("seed-2.jsonl")).is_empty());
    }
    expect(&["swarm"], 2, &["--seeds"]);
}

#[test]
fn twins_are_equal() {
    let folder = TempDir::new().unwrap();
    let schedule = file(&folder, "short.json", &short());
    expect(&["twin", "--schedule", &schedule], 0, &["equal", "byte for byte"]);
}

#[test]
fn a_schedule_is_shrunk_to_what_breaks_the_law() {
    let folder = TempDir::new().unwrap();
    let cut = |id| {
        let what = What::Cut { holds: false, clients: false };
        Fault { id, when: When::AtMs(100 * id), for_ms: Some(100), who: Who::Nodes(vec![id]), what }
    };
    let from = Schedule { faults: (1..=3).map(cut).collect(), ..without_leader() };
    let (schedule, out) = (file(&folder, "mute.json", &from), text(&folder.path().join("small.json")));
    let run = ["shrink", "--schedule", &schedule, "--out", &out, "--time-budget", "30s", "--schedulers", "0"];
    expect(&run, 0, &["VIOLATED: served again", "runs in", "explain: make sim-explain SCHEDULE="]);
    let small = kept(Path::new(&out));
    assert!(small.faults.is_empty() && small.nodes == 2, "{small:?}");
    assert_eq!(small.knobs.election_timeout_ms, (100_000, 200_000));
    expect(&["run", "--schedule", &out], 1, &["VIOLATED: served again"]);
    let sound = file(&folder, "short.json", &short());
    expect(&["shrink", "--schedule", &sound, "--out", &out], 3, &["nothing to shrink"]);
}
