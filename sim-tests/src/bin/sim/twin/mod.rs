//! `sim twin`: the same seed twice, in two fresh processes, must be the same run.

mod compare;

use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use compare::{Parting, first_difference, part};

use crate::child::Apart;
use crate::command::failed;
use crate::origin::Origin;
use crate::summary::Summary;

/// How many pairs are run to see a difference with one's own eyes.
const ATTEMPTS: u32 = 5;
/// How many events before a window are written as well, for their context.
const BEFORE: u64 = 200;

const EXIT_CODES: &str = "\
Exit codes:
  0  the two runs of each seed are the same
  1  the two runs of a seed differ: something in it is not drawn from the seed
  2  a run gave nothing to compare";

/// Run seeds twice, each in two fresh processes, and compare the runs.
///
/// Their hashes are compared, and of the first seed the whole traces, byte for byte. Where two runs differ, the first
/// event that does is named: the hashes at every 4,096 events tell about where, and of that window both traces are
/// written.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(flatten)]
    origin: Origin,
    /// How many seeds, from that one on.
    #[arg(long, default_value_t = 1, conflicts_with = "schedule")]
    seeds: u64,
    /// Real time for one run.
    #[arg(long, default_value_t = 240)]
    limit_s: u64,
}

impl Arguments {
    pub fn run(self) -> ExitCode {
        let folder = std::env::temp_dir().join(format!("sim-twin-{}", std::process::id()));
        if let Err(error) = std::fs::create_dir_all(&folder) {
            return failed(&format!("{}: {error}", folder.display()));
        }
        let origins: Vec<Origin> = match self.origin.seed {
            Some(seed) => (seed..seed.saturating_add(self.seeds)).map(Origin::of_seed).collect(),
            None => vec![self.origin],
        };
        let mut code = 0;
        for (number, origin) in origins.iter().enumerate() {
            let name = origin.name();
            let twins = Twins { origin, name: &name, limit: Duration::from_secs(self.limit_s), folder: &folder };
            code = code.max(twins.compare(number == 0));
        }
        // What is left there is no loss.
        let _ = std::fs::remove_dir_all(&folder);
        ExitCode::from(code)
    }
}

struct Twins<'a> {
    origin: &'a Origin,
    name: &'a str,
    limit: Duration,
    folder: &'a Path,
}

impl Twins<'_> {
    /// The exit code for this seed; says what it is about.
    fn compare(&self, byte_for_byte: bool) -> u8 {
        let name = self.name;
        let all = byte_for_byte.then_some(0..u64::MAX);
        let [a, b] = self.pair(all.clone());
        if a.hash.is_empty() || b.hash.is_empty() {
            println!("{name}: nothing to compare\n  first: {}\n  second: {}", a.conclusion, b.conclusion);
            return 2;
        }
        match part(&a, &b) {
            Parting::Nowhere if all.is_none() => self.equal(&a, ""),
            Parting::Nowhere => match self.difference() {
                Ok(None) => self.equal(&a, ", traces equal byte for byte"),
                Ok(Some(difference)) => {
                    println!("{name}: NOT EQUAL, and their hashes are\n{difference}");
                    1
                }
                Err(why) => {
                    println!("{name}: {why}");
                    2
                }
            },
            Parting::Within(window) => {
                println!("{name}: NOT EQUAL, {} and {} events", a.events, b.events);
                println!("{}", self.name_first(window, all.is_some()));
                1
            }
        }
    }

    fn equal(&self, a: &Summary, more: &str) -> u8 {
        println!("{}: equal, {} events, hash {} ({}){more}", self.name, a.events, &a.hash[..16], a.verdict);
        0
    }

    /// Two fresh processes, at the same time.
    fn pair(&self, events: Option<Range<u64>>) -> [Summary; 2] {
        let run = |name: &str| {
            let path = self.folder.join(name);
            let trace = events.clone().map(|events| (path.as_path(), events));
            Apart { trace, checkpoints: true, ..Apart::new(self.origin, self.limit) }.run()
        };
        std::thread::scope(|scope| {
            let first = scope.spawn(|| run("a"));
            let second = run("b");
            [first.join().expect("it reads what a process says, and does not panic"), second]
        })
    }

    /// The first difference of the two traces that were written last.
    fn difference(&self) -> Result<Option<String>, String> {
        first_difference(&self.folder.join("a"), &self.folder.join("b")).map_err(|error| format!("the traces: {error}"))
    }

    /// Runs pairs until both traces of a window show where they part.
    fn name_first(&self, mut window: Range<u64>, mut written: bool) -> String {
        for _ in 0..ATTEMPTS {
            if !written {
                let [a, b] = self.pair(Some(window.start.saturating_sub(BEFORE)..window.end));
                if let Parting::Within(other) = part(&a, &b)
                    && other != window
                {
                    // These two parted elsewhere: the next pair is looked at there.
                    window = other;
                    continue;
                }
            }
            written = false;
            match self.difference() {
                Ok(Some(difference)) => return difference,
                Ok(None) => {}
                Err(why) => return why,
            }
        }
        format!(
            "  they part between the events {} and {}; {ATTEMPTS} more pairs did not show it again",
            window.start, window.end
        )
    }
}
