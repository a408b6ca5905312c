use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};
use sim_tests::run::{Report, Verdict};

/// The verdict on a seed that its watchdog had to stop: time runs, virtual time does not.
pub const DID_NOT_END: &str = "did not end";

/// What a run in a process of its own says on one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub seed: u64,
    /// The exit code's meaning.
    pub verdict: String,
    /// The law that was broken, where one was.
    pub law: Option<String>,
    pub conclusion: String,
    pub simulated_s: f64,
    pub took_s: f64,
    pub hash: String,
    pub events: u64,
    pub counts: BTreeMap<String, u64>,
    /// The points of coverage that were told, and how often.
    pub warm: BTreeMap<String, u64>,
}

impl Summary {
    pub fn of(report: &Report) -> Summary {
        let seed = report.schedule.seed;
        let (hash, events) = report.trace.identity();
        let (verdict, law) = match &report.verdict {
            Verdict::Holds => ("holds", None),
            Verdict::Violated(violation) => ("violated", Some(violation.law.to_owned())),
            Verdict::HarnessFailed(_) => ("harness failed", None),
            Verdict::Inconclusive(_) => ("inconclusive", None),
        };
        Summary {
            seed,
            verdict: verdict.to_owned(),
            law,
            conclusion: report.conclusion(&format!("make sim SEED={seed}")),
            simulated_s: report.simulated.as_secs_f64(),
            took_s: report.took.as_secs_f64(),
            hash: format!("{hash:032x}"),
            events,
            counts: report.trace.counts().iter().map(|(what, count)| ((*what).to_owned(), *count)).collect(),
            warm: report.trace.warm().iter().map(|(point, count)| (point.name().to_owned(), *count)).collect(),
        }
    }

    pub fn print(&self) -> String {
        serde_json::to_string(self).expect("plain data has a JSON form")
    }

    /// What a process that gave no summary came to.
    fn without(seed: u64, code: Option<i32>, said: &str) -> Summary {
        let verdict = if code == Some(3) { DID_NOT_END } else { "harness failed" };
        let conclusion = format!("{verdict}, with no summary: {}", said.trim());
        Summary {
            seed,
            verdict: verdict.to_owned(),
            law: None,
            conclusion: format!("{conclusion}\n  repeat: make sim SEED={seed}"),
            simulated_s: 0.0,
            took_s: 0.0,
            hash: String::new(),
            events: 0,
            counts: BTreeMap::new(),
            warm: BTreeMap::new(),
        }
    }
}

/// Runs a seed in a fresh process. Its own watchdog ends it.
pub fn run_apart(seed: u64, trace: Option<&Path>, limit_s: u64) -> Summary {
    let output = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command.args(["run", "--json", "--seed", &seed.to_string(), "--limit-s", &limit_s.to_string()]);
        if let Some(path) = trace {
            command.arg("--trace").arg(path);
        }
        command.output()
    });
    match output {
        Err(error) => Summary::without(seed, None, &error.to_string()),
        Ok(output) => serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            Summary::without(seed, output.status.code(), &said)
        }),
    }
}
