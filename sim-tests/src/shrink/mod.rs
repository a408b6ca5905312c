//! Shrinks a schedule: a smaller one that still breaks the same law, to be understood instead of searched through.
//!
//! Nothing here runs anything: a [`Trial`] says whether a schedule breaks the law. The search is delta debugging
//! ([`ddmin`]) over the lists in a schedule (faults, clients, operations), and steps towards what is calm for the rest
//! ([`simpler`]): shorter, fewer nodes, knobs as a node has them where nothing is said. [`passes`] has their order.
//!
//! A run that is changed at one end is another run at the other: each candidate is tried with a few scheduler seeds,
//! and the one that breaks the law becomes part of the schedule.

mod ddmin;
mod passes;
mod report;
mod search;
mod simpler;
mod size;
#[cfg(test)]
mod tests;

pub use report::report;
use search::Search;
pub use search::{Limits, Step};
pub use size::Size;

use crate::schedule::Schedule;

/// What runs schedules.
pub trait Trial: Sync {
    /// Whether the run breaks the law that is looked for.
    fn breaks(&self, schedule: &Schedule) -> bool;

    /// The same run with what its clients draw as a list of operations, where that can be told.
    fn listed(&self, schedule: &Schedule) -> Option<Schedule>;
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    pub schedule: Schedule,
    /// How many schedules were run.
    pub trials: u64,
    /// Nothing more could be taken away; else its time was up before.
    pub minimal: bool,
}

/// The smallest schedule found that breaks what `from` breaks, which must have been seen to. `violated_ms` is when that
/// was, counted from the beginning of the disturbance: what comes after it goes first.
pub fn shrink(
    from: Schedule,
    violated_ms: Option<u64>,
    trial: &dyn Trial,
    limits: &Limits<'_>,
    watch: &mut dyn FnMut(&Step<'_>),
) -> Shrunk {
    let mut search = Search::new(from, trial, limits, watch);
    passes::all(&mut search, violated_ms);
    search.end()
}
