//! What `backup`, `restore` and `inspect` share: looking at files, and how it is printed.

use std::fmt::Write as _;
use std::path::Path;

use super::Failure;
pub(super) use super::output::print;
use super::reach::Format;
use crate::base::GroupId;
use crate::inspect::{self, Damage, Report, SnapshotReport};
use crate::real;

/// Runs what waits for files, on this thread.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Failure::failed(format!("the system gave no runtime: {error}")))?;
    Ok(runtime.block_on(work))
}

/// Reads and checks one file. An error where it cannot be read at all.
pub(super) fn look_at_file(path: &Path) -> Result<Report, Failure> {
    let unreadable =
        |why: &dyn std::fmt::Display| Failure::refused(format!("{} cannot be read: {why}", path.display()));
    std::fs::File::open(path).map_err(|error| unreadable(&error))?;
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(unreadable(&"its name is not one of a file"));
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let files = real::look_at_folder(folder);
    block_on(inspect::file::<real::Runtime>(&*files, GroupId::MAIN, name))
}

/// Prints what a backup is.
pub(super) fn print_taken(taken: &SnapshotReport, output: Format, next: &str) -> Result<(), Failure> {
    match output {
        Format::Json => print(&json(taken)),
        Format::Text => {
            let mut text = String::new();
            put(&mut text, "backup", &taken.file);
            put(&mut text, "revision", &taken.last.to_string());
            put(&mut text, "entries", &taken.state.entries.to_string());
            put(&mut text, "audit events", &taken.state.audit_events.to_string());
            put(&mut text, "bytes", &taken.bytes.to_string());
            put(&mut text, "sha256", &taken.sha256);
            text.push_str(next);
            print(&text)
        }
    }
}

/// One line of a list of names and values.
pub(super) fn put(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name:<13} {value}");
}

/// Where damage is, and what it is.
pub(super) fn damage_line(damage: &Damage) -> String {
    let mut line = damage.file.clone();
    if let Some(offset) = damage.offset {
        let _ = write!(line, ", offset {offset}");
    }
    if let Some(row) = &damage.row {
        let _ = write!(line, ", {row}");
    }
    format!("{line}: {}", damage.what)
}

pub(super) fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("reports are plain data with string keys");
    format!("{text}\n")
}
