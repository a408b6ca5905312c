//! `confman namespaces`.

use clap::Subcommand;
use serde_json::json;

use super::output::{self, Cell, Listing, Screen, plain};
use super::reach::{Format, Reach, Reading};
use super::{ABSENT, Failure};
use crate::wire::Namespace;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  confman namespaces list
  confman namespaces get payments
  confman namespaces set payments --owner payments@example.org --description 'What takes money'
  confman namespaces delete payments

Exit codes: 0 done, 1 absent, 2 usage, 3 refused (a namespace with entries is not deleted), 4 unavailable,
5 it is not known whether it was written.";

#[derive(Subcommand)]
enum Command {
    /// All namespaces: path, owner, time and description.
    List {
        /// Only paths that begin with this.
        #[arg(long, value_name = "PREFIX", default_value = "")]
        prefix: String,
        #[command(flatten)]
        reading: Reading,
    },
    /// One namespace.
    Get {
        /// Its path.
        namespace: String,
        #[command(flatten)]
        reading: Reading,
    },
    /// Make a namespace, or change what it is for and who answers for it.
    Set {
        /// Its path.
        namespace: String,
        /// Who answers for it.
        #[arg(long)]
        owner: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
        #[command(flatten)]
        reach: Reach,
    },
    /// Delete a namespace that has no entries.
    Delete {
        /// Its path.
        namespace: String,
        #[command(flatten)]
        reach: Reach,
    },
}

const HEADING: &[&str] = &["NAMESPACE", "OWNER", "CREATED", "DESCRIPTION"];

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::List { prefix, reading } => list(prefix, reading),
        Command::Get { namespace, reading } => {
            let format = reading.format()?;
            let found = reading.run(async |client| Ok(client.namespace(namespace).await?))?;
            show(found.ok_or_else(|| absent(namespace))?, format)
        }
        Command::Set { namespace, owner, description, reach } => {
            let format = reach.format()?;
            let written = reach.run(async |client| Ok(client.set_namespace(namespace, description, owner).await?))?;
            show(written.now, format)
        }
        Command::Delete { namespace, reach } => {
            let format = reach.format()?;
            let deleted = reach.run(async |client| Ok(client.delete_namespace(namespace).await?))?;
            let revision = deleted.ok_or_else(|| absent(namespace))?.revision;
            match format {
                Format::Json => output::print_json(&json!({ "path": namespace, "revision": revision })),
                Format::Text => output::print(&format!("deleted the namespace {namespace}: revision {revision}\n")),
            }
        }
    }
}

fn absent(namespace: &str) -> Failure {
    Failure { exit_code: ABSENT, ..Failure::failed(format!("there is no namespace {namespace:?}")) }
}

fn show(namespace: Namespace, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::print_json(&namespace),
        Format::Text => output::print(&Screen::stdout().table(HEADING, &[row(namespace)])),
    }
}

fn row(namespace: Namespace) -> Vec<Cell> {
    [namespace.path, namespace.owner, namespace.created_at, namespace.description].map(plain).to_vec()
}

fn list(prefix: &str, reading: &Reading) -> Result<(), Failure> {
    let mut listing = Listing::new(reading.format()?, HEADING);
    reading.run(async |client| {
        let mut pages = client.namespaces(prefix);
        while let Some(page) = pages.next_page().await? {
            listing.print(page.items, row)?;
        }
        Ok(())
    })?;
    listing.end()
}
