//! What must hold in every run, one law per file, each with its source.

pub mod acknowledged;
pub mod answers;
pub mod deaths;
pub mod entries;
mod history;
pub mod leaders;
pub mod linearizable;
pub mod lists;
mod model;
pub mod monotonic;
mod operations;
pub mod progress;
mod reached;
pub mod reads;
pub mod revisions;
pub mod served;
pub mod state;
pub mod votes;
pub mod witness;

#[cfg(test)]
pub(crate) mod testing;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::clients::Record;
use crate::cluster::Observation;
use crate::world::Incarnation;

/// A law was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The law's name.
    pub law: &'static str,
    pub at: Duration,
    /// Who did what.
    pub what: String,
}

/// The laws that are checked while a run goes on; the first violation stays.
#[derive(Clone, Default)]
pub struct Laws(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    leaders: leaders::OneLeaderPerTerm,
    operations: operations::Operations,
    progress: progress::NothingGoesBack,
    state: state::EqualState,
    votes: votes::OneVotePerTerm,
    violation: Option<Violation>,
}

impl Laws {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic under this lock")
    }

    /// A node said this of itself.
    pub fn observe(&self, at: Duration, process: &Incarnation, seen: &Observation) {
        let mut inner = self.lock();
        let checked = inner
            .leaders
            .observe(process.node, seen)
            .map_err(|what| (leaders::NAME, what))
            .and_then(|()| {
                let back = inner.progress.observe(process.node, process.number, seen);
                back.map_err(|what| (progress::NAME, what))
            })
            .and_then(|()| inner.votes.observe(process.node, seen).map_err(|what| (votes::NAME, what)))
            .and_then(|()| inner.state.observe(process.node, seen).map_err(|what| (state::NAME, what)));
        inner.note(at, checked);
    }

    /// A node voted for a candidate in a term.
    pub fn vote(&self, at: Duration, voter: u64, term: u64, candidate: u64) {
        let mut inner = self.lock();
        let checked = inner.votes.vote(voter, term, candidate).map_err(|what| (votes::NAME, what));
        inner.note(at, checked);
    }

    /// Completes with who voted, when the next vote reaches its candidate.
    pub fn next_vote(&self) -> oneshot::Receiver<u64> {
        self.lock().votes.next_vote()
    }

    /// A client's operation has begun.
    pub fn operation_began(&self, record: &Record) {
        self.lock().operations.began(record);
    }

    /// A client's operation has ended.
    pub fn operation_ended(&self, record: &Record) {
        let mut inner = self.lock();
        let checked = inner.operations.ended(record);
        inner.note(record.returned.unwrap_or(record.invoked), checked);
    }

    /// A law that is judged elsewhere was judged.
    pub fn judge(&self, at: Duration, law: &'static str, judged: Result<(), String>) {
        self.lock().note(at, judged.map_err(|what| (law, what)));
    }

    /// The first violation so far.
    pub fn violation(&self) -> Option<Violation> {
        self.lock().violation.clone()
    }
}

impl Inner {
    fn note(&mut self, at: Duration, checked: Result<(), (&'static str, String)>) {
        if let Err((law, what)) = checked {
            self.violation.get_or_insert(Violation { law, at, what });
        }
    }
}
