use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use super::{Shrunk, Trial};
use crate::schedule::{Schedule, atlas};

/// How much a search may do.
pub struct Limits<'a> {
    /// How many trials at once.
    pub jobs: usize,
    /// How many scheduler seeds each candidate is tried with, besides the one that it has.
    pub schedulers: u64,
    /// Whether to make do with the best so far.
    pub time_up: &'a (dyn Fn() -> bool + Sync),
}

/// Up to so many candidates, each is one with much to gain: all schedulers are tried at once.
const COARSE: usize = 8;

/// How far a search is.
pub struct Step<'a> {
    pub pass: &'static str,
    pub best: &'a Schedule,
    pub trials: u64,
}

/// The best schedule so far, and the trials that look for a better one.
pub(super) struct Search<'a> {
    pub best: Schedule,
    /// Whether other scheduler seeds are tried for every candidate, or only where there are few.
    pub thorough: bool,
    trial: &'a dyn Trial,
    limits: &'a Limits<'a>,
    watch: &'a mut dyn FnMut(&Step<'_>),
    pass: &'static str,
    /// What each schedule that was tried came to, by its text.
    tried: BTreeMap<String, bool>,
    trials: u64,
}

impl<'a> Search<'a> {
    pub fn new(
        from: Schedule,
        trial: &'a dyn Trial,
        limits: &'a Limits<'a>,
        watch: &'a mut dyn FnMut(&Step<'_>),
    ) -> Search<'a> {
        let tried = BTreeMap::from([(from.print(), true)]);
        Search { best: from, thorough: false, trial, limits, watch, pass: "", tried, trials: 0 }
    }

    pub fn time_up(&self) -> bool {
        (self.limits.time_up)()
    }

    pub fn end(self) -> Shrunk {
        Shrunk { minimal: !self.time_up(), schedule: self.best, trials: self.trials }
    }

    /// Says what is tried from here on.
    pub fn pass(&mut self, pass: &'static str) {
        self.pass = pass;
        self.tell();
    }

    fn tell(&mut self) {
        (self.watch)(&Step { pass: self.pass, best: &self.best, trials: self.trials });
    }

    /// Takes over the first of the candidates that breaks the law, and tells which it was.
    pub fn take_first(&mut self, candidates: &[Schedule]) -> Option<usize> {
        // With the scheduler that the best has first, for all of them: that is the run that changed least.
        let schedulers = if self.thorough || candidates.len() <= COARSE { self.limits.schedulers } else { 0 };
        let others = (1..=schedulers).map(Some);
        for scheduler in std::iter::once(None).chain(others) {
            let wave: Vec<Schedule> = candidates
                .iter()
                .map(|candidate| Schedule {
                    scheduler_seed: scheduler.or(candidate.scheduler_seed),
                    ..candidate.clone()
                })
                .collect();
            let found = self.first_breaking(&wave);
            if let Some(found) = found {
                self.best = wave[found].clone();
            }
            self.tell();
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Takes over one candidate after another, as long as there is one that breaks the law.
    pub fn descend(&mut self, candidates: impl Fn(&Schedule) -> Vec<Schedule>) {
        while !self.time_up() && self.take_first(&candidates(&self.best)).is_some() {}
    }

    /// The same run with its operations as a list.
    pub fn list_operations(&mut self) -> bool {
        let listed = self.trial.listed(&self.best);
        listed.is_some_and(|listed| self.take_first(&[listed]).is_some())
    }

    /// The first of these that breaks the law, whichever is done first: what is found does not depend on how long each
    /// trial takes.
    fn first_breaking(&mut self, wave: &[Schedule]) -> Option<usize> {
        let texts: Vec<String> = wave.iter().map(Schedule::print).collect();
        let known = |at: usize| self.tried.get(&texts[at]).copied();
        let refused = |at: usize| atlas::check(&wave[at]).is_err();
        // Beyond one that is known to break, nothing need be tried.
        let end = (0..wave.len()).find(|at| known(*at) == Some(true)).unwrap_or(wave.len());
        let open: Vec<usize> = (0..end).filter(|at| known(*at).is_none() && !refused(*at)).collect();
        let (trial, time_up) = (self.trial, self.limits.time_up);
        let shared = Mutex::new(Wave { open: open.iter().copied(), found: None, done: Vec::new() });
        let lock = || shared.lock().expect("no panic under this lock");
        let next = || {
            let mut wave = lock();
            if wave.found.is_some() || time_up() { None } else { wave.open.next() }
        };
        let work = || {
            while let Some(at) = next() {
                let breaks = trial.breaks(&wave[at]);
                lock().is_done(at, breaks);
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.limits.jobs.clamp(1, open.len().max(1)) {
                scope.spawn(work);
            }
        });
        let Wave { found, done, .. } = shared.into_inner().expect("no panic under this lock");
        self.trials += done.len() as u64;
        for (at, breaks) in done {
            self.tried.insert(texts[at].clone(), breaks);
        }
        found.or((end < wave.len()).then_some(end))
    }
}

/// Candidates that are tried at once.
struct Wave<I> {
    open: I,
    /// The first that breaks the law. All before it were begun before it.
    found: Option<usize>,
    done: Vec<(usize, bool)>,
}

impl<I> Wave<I> {
    fn is_done(&mut self, at: usize, breaks: bool) {
        self.done.push((at, breaks));
        if breaks {
            self.found = Some(self.found.map_or(at, |other| other.min(at)));
        }
    }
}
