use std::collections::BTreeMap;

use confman::base::LogId;

use super::log::Event;
use super::machine::Machine;
use super::members::Members;
use super::quorum::CommittedOnQuorum;

/// What was synced stays: a power loss takes none of it, a committed entry is never truncated, and no entry is purged
/// before a durable snapshot has its effect.
///
/// Raft (Ongaro and Ousterhout, 2014): state machine safety (figure 3) rests on logs that keep what is committed, and
/// section 7 has a snapshot written whole before the log is cut. For the files: `src/log`, "Recovery".
pub fn observe(
    node: u64,
    event: &Event,
    committed: &CommittedOnQuorum,
    machines: &BTreeMap<u64, Machine>,
    members: &Members,
) -> Result<(), String> {
    let Event::Truncated(gone) = event else { return Ok(()) };
    let is_lost = |id: LogId| committed.has(id) && !committed.is_kept_without(node, id, machines, members);
    match gone.iter().find(|id| is_lost(**id)) {
        None => Ok(()),
        Some(id) => Err(format!("node {node} truncated {id}, which is committed")),
    }
}

/// Whether a snapshot has what the log has purged.
pub fn covered(node: u64, machine: &Machine) -> Result<(), String> {
    let (purged, covered) = (machine.log().purged(), machine.covered());
    if purged.map(|id| id.index) <= covered.map(|id| id.index) {
        return Ok(());
    }
    let purged = purged.unwrap_or_default();
    Err(match covered {
        None => format!("node {node} purged its log up to {purged}, and no snapshot of it is durable"),
        Some(covered) => {
            format!("node {node} purged its log up to {purged}, and its durable snapshot ends at {covered}")
        }
    })
}

pub const NAME: &str = "what is durable and committed is kept";

#[cfg(test)]
mod tests {
    use super::super::testing::{Disks, append, purge, truncate};
    use super::*;

    #[test]
    fn a_committed_entry_must_not_be_truncated() {
        let mut disks = Disks::of_three(&[append(1, 0), append(1, 1), append(1, 2)]);
        let mut committed = CommittedOnQuorum::default();
        committed.said(format_args!("node 1"), LogId::new(1, 1), &disks.machines, &disks.members).unwrap();
        disks.write(2, &[truncate(1, 1)]);
        let events = disks.sync(2);
        let judge = |node, event: &Event, committed: &CommittedOnQuorum, disks: &Disks| {
            observe(node, event, committed, &disks.machines, &disks.members)
        };
        assert!(events.iter().all(|event| judge(2, event, &committed, &disks).is_ok()), "1:2 is not committed");
        disks.write(3, &[truncate(1, 0)]);
        let events = disks.sync(3);
        assert!(events.iter().any(|event| judge(3, event, &committed, &disks).is_err()));
    }

    #[test]
    fn who_never_took_a_later_committed_entry_may_do_without_those_before_it() {
        let mut disks = Disks::of_three(&[append(1, 0), append(1, 1)]);
        let mut committed = CommittedOnQuorum::default();
        committed.said(format_args!("node 1"), LogId::new(1, 1), &disks.machines, &disks.members).unwrap();
        for node in [1, 2] {
            disks.write(node, &[append(2, 2)]);
            disks.sync(node);
        }
        let judge = |committed: &CommittedOnQuorum, disks: &Disks, events: &[Event]| {
            let (machines, members) = (&disks.machines, &disks.members);
            events.iter().all(|event| observe(3, event, committed, machines, members).is_ok())
        };
        disks.write(3, &[truncate(1, 0)]);
        let events = disks.sync(3);
        assert!(!judge(&committed, &disks, &events), "2:2 is not committed");
        committed.said(format_args!("node 1"), LogId::new(2, 2), &disks.machines, &disks.members).unwrap();
        assert!(judge(&committed, &disks, &events));
        disks.write(2, &[truncate(1, 0)]);
        disks.sync(2);
        assert!(!judge(&committed, &disks, &events), "no quorum has it any more");
    }

    #[test]
    fn a_purge_needs_a_durable_snapshot() {
        let mut disks = Disks::of_three(&[append(1, 0), append(1, 1), append(1, 2)]);
        for node in [1, 2, 3] {
            disks.write(node, &[purge(1, 1)]);
            disks.sync(node);
        }
        disks.snapshot(1, LogId::new(1, 1), true);
        disks.snapshot(2, LogId::new(1, 0), true);
        disks.snapshot(3, LogId::new(1, 1), false);
        let judged = [1, 2, 3].map(|node| covered(node, &disks.machines[&node]).is_ok());
        assert_eq!(judged, [true, false, false]);
    }

    #[test]
    fn what_was_synced_and_is_not_there_after_a_power_loss_is_seen() {
        let mut disks = Disks::of_three(&[append(1, 0), append(1, 1)]);
        assert!(disks.power_loss(1).is_ok());
        disks.lose(1, 1);
        assert!(disks.power_loss(1).is_err());
    }
}
