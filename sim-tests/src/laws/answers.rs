use crate::clients::{Outcome, Record};

/// Every answer is one that the contract has for the request.
///
/// The REST contract: statuses per endpoint, one revision in header and body, at most three redirects.
pub fn check(records: &[Record]) -> Result<(), String> {
    for record in records {
        if let Outcome::Wrong(what) = &record.outcome {
            return Err(format!("{} was answered by node {} with {what}", record.request_id, record.node));
        }
    }
    Ok(())
}

pub const NAME: &str = "answers follow the contract";
