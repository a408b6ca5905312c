use std::time::Duration;

use super::model::Model;
use super::{Laws, acknowledged, conditions, entries, linearizable, lists, log_time, witness};
use crate::clients::{Record, Scan};
use crate::runtime::elapsed;
use crate::trace::Trace;

/// How a law on a whole history is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// When the operation that shows it ended; `None` where it is the end of the run that shows it.
    pub at: Option<Duration>,
    pub what: String,
    /// The events of the trace that show it.
    pub about: Vec<u64>,
}

impl Broken {
    /// One that this operation shows.
    pub fn by(record: &Record, what: String) -> Broken {
        Broken { at: record.returned, what, about: record.events.clone() }
    }
}

impl From<String> for Broken {
    fn from(what: String) -> Broken {
        Broken { at: None, what, about: Vec::new() }
    }
}

impl Laws {
    /// Judges a finished run by its history and what its nodes show at the end.
    pub fn judge_history(&self, trace: &Trace, records: &[Record], scans: &[Scan]) {
        for (law, broken) in judge(trace, records, scans) {
            let at = broken.at.unwrap_or_else(elapsed);
            self.lock().note(at, Err((law, broken.what)), &broken.about);
        }
    }
}

/// All laws that are broken, in the order in which a violation says the most.
fn judge(trace: &Trace, records: &[Record], scans: &[Scan]) -> Vec<(&'static str, Broken)> {
    let mut all = Vec::new();
    let mut note = |law: &'static str, checked: Result<(), Broken>| {
        all.extend(checked.err().map(|broken| (law, broken)));
    };
    note(acknowledged::NAME, acknowledged::check(records, scans).map_err(Broken::from));
    note(witness::NAME, witness::one_audit(scans));
    note(log_time::NAME, log_time::check(scans));
    if let Some(first) = scans.first() {
        match Model::replay(records, &first.audit) {
            Err(broken) => note(witness::NAME, Err(broken)),
            Ok(model) => {
                note(witness::NAME, witness::check(records, &model, scans));
                note(conditions::NAME, conditions::check(records, &model));
                note(entries::NAME, entries::check(records, &model));
                note(lists::NAME, lists::check(records, &model));
            }
        }
    }
    match linearizable::check(records, scans) {
        Err(broken) => note(linearizable::NAME, Err(broken)),
        Ok(searched) => searched.into_iter().for_each(|searched| trace.count(searched.count())),
    }
    all
}
