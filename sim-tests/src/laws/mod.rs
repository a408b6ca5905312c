//! What must hold in every run, one law per file, each with its source.

pub mod acknowledged;
pub mod answers;
pub mod conditions;
pub mod damage;
pub mod deaths;
pub mod durable;
pub mod entries;
pub mod fresh;
mod history;
pub mod leaders;
pub mod linearizable;
pub mod lists;
pub mod log_time;
mod lookup;
pub mod members;
mod model;
pub mod monotonic;
mod operations;
pub mod progress;
mod reached;
pub mod read_index;
pub mod reads;
pub mod restored;
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
use crate::trace::{Member, Trace};
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

/// The laws that are checked while a run goes on.
#[derive(Clone, Default)]
pub struct Laws(Arc<Mutex<Inner>>);

/// Whether a run goes on after a law was broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterViolation {
    /// It stops at the first violation.
    #[default]
    Stop,
    /// It goes on, to learn which other laws would have seen it.
    GoOn,
}

#[derive(Default)]
struct Inner {
    leaders: leaders::OneLeaderPerTerm,
    members: members::AskedFor,
    operations: operations::Operations,
    progress: progress::NothingGoesBack,
    state: state::EqualState,
    votes: votes::OneVotePerTerm,
    durable: durable::DurableState,
    /// The first of each law, in the order in which they were seen.
    violations: Vec<Violation>,
    after: AfterViolation,
    trace: Trace,
}

impl Laws {
    /// The laws of a run that is recorded in `trace`.
    pub fn new(trace: Trace, after: AfterViolation) -> Laws {
        Laws(Arc::new(Mutex::new(Inner { trace, after, ..Inner::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic under this lock")
    }

    /// A node said this of itself.
    pub fn observe(&self, at: Duration, process: &Incarnation, seen: &Observation) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        // Each is asked, whatever the one before says: a run may go on to learn which laws see a bug.
        let checked = [
            inner.leaders.observe(process.node, seen).map_err(|what| (leaders::NAME, what)),
            inner.progress.observe(process.node, process.number, seen).map_err(|what| (progress::NAME, what)),
            inner.votes.observe(process.node, process.number, seen).map_err(|what| (votes::NAME, what)),
            inner.members.observe(process.node, seen).map_err(|what| (members::NAME, what)),
            inner.state.observe(process.node, seen).map_err(|what| (state::NAME, what)),
            inner.durable.observe(process.node, seen),
        ];
        for checked in checked {
            let about = checked.is_err().then(|| inner.trace.last_of(process.node)).flatten();
            inner.note(at, checked, about.as_slice());
        }
    }

    /// A node voted for a candidate in a term.
    pub fn vote(&self, at: Duration, voter: u64, term: u64, candidate: u64) {
        let mut inner = self.lock();
        let checked = inner.votes.vote(voter, term, candidate).map_err(|what| (votes::NAME, what));
        let about = inner.trace.last_of(voter);
        inner.note(at, checked, about.as_slice());
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
        inner.note(record.returned.unwrap_or(record.invoked), checked, &record.events);
    }

    /// A law that is judged elsewhere was judged.
    pub fn judge(&self, at: Duration, law: &'static str, judged: Result<(), String>) {
        self.lock().note(at, judged.map_err(|what| (law, what)), &[]);
    }

    /// The first violation of each law so far, in the order in which they were seen.
    pub fn violations(&self) -> Vec<Violation> {
        self.lock().violations.clone()
    }

    /// Whether the run has seen enough.
    pub fn stop_the_run(&self) -> bool {
        let inner = self.lock();
        inner.after == AfterViolation::Stop && !inner.violations.is_empty()
    }
}

impl Inner {
    /// Keeps a violation; these events of the trace show it.
    fn note(&mut self, at: Duration, checked: Result<(), (&'static str, String)>, about: &[u64]) {
        let Err((law, what)) = checked else { return };
        if self.violations.iter().any(|violation| violation.law == law) {
            return;
        }
        // A law's name says what is expected.
        let (expected, seen) = (Member::Text(law), Member::Text(&what));
        let members = [("law", expected), ("about", Member::Events(about)), ("expected", expected), ("seen", seen)];
        self.trace.of_run("violation", &members, format_args!(""));
        self.violations.push(Violation { law, at, what });
    }
}
