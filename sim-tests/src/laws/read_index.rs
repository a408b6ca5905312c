use confman::base::LogId;

/// A read index covers every write that was acknowledged before it was asked for, and every state that a read was
/// served from before; the node that tells it has applied it.
///
/// Linearizable reads without the log: Ongaro's thesis, section 6.4.
pub fn check(node: u64, floor: Option<LogId>, told: LogId, applied: Option<LogId>) -> Result<(), String> {
    match (floor, applied) {
        (Some(floor), _) if told < floor => {
            Err(format!("node {node} told {told}, though {floor} was known before it was asked"))
        }
        (_, None) => Err(format!("node {node} told {told}, and has applied nothing")),
        (_, Some(applied)) if applied < told => {
            Err(format!("node {node} told {told}, and has applied no more than {applied}"))
        }
        _ => Ok(()),
    }
}

pub const NAME: &str = "a read index covers what was acknowledged before";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_index_and_one_that_is_not_applied_are_seen() {
        let id = |text: &str| text.parse::<LogId>().unwrap();
        check(1, None, id("1:5"), Some(id("1:5"))).unwrap();
        check(1, Some(id("1:5")), id("1:5"), Some(id("1:7"))).unwrap();
        check(1, Some(id("1:9")), id("2:5"), Some(id("2:5"))).unwrap();
        assert!(check(1, Some(id("1:6")), id("1:5"), Some(id("1:7"))).is_err());
        assert!(check(1, Some(id("2:6")), id("1:9"), Some(id("2:9"))).is_err());
        assert!(check(1, None, id("1:5"), Some(id("1:4"))).is_err());
        assert!(check(1, None, id("1:5"), None).is_err());
    }
}
