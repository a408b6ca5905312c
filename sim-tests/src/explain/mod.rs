//! A run's trace as one page that an engineer opens and understands.
//!
//! The page is a single HTML file with its style, its scripts and its data inside, so that it can be attached to an
//! issue and opened from a disk years later. This module only reads the trace and packs it ([`pack`]); everything that
//! is shown is worked out by the page's scripts, in the order in which they stand in `SCRIPTS`:
//!
//! - `data.js` unpacks, `model.js` makes lanes, messages, intervals and faults of events,
//! - `words.js` says an event in a sentence, `story.js` finds what led to one and tells it,
//! - `lanes.js`, `draw.js`, `arrows.js` and `axis.js` draw, `select.js` decides what is shown,
//! - `panels.js` and `page.js` are what the reader touches, `check.js` lets a test look at the page.

mod pack;

use std::fmt;
use std::io::{self, BufRead, Write};

use pack::Packed;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPTS: &[&str] = &[
    include_str!("data.js"),
    include_str!("model.js"),
    include_str!("words.js"),
    include_str!("story.js"),
    include_str!("select.js"),
    include_str!("lanes.js"),
    include_str!("draw.js"),
    include_str!("arrows.js"),
    include_str!("axis.js"),
    include_str!("panels.js"),
    include_str!("page.js"),
    include_str!("check.js"),
];

/// Why there is no page.
#[derive(Debug)]
pub enum ExplainError {
    /// The trace cannot be read.
    Read(io::Error),
    /// The page cannot be written.
    Write(io::Error),
    /// A line, counted from 1, is not what a trace of format 2 has there.
    Line { line: usize, why: String },
    /// There is not one event.
    Empty,
}

impl fmt::Display for ExplainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExplainError::Read(error) => write!(f, "the trace cannot be read: {error}"),
            ExplainError::Write(error) => write!(f, "the page cannot be written: {error}"),
            ExplainError::Line { line, why } => write!(f, "line {line} of the trace: {why}"),
            ExplainError::Empty => f.write_str("the trace has no events"),
        }
    }
}

impl std::error::Error for ExplainError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ExplainError::Read(error) | ExplainError::Write(error) => Some(error),
            ExplainError::Line { .. } | ExplainError::Empty => None,
        }
    }
}

/// Writes the page of a trace (JSON lines of format 2).
///
/// A trace that ends in the midst of a line, as that of a run that was stopped does, is shown up to there.
pub fn explain(trace: impl BufRead, mut out: impl Write) -> Result<(), ExplainError> {
    let packed = pack::pack(trace)?;
    let mut rest = PAGE;
    for (mark, part) in [
        ("{{title}}", &title(&packed) as &dyn Part),
        ("{{style}}", &STYLE),
        ("{{data}}", &packed),
        ("{{scripts}}", &SCRIPTS),
    ] {
        let (before, after) = rest.split_once(mark).expect("page.html has each mark once, in this order");
        out.write_all(before.as_bytes()).and_then(|()| part.write(&mut out)).map_err(ExplainError::Write)?;
        rest = after;
    }
    out.write_all(rest.as_bytes()).and_then(|()| out.flush()).map_err(ExplainError::Write)
}

/// The title in the browser's tab, also where scripts do not run.
fn title(packed: &Packed) -> String {
    let seed = packed.seed.as_deref().unwrap_or("unknown");
    let what = packed.law.as_deref().unwrap_or("no law broken");
    format!("Seed {seed}: {what}").replace('&', "&amp;").replace('<', "&lt;")
}

/// What stands in the place of a mark.
trait Part {
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;
}

impl Part for String {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.as_bytes())
    }
}

impl Part for &str {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.as_bytes())
    }
}

impl Part for &[&str] {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.iter().try_for_each(|script| out.write_all(script.as_bytes()))
    }
}

impl Part for Packed {
    /// JSON, in which `<` stands in texts alone; escaped, so that no text of a run ends the element that it is in.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let json = serde_json::to_string(self).map_err(io::Error::from)?;
        out.write_all(json.replace('<', "\\u003c").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(trace: &str) -> Result<String, ExplainError> {
        let mut out = Vec::new();
        explain(trace.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    const RUN: &str = r#"{"n":0,"t":0.000000000,"kind":"run","format":2,"schedule":{"seed":42,"nodes":3}}"#;

    #[test]
    fn the_page_is_one_file_and_names_seed_and_law() {
        let violation = r#"{"n":1,"t":1.500000000,"kind":"violation","law":"a < b & c","about":[0]}"#;
        let page = page(&format!("{RUN}\n{violation}\n")).unwrap();
        assert!(page.contains("<title>Seed 42: a &lt; b &amp; c</title>"));
        for outside in ["http://", "https://", " src=", "@import", "{{"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn no_text_of_a_run_ends_the_data() {
        let nasty = r#"{"n":1,"t":0.1,"kind":"phase","detail":"</script><script>alert(1)//<!--"}"#;
        let closing = |page: &str| page.matches("</script").count();
        let (plain, with) = (page(RUN).unwrap(), page(&format!("{RUN}\n{nasty}")).unwrap());
        assert_eq!(closing(&plain), closing(&with));
        assert!(!with.contains("<!--"));
    }

    #[test]
    fn the_scripts_do_not_end_their_own_element() {
        assert!(SCRIPTS.iter().all(|script| !script.contains("</script") && !script.contains("<!--")));
        assert!(!STYLE.contains("</style"));
    }

    #[test]
    fn what_is_no_trace_is_refused_with_its_line() {
        assert!(matches!(page(""), Err(ExplainError::Empty)));
        let refused = |trace: String| page(&trace).unwrap_err().to_string();
        assert!(refused(RUN.replace("\"format\":2", "\"format\":1")).starts_with("line 1 of the trace: format 1"));
        assert!(refused(format!("{RUN}\n{RUN}\n")).starts_with("line 2 of the trace: event 1"));
        assert!(refused(format!("{RUN}\nnonsense\n{RUN}\n")).starts_with("line 2 of the trace"));
    }
}
