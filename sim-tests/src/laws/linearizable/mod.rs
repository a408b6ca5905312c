//! The black-box check: it trusts nothing of ours, neither revisions nor the audit.

mod entry;
mod line;
mod search;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use entry::{EntryRegister, Operation, State, Told, Value};
use search::{Call, End, Found, search};

use super::history::Broken;
use crate::clients::{Name, Outcome, Record, Request, Scan};

pub const NAME: &str = "the history of each entry is linearizable";

/// The most that the search may look at, per entry. To find an order of thousands of operations takes a small part of
/// it; to find that there is none of 200, of which eight clients do some at once, up to a quarter.
const BUDGET: u64 = 4_000_000;

/// What the search for an entry's order came to, where it found no violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    Holds,
    /// The budget was spent: nothing is said.
    Inconclusive,
}

impl Searched {
    /// What it counts as in a run's summary.
    pub fn count(self) -> &'static str {
        match self {
            Searched::Holds => "entries linearizable",
            Searched::Inconclusive => "entries of which nothing can be said",
        }
    }
}

/// The operations on each entry have an order that explains every answer and keeps real time: the entry is a
/// linearizable register.
///
/// Herlihy and Wing, "Linearizability" (1990); per entry, since linearizability is local (their theorem 1; Horn and
/// Kroening, "Faster linearizability checking via P-compositionality", 2015). A write's answer shows what it found, so
/// it is an observation; a refused one is none and has no effect; one whose outcome is unknown may take effect at any
/// time after it began, or never. Reads by clients are eventual and another law's matter. Those of the final scans,
/// when all is quiet, are exact.
pub fn check(records: &[Record], scans: &[Scan]) -> Result<Vec<Searched>, Broken> {
    let mut by_name: BTreeMap<&Name, Vec<&Record>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.is_write()) {
        if let Some(name) = record.name() {
            by_name.entry(name).or_default().push(record);
        }
    }
    by_name.into_iter().map(|(name, writes)| judge_entry(name, &writes, scans, BUDGET)).collect()
}

fn judge_entry(name: &Name, writes: &[&Record], scans: &[Scan], budget: u64) -> Result<Searched, Broken> {
    let values = Values::of(name, scans);
    let writes: Vec<(&Record, Call<Operation>)> =
        writes.iter().filter_map(|record| Some((*record, values.call(record)?))).collect();
    let mut calls: Vec<Call<Operation>> = writes.iter().map(|(_, call)| call.clone()).collect();
    calls.extend(values.reads(name, scans));
    match search::<EntryRegister>(State::Absent, &calls, budget) {
        Found::Linearizable => Ok(Searched::Holds),
        Found::OutOfBudget => Ok(Searched::Inconclusive),
        Found::Stuck { call, state } => {
            let Name { namespace, key } = name;
            let who = writes.get(call).map_or("what the nodes show in the end", |(record, _)| &record.request_id);
            let (answer, many) = (calls[call].operation, calls.len());
            let what = format!(
                "{namespace}/{key}: no order of its {many} operations explains {who} ({answer:?}); all up to there have \
                 one, which makes it {state:?}"
            );
            let about = writes.get(call).map_or_else(Vec::new, |(record, _)| record.events.clone());
            Err(Broken { at: calls[call].returned(), what, about })
        }
    }
}

/// The values of an entry that reads show.
struct Values<'a>(BTreeMap<&'a str, Value>);

/// Unknown sets of values that nobody saw, and unknown deletes: see [`End::Unknown`].
const UNSEEN_SET: u32 = 1;
const ANY_DELETE: u32 = 2;

impl<'a> Values<'a> {
    fn of(name: &Name, scans: &'a [Scan]) -> Values<'a> {
        let mut values = BTreeMap::new();
        for seen in scans.iter().filter_map(|scan| scan.entries.get(name)) {
            let next = Value(values.len() as u32 + 1);
            values.entry(seen.value.as_str()).or_insert(next);
        }
        Values(values)
    }

    fn number(&self, value: &str) -> Value {
        self.0.get(value).copied().unwrap_or(Value::UNSHOWN)
    }

    /// A write as the search takes it; `None` for what surely had no effect and observed nothing.
    fn call(&self, record: &Record) -> Option<Call<Operation>> {
        let (set, existed) = match record.outcome {
            Outcome::Set { created, version, .. } => (Some(Told { created, version }), None),
            Outcome::Deleted { .. } => (None, Some(true)),
            Outcome::Absent { .. } => (None, Some(false)),
            // What a condition saw is another law's matter.
            Outcome::Refused(_) | Outcome::Failed { .. } => return None,
            _ => (None, None),
        };
        let operation = match &record.request {
            Request::Set { value, .. } => Operation::Set { value: self.number(value), told: set },
            Request::Delete { .. } => Operation::Delete { existed },
            Request::Get { .. } | Request::List { .. } => return None,
        };
        let answered = set.is_some() || existed.is_some();
        let alike = match operation {
            Operation::Set { value: Value::UNSHOWN, .. } => Some(UNSEEN_SET),
            Operation::Delete { .. } => Some(ANY_DELETE),
            _ => None,
        };
        let returned = record.returned.filter(|_| answered);
        let end = returned.map_or(End::Unknown { alike }, End::Returned);
        Some(Call { operation, invoked: record.invoked, end })
    }

    /// What each node showed in the end. All at once: a write that still was on its way may come between.
    fn reads(&self, name: &Name, scans: &[Scan]) -> Vec<Call<Operation>> {
        let invoked = scans.iter().map(|scan| scan.began).min().unwrap_or_default();
        let end = End::Returned(scans.iter().map(|scan| scan.ended).max().unwrap_or_default());
        let shown = |scan: &Scan| match scan.entries.get(name) {
            Some(seen) => State::Present { value: self.number(&seen.value), version: seen.version },
            None => State::Absent,
        };
        let call = |scan| Call { operation: Operation::Read(shown(scan)), invoked, end };
        scans.iter().map(call).collect()
    }
}
