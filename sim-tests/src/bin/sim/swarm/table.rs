use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::progress::span;
use super::tally::Tally;

/// How many seeds of one kind are named.
const NAMED_MAX: usize = 10;

/// The summary of a swarm that took this long.
pub fn table(tally: &Tally, took: Duration, all_cold: bool) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut text, tally, took, all_cold);
    text
}

fn write(text: &mut String, tally: &Tally, took: Duration, all_cold: bool) -> std::fmt::Result {
    let verdicts: Vec<String> = tally.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    writeln!(text, "{} seeds in {}: {}", tally.done, span(took), verdicts.join(", "))?;
    for (law, seeds) in &tally.laws {
        writeln!(text, "  violated in {:4} seeds: {law} ({})", seeds.len(), named(seeds))?;
    }
    for (verdict, seeds) in &tally.unfinished {
        writeln!(text, "  {verdict} in {:4} seeds ({})", seeds.len(), named(seeds))?;
    }
    let pace = tally.whole_pace();
    let by_size = tally.pace.iter().map(|(nodes, pace)| format!("{nodes} nodes {:.0}", pace.times_real_time()));
    let per_hour = tally.done as f64 * 3_600.0 / took.as_secs_f64().max(1e-9);
    writeln!(text, "  simulated  {:.1} hours", pace.simulated_s / 3_600.0)?;
    writeln!(
        text,
        "  pace       {:.0} times real time per core ({}), {per_hour:.0} seeds per hour",
        pace.times_real_time(),
        by_size.collect::<Vec<_>>().join(", ")
    )?;
    if let Some((cpu_s, seed)) = tally.slowest {
        writeln!(text, "  slowest    seed {seed}, {cpu_s:.1} s of processor time")?;
    }
    let blank = String::new();
    let heading = |name: &str| format!("{blank:>10}  {name}");
    let mut left = vec![heading("operations")];
    left.extend(cells(&tally.operations));
    if !tally.others.is_empty() {
        left.extend([blank.clone(), heading("besides")]);
        left.extend(cells(&tally.others));
    }
    let mut right = vec![heading("faults")];
    right.extend(cells(&tally.faults));
    columns(text, &left, &right)?;
    let cold = tally.cold();
    let (points, warm) = (tally.coverage.len(), tally.coverage.len() - cold.len());
    writeln!(text, "  coverage   {warm} of {points} points warm{}", if cold.is_empty() { "" } else { ", cold:" })?;
    let shown = if all_cold { cold.len() } else { NAMED_MAX };
    for point in cold.iter().take(shown) {
        writeln!(text, "    cold     {point}")?;
    }
    if cold.len() > shown {
        writeln!(text, "    and {} more", cold.len() - shown)?;
    }
    Ok(())
}

fn named(seeds: &BTreeSet<u64>) -> String {
    let named: Vec<String> = seeds.iter().take(NAMED_MAX).map(u64::to_string).collect();
    let (s, more) = (if seeds.len() == 1 { "" } else { "s" }, if seeds.len() > NAMED_MAX { ", ..." } else { "" });
    format!("seed{s} {}{more}", named.join(", "))
}

fn cells(counts: &BTreeMap<String, u64>) -> Vec<String> {
    counts.iter().map(|(name, count)| format!("{:>10}  {name}", grouped(*count))).collect()
}

/// Two columns, side by side.
fn columns(text: &mut String, left: &[String], right: &[String]) -> std::fmt::Result {
    let width = left.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    for row in 0..left.len().max(right.len()) {
        let at = |cells: &[String]| cells.get(row).cloned().unwrap_or_default();
        writeln!(text, "{}", format!("  {:width$}  {}", at(left), at(right)).trim_end())?;
    }
    Ok(())
}

/// A number with its thousands set apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tally::tests::{summary, violated};
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn the_table_tells_it_all() {
        let mut tally = Tally::new();
        tally.coverage = BTreeMap::from([("a frame was lost".to_owned(), 0)]);
        let mut good = summary(1, "holds");
        good.counts = BTreeMap::from([
            ("writes acknowledged".to_owned(), 1_200),
            ("reads answered".to_owned(), 30),
            ("pages read".to_owned(), 7),
        ]);
        good.faults = BTreeMap::from([("crash".to_owned(), 5)]);
        good.warm = BTreeMap::from([("an answer was lost".to_owned(), 1)]);
        tally.add(&good);
        for seed in 20..31 {
            tally.add(&violated(seed, "nothing goes back"));
        }
        let expected = "\
12 seeds in 1m 30s: 1 holds, 11 violated
  violated in   11 seeds: nothing goes back (seeds 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, ...)
  simulated  0.2 hours
  pace       60 times real time per core (3 nodes 60), 480 seeds per hour
  slowest    seed 1, 1.0 s of processor time
              operations                       faults
          30  reads answered                5  crash
       1,200  writes acknowledged

              besides
           7  pages read
  coverage   1 of 2 points warm, cold:
    cold     a frame was lost
";
        assert_eq!(table(&tally, Duration::from_secs(90), false), expected);
    }

    #[test]
    fn many_cold_points_are_counted_and_named_when_asked() {
        let mut tally = Tally::new();
        tally.coverage = (0..30).map(|number| (format!("point {number:02}"), 0)).collect();
        tally.add(&summary(1, "holds"));
        assert!(table(&tally, Duration::ZERO, false).contains("and 20 more"));
        let all = table(&tally, Duration::ZERO, true);
        assert!(all.contains("point 29") && !all.contains("more"));
    }
}
