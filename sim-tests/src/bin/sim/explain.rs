use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;
use sim_tests::explain::explain;

/// What a page is made of, and where it goes.
#[derive(Args)]
pub struct Explain {
    /// A trace that a run has written.
    #[arg(long, required_unless_present_any = ["seed", "schedule"], conflicts_with_all = ["seed", "schedule"])]
    trace: Option<PathBuf>,
    /// Run this seed first.
    #[arg(long, conflicts_with = "schedule")]
    seed: Option<u64>,
    /// Run this schedule first.
    #[arg(long)]
    schedule: Option<PathBuf>,
    /// The page.
    #[arg(long, default_value = "explain.html")]
    out: PathBuf,
    /// Give a run up after this much real time.
    #[arg(long, default_value_t = 240)]
    limit_s: u64,
}

impl Explain {
    /// Writes the page. Exits with 0 where there is one, whatever the run came to, and with 2 where there is none.
    pub fn write(self) -> ExitCode {
        let made = match &self.trace {
            Some(trace) => self.page_of(trace),
            None => self.run().and_then(|trace| {
                let made = self.page_of(&trace);
                // Left behind only where it was never made.
                let _ = std::fs::remove_file(&trace);
                made
            }),
        };
        match made {
            Ok(()) => {
                println!("{}", self.out.display());
                ExitCode::SUCCESS
            }
            Err(why) => {
                eprintln!("no page: {why}");
                ExitCode::from(2)
            }
        }
    }

    /// Runs in a fresh process, which says what it came to; gives the trace.
    fn run(&self) -> Result<PathBuf, String> {
        let trace = std::env::temp_dir().join(format!("confman-sim-{}-explain.jsonl", std::process::id()));
        let program = std::env::current_exe().map_err(|error| format!("this program is not to be found: {error}"))?;
        let mut command = Command::new(program);
        command.arg("run").arg("--trace").arg(&trace).args(["--limit-s", &self.limit_s.to_string()]);
        match (&self.schedule, self.seed) {
            (Some(schedule), _) => command.arg("--schedule").arg(schedule),
            (None, seed) => command.arg("--seed").arg(seed.unwrap_or_default().to_string()),
        };
        let status = command.status().map_err(|error| format!("the run: {error}"))?;
        // A violation is what a page is for; a run that failed or did not end may have left a trace, too.
        if trace.exists() { Ok(trace) } else { Err(format!("the run left no trace ({status})")) }
    }

    fn page_of(&self, trace: &Path) -> Result<(), String> {
        let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        let from = File::open(trace).map_err(|error| told(trace, error))?;
        let to = File::create(&self.out).map_err(|error| told(&self.out, error))?;
        explain(BufReader::new(from), BufWriter::new(to)).map_err(|error| error.to_string())
    }
}
