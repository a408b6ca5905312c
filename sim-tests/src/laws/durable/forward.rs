use super::log::Event;

/// The committed id that a machine has recorded does not go back, also across restarts. (That its term does not, the
/// law on votes says.)
///
/// Raft (Ongaro and Ousterhout, 2014), figure 2: commitIndex "increases monotonically"; here it is durable too.
pub fn observe(node: u64, event: &Event) -> Result<(), String> {
    match event {
        Event::Committed { before: Some(before), now } if now.index < before.index || now.term < before.term => {
            Err(format!("node {node} recorded {before} as committed, and then {now}"))
        }
        _ => Ok(()),
    }
}

pub const NAME: &str = "the durable committed id goes forward";

#[cfg(test)]
mod tests {
    use confman::base::LogId;

    use super::*;

    #[test]
    fn a_committed_id_that_goes_back_is_seen() {
        let goes = |before, now| observe(1, &Event::Committed { before, now }).is_ok();
        let at = LogId::new;
        assert!(goes(None, at(1, 5)) && goes(Some(at(1, 5)), at(1, 5)) && goes(Some(at(1, 5)), at(2, 6)));
        assert!(!goes(Some(at(2, 6)), at(2, 5)) && !goes(Some(at(2, 6)), at(1, 7)));
    }
}
