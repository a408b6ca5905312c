use std::fmt::Display;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a swarm says how far it is where nobody sees a bar.
const SPEAK_EVERY: Duration = Duration::from_secs(30);
/// The bar's length, in parts.
const PARTS: u64 = 1_000;

/// How far something is: a bar on a terminal, a line every so often elsewhere.
pub struct Progress {
    bar: Option<ProgressBar>,
    spoke: Mutex<Instant>,
}

impl Progress {
    pub fn new() -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {bar:30} {elapsed:>4} {msg}");
            let bar = ProgressBar::new(PARTS).with_style(style.expect("the template above is well formed"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Progress { bar, spoke: Mutex::new(Instant::now()) }
    }

    /// Shows how far it is, from 0 to 1.
    pub fn show(&self, share: f64, line: impl Display) {
        match &self.bar {
            Some(bar) => {
                bar.set_position((share * PARTS as f64) as u64);
                bar.set_message(line.to_string());
            }
            None => {
                let mut spoke = self.spoke.lock().expect("no panic under this lock");
                if spoke.elapsed() >= SPEAK_EVERY {
                    *spoke = Instant::now();
                    eprintln!("{:3.0}%  {line}", share * 100.0);
                }
            }
        }
    }

    /// Prints lines that stay.
    pub fn say(&self, text: impl Display) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{text}")),
            None => println!("{text}"),
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What a progress line says: `137 of 500 seeds, 1.9 per second, 3m 10s left`.
pub fn line(done: u64, seeds: Option<u64>, elapsed: Duration, left: Option<Duration>) -> String {
    let of = seeds.map(|seeds| format!(" of {seeds}")).unwrap_or_default();
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-9);
    let rate = if rate >= 1.0 { format!("{rate:.1} per second") } else { format!("{:.1} per minute", rate * 60.0) };
    let left = left.map(|left| format!(", {} left", span(left))).unwrap_or_default();
    format!("{done}{of} seeds, {rate}{left}")
}

/// A span of time in whole seconds, for people.
pub fn span(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs_f64().round() as u64)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_done_rate_and_time_left() {
        let (minute, left) = (Duration::from_secs(60), Some(Duration::from_millis(190_400)));
        assert_eq!(line(120, Some(500), minute, left), "120 of 500 seeds, 2.0 per second, 3m 10s left");
        assert_eq!(line(6, None, minute, None), "6 seeds, 6.0 per minute");
        assert_eq!(line(0, Some(5), Duration::ZERO, None), "0 of 5 seeds, 0.0 per minute");
    }
}
