use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use super::line::{Event, Line};
use crate::laws::lookup::Lookup;

/// What an object does, one operation after the other.
pub trait Specification {
    type State: Clone + Debug + Eq + Hash;
    type Operation;

    /// The state after an operation that is answered as this one was; `None` where it cannot be answered so.
    fn step(state: &Self::State, operation: &Self::Operation) -> Option<Self::State>;
}

/// An operation of a history.
#[derive(Clone, Debug)]
pub struct Call<O> {
    pub operation: O,
    pub invoked: Duration,
    pub end: End,
}

/// How an operation ended for who asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was answered.
    Returned(Duration),
    /// Nobody knows whether it took effect, and it may yet do so. Those of one number are the same to any state.
    Unknown { alike: Option<u32> },
}

impl<O> Call<O> {
    /// When it was answered.
    pub fn returned(&self) -> Option<Duration> {
        match self.end {
            End::Returned(at) => Some(at),
            End::Unknown { .. } => None,
        }
    }
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<S> {
    Linearizable,
    /// There is no order. The history is linearizable up to the return of `call`, and not with it; one of the orders up
    /// to there leads to `state`.
    Stuck {
        call: usize,
        state: S,
    },
    /// The budget was spent before either was known.
    OutOfBudget,
}

/// Looks for an order of the calls that explains all answers and keeps the order of those that do not overlap.
///
/// Wing and Gong, "Testing and verifying concurrent objects" (1993), with Lowe's memory of the configurations that were
/// tried and his doubly linked list of invocations and returns ("Testing for linearizability", 2017, section 3). Three
/// things are ours. A call that may come now and changes nothing comes now. Of the calls without a return, which may
/// come at any time or never, those that are alike come in the order of their invocations: any order with others of
/// them can be had with these, since nothing but their invocation bounds them. And a configuration is not tried again
/// with more of them used up: what is left over can always be left out.
///
/// `budget`: the most events and steps to look at.
pub fn search<S: Specification>(start: S::State, calls: &[Call<S::Operation>], budget: u64) -> Found<S::State> {
    let mut search: Search<'_, S> = Search::of(start, calls);
    let mut next = Next::Answered(search.line.first());
    for _ in 0..budget {
        next = match next {
            Next::Answered(place) => match search.line.event(place) {
                None => return Found::Linearizable,
                Some(Event::Invoked(call)) => {
                    search.step(Which::Answered(call), call, Next::Answered(search.line.after(place)))
                }
                // Whatever comes first from here on was invoked before this return.
                Some(Event::Returned(until)) => Next::Unknown { kind: 0, until },
            },
            Next::Unknown { kind, until } if kind < search.unknown.len() => {
                let then = Next::Unknown { kind: kind + 1, until };
                match search.unknown[kind].get(search.used[kind]) {
                    Some(call) if Some(calls[*call].invoked) <= calls[until].returned() => {
                        search.step(Which::Unknown(kind), *call, then)
                    }
                    _ => then,
                }
            }
            Next::Unknown { until, .. } => {
                search.note_stuck(until);
                Next::Nothing
            }
            Next::Nothing => match search.step_back() {
                Some(next) => next,
                None => {
                    let (call, state) = search.stuck.expect("nothing goes back to the start that was stuck nowhere");
                    return Found::Stuck { call, state };
                }
            },
        };
    }
    Found::OutOfBudget
}

/// A search under way, in one configuration.
struct Search<'a, S: Specification> {
    calls: &'a [Call<S::Operation>],
    /// The calls without a return by their kinds, and how many of each were taken.
    unknown: Vec<Vec<usize>>,
    used: Vec<usize>,
    /// The answered calls: those that are left, and those that were taken.
    line: Line,
    done: Done,
    state: S::State,
    /// How it came here.
    trail: Vec<Taken<S::State>>,
    /// All configurations that were tried, with what was used in each.
    tried: Lookup<(Done, S::State), Vec<Vec<usize>>>,
    /// The latest return at which no order went on.
    stuck: Option<(usize, S::State)>,
}

