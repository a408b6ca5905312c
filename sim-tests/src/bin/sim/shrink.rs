use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sim_tests::schedule::Schedule;
use sim_tests::shrink::{Limits, Shrunk, Size, Trial, report, shrink};

use crate::child::Apart;
use crate::command::failed;
use crate::origin::Origin;
use crate::schedule::commit;
use crate::summary::Summary;
use crate::swarm::progress::{Progress, span};

const EXIT_CODES: &str = "\
Exit codes:
  0  the smallest schedule that was found is written
  2  the simulator itself failed
  3  there is nothing to shrink: all laws hold";

/// Find the smallest schedule that still breaks the same law.
///
/// Takes away time, faults, clients, nodes and operations, and calms what is left, as long as the same law is broken;
/// each candidate runs in a process of its own, with a few scheduler seeds. A seed in which the simulator fails, or that
/// does not end, is shrunk in the same way.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(flatten)]
    origin: Origin,
    /// Where to write it; in target/sim-shrunk/ where it is not said.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Make do with the best so far after this long: 90s, 10m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    time_budget: Duration,
    /// How many at once; as many as there are cores where it is not said.
    #[arg(long)]
    jobs: Option<usize>,
    /// With how many scheduler seeds each candidate is tried, besides the one it has.
    #[arg(long, default_value_t = 2)]
    schedulers: u64,
    /// Real time for one run.
    #[arg(long, default_value_t = 60)]
    limit_s: u64,
}

impl Arguments {
    pub fn run(self) -> ExitCode {
        match self.shrink() {
            Ok(code) => code,
            Err(why) => failed(&why),
        }
    }

    fn shrink(&self) -> Result<ExitCode, String> {
        let (from, began) = (self.origin.read()?, Instant::now());
        let limit = Duration::from_secs(self.limit_s);
        let first = Apart::new(&self.origin, limit).run();
        println!("{}: {}", self.origin.name(), first.conclusion);
        let Some(broken) = broken(&first) else {
            println!("nothing to shrink");
            return Ok(ExitCode::from(3));
        };
        let out = self.out.clone().unwrap_or_else(|| default_out(&self.origin));
        if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let folder = std::env::temp_dir().join(format!("sim-shrink-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let trials = Trials { broken: &broken, folder: &folder, limit, files: AtomicU64::new(0) };
        let violated_ms = first.law.as_ref().and_then(|law| first.laws.get(law)).map(|s| (s * 1_000.0) as u64);
        let shrunk = self.search(from.clone(), violated_ms, &trials, began);
        // What is left there is no loss.
        let _ = std::fs::remove_dir_all(&folder);

        let small = Schedule { commit: commit(), ..shrunk.schedule.clone() };
        std::fs::write(&out, small.print()).map_err(|error| format!("{}: {error}", out.display()))?;
        let result = Origin::of_file(&out);
        let last = Apart::new(&result, limit).run();
        let why = if shrunk.minimal { "nothing more can be taken away" } else { "time was up" };
        println!("\n{} runs in {}; {why}", shrunk.trials, span(began.elapsed()));
        println!("  from  {}\n  to    {}", Size::of(&from), Size::of(&small));
        report(&from, &small).iter().for_each(|line| println!("  {line}"));
        println!("\n{}: {}\n  explain: {}", result.name(), last.conclusion, result.make("sim-explain"));
        if self::broken(&last).as_ref() != Some(&broken) {
            return Err(
                "what is written does not break the law again: the run is not a function of its schedule".to_owned()
            );
        }
        Ok(ExitCode::SUCCESS)
    }

    fn search(&self, from: Schedule, violated_ms: Option<u64>, trials: &Trials<'_>, began: Instant) -> Shrunk {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let budget = self.time_budget;
        let time_up = || began.elapsed() >= budget;
        let limits = Limits { jobs: self.jobs.unwrap_or(cores), schedulers: self.schedulers, time_up: &time_up };
        let progress = Progress::new();
        let shrunk = shrink(from, violated_ms, trials, &limits, &mut |step| {
            let left = span(budget.saturating_sub(began.elapsed()));
            let share = began.elapsed().as_secs_f64() / budget.as_secs_f64().max(1e-9);
            let (size, runs, pass) = (Size::of(step.best), step.trials, step.pass);
            progress.show(share.min(1.0), format_args!("{size}; {runs} runs, now: {pass}, at most {left} left"));
        });
        progress.clear();
        shrunk
    }
}

/// What a run broke: a law, by its name, or the simulator.
fn broken(summary: &Summary) -> Option<String> {
    match summary.verdict.as_str() {
        "holds" | "inconclusive" => None,
        verdict => Some(summary.law.clone().unwrap_or_else(|| verdict.to_owned())),
    }
}

fn default_out(origin: &Origin) -> PathBuf {
    let name = match (&origin.schedule, origin.seed) {
        (Some(path), _) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        (None, seed) => format!("seed-{}", seed.unwrap_or_default()),
    };
    Path::new("target/sim-shrunk").join(format!("{name}-small.json"))
}

/// Runs schedules in processes of their own.
struct Trials<'a> {
    broken: &'a str,
    folder: &'a Path,
    limit: Duration,
    files: AtomicU64,
}

impl Trials<'_> {
    /// A file for one trial, which is gone when the trial is over.
    fn with_file<T>(&self, schedule: &Schedule, run: impl FnOnce(&Origin) -> T) -> Option<T> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{number}.json"));
        std::fs::write(&path, schedule.print()).ok()?;
        let result = run(&Origin::of_file(&path));
        // One file too many in a folder that is removed is no loss.
        let _ = std::fs::remove_file(&path);
        Some(result)
    }
}

impl Trial for Trials<'_> {
    fn breaks(&self, schedule: &Schedule) -> bool {
        let summary = self.with_file(schedule, |origin| Apart::new(origin, self.limit).run());
        summary.is_some_and(|summary| broken(&summary).as_deref() == Some(self.broken))
    }

    fn listed(&self, schedule: &Schedule) -> Option<Schedule> {
        let path = self.folder.join("listed.json");
        self.with_file(schedule, |origin| Apart { listed: Some(&path), ..Apart::new(origin, self.limit) }.run())?;
        let listed = Schedule::read(&path).ok()?;
        // The commit is for people; two schedules that differ in nothing else are the same.
        Some(Schedule { commit: schedule.commit.clone(), ..listed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_the_law_or_else_the_simulator() {
        let with = |verdict: &str, law: Option<&str>| {
            broken(&Summary { verdict: verdict.to_owned(), law: law.map(str::to_owned), ..Summary::default() })
        };
        assert_eq!(with("holds", None), None);
        assert_eq!(with("inconclusive", None), None);
        assert_eq!(with("violated", Some("a law")).as_deref(), Some("a law"));
        assert_eq!(with("harness failed", None).as_deref(), Some("harness failed"));
        assert_eq!(with("did not end", None).as_deref(), Some("did not end"));
    }

    #[test]
    fn what_is_found_has_the_name_of_where_it_comes_from() {
        let out = |origin| default_out(&origin).display().to_string();
        assert_eq!(out(Origin::of_seed(42)), "target/sim-shrunk/seed-42-small.json");
        assert_eq!(out(Origin::of_file("some/where/name.json")), "target/sim-shrunk/name-small.json");
    }
}
