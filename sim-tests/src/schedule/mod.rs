//! What a run is made of, as plain data: the cluster, its knobs, the work, and what goes wrong when.
//!
//! A schedule comes from a seed ([`generate`]) or from a file. Seeds rot when the code that draws from them changes;
//! schedules do not. What a schedule may ask for is in [`atlas`].
//!
//! All randomness of a run comes from streams that descend from the schedule's seed, one for each fault, operation,
//! disk, store, process and direction between two places: to take one element out leaves the others as they were.

pub mod atlas;
mod draw;
mod fault;
mod generate;
mod members;
mod operation;
mod point;
#[cfg(test)]
mod tests;
mod workload;

use std::path::Path;

pub use fault::{At, Damaged, Fault, StoreLoss, What, When, Where, Who, Whose};
pub use generate::generate;
pub use operation::{Action, Consistency, LIMIT_MAX, Operation};
pub use point::Point;
use serde::{Deserialize, Serialize};
pub use workload::{Drawn, Mix, Work, Workload};

use crate::host::files::DiskSettings;
use crate::host::net::NetSettings;

/// The version of schedules that this code reads and writes.
pub const VERSION: u32 = 2;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    pub version: u32,
    /// The commit of the code that drew or kept it, for whoever reads it; the run does not depend on it.
    pub commit: String,
    /// Every stream of randomness in the run descends from it.
    pub seed: u64,
    /// Which task runs first where several can; the seed's own where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_seed: Option<u64>,
    /// Voters of the first membership, numbered from 1.
    pub nodes: u64,
    /// Machines beside theirs, numbered on from there, for nodes that are added later.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub spares: u64,
    pub knobs: Knobs,
    pub workload: Workload,
    pub network: NetSettings,
    pub disk: DiskSettings,
    /// How long work and faults go on before everything is healed.
    pub disturbed_ms: u64,
    pub faults: Vec<Fault>,
    pub expect: Expect,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a correct system makes of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expect {
    /// It serves again, on every node, and nothing was lost.
    Holds,
    /// One node's disk was damaged: that node notices and stops, or mends the damage from what it or others have; the
    /// others hold all laws and serve without it.
    DetectAndStop { node: u64 },
}

/// The settings of the nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Knobs {
    pub heartbeat_ms: u64,
    pub election_timeout_ms: (u64, u64),
    pub append_entries_max: u64,
    pub log_entries_kept: u64,
    pub segment_bytes: u64,
    pub snapshot_log_bytes: u64,
    pub follower_writes: FollowerWrites,
}

/// What a follower does with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FollowerWrites {
    Redirect,
    Forward,
    Auto,
}

/// What is read first: a schedule of another version has other members.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Schedule {
    /// Reads a schedule from a file's text. One that asks for what no system must survive is refused.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let not_one = |error: serde_json::Error| format!("not a schedule: {error}");
        let Version { version } = serde_json::from_str(text).map_err(not_one)?;
        if version != VERSION {
            return Err(format!("the schedule has version {version}, this simulator knows version {VERSION}"));
        }
        let schedule: Schedule = serde_json::from_str(text).map_err(not_one)?;
        atlas::check(&schedule)?;
        Ok(schedule)
    }

    /// Reads a schedule file.
    pub fn read(path: &Path) -> Result<Schedule, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Schedule::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The schedule as a file's text.
    pub fn print(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data has a JSON form") + "\n"
    }

    /// The same run with these operations, which it once drew, as a list.
    pub fn listed(&self, operations: Vec<Operation>) -> Schedule {
        let workload = Workload { work: Work::Operations(operations), ..self.workload.clone() };
        Schedule { workload, ..self.clone() }
    }

    /// All machines that can belong to the cluster.
    pub fn machines(&self) -> u64 {
        self.nodes + self.spares
    }

    /// Whether somebody asks for other members.
    pub fn changes_members(&self) -> bool {
        self.faults.iter().any(|fault| fault.what.changes_members())
    }

    /// See [`Schedule::scheduler_seed`].
    pub fn scheduler(&self) -> u64 {
        self.scheduler_seed.unwrap_or(self.seed)
    }
}
