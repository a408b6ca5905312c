use crate::clients::{Outcome, Record};

/// Every answer is one that the contract has for the request.
///
/// The REST contract: statuses per endpoint, one revision in header and body, at most three redirects.
pub fn check(record: &Record) -> Result<(), String> {
    match &record.outcome {
        Outcome::Wrong(what) => Err(format!("{} was answered by node {} with {what}", record.request_id, record.node)),
        _ => Ok(()),
    }
}

pub const NAME: &str = "answers follow the contract";

#[cfg(test)]
mod tests {
    use super::super::testing::set;
    use super::*;

    #[test]
    fn an_answer_that_the_contract_has_not_is_seen() {
        let record = set("a", "k", 0, 10).refused();
        check(&record).unwrap();
        assert!(check(&Record { outcome: Outcome::Wrong("418".to_owned()), ..record }).is_err());
    }
}
