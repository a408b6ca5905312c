//! `confman get`, `set`, `delete` and `list`.

use std::io::{self, Read};

use clap::ValueEnum;
use serde_json::json;

use super::output::{self, Listing, Screen, plain};
use super::reach::{Format, Reach, Reading};
use super::{ABSENT, Failure};
use crate::base::limits::BODY_BYTES_MAX;
use crate::wire::{Entry, ValueType};

#[derive(clap::Args)]
#[command(after_help = GET_EXAMPLES)]
pub(super) struct Get {
    /// The namespace, like payments or teams/payments.
    namespace: String,
    /// The key, like db.url.
    key: String,
    /// As it was at a revision, like 5:42, or at a time, like 2026-01-02T03:04:05Z.
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

const GET_EXAMPLES: &str = "\
Prints the value, byte for byte; on a terminal with a line break behind it.

Examples:
  confman get payments db.url
  confman get payments db.url --output json
  confman get payments db.url --at 2026-01-02T03:04:05Z
  confman get teams/payments ca.pem > ca.pem
  DB_URL=$(confman get payments db.url) || exit
  confman get payments db.url --consistency linearizable

Exit codes: 0 found, 1 absent, 2 usage, 3 refused, 4 unavailable.";

#[derive(clap::Args)]
#[command(after_help = SET_EXAMPLES)]
pub(super) struct Set {
    /// The namespace. One that does not exist is made.
    namespace: String,
    /// The key.
    key: String,
    /// The value, or - to read it from standard input, every byte of it.
    #[arg(allow_hyphen_values = true)]
    value: String,
    /// What the value must parse as.
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value = "string")]
    value_type: TypeArgument,
    #[command(flatten)]
    reach: Reach,
}

const SET_EXAMPLES: &str = "\
Examples:
  confman set payments db.url postgres://db-1/payments
  confman set payments limits '{\"perDay\":100}' --type json
  confman set payments ca.pem - < ca.pem

Exit codes: 0 set, 2 usage, 3 refused, 4 unavailable (nothing was written), 5 it is not known
whether it was written: read before you set again.";

#[derive(clap::Args)]
#[command(after_help = DELETE_EXAMPLES)]
pub(super) struct Delete {
    /// The namespace.
    namespace: String,
    /// The key.
    key: String,
    #[command(flatten)]
    reach: Reach,
}

const DELETE_EXAMPLES: &str = "\
Examples:
  confman delete payments db.url

Exit codes: 0 deleted, 1 there was none, 2 usage, 3 refused, 4 unavailable (nothing was deleted),
5 it is not known whether it was deleted.";

#[derive(clap::Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(super) struct List {
    /// The namespace.
    namespace: String,
    /// Only keys that begin with this.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    prefix: String,
    #[command(flatten)]
    reading: Reading,
}

const LIST_EXAMPLES: &str = "\
Prints all entries as of one revision, keys in the order of their bytes: on a terminal a table, where
long values are cut; else key, type, version, time, author and value with tabs between them, and
line breaks and tabs within a value written as \\n and \\t.

Examples:
  confman list payments
  confman list payments --prefix db. | cut -f 1
  confman list payments --output json

Exit codes: 0 done (an unknown namespace has no entries), 2 usage, 3 refused, 4 unavailable.";

#[derive(Clone, Copy, ValueEnum)]
enum TypeArgument {
    String,
    Number,
    Boolean,
    Json,
    Yaml,
}

pub(super) fn get(arguments: &Get) -> Result<(), Failure> {
    let Get { namespace, key, at, reading } = arguments;
    let format = reading.format()?;
    let entry = reading.run(async |client| {
        Ok(match at {
            None => client.get(namespace, key).await?,
            Some(at) => client.get_at(namespace, key, at).await?,
        })
    })?;
    let entry = entry.ok_or_else(|| absent(namespace, key))?;
    match format {
        Format::Json => output::print_json(&entry),
        Format::Text if Screen::stdout().is_terminal() => output::print(&(entry.value + "\n")),
        Format::Text => output::print(&entry.value),
    }
}

pub(super) fn absent(namespace: &str, key: &str) -> Failure {
    Failure {
        exit_code: ABSENT,
        ..Failure::failed(format!("there is no entry {key:?} in the namespace {namespace:?}"))
    }
}

pub(super) fn set(arguments: &Set) -> Result<(), Failure> {
    let Set { namespace, key, value, value_type, reach } = arguments;
    let format = reach.format()?;
    let value = if value == "-" { read_stdin()? } else { value.clone() };
    let value_type = match value_type {
        TypeArgument::String => ValueType::String,
        TypeArgument::Number => ValueType::Number,
        TypeArgument::Boolean => ValueType::Boolean,
        TypeArgument::Json => ValueType::Json,
        TypeArgument::Yaml => ValueType::Yaml,
    };
    let written = reach.run(async |client| Ok(client.set(namespace, key, &value, value_type).await?))?;
    let entry = written.now;
    match format {
        Format::Json => output::print_json(&entry),
        Format::Text => {
            let did = if written.created { "made" } else { "set" };
            output::print(&format!(
                "{did} {key} in {namespace}: version {}, revision {}\n",
                entry.version, entry.revision
            ))
        }
    }
}

/// As it is written in JSON and on the command line.
pub(super) fn type_name(value_type: ValueType) -> String {
    format!("{value_type:?}").to_lowercase()
}

pub(super) fn read_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    // One byte more than any node takes is refused there, with its reason.
    let read = io::stdin().lock().take(BODY_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::refused(format!("standard input cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::refused(format!("the value is not UTF-8, from byte {at} on"))
            .advise("Values are text: encode it, with base64 perhaps")
    })
}

pub(super) fn delete(arguments: &Delete) -> Result<(), Failure> {
    let Delete { namespace, key, reach } = arguments;
    let format = reach.format()?;
    let deleted = reach.run(async |client| Ok(client.delete(namespace, key).await?))?;
    let revision = deleted.ok_or_else(|| absent(namespace, key))?.revision;
    match format {
        Format::Json => output::print_json(&json!({ "namespace": namespace, "key": key, "revision": revision })),
        Format::Text => output::print(&format!("deleted {key} in {namespace}: revision {revision}\n")),
    }
}

pub(super) fn list(arguments: &List) -> Result<(), Failure> {
    let List { namespace, prefix, reading } = arguments;
    let mut listing = Listing::new(reading.format()?, &["KEY", "TYPE", "VERSION", "UPDATED", "BY", "VALUE"]);
    let row = |entry: Entry| {
        let kind = type_name(entry.value_type);
        let version = entry.version.to_string();
        [entry.key, kind, version, entry.updated_at, entry.updated_by, entry.value].map(plain).to_vec()
    };
    reading.run(async |client| {
        let mut pages = client.list(namespace, prefix)?;
        while let Some(page) = pages.next_page().await? {
            listing.print(page.items, row)?;
        }
        Ok(())
    })?;
    listing.end()
}
