use std::process::{Command, ExitCode};
use std::sync::Arc;

use sim_tests::laws::AfterViolation;
use sim_tests::nodes::RealNodes;
use sim_tests::run::run;
use sim_tests::schedule::Schedule;
use sim_tests::trace::Trace;

use crate::command::failed;
use crate::origin::Origin;

/// Print a schedule, to keep or to change.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    origin: Origin,
    /// Run it first, and print what its clients did as a list of operations.
    #[arg(long)]
    listed: bool,
}

impl Arguments {
    pub fn run(self) -> ExitCode {
        match self.origin.read() {
            Ok(schedule) => {
                let schedule = if self.listed { list_operations(schedule) } else { schedule };
                print!("{}", Schedule { commit: commit(), ..schedule }.print());
                ExitCode::SUCCESS
            }
            Err(why) => failed(&why),
        }
    }
}

/// The same run with what its clients do as a list.
fn list_operations(drawn: Schedule) -> Schedule {
    let report = run(drawn.clone(), Arc::new(RealNodes), Trace::default(), AfterViolation::Stop, true);
    drawn.listed(report.operations)
}

/// The commit of the code in the current folder.
pub fn commit() -> String {
    let said = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let said = said.ok().filter(|said| said.status.success());
    said.map_or("unknown".to_owned(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}
