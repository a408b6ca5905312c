use std::fmt;

use crate::schedule::{Schedule, Work};

/// How much there is in a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub faults: usize,
    /// None where the clients draw them.
    pub operations: Option<usize>,
    pub clients: u64,
    pub nodes: u64,
    pub disturbed_ms: u64,
}

impl Size {
    pub fn of(schedule: &Schedule) -> Size {
        let operations = match &schedule.workload.work {
            Work::Operations(operations) => Some(operations.len()),
            Work::Drawn(_) => None,
        };
        Size {
            faults: schedule.faults.len(),
            operations,
            clients: schedule.workload.clients,
            nodes: schedule.nodes,
            disturbed_ms: schedule.disturbed_ms,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let operations = match self.operations {
            Some(count) => some(count as u64, "operation"),
            None => "drawn operations".to_owned(),
        };
        write!(
            f,
            "{}, {operations} of {}, {}, {:.1} s",
            some(self.faults as u64, "fault"),
            some(self.clients, "client"),
            some(self.nodes, "node"),
            self.disturbed_ms as f64 / 1_000.0
        )
    }
}
