use std::time::Duration;

use confman::base::LogId;

use crate::clients::Record;

/// How far into the log the answers had led at each moment: the greatest place that any answer had shown by then.
///
/// Operations come in the order of their ends, so that a look back is a binary search.
pub struct Reached<Id = String>(Vec<Step<Id>>);

struct Step<Id> {
    at: Duration,
    to: LogId,
    by: Id,
}

impl<Id> Default for Reached<Id> {
    fn default() -> Reached<Id> {
        Reached(Vec::new())
    }
}

impl<Id: AsRef<str>> Reached<Id> {
    /// An operation has ended, whose answer shows that the log reached `to`.
    pub fn add<'a>(&mut self, record: &'a Record, to: LogId)
    where
        Id: From<&'a str>,
    {
        let Some(at) = record.returned else { return };
        if self.0.last().is_none_or(|last| last.to.index < to.index) {
            self.0.push(Step { at, to, by: Id::from(&record.request_id) });
        }
    }

    /// How far it was before `moment`, and the operation that showed it.
    pub fn before(&self, moment: Duration) -> Option<(LogId, &str)> {
        let later = self.0.partition_point(|step| step.at < moment);
        let step = self.0.get(later.checked_sub(1)?)?;
        Some((step.to, step.by.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::set;
    use super::*;

    #[test]
    fn the_greatest_before_a_moment_is_known() {
        let mut reached: Reached = Reached::default();
        for (id, returned, index) in [("a", 10, 5), ("b", 11, 3), ("c", 12, 8)] {
            reached.add(&set(id, "k", 0, returned), LogId::new(1, index));
        }
        let before = |moment| reached.before(Duration::from_secs(moment));
        assert_eq!(before(10), None);
        assert_eq!(before(11), Some((LogId::new(1, 5), "a")));
        assert_eq!(before(12), Some((LogId::new(1, 5), "a")));
        assert_eq!(before(13), Some((LogId::new(1, 8), "c")));
    }
}
