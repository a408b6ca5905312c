//! `confman audit`.

use super::Failure;
use super::output::{Listing, plain};
use super::reach::Reading;
use crate::base::limits::PAGE_ITEMS_MAX;
use crate::wire::AuditEvent;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The namespace; without one the audit of all, which takes an admin's key.
    namespace: Option<String>,
    /// At most so many events, the newest ones [default: all].
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Who changed what and when, newest first. In JSON with the values, their digests and the hashes that chain the
events; in text: time, action, namespace, key, actor, revision.

Examples:
  confman audit payments
  confman audit --limit 20
  confman audit payments --output json

Exit codes: 0 done, 2 usage, 3 refused, 4 unavailable.";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { namespace, limit, reading } = arguments;
    let mut listing = Listing::new(reading.format()?, &["TIME", "ACTION", "NAMESPACE", "KEY", "ACTOR", "REVISION"]);
    let mut left = limit.unwrap_or(usize::MAX);
    let row = |event: AuditEvent| {
        let key = event.key.unwrap_or_default();
        [event.timestamp, event.action, event.namespace, key, event.actor, event.revision].map(plain).to_vec()
    };
    reading.run(async |client| {
        let mut pages = client.audit(namespace.as_deref())?.with_page_size(left.clamp(1, PAGE_ITEMS_MAX));
        while left > 0 {
            let Some(mut page) = pages.next_page().await? else { break };
            page.items.truncate(left);
            left -= page.items.len();
            listing.print(page.items, row)?;
        }
        Ok(())
    })?;
    listing.end()
}
