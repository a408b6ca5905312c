//! `sim swarm`: many seeds, a process each.

pub mod progress;
pub mod seeds;
mod table;
mod tally;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use progress::{Progress, line, span};
use seeds::{Plan, first_of, today};
use serde::Serialize;
use sim_tests::schedule::{Schedule, generate};
use tally::Tally;

use crate::child::Apart;
use crate::command::failed;
use crate::origin::Origin;
use crate::schedule::commit;
use crate::summary::{DID_NOT_END, HARNESS_FAILED, Summary};

/// How many seeds of one law, or of one other failure, are kept as files.
const KEPT_EACH: u64 = 3;
/// How much of the trace of a seed that does not end is kept, in events, up to where it stood and beyond.
const LAST_EVENTS: u64 = 100_000;

const EXIT_CODES: &str = "\
Exit codes:
  0  all laws held in all seeds
  1  a law was violated
  2  the simulator itself failed
  3  nothing can be concluded: a seed did not end, or not all seeds that were asked for were run in the time given, or no
     seed tried anything, or (with --cold-fails) a coverage point stayed cold";

/// Run many seeds, a process each, on all cores.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// How many seeds; as many as the time allows where it is not said.
    #[arg(long, value_name = "N", required_unless_present = "time_budget")]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "fresh")]
    from: u64,
    /// Seeds that begin with today's date (UTC): other ones every day, the same ones all day.
    #[arg(long)]
    fresh: bool,
    /// Begin no seed after this long: 90s, 10m, 8h.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    time_budget: Option<Duration>,
    /// How many at once; as many as there are cores where it is not said.
    #[arg(long)]
    jobs: Option<usize>,
    /// Real time for one seed.
    #[arg(long, default_value_t = 120)]
    limit_s: u64,
    /// Stop at the first seed that breaks a law.
    #[arg(long)]
    until_violated: bool,
    /// Let each seed go on after a violation, and count every law that it breaks.
    #[arg(long)]
    all_laws: bool,
    /// Fail where a coverage point stayed cold.
    #[arg(long)]
    cold_fails: bool,
    /// Keep the schedules of seeds that fail in this folder, and what they came to: the first few of each law.
    #[arg(long, value_name = "DIR")]
    failures: Option<PathBuf>,
    /// Write the summary to this file as well, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What is written with `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    from: u64,
    seeds: Option<u64>,
    took_s: f64,
    #[serde(flatten)]
    tally: &'a Tally,
}

impl Arguments {
    pub fn run(self) -> ExitCode {
        let from = if self.fresh {
            let first = first_of(today());
            println!("fresh seeds of {}: again with --from {first}", today());
            first
        } else {
            self.from
        };
        if let Some(folder) = &self.failures
            && let Err(error) = std::fs::create_dir_all(folder)
        {
            return failed(&format!("{}: {error}", folder.display()));
        }
        let plan = Plan { from, seeds: self.seeds, budget: self.time_budget };
        let began = Instant::now();
        let tally = self.run_all(&plan);
        let took = began.elapsed();
        print!("{}", table::table(&tally, took, self.cold_fails));
        let caught = self.until_violated && tally.count("violated") > 0;
        let missing = if caught { 0 } else { plan.missing(tally.done) };
        if missing > 0 {
            println!("  {missing} seeds were NOT RUN: time was up after {}", span(took));
        }
        if let Some(path) = &self.json {
            let written = Written { from, seeds: self.seeds, took_s: took.as_secs_f64(), tally: &tally };
            let text = serde_json::to_string_pretty(&written).expect("plain data has a JSON form") + "\n";
            if let Err(error) = std::fs::write(path, text) {
                return failed(&format!("{}: {error}", path.display()));
            }
        }
        if let Some(seed) = tally.laws.values().filter_map(|seeds| seeds.first()).min() {
            println!("{}", Origin::of_seed(*seed).next_steps());
        }
        ExitCode::from(tally.code(missing > 0, self.cold_fails))
    }

    fn run_all(&self, plan: &Plan) -> Tally {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shared = Mutex::new((0, Tally::new()));
        let lock = || shared.lock().expect("no panic under this lock");
        let (began, progress) = (Instant::now(), Progress::new());
        let next = || {
            let (begun, tally) = &mut *lock();
            let enough = self.until_violated && tally.count("violated") > 0;
            let seed = plan.next(*begun, began.elapsed()).filter(|_| !enough);
            *begun += u64::from(seed.is_some());
            seed
        };
        let work = || {
            while let Some(seed) = next() {
                let mut summary = self.apart(&Origin::of_seed(seed)).run();
                if summary.verdict == DID_NOT_END {
                    self.trace_of_unending(seed, &mut summary);
                }
                if summary.verdict != "holds" {
                    progress.say(format_args!("seed {seed}: {}", summary.conclusion));
                }
                let (_, tally) = &mut *lock();
                if let Err(why) = self.keep(&summary, tally) {
                    progress.say(format_args!("seed {seed}: not kept: {why}"));
                }
                tally.add(&summary);
                let (done, elapsed) = (tally.done, began.elapsed());
                let violated = match tally.count("violated") {
                    0 => String::new(),
                    count => format!(", {count} VIOLATED"),
                };
                let said = line(done, plan.seeds, elapsed, plan.left(done, elapsed));
                progress.show(plan.progress(done, elapsed), format_args!("{said}{violated}"));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.unwrap_or(cores).max(1) {
                scope.spawn(work);
            }
        });
        progress.clear();
        shared.into_inner().expect("no panic under this lock").1
    }

    fn apart<'a>(&self, origin: &'a Origin) -> Apart<'a> {
        let limit = Duration::from_secs(self.limit_s);
        Apart { all_laws: self.all_laws, ..Apart::new(origin, limit) }
    }

    /// Runs a seed that did not end once more, and writes down what happens before it hangs.
    fn trace_of_unending(&self, seed: u64, summary: &mut Summary) {
        let folder = self.failures.clone().unwrap_or_else(std::env::temp_dir);
        let path = folder.join(format!("seed-{seed}.jsonl"));
        let events = summary.events.saturating_sub(LAST_EVENTS)..summary.events.saturating_add(LAST_EVENTS);
        let origin = Origin::of_seed(seed);
        let again = Apart { trace: Some((&path, events)), ..self.apart(&origin) }.run();
        let said = match again.verdict.as_str() {
            DID_NOT_END => format!("\n  trace of its last {LAST_EVENTS} events: {}", path.display()),
            other => format!("\n  run once more it came to: {other}; trace: {}", path.display()),
        };
        summary.conclusion += &said;
    }

    /// Keeps the schedule of a seed that failed, and what it came to.
    fn keep(&self, summary: &Summary, before: &Tally) -> Result<(), String> {
        let (Some(folder), seed) = (&self.failures, summary.seed) else { return Ok(()) };
        let kept = match (summary.verdict.as_str(), &summary.law) {
            ("violated", Some(law)) => before.laws.get(law).map_or(0, |seeds| seeds.len() as u64),
            (DID_NOT_END | HARNESS_FAILED, _) => before.count(&summary.verdict),
            _ => return Ok(()),
        };
        if kept >= KEPT_EACH {
            return Ok(());
        }
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        write(&folder.join(format!("seed-{seed}.json")), &Schedule { commit: commit(), ..generate(seed) }.print())?;
        write(&folder.join(format!("seed-{seed}.txt")), &format!("seed {seed}: {}\n", summary.conclusion))
    }
}
