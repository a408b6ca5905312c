use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sim_tests::laws::AfterViolation;
use sim_tests::logs::record_logs;
use sim_tests::nodes::RealNodes;
use sim_tests::run::{Report, Verdict, run};
use sim_tests::schedule::Schedule;
use sim_tests::trace::{Trace, moment};
use tracing::level_filters::LevelFilter;

use crate::command::{EXIT_CODES, failed};
use crate::origin::Origin;
use crate::schedule::commit;
use crate::summary::{DID_NOT_END, HARNESS_FAILED, Summary};

/// How long a run that did not end has to write down what it has of its trace.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Run one seed, or one schedule file.
///
/// Prints what the run did. On a violation: the law, the simulated moment, what was seen, and the line that repeats it.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(flatten)]
    origin: Origin,
    /// Write every event to this file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Of the trace, write only the events with these numbers, from the first up to before the second.
    #[arg(long, value_name = "A..B", requires = "trace", value_parser = events)]
    events: Option<Range<u64>>,
    /// Print one JSON line and nothing else.
    #[arg(long)]
    json: bool,
    /// With --json, also the trace's hash at every so many events.
    #[arg(long, hide = true, requires = "json")]
    checkpoints: bool,
    /// Print the log lines of nodes and libraries from this level up: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, default_missing_value = "info")]
    logs: Option<LevelFilter>,
    /// Go on after a violation, and tell every law that is broken.
    #[arg(long)]
    all_laws: bool,
    /// Write the schedule to this file, to keep or to change.
    #[arg(long, value_name = "FILE")]
    save_schedule: Option<PathBuf>,
    /// With --save-schedule, write what the clients drew in this run as a list of operations.
    #[arg(long, requires = "save_schedule")]
    listed: bool,
    /// Give up after this much real time.
    #[arg(long, default_value_t = 120)]
    limit_s: u64,
}

/// Parses `A..B`.
fn events(text: &str) -> Result<Range<u64>, String> {
    let bounds = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    bounds.ok_or_else(|| format!("{text:?} is not a range of events, such as 4096..8192"))
}

impl Arguments {
    pub fn run(self) -> ExitCode {
        let schedule = match self.origin.read() {
            Ok(schedule) => schedule,
            Err(why) => return failed(&why),
        };
        if !self.listed
            && let Err(why) = self.save(&schedule)
        {
            return failed(&why);
        }
        let trace = match &self.trace {
            None => Trace::default(),
            Some(path) => match Trace::to_file(path, self.events.clone().unwrap_or(0..u64::MAX)) {
                Ok(trace) => trace,
                Err(error) => return failed(&format!("{}: {error}", path.display())),
            },
        };
        record_logs(self.logs);
        let (seed, repeat) = (schedule.seed, self.origin.make("sim"));
        let over = self.watch(seed, &trace);
        let after = if self.all_laws { AfterViolation::GoOn } else { AfterViolation::Stop };
        let (kept, quiet) = (trace.clone(), self.logs.is_none());
        let ran = catch_unwind(AssertUnwindSafe(move || run(schedule, Arc::new(RealNodes), trace, after, quiet)));
        if over.swap(true, Ordering::SeqCst) {
            // The watchdog was quicker: it speaks for the run, and ends the process.
            std::thread::sleep(LAST_WORDS * 2);
        }
        if let Err(error) = kept.finish() {
            return failed(&format!("seed {seed}: writing the trace: {error}"));
        }
        match ran {
            Ok(report) => {
                if self.listed
                    && let Err(why) = self.save(&report.schedule.listed(report.operations.clone()))
                {
                    return failed(&why);
                }
                self.tell(&report, &repeat)
            }
            Err(panic) => {
                let why = format!("seed {seed}: the simulator panicked: {}", words(&*panic));
                if self.json {
                    println!("{}", Summary::without_report(seed, HARNESS_FAILED, &why, &repeat).print());
                }
                failed(&format!("{why}\n  repeat: {repeat}"))
            }
        }
    }

    fn save(&self, schedule: &Schedule) -> Result<(), String> {
        let Some(path) = &self.save_schedule else { return Ok(()) };
        let schedule = Schedule { commit: commit(), ..schedule.clone() };
        std::fs::write(path, schedule.print()).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn tell(&self, report: &Report, repeat: &str) -> ExitCode {
        if self.json {
            let mut summary = Summary::of(report, repeat);
            if self.checkpoints {
                summary.checkpoints = report.trace.checkpoints().into_iter().map(Into::into).collect();
            }
            println!("{}", summary.print());
        } else {
            println!("{report}\n{}", report.conclusion(repeat));
            if let Verdict::Violated(_) = report.verdict {
                println!("{}", self.origin.next_steps());
            }
            for violation in report.violations.iter().skip(1) {
                println!("also VIOLATED: {}\n  at {}: {}", violation.law, moment(violation.at), violation.what);
            }
        }
        report.verdict.exit_code()
    }

    /// A run that makes no progress in virtual time is noticed by real time alone. Whoever sets the flag first tells
    /// how the run ended.
    fn watch(&self, seed: u64, trace: &Trace) -> Arc<AtomicBool> {
        let over = Arc::new(AtomicBool::new(false));
        let (watched, limit_s, json, repeat) = (over.clone(), self.limit_s, self.json, self.origin.make("sim"));
        let (trace, file) = (trace.clone(), self.trace.clone());
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(limit_s));
            if watched.swap(true, Ordering::SeqCst) {
                return;
            }
            std::thread::spawn(|| {
                // The run may hold the lock of its trace.
                std::thread::sleep(LAST_WORDS);
                std::process::exit(3);
            });
            let events = trace.next_number();
            let mut why = format!("seed {seed} was not over after {limit_s} s of real time and {events} events");
            if let (Some(path), Ok(())) = (file, trace.finish()) {
                why += &format!("; its trace: {}", path.display());
            }
            let summary = Summary { events, ..Summary::without_report(seed, DID_NOT_END, &why, &repeat) };
            if json {
                println!("{}", summary.print());
            } else {
                eprintln!("inconclusive, {}", summary.conclusion);
            }
            std::process::exit(3);
        });
        over
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_events_is_two_numbers() {
        assert_eq!(events("4096..8192"), Ok(4_096..8_192));
        assert_eq!(events("0..18446744073709551615"), Ok(0..u64::MAX));
        for wrong in ["", "1", "1..", "..2", "a..b", "1...2"] {
            assert!(events(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_panic_is_told_by_its_words() {
        let panic = catch_unwind(|| panic!("{} is broken", "a truth")).unwrap_err();
        assert_eq!(words(&*panic), "a truth is broken");
        assert_eq!(words(&*catch_unwind(|| panic!("plain")).unwrap_err()), "plain");
    }
}
