use super::machine::Machine;
use crate::cluster::Observation;

/// A node applies only what is durable on its own disk, in its log or in a snapshot.
///
/// The applied state is taken for log when a node starts, so it must never be ahead of the durable log: what openraft
/// asks of storage, beyond Raft itself, which lets a state machine lose what a log still has.
pub fn observe(node: u64, seen: &Observation, machine: &Machine) -> Result<(), String> {
    match seen.applied {
        Some(applied) if !machine.holds(applied) => {
            Err(format!("node {node} has applied {applied}, which its own disk does not have"))
        }
        _ => Ok(()),
    }
}

pub const NAME: &str = "applied is durable on the node itself";

#[cfg(test)]
mod tests {
    use confman::base::LogId;

    use super::super::testing::{Disks, append};
    use super::*;

    #[test]
    fn what_was_applied_before_the_local_sync_is_seen() {
        let mut disks = Disks::of_three(&[append(1, 0)]);
        let seen = Observation { applied: Some(LogId::new(1, 1)), ..Observation::default() };
        disks.write(1, &[append(1, 1)]);
        assert!(observe(1, &seen, &disks.machines[&1]).is_err());
        disks.sync(1);
        assert!(observe(1, &seen, &disks.machines[&1]).is_ok());
        assert!(observe(2, &seen, &disks.machines[&2]).is_err());
        disks.snapshot(2, LogId::new(1, 1), true);
        assert!(observe(2, &seen, &disks.machines[&2]).is_ok());
    }
}
