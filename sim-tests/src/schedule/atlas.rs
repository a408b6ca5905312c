//! What a schedule may break so that a correct system must still hold.
//!
//! | what | on how many nodes | what must follow |
//! |---|---|---|
//! | the network: cuts of any shape, loss, delay, repetition, reordering | any | served again after healing |
//! | processes: crash, pause, restarts of any shape | any | served again after healing |
//! | power: one, some or all at once, at any call | any | nothing acknowledged is lost |
//! | stores: do not open, open short or empty | any | rebuilt from log and snapshot |
//! | disks: failed syncs, failed reads, full, slow, a call that hangs | any | a node stops on an error, and goes on after a restart |
//! | clocks: wrong, drifting, stepping | any | no law depends on them |
//! | for good: a dead or paused node, a cut one | a minority | the others elect, converge and serve within 30 s |
//! | members: added, removed, replaced, also a lost one; transfers of the leadership | any | the members are those asked for, and serve; who was removed says so |
//! | a backup from a node in any state, restored as another cluster | any | it holds the backup's state, and none of its tokens come back |
//! | damage: flipped bits, misdirected writes | one node, in a run declared "detect and stop" | that node notices and stops, or mends it; the others hold |
//!
//! Not in it, since no system of this kind can hold: damage on a majority, a data directory that was wiped or set back
//! under its id, and a node for which the log is gone while another of three is damaged. Changes of the members are not
//! drawn together with what is for good or damage: of what is left a majority may then be gone.

use std::collections::BTreeSet;

use super::{Expect, Fault, Schedule, What, When, Where, Who, Work};

/// The longest disturbance, in milliseconds.
const DISTURBED_MS_MAX: u64 = 300_000;

/// The most machines that nodes can be on.
const MACHINES_MAX: u64 = 12;

/// Says why a schedule cannot be run: it contradicts itself, or asks for what no correct system survives.
pub fn check(schedule: &Schedule) -> Result<(), String> {
    let Schedule { nodes, disturbed_ms, disk, .. } = schedule;
    if !(1..=9).contains(nodes) {
        return Err(format!("{nodes} nodes, where 1 to 9 can be"));
    }
    if schedule.machines() > MACHINES_MAX {
        return Err(format!("{} spares, where {MACHINES_MAX} machines are the most", schedule.spares));
    }
    if *disturbed_ms > DISTURBED_MS_MAX {
        return Err(format!("a disturbance of {disturbed_ms} ms, where {DISTURBED_MS_MAX} are the most"));
    }
    for share in [disk.store_breaks, disk.store_empties, disk.store_breaks + disk.store_empties] {
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("stores are lost with probability {share}"));
        }
    }
    let mut ids = BTreeSet::new();
    for fault in &schedule.faults {
        if fault.id == 0 {
            return Err("a fault has the id 0, and they are numbered from 1".to_owned());
        }
        if !ids.insert(fault.id) {
            return Err(format!("two faults have the id {}", fault.id));
        }
        fault_by_itself(schedule, fault).map_err(|what| format!("fault {}: {what}", fault.id))?;
    }
    permanent(schedule)?;
    members(schedule)?;
    damage(schedule)?;
    operations(schedule)
}

