use confman::base::LogId;

use crate::clients::Record;

/// Revisions follow real time: a write that began after another was acknowledged has the greater revision, and no
/// two writes share one.
///
/// Linearizability of the log order (Herlihy and Wing, 1990, section 2.2: the order of non-overlapping operations
/// is kept), as the REST contract promises it of version tokens.
pub fn check(records: &[Record]) -> Result<(), String> {
    let mut acknowledged: Vec<(&Record, LogId)> =
        records.iter().filter_map(|record| Some((record, record.acknowledged()?))).collect();
    acknowledged.sort_by_key(|(_, revision)| *revision);
    for pair in acknowledged.windows(2) {
        let [(a, revision), (b, other)] = pair else { continue };
        if revision == other {
            return Err(format!("{} and {} were both acknowledged at {revision}", a.request_id, b.request_id));
        }
        if revision.index >= other.index {
            return Err(format!(
                "{} at {revision} and {} at {other}: the later term has the earlier index",
                a.request_id, b.request_id
            ));
        }
    }
    // From the greatest revision down: none may have returned before one with a smaller revision was invoked.
    let mut earliest: Option<(&Record, LogId)> = None;
    for (record, revision) in acknowledged.iter().rev() {
        if let Some((later, greater)) = earliest
            && later.returned.is_some_and(|returned| returned < record.invoked)
        {
            return Err(format!(
                "{} was acknowledged at {greater} before {} began, which got {revision}",
                later.request_id, record.request_id
            ));
        }
        if earliest.is_none_or(|(later, _)| record.returned < later.returned) {
            earliest = Some((record, *revision));
        }
    }
    Ok(())
}

pub const NAME: &str = "revisions strictly increase in real-time order";

#[cfg(test)]
mod tests {
    use super::super::testing::set;
    use super::*;

    #[test]
    fn a_revision_out_of_real_time_order_is_seen() {
        let a = set("a", "k", 0, 10).acknowledged_at("1:5");
        check(&[a.clone(), set("b", "k", 11, 20).acknowledged_at("1:6")]).unwrap();
        check(&[a.clone(), set("b", "k", 5, 20).acknowledged_at("1:4")]).unwrap();
        assert!(check(&[a.clone(), set("b", "k", 11, 20).acknowledged_at("1:4")]).is_err());
        assert!(check(&[a.clone(), set("b", "k", 5, 20).acknowledged_at("1:5")]).is_err());
        assert!(check(&[a, set("b", "k", 5, 20).acknowledged_at("2:4")]).is_err());
    }
}