impl<'a, S: Specification> Search<'a, S> {
    fn of(start: S::State, calls: &'a [Call<S::Operation>]) -> Search<'a, S> {
        let unknown = kinds(calls);
        Search {
            calls,
            used: vec![0; unknown.len()],
            unknown,
            line: Line::of(calls),
            done: Done::default(),
            state: start,
            trail: Vec::new(),
            tried: Lookup::default(),
            stuck: None,
        }
    }

    /// Takes a call where it can come now and leads to what was not tried. Returns what is tried next.
    fn step(&mut self, which: Which, call: usize, then: Next) -> Next {
        let Some(after) = S::step(&self.state, &self.calls[call].operation) else { return then };
        let idle = after == self.state;
        let (done, used, then) = match which {
            // Leaving out what has no effect is as good.
            Which::Unknown(_) if idle => return then,
            Which::Unknown(kind) => {
                let mut used = self.used.clone();
                used[kind] += 1;
                (self.done.clone(), used, then)
            }
            Which::Answered(call) => {
                // Where it changes nothing, no order has it later that could not have it now.
                let then = if idle { Next::Nothing } else { then };
                (self.done.and(self.line.number(call)), self.used.clone(), then)
            }
        };
        let tried = self.tried.entry((done.clone(), after.clone())).or_default();
        if tried.iter().any(|theirs| theirs.iter().zip(&used).all(|(theirs, ours)| theirs <= ours)) {
            return then;
        }
        tried.push(used.clone());
        if let Which::Answered(call) = which {
            self.line.lift(call);
        }
        self.used = used;
        let (state, done) = (std::mem::replace(&mut self.state, after), std::mem::replace(&mut self.done, done));
        self.trail.push(Taken { which, state, done, then });
        Next::Answered(self.line.first())
    }

    /// Undoes the last call that was taken, and returns what is tried instead; `None` at the start.
    fn step_back(&mut self) -> Option<Next> {
        let Taken { which, state, done, then } = self.trail.pop()?;
        match which {
            Which::Answered(call) => self.line.put_back(call),
            Which::Unknown(kind) => self.used[kind] -= 1,
        }
        (self.state, self.done) = (state, done);
        Some(then)
    }

    fn note_stuck(&mut self, at: usize) {
        let returned = |call: usize| self.calls[call].returned();
        if self.stuck.as_ref().is_none_or(|(other, _)| returned(*other) < returned(at)) {
            self.stuck = Some((at, self.state.clone()));
        }
    }
}

/// What is tried next in a configuration: first the calls that were answered, which must all come at some time; then
/// those that were not, where they were invoked before the return of `until`.
#[derive(Clone, Copy)]
enum Next {
    Answered(usize),
    Unknown {
        kind: usize,
        until: usize,
    },
    /// Back to the configuration before.
    Nothing,
}

#[derive(Clone, Copy)]
enum Which {
    /// This call.
    Answered(usize),
    /// The next one of this kind.
    Unknown(usize),
}

/// A call that was taken, and what was before it.
struct Taken<S> {
    which: Which,
    state: S,
    done: Done,
    /// What is tried instead.
    then: Next,
}

/// The calls without a return by their kinds, each in the order of the invocations.
fn kinds<O>(calls: &[Call<O>]) -> Vec<Vec<usize>> {
    let mut kinds: Vec<(Option<u32>, Vec<usize>)> = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        let End::Unknown { alike } = call.end else { continue };
        match kinds.iter_mut().find(|(kind, _)| alike.is_some() && *kind == alike) {
            Some((_, kind)) => kind.push(number),
            None => kinds.push((alike, vec![number])),
        }
    }
    let sorted = |(_, mut kind): (Option<u32>, Vec<usize>)| {
        kind.sort_by_key(|call| (calls[*call].invoked, *call));
        kind
    };
    kinds.into_iter().map(sorted).collect()
}

/// A set of answered calls, by their numbers in the order of invocations: all below `low`, and those `ahead` of it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Done {
    low: usize,
    ahead: Vec<usize>,
}

impl Done {
    fn and(&self, number: usize) -> Done {
        let mut done = self.clone();
        let place = done.ahead.partition_point(|other| *other < number);
        done.ahead.insert(place, number);
        let run = done.ahead.iter().zip(done.low..).take_while(|(number, expected)| *number == expected).count();
        done.ahead.drain(..run);
        done.low += run;
        done
    }
}
