//! What a run is made of, as plain data: the cluster, its knobs, the work, and what goes wrong when.
//!
//! A schedule comes from a seed ([`generate`]) or from a file. Seeds rot when the code that draws from them changes;
//! schedules do not.

mod generate;

use std::path::Path;

pub use generate::generate;
use serde::{Deserialize, Serialize};

use crate::host::files::DiskSettings;
use crate::host::net::NetSettings;

/// The version of schedules that this code reads and writes.
pub const VERSION: u32 = 1;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    pub version: u32,
    /// Every stream of randomness in the run descends from it.
    pub seed: u64,
    /// Voters, numbered from 1.
    pub nodes: u64,
    pub knobs: Knobs,
    pub workload: Workload,
    pub network: NetSettings,
    pub disk: DiskSettings,
    /// How long work and faults go on before everything is healed.
    pub disturbed_ms: u64,
    /// In the order of their moments.
    pub faults: Vec<Fault>,
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

/// The clients and what they do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workload {
    pub clients: u64,
    pub namespaces: u64,
    /// Per namespace.
    pub keys: u64,
    /// How often each operation is drawn, relative to the others.
    pub mix: Mix,
    /// A client waits up to this long between two operations.
    pub pause_ms: u64,
    /// A client gives up on an answer after this long.
    pub patience_ms: u64,
    /// The longest value, in bytes.
    pub value_bytes: u64,
}

/// See [`Workload::mix`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mix {
    pub set: u32,
    pub delete: u32,
    pub get: u32,
    pub list: u32,
}

/// Something goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    pub at_ms: u64,
    /// When it is over: a cut healed, a node started again. No matter for what has no duration.
    pub for_ms: u64,
    pub who: Who,
    pub what: What,
}

/// Whom a fault strikes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Who {
    Nodes(Vec<u64>),
    /// Whoever leads at that moment; the first node where nobody does.
    Leader,
    All,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// Nothing passes between these and the others, clients included where said so.
    Cut { holds: bool, clients: bool },
    /// Nothing passes from these to the others; the other way it does.
    CutOutward { holds: bool },
    /// Nothing passes from the others to these; the other way it does.
    CutInward { holds: bool },
    /// Frames and requests to and from these are lost.
    Loss { percent: u32 },
    /// Frames and requests to and from these take up to this much longer.
    Delay { ms: u64 },
    /// Frames to and from these arrive twice.
    Duplication { percent: u32 },
    /// Frames to and from these overtake each other.
    Reordering { percent: u32 },
    /// The process is killed, and started again afterwards.
    Crash,
    /// The machine goes dark, and on again afterwards. `midst`: in the midst of its next sync.
    PowerLoss { midst: bool },
    /// The process is killed, which makes an election where it led; the first to vote in one goes dark right after,
    /// and on again afterwards, as these do.
    VoterPowerLoss,
    /// The process stands still.
    Pause,
    /// Syncs take this many times as long.
    SlowSyncs { factor: u32 },
    /// The next sync fails, which stops the node; it is started again afterwards.
    FailedSync,
    /// The disk has this much space left.
    FullDisk { bytes: u64 },
    /// The wall clock is off by this much.
    ClockStep { ms: i64 },
}

impl What {
    /// The kind's name, for the summary.
    pub fn name(&self) -> &'static str {
        match self {
            What::Cut { .. } => "cut",
            What::CutOutward { .. } => "one-way cut outward",
            What::CutInward { .. } => "one-way cut inward",
            What::Loss { .. } => "loss",
            What::Delay { .. } => "delay",
            What::Duplication { .. } => "duplication",
            What::Reordering { .. } => "reordering",
            What::Crash => "crash",
            What::PowerLoss { midst: false } => "power loss",
            What::PowerLoss { midst: true } => "power loss in a sync",
            What::VoterPowerLoss => "power loss of a voter",
            What::Pause => "pause",
            What::SlowSyncs { .. } => "slow syncs",
            What::FailedSync => "failed sync",
            What::FullDisk { .. } => "full disk",
            What::ClockStep { .. } => "clock step",
        }
    }
}

impl Schedule {
    /// Reads a schedule from a file's text.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let schedule: Schedule = serde_json::from_str(text).map_err(|error| format!("not a schedule: {error}"))?;
        if schedule.version != VERSION {
            let Schedule { version, .. } = schedule;
            return Err(format!("the schedule has version {version}, this simulator knows version {VERSION}"));
        }
        let known = 1..=schedule.nodes;
        for fault in &schedule.faults {
            if let Who::Nodes(nodes) = &fault.who
                && let Some(stranger) = nodes.iter().find(|node| !known.contains(node))
            {
                return Err(format!("a fault names node {stranger}, and there are {} nodes", schedule.nodes));
            }
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_reads_back_what_it_prints_and_refuses_what_it_does_not_know() {
        for seed in 0..50 {
            let schedule = generate(seed);
            assert_eq!(Schedule::parse(&schedule.print()), Ok(schedule));
        }
        let newer = Schedule { version: VERSION + 1, ..generate(1) };
        assert!(Schedule::parse(&newer.print()).unwrap_err().contains("version"));
        let fault = Fault { at_ms: 1, for_ms: 1, who: Who::Nodes(vec![9]), what: What::Crash };
        let stranger = Schedule { faults: vec![fault], ..generate(1) };
        assert!(Schedule::parse(&stranger.print()).unwrap_err().contains("node 9"));
    }

    #[test]
    fn every_kind_of_fault_is_drawn_and_some_seeds_have_few() {
        let mut kinds = std::collections::BTreeMap::new();
        let mut calm = 0;
        for seed in 0..200 {
            let schedule = generate(seed);
            assert!(schedule.faults.is_sorted_by_key(|fault| fault.at_ms));
            for fault in &schedule.faults {
                assert!(fault.at_ms <= schedule.disturbed_ms);
                *kinds.entry(fault.what.name()).or_insert(0) += 1;
            }
            calm += usize::from(schedule.faults.len() < 3);
        }
        assert_eq!(kinds.len(), 16, "{kinds:?}");
        assert!(calm > 0);
    }
}