fn fault_by_itself(schedule: &Schedule, fault: &Fault) -> Result<(), String> {
    let known = |node: u64| (1..=schedule.machines()).contains(&node);
    let mut named = Vec::new();
    match &fault.who {
        Who::Nodes(nodes) if nodes.is_empty() => return Err("it strikes nobody".to_owned()),
        Who::Nodes(nodes) => named.extend(nodes),
        Who::There if matches!(fault.when, When::AtMs(_)) => {
            return Err("it strikes who is there, and at a time nobody is".to_owned());
        }
        Who::There | Who::Leader | Who::All => {}
    }
    match &fault.when {
        When::At(at) if at.nth == 0 => return Err("calls are counted from 1".to_owned()),
        When::At(at) => {
            if let Where::Node(node) = at.node {
                named.push(node);
            }
        }
        When::AtMs(_) => {}
    }
    if let What::LinkDelay { to, .. } = fault.what {
        named.push(to);
    }
    if let Some(stranger) = named.into_iter().find(|node| !known(*node)) {
        return Err(format!("it names node {stranger}, and there are {} nodes", schedule.machines()));
    }
    match fault.what {
        What::TransferLeader | What::Restore { .. } if !matches!(&fault.who, Who::Nodes(nodes) if nodes.len() == 1) => {
            Err("it is about one node".to_owned())
        }
        What::Loss { percent } | What::Duplication { percent } | What::Reordering { percent } if percent > 100 => {
            Err(format!("{percent} percent"))
        }
        What::SlowNode { paused_ms, every_ms } if paused_ms >= every_ms => {
            Err("a node that never runs is a paused one".to_owned())
        }
        What::RollingRestart { every_ms: 0, .. } => Err("restarts one after another take their time".to_owned()),
        What::ClockDrift { ppm } if !(-500_000..=500_000).contains(&ppm) => Err(format!("a drift of {ppm} ppm")),
        _ => Ok(()),
    }
}

/// What goes on for good strikes a minority, all in all.
fn permanent(schedule: &Schedule) -> Result<(), String> {
    let mut struck = 0;
    for fault in schedule.faults.iter().filter(|fault| fault.for_ms.is_none()) {
        if !fault.what.can_be_permanent() {
            return Err(format!("fault {}: a {} is never for good", fault.id, fault.what.name()));
        }
        struck += match &fault.who {
            Who::Nodes(nodes) => nodes.len() as u64,
            Who::Leader | Who::There => 1,
            Who::All => schedule.nodes,
        };
    }
    if struck > minority(schedule.nodes) {
        return Err(format!(
            "{struck} of {} nodes are struck for good, and no cluster serves without a majority",
            schedule.nodes
        ));
    }
    if struck > 0 && schedule.expect != Expect::Holds {
        return Err("a damaged node and one that is struck for good are two, and no minority".to_owned());
    }
    Ok(())
}

/// Each machine comes into the cluster once and leaves it once, so that an operator knows what to ask for; what is lost
/// leaves a majority.
fn members(schedule: &Schedule) -> Result<(), String> {
    let (mut came, mut went, mut lost, mut restored) = (BTreeSet::new(), BTreeSet::new(), 0, 0);
    for fault in &schedule.faults {
        let wrong = |what: &str| Err(format!("fault {}: {what}", fault.id));
        let named: &[u64] = if let Who::Nodes(nodes) = &fault.who { nodes } else { &[] };
        match fault.what {
            What::AddMember if named.is_empty() => return wrong("who is added has a number"),
            What::AddMember if named.iter().any(|node| *node <= schedule.nodes || !came.insert(*node)) => {
                return wrong("it adds who is a member already");
            }
            What::ReplaceMember { with, lost: is_lost } => {
                if with <= schedule.nodes || with > schedule.machines() || !came.insert(with) {
                    return wrong("it adds who is a member already, or nobody");
                }
                if named.len() != 1 && fault.who != Who::Leader {
                    return wrong("one node takes the place of one");
                }
                if named.iter().any(|node| !went.insert(*node)) {
                    return wrong("it removes who was removed");
                }
                lost += u64::from(is_lost);
            }
            What::RemoveMember if fault.who == Who::All || named.iter().any(|node| !went.insert(*node)) => {
                return wrong("it removes who was removed, or all");
            }
            What::Restore { .. } => restored += 1,
            _ => {}
        }
    }
    if restored > 1 {
        return Err("there is one machine to restore on".to_owned());
    }
    if !schedule.changes_members() {
        return Ok(());
    }
    let removes = schedule.faults.iter().any(|fault| matches!(fault.what, What::RemoveMember));
    if lost > 1 || lost > minority(schedule.nodes) || (lost == 1 && removes) {
        return Err("more nodes are lost than a cluster survives that may have been made smaller".to_owned());
    }
    if schedule.expect != Expect::Holds || schedule.faults.iter().any(|fault| fault.for_ms.is_none()) {
        return Err("changes of members, and nodes that are struck for good or damaged".to_owned());
    }
    Ok(())
}

fn minority(nodes: u64) -> u64 {
    nodes.saturating_sub(1) / 2
}

