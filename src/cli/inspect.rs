//! `confman inspect`: what is in a data directory, a log, a snapshot or a backup, and whether it is whole.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Failure;
use super::offline::{self, damage_line, put};
use super::reach::Format;
use crate::base::{GroupId, LogId};
use crate::inspect::{self, Damage, DirectoryReport, LogReport, Report, SegmentReport, StateReport, StoreLook};
use crate::real::{self, OpenError, StoreDamage};

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// A data directory, or one file: a backup, a snapshot, a segment of the log.
    path: PathBuf,
    /// How to print what was found.
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
}

const AFTER_HELP: &str = "\
Examples:
  confman inspect prod.backup
  confman inspect /var/lib/confman --output json

Nothing is changed. The node of a data directory must be stopped: the directory of a running one is refused. The store is copied to a temporary folder (TMPDIR), because its engine writes to what it opens.

All checksums are checked, every row is read, the state hash and the audit chain are computed again. What is damaged is
named with file and offset, or row. What a crash leaves, like a torn record at the end of the log, is told as a note.

Exit codes: 0 all is whole, 1 something is damaged, 2 nothing could be looked at.";

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { path, output } = arguments;
    let report = if path.is_dir() { look_at_directory(&path)? } else { offline::look_at_file(&path)? };
    match output {
        Format::Json => offline::print(&offline::json(&report))?,
        Format::Text => offline::print(&text_of(&report))?,
    }
    if report.is_whole() {
        return Ok(());
    }
    let lines: Vec<String> = report.damage.iter().map(damage_line).collect();
    Err(Failure::failed(lines.join("\n")))
}

fn look_at_directory(path: &Path) -> Result<Report, Failure> {
    let files = real::look_at_data_dir(path).map_err(|error| match error {
        OpenError::DataDirLocked { dir, .. } => {
            Failure::refused(format!("the data directory {} is in use by another confman process", dir.display()))
                .advise("Stop its node first. A copy that is made while a node writes may look damaged and not be")
        }
        other => Failure::refused(other.to_string()),
    })?;
    let copies = std::env::temp_dir();
    let look = async |name: &str| {
        let found = real::look_at_store(path, name, &copies);
        let damage = |StoreDamage { file, offset, what }| Damage { file, offset, row: None, what };
        StoreLook { store: found.store, damage: found.damage.into_iter().map(damage).collect(), bytes: found.bytes }
    };
    let report = offline::block_on(inspect::directory::<real::Runtime>(&*files, GroupId::MAIN, look))?;
    let empty = report.directory.as_ref().is_some_and(|dir| {
        dir.identity.is_none()
            && dir.snapshots.is_empty()
            && dir.restore.is_none()
            && dir.log.as_ref().is_some_and(|log| log.segments.is_empty())
    });
    if empty && report.is_whole() {
        return Err(Failure::refused(format!("{} is not a data directory", path.display()))
            .advise("Give the `dataDir` of a node, or one file: a backup, a snapshot, a segment of the log"));
    }
    Ok(report)
}

fn text_of(report: &Report) -> String {
    let mut text = String::new();
    if let Some(dir) = &report.directory {
        put_directory(&mut text, dir);
    }
    if let Some(snapshot) = &report.snapshot {
        put(&mut text, "file", &snapshot.file);
        put(&mut text, "bytes", &snapshot.bytes.to_string());
        put(&mut text, "sha256", &snapshot.sha256);
        put_state(&mut text, &snapshot.state);
    }
    if let Some(segment) = &report.segment {
        put_segment(&mut text, segment);
    }
    for note in &report.notes {
        let offset = note.offset.map_or(String::new(), |offset| format!(", offset {offset}"));
        let _ = writeln!(text, "\nnote: {}{offset}: {}", note.file, note.what);
    }
    if report.is_whole() {
        text.push_str("\nall of it is whole\n");
    } else {
        let _ = writeln!(text, "\nDAMAGED, in {} places", report.damage.len());
    }
    text
}

fn put_directory(text: &mut String, dir: &DirectoryReport) {
    match &dir.identity {
        Some(identity) => {
            put(text, "cluster", &identity.cluster);
            put(text, "node", &identity.node.to_string());
            put(text, "storage", &identity.storage);
        }
        None => put(text, "node", "none yet"),
    }
    if let Some(log) = &dir.log {
        put_log(text, log);
    }
    for snapshot in &dir.snapshots {
        let _ = writeln!(text, "\n{}", snapshot.file);
        put(text, "bytes", &snapshot.bytes.to_string());
        put_state(text, &snapshot.state);
    }
    if let Some(store) = &dir.store {
        let _ = writeln!(text, "\nstores/{}", store.name);
        put(text, "bytes", &store.bytes.to_string());
        match &store.state {
            Some(state) => put_state(text, state),
            None => put(text, "rows", "none that could be read"),
        }
    }
    if let Some(restore) = &dir.restore {
        let _ = writeln!(text, "\n{}", restore.file);
        put(text, "bytes", &restore.bytes.to_string());
        put_state(text, &restore.state);
    }
}

fn put_log(text: &mut String, log: &LogReport) {
    text.push_str("\nlog\n");
    let vote = log.vote.as_ref().map(|vote| {
        let elected = if vote.committed { ", elected" } else { "" };
        format!("term {} for node {}{elected}", vote.term, vote.node)
    });
    put(text, "vote", vote.as_deref().unwrap_or("none"));
    put(text, "purged", &token(log.purged));
    put(text, "committed", &token(log.committed));
    put(text, "last", &token(log.last));
    put(text, "entries", &format!("{}, {} bytes", log.entries, log.payload_bytes));
    for segment in &log.segments {
        put_segment(text, segment);
    }
}

fn put_segment(text: &mut String, segment: &SegmentReport) {
    let highest = segment.highest_index.map_or(String::new(), |index| format!(", entries up to {index}"));
    let SegmentReport { file, bytes, records, end, .. } = segment;
    put(text, "segment", &format!("{file}: {records} records in {end} of {bytes} bytes{highest}"));
}

fn put_state(text: &mut String, state: &StateReport) {
    put(text, "revision", &token(state.applied));
    put(text, "log time", &state.log_time);
    put(text, "state hash", &state.state_hash);
    put(text, "entries", &format!("{} in {} namespaces", state.entries, state.namespaces));
    let StateReport { rows, tombstones, history, receipts, .. } = state;
    let rows = format!(
        "{rows}: {tombstones} tombstones, {history} superseded states, {receipts} outcomes of idempotency keys"
    );
    put(text, "rows", &rows);
    put(text, "audit", &format!("{} events, head {}", state.audit_events, state.audit_head));
    let terms: Vec<String> =
        state.terms.iter().map(|term| format!("{} from {}", term.term, term.first_index)).collect();
    put(text, "terms", &terms.join(", "));
    let Some(membership) = &state.membership else { return };
    let changing = if membership.changing { ", in the midst of a change" } else { "" };
    put(text, "membership", &format!("of {}{changing}", token(membership.at)));
    for member in &membership.members {
        let role = if member.voter { "voter" } else { "learner" };
        let line = format!("node {} {role} {} {} storage {}", member.node, member.peer, member.url, member.storage);
        put(text, "", &line);
    }
}

fn token(id: Option<LogId>) -> String {
    id.map_or("none".to_owned(), |id| id.to_string())
}
