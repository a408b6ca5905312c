use std::fmt;

use crate::wire::{Problem, Slug};

/// Why an operation brought no result. Each says whether a write may have happened.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The request cannot be made: nothing was sent.
    #[error("{0}")]
    Invalid(String),
    /// A node refused it, and another would too: nothing was done. Change the request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No node could do it before the deadline: nothing was done. Try again later.
    #[error("unavailable: {why}")]
    Unavailable { why: String },
    /// The write may have happened, may happen yet, or never. Read before you write again.
    #[error("the outcome of the write is not known: {why}")]
    OutcomeUnknown { why: String },
    /// An answer that is not in the contract: is this a node of Confman?
    #[error("not an answer of Confman: {what}")]
    Unexpected {
        what: String,
        /// Whether it answers a write that may have happened.
        may_have_happened: bool,
    },
}

impl Error {
    /// Whether the write that this is about may have taken effect, or may yet. Never for a read.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Error::Invalid(_) | Error::Refused(_) | Error::Unavailable { .. } => false,
            Error::OutcomeUnknown { .. } => true,
            Error::Unexpected { may_have_happened, .. } => *may_have_happened,
        }
    }

    /// What kind of refusal it is.
    pub fn slug(&self) -> Option<Slug> {
        match self {
            Error::Refused(refusal) => refusal.slug(),
            _ => None,
        }
    }
}

/// A refusal, as the node told it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    /// Absent where it was not a node that refused, but something between.
    pub problem: Option<Box<Problem>>,
}

impl Refusal {
    pub fn slug(&self) -> Option<Slug> {
        self.problem.as_ref()?.slug()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Some(problem) => {
                let slug = problem.slug().map_or(problem.type_uri.as_str(), |slug| slug.as_str());
                write!(f, "{} {slug}: {}", self.status, problem.detail)
            }
            None => write!(f, "{}, and not by a node: is the address right?", self.status),
        }
    }
}

impl std::error::Error for Refusal {}