/// Damage is declared, and on the one node that is declared.
fn damage(schedule: &Schedule) -> Result<(), String> {
    let mut damages = schedule.faults.iter().filter(|fault| fault.what.damages().is_some()).peekable();
    match schedule.expect {
        Expect::Holds => match damages.next() {
            Some(fault) => Err(format!(
                "fault {}: a {} takes away what was promised to be safe: it belongs into a run that expects \
                 detectAndStop",
                fault.id,
                fault.what.name()
            )),
            None => Ok(()),
        },
        Expect::DetectAndStop { node } => {
            if minority(schedule.nodes) == 0 || !(1..=schedule.nodes).contains(&node) {
                return Err(format!("damage on node {node} of {}: the others are no majority", schedule.nodes));
            }
            match damages.find(|fault| fault.who != Who::Nodes(vec![node])) {
                Some(fault) => {
                    Err(format!("fault {}: damage on another node than {node}, which is declared", fault.id))
                }
                None => Ok(()),
            }
        }
    }
}

fn operations(schedule: &Schedule) -> Result<(), String> {
    let Work::Operations(operations) = &schedule.workload.work else { return Ok(()) };
    let mut ids = BTreeSet::new();
    for operation in operations {
        let wrong = |what: String| Err(format!("operation {}: {what}", operation.id));
        if !ids.insert(&operation.id) {
            return wrong("its id is there twice".to_owned());
        }
        if !(1..=schedule.machines()).contains(&operation.node) {
            return wrong(format!("it asks node {}, and there are {} nodes", operation.node, schedule.machines()));
        }
        if !(1..=schedule.workload.clients).contains(&operation.client) {
            let clients = schedule.workload.clients;
            return wrong(format!("it is of client {}, and there are {clients} clients", operation.client));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Action, At, Consistency, Damaged, Operation, Point, Whose, Workload, generate};
    use super::*;

    fn with(faults: Vec<Fault>) -> Schedule {
        Schedule { nodes: 3, spares: 0, faults, expect: Expect::Holds, ..generate(1) }
    }

    fn fault(id: u64, who: Who, what: What) -> Fault {
        Fault { id, when: When::AtMs(5), for_ms: Some(10), who, what }
    }

    fn for_good(id: u64, who: Who, what: What) -> Fault {
        Fault { for_ms: None, ..fault(id, who, what) }
    }

    #[track_caller]
    fn refused(schedule: &Schedule, why: &str) {
        let said = check(schedule).unwrap_err();
        assert!(said.contains(why), "{said}");
        assert!(Schedule::parse(&schedule.print()).unwrap_err().contains(why));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let nodes = Who::Nodes;
        check(&with(vec![fault(1, nodes(vec![1]), What::Crash), fault(2, Who::All, What::PowerLoss)])).unwrap();
        refused(&with(vec![fault(1, nodes(vec![9]), What::Crash)]), "node 9");
        refused(&with(vec![fault(1, nodes(vec![]), What::Crash)]), "nobody");
        refused(&with(vec![fault(1, Who::All, What::Crash), fault(1, Who::All, What::Pause)]), "id 1");
        refused(&with(vec![fault(1, Who::There, What::Crash)]), "at a time nobody is");
        refused(&with(vec![fault(1, Who::All, What::Loss { percent: 101 })]), "101 percent");
        let at = |nth| When::At(At { point: Point::Boot, node: Where::One(Whose::Any), nth, from_ms: 0 });
        check(&with(vec![Fault { when: at(1), ..fault(1, Who::There, What::Crash) }])).unwrap();
        refused(&with(vec![Fault { when: at(0), ..fault(1, Who::There, What::Crash) }]), "from 1");
        refused(&Schedule { disturbed_ms: 10_000_000, ..with(vec![]) }, "disturbance");
    }

    #[test]
    fn for_good_is_for_a_minority() {
        let two = Who::Nodes(vec![1, 2]);
        check(&with(vec![for_good(1, Who::Leader, What::CutInward { holds: false })])).unwrap();
        check(&Schedule { nodes: 5, ..with(vec![for_good(1, two.clone(), What::Crash)]) }).unwrap();
        refused(&with(vec![for_good(1, two, What::Crash)]), "majority");
        let (one, other) = (Who::Nodes(vec![1]), Who::Nodes(vec![2]));
        refused(&with(vec![for_good(1, one, What::Crash), for_good(2, other, What::Pause)]), "majority");
        refused(&with(vec![for_good(1, Who::All, What::PowerLoss)]), "majority");
        refused(&with(vec![for_good(1, Who::Leader, What::FullDisk { bytes: 0 })]), "never for good");
    }

    #[test]
    fn damage_is_declared_and_on_one_node() {
        let flip = |id, node| fault(id, Who::Nodes(vec![node]), What::FlippedBit { file: Damaged::Log });
        let declared = |node, faults| Schedule { expect: Expect::DetectAndStop { node }, ..with(faults) };
        check(&declared(2, vec![flip(1, 2)])).unwrap();
        refused(&with(vec![flip(1, 2)]), "detectAndStop");
        refused(&declared(2, vec![flip(1, 2), flip(2, 3)]), "another node");
        refused(&declared(4, vec![]), "node 4");
        refused(&Schedule { nodes: 2, ..declared(2, vec![flip(1, 2)]) }, "no majority");
        refused(&declared(2, vec![flip(1, 2), for_good(3, Who::Nodes(vec![1]), What::Crash)]), "no minority");
    }

    #[test]
    fn members_come_and_go_once() {
        let with = |faults| Schedule { spares: 2, ..with(faults) };
        let nodes = |named: &[u64]| Who::Nodes(named.to_vec());
        let replace = |with, lost| What::ReplaceMember { with, lost };
        let add = |id, node| fault(id, nodes(&[node]), What::AddMember);
        let remove = |id, node| fault(id, nodes(&[node]), What::RemoveMember);
        check(&with(vec![add(1, 4), remove(2, 1), fault(3, Who::Leader, replace(5, false))])).unwrap();
        check(&with(vec![fault(1, nodes(&[2]), replace(4, true)), add(2, 5)])).unwrap();
        refused(&with(vec![add(1, 3)]), "member already");
        refused(&with(vec![add(1, 4), fault(2, nodes(&[2]), replace(4, false))]), "member already");
        refused(&with(vec![fault(1, nodes(&[2]), replace(6, false))]), "or nobody");
        refused(&with(vec![fault(1, nodes(&[2, 3]), replace(4, false))]), "one node");
        refused(&with(vec![remove(1, 2), remove(2, 2)]), "was removed");
        refused(&with(vec![fault(1, nodes(&[2]), replace(4, true)), remove(2, 1)]), "made smaller");
        refused(&with(vec![add(1, 4), for_good(2, Who::Leader, What::Crash)]), "for good or damaged");
        refused(&Schedule { spares: 100, ..with(vec![]) }, "100 spares");
        refused(&with(vec![fault(1, Who::All, What::TransferLeader)]), "one node");
        let restore = |id| fault(id, nodes(&[1]), What::Restore { power_losses: 1 });
        check(&with(vec![restore(1)])).unwrap();
        refused(&with(vec![restore(1), restore(2)]), "one machine");
    }

    #[test]
    fn operations_name_what_there_is_once() {
        let get = Action::Get { namespace: "app-0".to_owned(), key: "k".to_owned() };
        let consistency = Consistency::Session;
        let one = Operation { id: "c1-1".to_owned(), client: 1, at_ms: 0, node: 1, action: get, consistency };
        let listed = |operations| {
            let workload = Workload {
                clients: 2,
                patience_ms: 1,
                with_library: 0,
                terms_percent: 0,
                work: Work::Operations(operations),
            };
            Schedule { workload, ..with(vec![]) }
        };
        check(&listed(vec![one.clone(), Operation { id: "c1-2".to_owned(), ..one.clone() }])).unwrap();
        refused(&listed(vec![one.clone(), one.clone()]), "twice");
        refused(&listed(vec![Operation { node: 4, ..one.clone() }]), "node 4");
        refused(&listed(vec![Operation { client: 3, ..one }]), "client 3");
    }
}
