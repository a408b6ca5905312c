//! `confman history`, `diff` and `rollback`.

use serde_json::json;

use super::Failure;
use super::entries::{absent, type_name};
use super::output::{self, Listing, plain};
use super::reach::{Format, Reach};
use crate::base::limits::PAGE_ITEMS_MAX;
use crate::client::{Error, RolledBack};
use crate::wire::{DiffItem, Entry, HistoryItem, Slug};

#[derive(clap::Args)]
#[command(after_help = HISTORY_EXAMPLES)]
pub(super) struct History {
    /// The namespace.
    namespace: String,
    /// The key.
    key: String,
    /// At most so many revisions, the newest ones [default: all].
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    #[command(flatten)]
    reach: Reach,
}

const HISTORY_EXAMPLES: &str = "\
All that an entry was, newest first: revision, time, author, what was done (set or deleted), type, version
and value.

Examples:
  confman history payments db.url
  confman history payments db.url --limit 1 --output json

Exit codes: 0 done, 1 it was never set, 2 usage, 3 refused, 4 unavailable.";

#[derive(clap::Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub(super) struct Diff {
    /// The namespace.
    namespace: String,
    /// Since when: a revision, like 5:42, or a time, like 2026-01-02T03:04:05Z.
    #[arg(long, value_name = "MOMENT")]
    from: String,
    /// Until when [default: now].
    #[arg(long, value_name = "MOMENT")]
    to: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

const DIFF_EXAMPLES: &str = "\
The keys whose type or value is not the same: added, changed or removed, key, value before, value after. In
JSON with the whole entries, and with a JSON patch (RFC 6902) where both values are of the type json.

Examples:
  confman diff payments --from 5:42
  confman diff payments --from 2026-01-02T00:00:00Z --to 2026-01-03T00:00:00Z
  confman diff payments --from 5:42 --output json

Exit codes: 0 done, 2 usage, 3 refused, 4 unavailable.";

#[derive(clap::Args)]
#[command(after_help = ROLLBACK_EXAMPLES)]
pub(super) struct Rollback {
    /// The namespace.
    namespace: String,
    /// The key.
    key: String,
    /// A revision of its history, like 5:42.
    revision: String,
    #[command(flatten)]
    reach: Reach,
}

const ROLLBACK_EXAMPLES: &str = "\
Makes an entry again what it was, as a new revision; a revision that deleted it deletes it.

Examples:
  confman history payments db.url
  confman rollback payments db.url 5:42

Exit codes: 0 done, 1 its history has no such revision, 2 usage, 3 refused, 4 unavailable (nothing was
written), 5 it is not known whether it was written.";

pub(super) fn history(arguments: &History) -> Result<(), Failure> {
    let History { namespace, key, limit, reach } = arguments;
    let mut listing = Listing::new(reach.format()?, &["REVISION", "TIME", "BY", "DONE", "TYPE", "VERSION", "VALUE"]);
    let mut left = limit.unwrap_or(usize::MAX);
    let row = |item: HistoryItem| {
        let done = if item.deleted { "deleted" } else { "set" };
        let kind = item.value_type.map(type_name).unwrap_or_default();
        let version = item.version.map(|version| version.to_string()).unwrap_or_default();
        let value = item.value.unwrap_or_default();
        [item.revision, item.updated_at, item.updated_by, done.to_owned(), kind, version, value].map(plain).to_vec()
    };
    reach.run(async |client| {
        let mut pages = client.history(namespace, key)?.with_page_size(left.clamp(1, PAGE_ITEMS_MAX));
        while left > 0 {
            let page = pages.next_page().await.map_err(|error| or_absent(error, || absent(namespace, key)))?;
            let Some(mut page) = page else { break };
            page.items.truncate(left);
            left -= page.items.len();
            listing.print(page.items, row)?;
        }
        Ok(())
    })?;
    listing.end()
}

pub(super) fn diff(arguments: &Diff) -> Result<(), Failure> {
    let Diff { namespace, from, to, reach } = arguments;
    let mut listing = Listing::new(reach.format()?, &["CHANGE", "KEY", "BEFORE", "AFTER"]);
    let row = |item: DiffItem| {
        let change = format!("{:?}", item.change).to_lowercase();
        let value = |entry: Option<Entry>| entry.map(|entry| entry.value).unwrap_or_default();
        [change, item.key, value(item.before), value(item.after)].map(plain).to_vec()
    };
    reach.run(async |client| {
        let mut pages = client.diff(namespace, from, to.as_deref().unwrap_or_default())?;
        while let Some(page) = pages.next_page().await? {
            listing.print(page.items, row)?;
        }
        Ok(())
    })?;
    listing.end()
}

pub(super) fn rollback(arguments: &Rollback) -> Result<(), Failure> {
    let Rollback { namespace, key, revision, reach } = arguments;
    let format = reach.format()?;
    let rolled = reach.run(async |client| {
        let rolled = client.rollback(namespace, key, revision).await;
        rolled.map_err(|error| {
            let what = error.to_string();
            or_absent(error, || Failure { exit_code: super::ABSENT, ..Failure::failed(what) })
        })
    })?;
    match (format, rolled) {
        (Format::Json, RolledBack::Set(written)) => output::print_json(&written.now),
        (Format::Text, RolledBack::Set(written)) => {
            let Entry { version, revision: now, .. } = written.now;
            output::print(&format!("set {key} in {namespace} to {revision}: version {version}, revision {now}\n"))
        }
        (Format::Json, RolledBack::Deleted(deleted)) => {
            output::print_json(&json!({ "namespace": namespace, "key": key, "revision": deleted.revision }))
        }
        (Format::Text, RolledBack::Deleted(deleted)) => {
            output::print(&format!("deleted {key} in {namespace}: revision {}\n", deleted.revision))
        }
    }
}

/// A 404 is an answer here.
fn or_absent(error: Error, absent: impl FnOnce() -> Failure) -> Failure {
    if error.slug() == Some(Slug::NotFound) { absent() } else { error.into() }
}
