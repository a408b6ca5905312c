//! `confman export` and `import`: entries as lines of JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Failure;
use super::output;
use super::reach::{Format, Reach};
use crate::client::Client;
use crate::wire::{Entry, ValueType};

#[derive(clap::Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(super) struct Export {
    /// The namespaces; all where none is named.
    namespaces: Vec<String>,
    /// As it was at a revision, like 5:42, or at a time, like 2026-01-02T03:04:05Z [default: now]. Takes the names of
    /// namespaces: those there were then are not known.
    #[arg(long, value_name = "MOMENT", requires = "namespaces")]
    at: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

const EXPORT_EXAMPLES: &str = "\
Prints a line of JSON for each entry: namespace, key, type and value, in the order of namespaces and keys,
all as of one revision. `confman import` reads it. What namespaces are for and who owns them is not in it, nor
versions, revisions and times: `confman backup` has all.

Examples:
  confman export > all.ndjson
  confman export payments teams/orders --at 5:42 > some.ndjson

Exit codes: 0 done, 2 usage, 3 refused, 4 unavailable.";

#[derive(clap::Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(super) struct Import {
    /// The file; - or none to read standard input.
    file: Option<PathBuf>,
    /// Delete the entries that the file does not have, in each namespace of which it has one.
    #[arg(long)]
    prune: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    reach: Reach,
}

const IMPORT_EXAMPLES: &str = "\
Sets the entries that `confman export` printed, one after the other, and prints a line for each: made, set
or deleted, namespace, key. What has its type and value already is left as it is. All lines are checked
before anything is written. Where it is broken off it can be done again, and goes on.

Examples:
  confman import all.ndjson --dry-run
  confman import all.ndjson --prune
  confman export payments | confman import --address http://staging:7400

Exit codes: 0 done, 2 usage, or a line that is none, 3 refused, 4 unavailable, 5 it is not known whether the
last write was done; what was printed before is done.";

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    namespace: String,
    key: String,
    #[serde(rename = "type", default)]
    value_type: ValueType,
    value: String,
}

pub(super) fn export(arguments: &Export) -> Result<(), Failure> {
    let Export { namespaces, at, reach } = arguments;
    reach.run(async |client| {
        let mut at = at.clone();
        let mut names: BTreeSet<String> = namespaces.iter().cloned().collect();
        if names.is_empty() {
            let mut pages = client.namespaces("");
            while let Some(page) = pages.next_page().await? {
                names.extend(page.items.into_iter().map(|namespace| namespace.path));
                at = at.or(page.revision);
            }
        }
        for name in names {
            let mut pages = client.list_at(&name, "", at.as_deref().unwrap_or_default())?;
            while let Some(page) = pages.next_page().await? {
                // Those behind the first show its revision.
                at = at.or(page.revision);
                let mut text = String::new();
                for Entry { namespace, key, value_type, value, .. } in page.items {
                    let line = Line { namespace, key, value_type, value };
                    text.push_str(&serde_json::to_string(&line).expect("plain data with string keys"));
                    text.push('\n');
                }
                output::print(&text)?;
            }
        }
        Ok(())
    })
}

/// What an import does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Set { line: Line, is_new: bool },
    Delete { namespace: String, key: String },
}

impl Step {
    fn print(&self, format: Format) -> Result<(), Failure> {
        let (did, namespace, key) = match self {
            Step::Set { line, is_new: true } => ("made", &line.namespace, &line.key),
            Step::Set { line, is_new: false } => ("set", &line.namespace, &line.key),
            Step::Delete { namespace, key } => ("deleted", namespace, key),
        };
        match format {
            Format::Json => output::print_json(&json!({ "done": did, "namespace": namespace, "key": key })),
            Format::Text => output::print(&format!("{did}\t{namespace}\t{key}\n")),
        }
    }
}

pub(super) fn import(arguments: &Import) -> Result<(), Failure> {
    let Import { file, prune, dry_run, reach } = arguments;
    let format = reach.format()?;
    let lines = read_lines(&read(file.as_ref())?)?;
    reach.run_linearizable(async |client| {
        let current = current(&client, &lines).await?;
        for step in steps(lines, &current, *prune) {
            if !dry_run {
                match &step {
                    Step::Set { line, .. } => {
                        client.set(&line.namespace, &line.key, &line.value, line.value_type).await?;
                    }
                    Step::Delete { namespace, key } => {
                        client.delete(namespace, key).await?;
                    }
                }
            }
            step.print(format)?;
        }
        Ok(())
    })
}

fn read(file: Option<&PathBuf>) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match file.filter(|file| file.as_os_str() != "-") {
        Some(file) => {
            std::fs::read_to_string(file).map(|read| text = read).map_err(|error| (file.display().to_string(), error))
        }
        None => {
            let read = io::stdin().lock().read_to_string(&mut text);
            read.map(drop).map_err(|error| ("standard input".to_owned(), error))
        }
    };
    read.map_err(|(name, error)| Failure::refused(format!("{name} cannot be read: {error}")))?;
    Ok(text)
}

