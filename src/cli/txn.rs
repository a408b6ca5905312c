//! `confman txn`.

use std::fs;

use super::Failure;
use super::entries::read_stdin;
use super::output;
use super::reach::{Format, Reach};
use crate::wire::{TxnOutcome, TxnRequest};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A file with the transaction, in JSON as POST /api/v1/txn takes it, or - for standard input.
    file: String,
    #[command(flatten)]
    reach: Reach,
}

const EXAMPLES: &str = "\
Makes several changes at one revision: all of them where every comparison holds, else none. A
comparison names the revision that an entry must be at, or null where it must be absent.

Examples:
  confman txn change.json
  echo '{\"ops\":[{\"set\":{\"namespace\":\"payments\",\"key\":\"a\",\"value\":\"1\"}},
                {\"delete\":{\"namespace\":\"payments\",\"key\":\"b\"}}]}' | confman txn -

Exit codes: 0 made, 2 usage, 3 refused (a comparison does not hold, among others), 4 unavailable
(nothing was changed), 5 it is not known whether it was made: read before you try again.";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { file, reach } = arguments;
    let format = reach.format()?;
    let text = match file.as_str() {
        "-" => read_stdin()?,
        file => {
            fs::read_to_string(file).map_err(|error| Failure::refused(format!("{file} cannot be read: {error}")))?
        }
    };
    let txn: TxnRequest = serde_json::from_str(&text).map_err(|error| {
        Failure::refused(format!("{file} is no transaction: {error}")).advise("See confman txn --help")
    })?;
    let answer = reach.run(async |client| Ok(client.txn(&txn).await?))?;
    if matches!(format, Format::Json) {
        return output::print_json(&answer);
    }
    let mut text = String::new();
    for result in &answer.results {
        let did = match result.outcome {
            TxnOutcome::Created => "made",
            TxnOutcome::Set => "set",
            TxnOutcome::Deleted => "deleted",
            TxnOutcome::Absent => "found no entry",
        };
        let version = result.version.map(|version| format!(": version {version}")).unwrap_or_default();
        text.push_str(&format!("{did} {} in {}{version}\n", result.key, result.namespace));
    }
    output::print(&(text + &format!("revision {}\n", answer.revision)))
}
