//! The laws of Raft on durable state: what each machine's disk holds, not what its node says of itself.
//!
//! | file | what it is |
//! |---|---|
//! | `reader.rs` | the bytes of segments and snapshots, read independently |
//! | `log.rs`, `machine.rs` | what one machine's synced records say, followed as syncs take effect |
//! | `members.rs` | the voters, as the durable logs name them |
//! | `frames.rs` | what nodes promise each other, read off the frames that they send |
//! | the others | one law each |
//!
//! Durable is what was synced: the content as of the last sync that took effect, under names whose folder was synced.
//! A node's memory may be ahead of that, and often is; what it tells others may not.

mod appends;
mod applied;
mod completeness;
mod elected;
mod forward;
pub mod frames;
mod kept;
mod log;
mod machine;
mod matching;
mod members;
mod promotion;
mod quorum;
mod reader;
#[cfg(test)]
mod testing;
mod votes;

use std::collections::BTreeMap;
use std::time::Duration;

use confman::base::LogId;
use log::Event;
use machine::Machine;

use super::Laws;
use crate::cluster::Observation;
use crate::host::files::{Change, DiskTap, DurableFiles};
use crate::runtime::elapsed;

/// The name of the law that is broken, and how.
type Judged = Result<(), (&'static str, String)>;

/// The laws on durable state, and the disks that they look at.
#[derive(Default)]
pub struct DurableState {
    machines: BTreeMap<u64, Machine>,
    members: members::Members,
    elected: elected::Elected,
    caught_up: promotion::CaughtUp,
    matching: matching::LogMatching,
    quorum: quorum::CommittedOnQuorum,
    completeness: completeness::LeaderCompleteness,
}

impl DurableState {
    /// Something else is durable on a machine now.
    pub fn changed(&mut self, node: u64, change: Change<'_>, files: &dyn DurableFiles) -> Judged {
        let machine = self.machines.entry(node).or_default();
        if machine.is_damaged() {
            return Ok(());
        }
        let events = machine.changed(change, files).map_err(|what| (kept::NAME, format!("node {node}: {what}")))?;
        kept::covered(node, machine).map_err(|what| (kept::NAME, what))?;
        for event in &events {
            self.members.observe(node, event).map_err(|what| (members::NAME, what))?;
            if let Event::Appended { id, voters: Some(_), .. } = event {
                self.caught_up
                    .observe(elapsed(), node, *id, &self.machines, &self.members)
                    .map_err(|what| (promotion::NAME, what))?;
            }
            self.matching.observe(node, event).map_err(|what| (matching::NAME, what))?;
            votes::observe(node, event).map_err(|what| (votes::NAME, what))?;
            forward::observe(node, event).map_err(|what| (forward::NAME, what))?;
            kept::observe(node, event, &self.quorum, &self.machines, &self.members)
                .map_err(|what| (kept::NAME, what))?;
        }
        Ok(())
    }

    /// Whether no node keeps a log: what a node says can be judged by nothing then.
    fn is_blind(&self) -> bool {
        self.machines.values().all(|machine| machine.log().is_empty())
    }

    fn machine(&mut self, node: u64) -> &Machine {
        self.machines.entry(node).or_default()
    }

    /// A node said this of itself.
    pub fn observe(&mut self, node: u64, seen: &Observation) -> Judged {
        if self.is_blind() {
            return Ok(());
        }
        if self.machine(node).is_damaged() {
            return Ok(());
        }
        applied::observe(node, seen, self.machine(node)).map_err(|what| (applied::NAME, what))?;
        for id in [seen.committed, seen.applied].into_iter().flatten() {
            self.committed(node, seen.term, id)?;
        }
        self.elected.observe(node, seen, &self.machines, &self.members).map_err(|what| (elected::NAME, what))?;
        let machine = self.machines.entry(node).or_default();
        self.completeness.observe(node, seen, machine).map_err(|what| (completeness::NAME, what))
    }

    /// A node of this term said, at this moment, that the entry is committed.
    fn committed(&mut self, node: u64, term: u64, id: LogId) -> Judged {
        let by = format_args!("node {node}");
        self.quorum.said(by, id, &self.machines, &self.members).map_err(|what| (quorum::NAME, what))?;
        self.completeness.committed(term, id);
        self.caught_up.committed(elapsed(), id);
        Ok(())
    }

    /// A client was told that its write is this entry.
    fn acknowledged(&mut self, id: LogId) -> Judged {
        if self.is_blind() {
            return Ok(());
        }
        let by = format_args!("the answer to a client");
        self.quorum.said(by, id, &self.machines, &self.members).map_err(|what| (quorum::NAME, what))
    }
}

impl Laws {
    fn judge_durable(&self, judge: impl FnOnce(&mut DurableState) -> Judged) {
        let mut inner = self.lock();
        let judged = judge(&mut inner.durable);
        inner.note(elapsed(), judged, &[]);
    }

    /// The longest time that a node waits for its leader.
    pub fn election_timeout(&self, longest: Duration) {
        self.lock().durable.caught_up.election_timeout = longest;
    }

    /// A fault changed what lies on a machine's disk.
    pub fn disk_damaged(&self, node: u64) {
        self.lock().durable.machines.entry(node).or_default().damage();
    }

    /// A client was told that its write took effect as this revision.
    pub fn acknowledged(&self, revision: LogId) {
        self.judge_durable(|durable| durable.acknowledged(revision));
    }
}

/// Shows the laws one machine's disk.
pub struct Tap {
    node: u64,
    laws: Laws,
}

impl Tap {
    pub fn new(node: u64, laws: Laws) -> Tap {
        Tap { node, laws }
    }
}

impl DiskTap for Tap {
    fn changed(&self, change: Change<'_>, files: &dyn DurableFiles) {
        self.laws.judge_durable(|durable| durable.changed(self.node, change, files));
    }
}