/// All lines, each one that can be set.
fn read_lines(text: &str) -> Result<Vec<Line>, Failure> {
    let (mut lines, mut seen) = (Vec::new(), BTreeSet::new());
    for (number, text) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: String| Failure::refused(format!("line {number}: {what}"));
        let line: Line = serde_json::from_str(text).map_err(|error| {
            wrong(format!("{error}"))
                .advise(r#"A line is like {"namespace":"payments","key":"db.url","type":"string","value":"..."}"#)
        })?;
        line.value_type.check(&line.value).map_err(|error| wrong(format!("the value is not of its type: {error}")))?;
        if !seen.insert((line.namespace.clone(), line.key.clone())) {
            return Err(wrong(format!("the key {:?} of {:?} was on an earlier line", line.key, line.namespace)));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// What there is, by namespace and key.
type Current = BTreeMap<(String, String), (ValueType, String)>;

/// All entries of the namespaces that lines are about; by linearizable reads, for what is left alone is never looked at
/// again.
async fn current(client: &Client, lines: &[Line]) -> Result<Current, Failure> {
    let mut current = Current::new();
    for namespace in lines.iter().map(|line| line.namespace.as_str()).collect::<BTreeSet<_>>() {
        let mut pages = client.list(namespace, "")?;
        while let Some(page) = pages.next_page().await? {
            let entries = page.items.into_iter();
            current.extend(entries.map(|it| ((it.namespace, it.key), (it.value_type, it.value))));
        }
    }
    Ok(current)
}

/// What makes what there is what the lines say: sets as they come, then deletes.
fn steps(lines: Vec<Line>, current: &Current, prune: bool) -> Vec<Step> {
    let name = |line: &Line| (line.namespace.clone(), line.key.clone());
    let named: BTreeSet<(String, String)> = lines.iter().map(name).collect();
    let mut steps = Vec::new();
    for line in lines {
        match current.get(&name(&line)) {
            Some((value_type, value)) if *value_type == line.value_type && *value == line.value => {}
            found => steps.push(Step::Set { is_new: found.is_none(), line }),
        }
    }
    if prune {
        let gone = current.keys().filter(|name| !named.contains(*name)).cloned();
        steps.extend(gone.map(|(namespace, key)| Step::Delete { namespace, key }));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(key: &str, value_type: ValueType, value: &str) -> Line {
        Line { namespace: "n".to_owned(), key: key.to_owned(), value_type, value: value.to_owned() }
    }

    #[test]
    fn what_is_as_it_should_be_is_left() {
        let lines = vec![
            line("same", ValueType::String, "1"),
            line("type", ValueType::Number, "1"),
            line("value", ValueType::String, "2"),
            line("new", ValueType::Json, "{}"),
        ];
        let name = |key: &str| ("n".to_owned(), key.to_owned());
        let one = (ValueType::String, "1".to_owned());
        let current: Current = ["same", "type", "value", "other"].map(|key| (name(key), one.clone())).into();
        let set = |n: usize, is_new| Step::Set { line: lines[n].clone(), is_new };
        let sets = [set(1, false), set(2, false), set(3, true)];
        assert_eq!(steps(lines.clone(), &current, false), sets);
        let delete = Step::Delete { namespace: "n".to_owned(), key: "other".to_owned() };
        assert_eq!(steps(lines.clone(), &current, true), [&sets[..], &[delete]].concat());
    }

    #[test]
    fn a_line_that_is_none_is_named_before_anything_is_done() {
        let good = r#"{"namespace":"n","key":"a","type":"number","value":"1"}"#;
        let plain = r#"{"namespace":"n","key":"b","value":"x"}"#;
        let lines = read_lines(&format!("{good}\n\n{plain}\n")).expect("lines");
        assert_eq!(lines, [line("a", ValueType::Number, "1"), line("b", ValueType::String, "x")]);
        for (bad, says) in [
            ("{", "line 3: EOF"),
            (r#"{"namespace":"n","key":"c"}"#, "missing field `value`"),
            (r#"{"namespace":"n","key":"c","value":"x","version":1}"#, "unknown field `version`"),
            (r#"{"namespace":"n","key":"c","type":"number","value":"x"}"#, "not of its type"),
            (good, "on an earlier line"),
        ] {
            let failure = read_lines(&format!("{good}\n{plain}\n{bad}\n")).expect_err("not all are lines");
            assert!(failure.what.starts_with("line 3: ") && failure.what.contains(says), "{failure}");
            assert_eq!(failure.exit_code, 2);
        }
    }
}
