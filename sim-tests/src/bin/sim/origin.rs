use std::path::PathBuf;

use sim_tests::schedule::{Schedule, generate};

/// Where a run's schedule comes from: a seed or a file, one of the two.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Origin {
    /// The seed that everything is drawn from.
    #[arg(long)]
    pub seed: Option<u64>,
    /// A schedule file.
    #[arg(long, value_name = "FILE")]
    pub schedule: Option<PathBuf>,
}

impl Origin {
    pub fn of_seed(seed: u64) -> Origin {
        Origin { seed: Some(seed), schedule: None }
    }

    pub fn of_file(path: impl Into<PathBuf>) -> Origin {
        Origin { seed: None, schedule: Some(path.into()) }
    }

    /// The schedule itself.
    pub fn read(&self) -> Result<Schedule, String> {
        match (self.seed, &self.schedule) {
            (Some(seed), None) => Ok(generate(seed)),
            (None, Some(path)) => Schedule::read(path),
            _ => Err("either a seed or a schedule".to_owned()),
        }
    }

    /// As it is called in what is printed.
    pub fn name(&self) -> String {
        match (self.seed, &self.schedule) {
            (Some(seed), _) => format!("seed {seed}"),
            (None, Some(path)) => path.display().to_string(),
            (None, None) => "nothing".to_owned(),
        }
    }

    /// The command line that runs it: `make sim SEED=42`, for the target `sim`.
    pub fn make(&self, target: &str) -> String {
        match (self.seed, &self.schedule) {
            (Some(seed), _) => format!("make {target} SEED={seed}"),
            (None, Some(path)) => format!("make {target} SCHEDULE={}", path.display()),
            (None, None) => format!("make {target}"),
        }
    }

    /// What one does after a violation, a line each.
    pub fn next_steps(&self) -> String {
        format!("  shrink: {}\n  explain: {}", self.make("sim-shrink"), self.make("sim-explain"))
    }
}
