use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
pub use sim_tests::run::HARNESS_FAILED;
use sim_tests::run::Report;
use sim_tests::trace::Checkpoint;

/// The verdict on a seed that its watchdog had to stop: real time runs out, and the run is not over.
pub const DID_NOT_END: &str = "did not end";

/// What a run in a process of its own says on one line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub seed: u64,
    /// The exit code's meaning.
    pub verdict: String,
    /// The law that was broken first, where one was.
    pub law: Option<String>,
    /// Each law that was broken, and when, in virtual seconds.
    pub laws: BTreeMap<String, f64>,
    pub conclusion: String,
    pub nodes: u64,
    pub simulated_s: f64,
    pub took_s: f64,
    /// Processor time: unlike `took_s`, the same on a machine that is busy with something else.
    pub cpu_s: f64,
    pub hash: String,
    pub events: u64,
    /// How often each kind of fault in the schedule struck.
    pub faults: BTreeMap<String, u64>,
    /// What else was counted.
    pub counts: BTreeMap<String, u64>,
    /// The points of coverage that it touched, and how often.
    pub warm: BTreeMap<String, u64>,
    /// Of `--checkpoints`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checkpoints: Vec<Mark>,
}

/// A [`Checkpoint`] in JSON, which has no numbers of 128 bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub events: u64,
    pub hash: String,
}

impl From<Checkpoint> for Mark {
    fn from(Checkpoint { events, hash }: Checkpoint) -> Mark {
        Mark { events, hash: format!("{hash:032x}") }
    }
}

impl Summary {
    /// What a finished run came to; `repeat` is the line that repeats it.
    pub fn of(report: &Report, repeat: &str) -> Summary {
        let (hash, events) = report.trace.identity();
        let scheduled: BTreeSet<&str> = report.schedule.faults.iter().map(|fault| fault.what.name()).collect();
        let counted = report.trace.counts().into_iter().map(|(name, count)| (name.to_owned(), count));
        let (faults, counts) = counted.partition(|(name, _)| scheduled.contains(name.as_str()));
        let warm = report.trace.warm().into_iter().map(|(point, count)| (point.name().to_owned(), count));
        Summary {
            seed: report.schedule.seed,
            verdict: report.verdict.name().to_owned(),
            law: report.violations.first().map(|violation| violation.law.to_owned()),
            laws: report.violations.iter().map(|v| (v.law.to_owned(), v.at.as_secs_f64())).collect(),
            conclusion: report.conclusion(repeat),
            nodes: report.schedule.nodes,
            simulated_s: report.simulated.as_secs_f64(),
            took_s: report.took.as_secs_f64(),
            cpu_s: cpu_time().as_secs_f64(),
            hash: format!("{hash:032x}"),
            events,
            faults,
            counts,
            warm: warm.collect(),
            checkpoints: Vec::new(),
        }
    }

    /// What is left to say of a run that gave no report.
    pub fn without_report(seed: u64, verdict: &str, why: &str, repeat: &str) -> Summary {
        Summary {
            seed,
            verdict: verdict.to_owned(),
            conclusion: format!("{verdict}: {}\n  repeat: {repeat}", why.trim()),
            ..Summary::default()
        }
    }

    pub fn print(&self) -> String {
        serde_json::to_string(self).expect("plain data has a JSON form")
    }
}

/// The processor time of this process so far.
fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
}
