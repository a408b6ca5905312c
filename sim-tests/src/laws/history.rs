use std::time::Duration;

use super::model::Model;
use super::{Laws, acknowledged, entries, linearizable, lists, witness};
use crate::clients::{Record, Scan};
use crate::runtime::elapsed;
use crate::trace::Trace;

/// How a law on a whole history is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// When the operation that shows it ended; `None` where it is the end of the run that shows it.
    pub at: Option<Duration>,
    pub what: String,
}

impl Broken {
    /// One that this operation shows.
    pub fn by(record: &Record, what: String) -> Broken {
        Broken { at: record.returned, what }
    }
}

impl From<String> for Broken {
    fn from(what: String) -> Broken {
        Broken { at: None, what }
    }
}

impl Laws {
    /// Judges a finished run by its history and what its nodes show at the end.
    pub fn judge_history(&self, trace: &Trace, records: &[Record], scans: &[Scan]) {
        if let Err((law, broken)) = judge(trace, records, scans) {
            self.judge(broken.at.unwrap_or_else(elapsed), law, Err(broken.what));
        }
    }
}

/// In the order in which a violation says the most.
fn judge(trace: &Trace, records: &[Record], scans: &[Scan]) -> Result<(), (&'static str, Broken)> {
    let named = |law: &'static str| move |broken: Broken| (law, broken);
    acknowledged::check(records, scans).map_err(|what| (acknowledged::NAME, what.into()))?;
    witness::one_audit(scans).map_err(named(witness::NAME))?;
    if let Some(first) = scans.first() {
        let model = Model::replay(records, &first.audit).map_err(named(witness::NAME))?;
        witness::check(records, &model, scans).map_err(named(witness::NAME))?;
        entries::check(records, &model).map_err(named(entries::NAME))?;
        lists::check(records, &model).map_err(named(lists::NAME))?;
    }
    let searched = linearizable::check(records, scans).map_err(named(linearizable::NAME))?;
    searched.into_iter().for_each(|searched| trace.count(searched.count()));
    Ok(())
}
