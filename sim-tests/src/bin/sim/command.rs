use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use sim_tests::laws::AfterViolation;
use sim_tests::logs::record_logs;
use sim_tests::nodes::RealNodes;
use sim_tests::run::run;
use sim_tests::schedule::{Schedule, generate};
use sim_tests::trace::Trace;
use tracing::level_filters::LevelFilter;

use crate::child::Summary;
use crate::explain::Explain;
use crate::{swarm, twin};

/// Simulated disasters, repeated from their seeds.
///
/// Exits with 0 where all laws held, 1 where one was violated, 2 where the simulator failed, 3 where nothing can be
/// concluded.
#[derive(Parser)]
#[command(name = "sim")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one seed, or one schedule file.
    Run {
        #[arg(long, required_unless_present = "schedule", conflicts_with = "schedule")]
        seed: Option<u64>,
        #[arg(long)]
        schedule: Option<PathBuf>,
        /// Write every event to this file, as JSON lines.
        #[arg(long)]
        trace: Option<PathBuf>,
        /// Print one JSON line and nothing else.
        #[arg(long)]
        json: bool,
        /// Print the log lines of nodes and libraries from this level up: error, warn, info, debug or trace.
        #[arg(long, num_args = 0..=1, default_missing_value = "info")]
        logs: Option<LevelFilter>,
        /// Give up after this much real time.
        #[arg(long, default_value_t = 120)]
        limit_s: u64,
    },
    /// Run many seeds, a process each, on all cores.
    Swarm {
        #[arg(long)]
        seeds: u64,
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many at once; as many as there are cores where it is not said.
        #[arg(long)]
        jobs: Option<usize>,
        #[arg(long, default_value_t = 120)]
        limit_s: u64,
        /// Stop at the first seed that breaks a law.
        #[arg(long)]
        until_violated: bool,
    },
    /// Run seeds twice, each in two fresh processes, and compare the traces.
    Twin {
        #[arg(long)]
        seed: u64,
        /// How many seeds, from that one on.
        #[arg(long, default_value_t = 1)]
        seeds: u64,
    },
    /// Write a run as one page to be read in a browser.
    Explain(Explain),
    /// Print the schedule of a seed, to keep or to change.
    Schedule {
        #[arg(long)]
        seed: u64,
        /// Run it first, and print what its clients did as a list of operations.
        #[arg(long)]
        listed: bool,
    },
}

pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { seed, schedule, trace, json, logs, limit_s } => {
            let (schedule, repeat) = match (seed, schedule) {
                (_, Some(path)) => match Schedule::read(&path) {
                    Ok(schedule) => (schedule, format!("sim run --schedule {}", path.display())),
                    Err(why) => return failed(&why),
                },
                (Some(seed), None) => (generate(seed), format!("make sim SEED={seed}")),
                (None, None) => return failed("neither a seed nor a schedule"),
            };
            record_logs(logs);
            watchdog(schedule.seed, Duration::from_secs(limit_s));
            run_here(schedule, trace, json, logs.is_none(), &repeat)
        }
        Command::Swarm { seeds, from, jobs, limit_s, until_violated } => {
            swarm::swarm(from, seeds, jobs, limit_s, until_violated)
        }
        Command::Twin { seed, seeds } => twin::twins(seed, seeds),
        Command::Explain(explain) => explain.write(),
        Command::Schedule { seed, listed } => {
            let drawn = Schedule { commit: commit(), ..generate(seed) };
            let schedule = if listed { list_operations(drawn) } else { drawn };
            print!("{}", schedule.print());
            ExitCode::SUCCESS
        }
    }
}

/// The same run with what its clients do as a list.
fn list_operations(drawn: Schedule) -> Schedule {
    let report = run(drawn.clone(), Arc::new(RealNodes), Trace::default(), AfterViolation::Stop, true);
    drawn.listed(report.operations)
}

/// The commit of the code in the current folder.
fn commit() -> String {
    let said = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output();
    let said = said.ok().filter(|said| said.status.success());
    said.map_or("unknown".to_owned(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

fn run_here(schedule: Schedule, trace: Option<PathBuf>, json: bool, quiet: bool, repeat: &str) -> ExitCode {
    let trace = match trace
        .map(|path| Trace::to_file(&path, 0..u64::MAX).map_err(|error| format!("{}: {error}", path.display())))
    {
        None => Trace::default(),
        Some(Ok(trace)) => trace,
        Some(Err(why)) => return failed(&why),
    };
    let kept = trace.clone();
    let ran =
        catch_unwind(AssertUnwindSafe(move || run(schedule, Arc::new(RealNodes), trace, AfterViolation::Stop, quiet)));
    if let Err(error) = kept.finish() {
        return failed(&format!("writing the trace: {error}"));
    }
    let Ok(report) = ran else {
        return failed(&format!("the simulator panicked\n  repeat: {repeat}"));
    };
    if json {
        println!("{}", Summary::of(&report).print());
    } else {
        println!("{report}\n{}", report.conclusion(repeat));
    }
    report.verdict.exit_code()
}

/// A run that makes no progress in virtual time is noticed by real time alone.
fn watchdog(seed: u64, limit: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        eprintln!("inconclusive: seed {seed} did not end within {} s of real time", limit.as_secs());
        std::process::exit(3);
    });
}

fn failed(why: &str) -> ExitCode {
    eprintln!("the harness failed: {why}");
    ExitCode::from(2)
}
