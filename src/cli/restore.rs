//! `confman restore`: a backup becomes the data directory of the first node of a new cluster.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Failure;
use super::offline::{self, damage_line};
use super::reach::Format;
use crate::inspect::SnapshotReport;
use crate::node::restore;
use crate::real;

/// What an empty data directory may hold: a node that could not start leaves its lock.
const LOCK_FILE: &str = "LOCK";

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// The backup, or a snapshot out of the data directory of a node.
    file: PathBuf,
    /// The data directory of the new node: absent or empty.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How to print what was restored.
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
}

const AFTER_HELP: &str = "\
Example: confman restore prod.backup --data /var/lib/confman

Needs no node. The first `confman serve` with this data directory makes a new cluster of one node, with the entries,
history, audit and revisions of the backup; the old cluster's nodes are not part of it. Others are added with
`confman cluster add`, each with an empty data directory.";

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { file, data, output } = arguments;
    let found = check(&file)?;
    must_be_empty(&data)?;
    let failed = |error: &dyn std::fmt::Display| {
        Failure::failed(error.to_string())
            .advise(format!("Nothing was restored. Remove {} before you try again", data.display()))
    };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    offline::block_on(async {
        let source = real::look_at_folder(folder).open(name).await.map_err(|error| failed(&error))?;
        let files = real::files_of(&data).map_err(|error| failed(&error))?;
        restore::stage(&*files, source).await.map_err(|error| failed(&error))
    })??;
    let next = format!(
        "\nLaid into {}. Start the node that has it as its `dataDir`, with `confman serve`:\nit begins a new cluster by \
         itself. Then add the others to it, each started with an empty directory: `confman cluster add ID --peer \
         HOST:PORT --url URL`.\n",
        data.display()
    );
    offline::print_taken(&SnapshotReport { file: file.display().to_string(), ..found }, output, &next)
}

/// The whole of the backup is checked before anything is made.
fn check(file: &Path) -> Result<SnapshotReport, Failure> {
    let report = offline::look_at_file(file)?;
    match report.snapshot {
        Some(found) if report.damage.is_empty() => Ok(found),
        _ if !report.damage.is_empty() => {
            let lines: Vec<String> = report.damage.iter().map(damage_line).collect();
            Err(Failure::failed(lines.join("\n")).advise("Nothing was restored: take another backup"))
        }
        _ => Err(Failure::refused(format!("{} is no backup", file.display()))),
    }
}

fn must_be_empty(data: &Path) -> Result<(), Failure> {
    let listing = match fs::read_dir(data) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::refused(format!("{} cannot be read: {error}", data.display()))),
    };
    let mut names: Vec<String> = listing
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name != LOCK_FILE)
        .collect();
    names.sort();
    if names.is_empty() {
        return Ok(());
    }
    let what = format!("{} is not empty: it holds {}", data.display(), names.join(", "));
    Err(Failure::refused(what).advise(
        "A restore makes a new node, and never touches the data of one that is there: name a directory that is absent \
         or empty",
    ))
}
