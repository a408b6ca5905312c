use serde::{Deserialize, Serialize};

use crate::base::LogId;

/// What must be so for a change to be made: `If-Match` and `If-None-Match` (RFC 9110, section 13.1) of one entry or
/// namespace, by revision. The default asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// It must be at one of these revisions.
    pub if_match: Option<Revisions>,
    /// It must be at none of these revisions.
    pub if_none_match: Option<Revisions>,
}

/// The revisions that a condition names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Revisions {
    /// Whichever there is: `*`.
    Any,
    OneOf(Vec<LogId>),
}

impl Revisions {
    /// Whether `current` is among them; what is absent never is.
    fn name(&self, current: Option<LogId>) -> bool {
        match self {
            Revisions::Any => current.is_some(),
            Revisions::OneOf(revisions) => current.is_some_and(|current| revisions.contains(&current)),
        }
    }
}

impl Condition {
    /// Whether the change may be made to what is at `current`, `None` where it is absent (RFC 9110, section 13.2.2,
    /// steps 1 and 3: an origin without modification dates has no others).
    pub fn holds(&self, current: Option<LogId>) -> bool {
        self.if_match.as_ref().is_none_or(|named| named.name(current))
            && !self.if_none_match.as_ref().is_some_and(|named| named.name(current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_conditions_must_hold() {
        let (one, two) = (LogId::new(1, 1), LogId::new(1, 2));
        let of = |revisions: &[LogId]| Some(Revisions::OneOf(revisions.to_vec()));
        let any = || Some(Revisions::Any);
        for (if_match, if_none_match, at_one, absent) in [
            (None, None, true, true),
            (any(), None, true, false),
            (of(&[one]), None, true, false),
            (of(&[two, one]), None, true, false),
            (of(&[two]), None, false, false),
            (of(&[]), None, false, false),
            (None, any(), false, true),
            (None, of(&[one]), false, true),
            (None, of(&[two]), true, true),
            (of(&[one]), of(&[two]), true, false),
            (of(&[one]), any(), false, false),
        ] {
            let condition = Condition { if_match, if_none_match };
            assert_eq!((condition.holds(Some(one)), condition.holds(None)), (at_one, absent), "{condition:?}");
        }
        // The same index in another term is another revision: what a restore took away.
        let condition = Condition { if_match: of(&[one]), if_none_match: None };
        assert!(!condition.holds(Some(LogId::new(2, 1))));
    }
}
