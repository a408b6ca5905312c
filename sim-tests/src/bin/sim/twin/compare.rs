use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use crate::summary::Summary;

/// How many equal events are shown before the first that differs.
const CONTEXT: usize = 5;
/// How many lines are kept to find the cause of the first that differs.
const REMEMBERED: usize = 4_096;

/// Where two runs of a seed part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parting {
    Nowhere,
    /// Among the events with these numbers.
    Within(Range<u64>),
}

/// Narrows a difference of two runs to a window between two of their checkpoints.
pub fn part(a: &Summary, b: &Summary) -> Parting {
    if (&a.hash, a.events) == (&b.hash, b.events) {
        return Parting::Nowhere;
    }
    let mut last_equal = 0;
    for (x, y) in a.checkpoints.iter().zip(&b.checkpoints) {
        if x != y {
            return Parting::Within(last_equal..x.events.min(y.events));
        }
        last_equal = x.events;
    }
    Parting::Within(last_equal..a.events.max(b.events))
}

/// The first line in which two files differ: both versions, what was before, and the event that led to it. None where
/// they are equal.
pub fn first_difference(a: &Path, b: &Path) -> io::Result<Option<String>> {
    let mut a = BufReader::new(File::open(a)?).lines();
    let mut b = BufReader::new(File::open(b)?).lines();
    let mut before = VecDeque::new();
    loop {
        match (a.next().transpose()?, b.next().transpose()?) {
            (None, None) => return Ok(None),
            (Some(x), Some(y)) if x == y => {
                before.push_back(x);
                if before.len() > REMEMBERED {
                    before.pop_front();
                }
            }
            (x, y) => return Ok(Some(shown(&before, x, y))),
        }
    }
}

fn shown(before: &VecDeque<String>, a: Option<String>, b: Option<String>) -> String {
    let mut text = String::new();
    let causes = [&a, &b].map(|line| line.as_deref().and_then(|line| number(line, "cause")));
    let recent = before.len().saturating_sub(CONTEXT);
    for (at, line) in before.iter().enumerate() {
        let is_cause = number(line, "n").is_some_and(|n| causes.contains(&Some(n)));
        if is_cause || at >= recent {
            // Writing to a String does not fail.
            let _ = writeln!(text, "  {}  {line}", if is_cause { "cause: " } else { "both:  " });
        }
    }
    let end = || "(the trace ends)".to_owned();
    let _ = write!(text, "  first:   {}\n  second:  {}", a.unwrap_or_else(end), b.unwrap_or_else(end));
    text
}

fn number(line: &str, member: &str) -> Option<u64> {
    serde_json::from_str::<Value>(line).ok()?.get(member)?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Mark;

    fn run(hashes: &[&str], events: u64, hash: &str) -> Summary {
        let mark = |(at, hash): (usize, &&str)| Mark { events: at as u64 * 4_096, hash: (*hash).to_owned() };
        let checkpoints = hashes.iter().enumerate().map(mark).collect();
        Summary { checkpoints, events, hash: hash.to_owned(), ..Summary::default() }
    }

    #[test]
    fn a_difference_is_narrowed_to_the_window_before_the_first_checkpoint_that_differs() {
        let whole = run(&["0", "a", "b", "c"], 13_000, "d");
        assert_eq!(part(&whole, &whole.clone()), Parting::Nowhere);
        assert_eq!(part(&whole, &run(&["0", "a", "x", "y"], 13_000, "z")), Parting::Within(4_096..8_192));
        assert_eq!(part(&whole, &run(&["0", "x", "y"], 9_000, "z")), Parting::Within(0..4_096));
        assert_eq!(part(&whole, &run(&["0", "a", "b", "c"], 13_500, "z")), Parting::Within(12_288..13_500));
        assert_eq!(part(&whole, &run(&["0", "a"], 5_000, "z")), Parting::Within(4_096..13_000));
    }

    fn difference(a: &[&str], b: &[&str]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("a"), folder.path().join("b")];
        for (path, lines) in paths.iter().zip([a, b]) {
            std::fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        }
        first_difference(&paths[0], &paths[1]).unwrap()
    }

    #[test]
    fn the_first_event_that_differs_is_shown_with_its_cause_and_what_was_before() {
        let common: Vec<String> = (0..20).map(|n| format!("{{\"n\":{n}}}")).collect();
        let with = |last: &[&'static str]| -> Vec<String> {
            common.iter().cloned().chain(last.iter().map(|line| (*line).to_owned())).collect()
        };
        let show = |a: Vec<String>, b: Vec<String>| {
            difference(
                &a.iter().map(String::as_str).collect::<Vec<_>>(),
                &b.iter().map(String::as_str).collect::<Vec<_>>(),
            )
        };
        assert_eq!(show(with(&[]), with(&[])), None);
        let shown = show(with(&[r#"{"n":20,"cause":3}"#]), with(&[r#"{"n":20,"cause":17}"#])).unwrap();
        let expected = "  cause:   {\"n\":3}\n  both:    {\"n\":15}\n  both:    {\"n\":16}\n  cause:   {\"n\":17}\n  \
                        both:    {\"n\":18}\n  both:    {\"n\":19}\n  first:   {\"n\":20,\"cause\":3}\n  \
                        second:  {\"n\":20,\"cause\":17}";
        assert_eq!(shown, expected);
        let shown = show(with(&["{\"n\":20}"]), with(&[])).unwrap();
        assert!(shown.ends_with("  first:   {\"n\":20}\n  second:  (the trace ends)"), "{shown}");
    }
}
