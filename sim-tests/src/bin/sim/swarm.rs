use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use sim_tests::coverage::Point;

use crate::child::{DID_NOT_END, Summary, run_apart};

#[derive(Default)]
struct Tally {
    done: u64,
    by_verdict: BTreeMap<String, u64>,
    by_law: BTreeMap<String, Vec<u64>>,
    counts: BTreeMap<String, u64>,
    warm: BTreeMap<String, u64>,
    simulated_s: f64,
    worked_s: f64,
    slowest: Option<(f64, u64)>,
}

impl Tally {
    fn add(&mut self, summary: Summary) {
        self.done += 1;
        *self.by_verdict.entry(summary.verdict).or_default() += 1;
        if let Some(law) = summary.law {
            self.by_law.entry(law).or_default().push(summary.seed);
        }
        for (what, count) in summary.counts {
            *self.counts.entry(what).or_default() += count;
        }
        for (point, count) in summary.warm {
            *self.warm.entry(point).or_default() += count.min(1);
        }
        self.simulated_s += summary.simulated_s;
        self.worked_s += summary.took_s;
        if self.slowest.is_none_or(|(took, _)| took < summary.took_s) {
            self.slowest = Some((summary.took_s, summary.seed));
        }
    }

    fn count(&self, verdict: &str) -> u64 {
        self.by_verdict.get(verdict).copied().unwrap_or(0)
    }
}

/// Runs seeds, each in a process of its own, and prints what they came to. With `until_violated` it stops at the first
/// seed that breaks a law, which is what a planted bug is to be caught by.
pub fn swarm(from: u64, seeds: u64, jobs: Option<usize>, limit_s: u64, until_violated: bool) -> ExitCode {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let began = Instant::now();
    let progress = std::io::stderr().is_terminal();
    std::thread::scope(|scope| {
        for _ in 0..jobs.unwrap_or(cores).max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let caught =
                        until_violated && tally.lock().expect("no panic under this lock").count("violated") > 0;
                    if number >= seeds || caught {
                        return;
                    }
                    let summary = run_apart(from + number, None, limit_s);
                    let mut tally = tally.lock().expect("no panic under this lock");
                    if summary.verdict != "holds" {
                        println!("seed {}: {}", summary.seed, summary.conclusion);
                    }
                    tally.add(summary);
                    if progress {
                        eprint!("\r{} of {seeds} ", tally.done);
                        // A progress line that cannot be shown is no loss.
                        let _ = std::io::stderr().flush();
                    }
                }
            });
        }
    });
    if progress {
        eprint!("\r");
    }
    let tally = tally.into_inner().expect("no panic under this lock");
    report(&tally, tally.done, began.elapsed().as_secs_f64());
    match () {
        () if tally.count("violated") > 0 => ExitCode::from(1),
        () if tally.count("harness failed") > 0 => ExitCode::from(2),
        () if tally.count(DID_NOT_END) > 0 => ExitCode::from(3),
        // A seed in which nothing could be tried is no news; a swarm of them is.
        () if tally.count("holds") == 0 => ExitCode::from(3),
        () => ExitCode::SUCCESS,
    }
}

fn report(tally: &Tally, seeds: u64, took_s: f64) {
    let verdicts = tally.by_verdict.iter().map(|(verdict, count)| format!("{count} {verdict}"));
    println!("{seeds} seeds in {took_s:.0} s: {}", verdicts.collect::<Vec<_>>().join(", "));
    for (law, seeds) in &tally.by_law {
        let mut seeds = seeds.clone();
        seeds.sort_unstable();
        let shown = seeds.iter().take(10).map(u64::to_string).collect::<Vec<_>>().join(", ");
        println!(
            "  violated in {:4} seeds: {law} (seeds {shown}{})",
            seeds.len(),
            if seeds.len() > 10 { ", ..." } else { "" }
        );
    }
    let pace = tally.simulated_s / tally.worked_s.max(1e-9);
    println!("  {:.1} hours simulated, {pace:.0} times real time per core", tally.simulated_s / 3_600.0);
    if let Some((took, seed)) = tally.slowest {
        println!("  slowest: seed {seed}, {took:.1} s");
    }
    for (what, count) in &tally.counts {
        println!("  {count:10} {what}");
    }
    for point in Point::ALL {
        let seeds = tally.warm.get(point.name()).copied().unwrap_or(0);
        println!("  {seeds:10} seeds: {}", point.name());
    }
}
