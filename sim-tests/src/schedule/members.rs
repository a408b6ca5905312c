//! What operators do in a run: change the members, hand the leadership on, restore backups.

use rand::RngExt;
use rand::rngs::StdRng;

use super::generate::pick;
use super::{Fault, What, When, Who};
use crate::seed::stream;

/// An operator tries for so long.
const FOR_MS: [u64; 3] = [5_000, 15_000, 30_000];

/// What is drawn for a seed: how many spare machines it takes, and what is done.
pub(super) struct Plan {
    pub spares: u64,
    pub faults: Vec<Fault>,
}

/// The changes of members of a seed; none in two of three.
pub(super) fn changes(seed: u64, nodes: u64, disturbed_ms: u64) -> Plan {
    let mut rng = stream(seed, "schedule/members");
    let mut plan = Plan { spares: 0, faults: Vec::new() };
    let mut draw = Draw { rng: &mut rng, plan: &mut plan, nodes, disturbed_ms };
    match draw.rng.random_range(0..20) {
        0 => draw.add(1),
        1 => draw.add(2),
        2 => draw.remove(),
        3 => draw.replace(false),
        4 => draw.replace(true),
        5 => {
            draw.add(1);
            draw.remove();
        }
        6 => draw.replace_all(),
        _ => {}
    }
    plan
}

/// The transfers of the leadership of a seed, and what is restored.
pub(super) fn others(seed: u64, nodes: u64, disturbed_ms: u64) -> Vec<Fault> {
    let mut rng = stream(seed, "schedule/operator");
    let mut faults = Vec::new();
    if rng.random_ratio(1, 5) {
        for _ in 0..rng.random_range(1..=5) {
            let who = Who::Nodes(vec![rng.random_range(1..=nodes)]);
            faults.push(fault(&mut rng, disturbed_ms, who, What::TransferLeader));
        }
    }
    if rng.random_ratio(1, 8) {
        let who = Who::Nodes(vec![rng.random_range(1..=nodes)]);
        let power_losses = *pick(&mut rng, &[0, 1, 3]);
        faults.push(fault(&mut rng, disturbed_ms, who, What::Restore { power_losses }));
    }
    faults
}

fn fault(rng: &mut StdRng, disturbed_ms: u64, who: Who, what: What) -> Fault {
    let when = When::AtMs(rng.random_range(2_000..disturbed_ms));
    Fault { id: 0, when, for_ms: Some(*pick(rng, &FOR_MS)), who, what }
}

struct Draw<'a> {
    rng: &'a mut StdRng,
    plan: &'a mut Plan,
    nodes: u64,
    disturbed_ms: u64,
}

impl Draw<'_> {
    fn spare(&mut self) -> u64 {
        self.plan.spares += 1;
        self.nodes + self.plan.spares
    }

    fn push(&mut self, who: Who, what: What) {
        let fault = fault(self.rng, self.disturbed_ms, who, what);
        self.plan.faults.push(fault);
    }

    fn add(&mut self, count: u64) {
        for _ in 0..count {
            let who = Who::Nodes(vec![self.spare()]);
            self.push(who, What::AddMember);
        }
    }

    /// One, or down to one.
    fn remove(&mut self) {
        let count = *pick(self.rng, &[1, 1, 2]);
        for node in 1..=count.min(self.nodes - 1) {
            let who = if self.rng.random_bool(0.4) { Who::Leader } else { Who::Nodes(vec![node]) };
            self.push(who, What::RemoveMember);
        }
    }

    fn replace(&mut self, lost: bool) {
        let with = self.spare();
        let node = self.rng.random_range(1..=self.nodes);
        let who = if self.rng.random_bool(0.4) { Who::Leader } else { Who::Nodes(vec![node]) };
        self.push(who, What::ReplaceMember { with, lost });
    }

    /// Every machine by another one, one after the other, as in an upgrade.
    fn replace_all(&mut self) {
        let step = self.disturbed_ms / (self.nodes + 1);
        for node in 1..=self.nodes {
            let with = self.spare();
            let what = What::ReplaceMember { with, lost: false };
            let when = When::AtMs(step * node);
            self.plan.faults.push(Fault { id: 0, when, for_ms: Some(30_000), who: Who::Nodes(vec![node]), what });
        }
    }
}
