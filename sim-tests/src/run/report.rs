use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use crate::laws::Violation;
use crate::schedule::{Operation, Schedule};
use crate::trace::{Trace, moment, short};

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All laws held.
    Holds,
    Violated(Violation),
    /// The simulator itself failed: nothing is said about the node.
    HarnessFailed(String),
    /// Nothing was tried that could have failed.
    Inconclusive(String),
}

/// The verdict where the simulator itself failed.
pub const HARNESS_FAILED: &str = "harness failed";

impl Verdict {
    /// What it says, in a word or two.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Violated(_) => "violated",
            Verdict::HarnessFailed(_) => HARNESS_FAILED,
            Verdict::Inconclusive(_) => "inconclusive",
        }
    }

    /// The process's exit code.
    pub fn code(&self) -> u8 {
        match self {
            Verdict::Holds => 0,
            Verdict::Violated(_) => 1,
            Verdict::HarnessFailed(_) => 2,
            Verdict::Inconclusive(_) => 3,
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// A finished run.
#[derive(Clone)]
pub struct Report {
    pub schedule: Schedule,
    pub verdict: Verdict,
    /// The first violation of each law, in the order in which they were seen.
    pub violations: Vec<Violation>,
    /// What the clients did, as a list: [`Schedule::listed`] makes the same run of it.
    pub operations: Vec<Operation>,
    /// Virtual time.
    pub simulated: Duration,
    /// Real time. Never in the trace.
    pub took: Duration,
    /// What was recorded, whether or not it was written to a file.
    pub trace: Trace,
}

impl Report {
    /// How many simulated seconds a real second held.
    pub fn pace(&self) -> f64 {
        self.simulated.as_secs_f64() / self.took.as_secs_f64().max(1e-9)
    }

    /// The part about the verdict, with the one line that repeats the run.
    pub fn conclusion(&self, repeat: &str) -> String {
        match &self.verdict {
            Verdict::Holds => "holds".to_owned(),
            Verdict::Violated(Violation { law, at, what }) => {
                format!("VIOLATED: {law}\n  at {}: {what}\n  repeat: {repeat}", moment(*at))
            }
            Verdict::HarnessFailed(why) => format!("the harness failed: {why}\n  repeat: {repeat}"),
            Verdict::Inconclusive(why) => format!("inconclusive: {why}\n  repeat: {repeat}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { schedule, simulated, took, .. } = self;
        let (hash, events) = self.trace.identity();
        writeln!(
            f,
            "seed {}: {} nodes, {} clients, {} simulated in {:.2} s ({:.0} times real time), {events} events, hash {}",
            schedule.seed,
            schedule.nodes,
            schedule.workload.clients,
            moment(*simulated),
            took.as_secs_f64(),
            self.pace(),
            short(hash)
        )?;
        let counts = self.trace.counts();
        let line = counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>();
        write!(f, "  {}", line.join(", "))
    }
}
