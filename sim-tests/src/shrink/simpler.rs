//! Steps towards what is calm. Each list of candidates has the boldest first, and each candidate is nearer to the end
//! than the schedule that it is made from, so that to take one after the other ends.

use std::collections::BTreeSet;

use crate::host::files::DiskSettings;
use crate::host::net::NetSettings;
use crate::schedule::{Action, Expect, Fault, FollowerWrites, Knobs, Operation, Schedule, When, Where, Who, Work};

/// The shortest duration that is worth a step, in milliseconds.
const LEAST_MS: u64 = 50;
/// A value of which a few fill what thousands of small ones would.
const BIG_BYTES: u64 = 4_000;
/// How much time may stay between two things that happen.
const GAP_MS: u64 = 200;

/// The schedule up to this moment: what begins later goes.
pub fn cut(schedule: &Schedule, disturbed_ms: u64) -> Schedule {
    let mut short = Schedule { disturbed_ms, ..schedule.clone() };
    short.faults.retain(|fault| begins(fault) < disturbed_ms);
    if let Work::Operations(operations) = &mut short.workload.work {
        operations.retain(|operation| operation.at_ms < disturbed_ms);
    }
    short
}

/// Shorter disturbances.
pub fn shorter(schedule: &Schedule) -> Vec<Schedule> {
    let now = schedule.disturbed_ms;
    let lengths = [now / 8, now / 4, now / 2, now - now / 4, now - now / 8];
    let lengths: BTreeSet<u64> = lengths.into_iter().filter(|ms| now - ms >= LEAST_MS).collect();
    lengths.into_iter().map(|ms| cut(schedule, ms)).collect()
}

/// Without the time in which nothing begins: all of it, and one gap after the other, the longest first.
pub fn without_gaps(schedule: &Schedule) -> Vec<Schedule> {
    let mut moments: BTreeSet<u64> = schedule.faults.iter().map(begins).collect();
    if let Work::Operations(operations) = &schedule.workload.work {
        moments.extend(operations.iter().map(|operation| operation.at_ms));
    } else {
        return Vec::new();
    }
    let starts = std::iter::once(0).chain(moments.iter().copied());
    let mut gaps: Vec<(u64, u64)> = starts.zip(moments.iter().copied()).filter(|(a, b)| b - a > GAP_MS).collect();
    let all =
        moved(schedule, |at| at - gaps.iter().filter(|(_, b)| *b <= at).map(|(a, b)| b - a - GAP_MS).sum::<u64>());
    gaps.sort_by_key(|(a, b)| std::cmp::Reverse(b - a));
    let one = |(a, b): &(u64, u64)| moved(schedule, |at| if at >= *b { at - (b - a - GAP_MS) } else { at });
    let each: Vec<Schedule> = gaps.iter().map(one).collect();
    if gaps.is_empty() { Vec::new() } else { std::iter::once(all).chain(each).collect() }
}

/// Each thing at another moment, the end of the disturbance too.
fn moved(schedule: &Schedule, to: impl Fn(u64) -> u64) -> Schedule {
    let mut moved = Schedule { disturbed_ms: to(schedule.disturbed_ms), ..schedule.clone() };
    for fault in &mut moved.faults {
        match &mut fault.when {
            When::AtMs(at_ms) => *at_ms = to(*at_ms),
            When::At(at) => at.from_ms = to(at.from_ms),
        }
    }
    if let Work::Operations(operations) = &mut moved.workload.work {
        for operation in operations {
            operation.at_ms = to(operation.at_ms);
        }
    }
    moved
}

fn begins(fault: &Fault) -> u64 {
    match &fault.when {
        When::AtMs(at_ms) => *at_ms,
        When::At(at) => at.from_ms,
    }
}

/// Fewer nodes, the last ones taken away: what names one of them names another, or goes.
pub fn fewer_nodes(schedule: &Schedule) -> Vec<Schedule> {
    if schedule.spares > 0 {
        // Their numbers follow on the nodes': they go first.
        return vec![Schedule { spares: schedule.spares - 1, ..schedule.clone() }];
    }
    (1..schedule.nodes).map(|nodes| with_nodes(schedule, nodes)).collect()
}

fn with_nodes(schedule: &Schedule, nodes: u64) -> Schedule {
    let mut fewer = Schedule { nodes, ..schedule.clone() };
    fewer.faults.retain_mut(|fault| {
        if let Who::Nodes(named) = &mut fault.who {
            named.retain(|node| *node <= nodes);
            if named.is_empty() {
                return false;
            }
        }
        match &fault.when {
            When::At(at) => !matches!(at.node, Where::Node(node) if node > nodes),
            When::AtMs(_) => true,
        }
    });
    if let Work::Operations(operations) = &mut fewer.workload.work {
        for operation in operations {
            operation.node = (operation.node - 1) % nodes + 1;
        }
    }
    fewer
}

/// The clients that have operations, or all where they draw them.
pub fn clients(schedule: &Schedule) -> Vec<u64> {
    match &schedule.workload.work {
        Work::Operations(operations) => {
            operations.iter().map(|operation| operation.client).collect::<BTreeSet<_>>().into_iter().collect()
        }
        Work::Drawn(_) => (1..=schedule.workload.clients).collect(),
    }
}

/// With fewer clients that draw: the first ones.
pub fn fewer_drawing_clients(schedule: &Schedule) -> Vec<Schedule> {
    let now = schedule.workload.clients;
    let counts: BTreeSet<u64> =
        [1, now / 2, now.saturating_sub(1)].into_iter().filter(|n| (1..now).contains(n)).collect();
    let fewer = |clients| {
        let mut fewer = schedule.clone();
        fewer.workload.clients = clients;
        fewer
    };
    counts.into_iter().map(fewer).collect()
}

/// With these operations, of the clients that have some, numbered from 1.
pub fn with_operations(schedule: &Schedule, operations: Vec<Operation>) -> Schedule {
    let mut fewer = schedule.clone();
    let most = operations.iter().map(|operation| operation.client).max();
    fewer.workload.clients = most.unwrap_or(1);
    fewer.workload.work = Work::Operations(operations);
    fewer
}

/// With its clients numbered from 1 without gaps, and with all operations by one client.
pub fn renumbered_clients(schedule: &Schedule) -> Vec<Schedule> {
    let Work::Operations(operations) = &schedule.workload.work else { return Vec::new() };
    let clients = clients(schedule);
    let number = |client| clients.partition_point(|other| *other < client) as u64 + 1;
    let renumber = |to: &dyn Fn(u64) -> u64| {
        let renumbered =
            operations.iter().map(|operation| Operation { client: to(operation.client), ..operation.clone() });
        with_operations(schedule, renumbered.collect())
    };
    let candidates = [renumber(&|_| 1), renumber(&number)];
    candidates.into_iter().filter(|candidate| candidate.workload.clients < schedule.workload.clients).collect()
}

/// What makes segments, snapshots and purges of few operations: small limits, big values; both, or one of them.
pub fn sooner(schedule: &Schedule) -> Vec<Schedule> {
    let mut small = schedule.clone();
    small.knobs.segment_bytes = small.knobs.segment_bytes.min(4 << 10);
    small.knobs.snapshot_log_bytes = small.knobs.snapshot_log_bytes.min(2 << 10);
    small.knobs.log_entries_kept = 0;
    let candidates = [with_big_values(&small), small, with_big_values(schedule)];
    candidates.into_iter().filter(|candidate| candidate != schedule).collect()
}

fn with_big_values(schedule: &Schedule) -> Schedule {
    let Work::Operations(operations) = &schedule.workload.work else { return schedule.clone() };
    let mut operations = operations.clone();
    for operation in &mut operations {
        if let Action::Set { bytes, .. } = &mut operation.action {
            *bytes = (*bytes).max(BIG_BYTES);
        }
    }
    with_operations(schedule, operations)
}

/// Each operation that carries more than it must, with a small value; all of them first.
pub fn smaller_values(schedule: &Schedule) -> Vec<Schedule> {
    let small = |operation: &Operation| match &operation.action {
        Action::Set { namespace, key, bytes } if *bytes > 0 => {
            let action = Action::Set { namespace: namespace.clone(), key: key.clone(), bytes: 0 };
            Some(Operation { action, ..operation.clone() })
        }
        _ => None,
    };
    changed_operations(schedule, small)
}

/// All operations changed, then half of them, then each alone.
fn changed_operations(schedule: &Schedule, change: impl Fn(&Operation) -> Option<Operation>) -> Vec<Schedule> {
    let Work::Operations(operations) = &schedule.workload.work else { return Vec::new() };
    let changes: Vec<(usize, Operation)> =
        operations.iter().enumerate().filter_map(|(at, operation)| Some((at, change(operation)?))).collect();
    let with = |changes: &[(usize, Operation)]| {
        let mut operations = operations.clone();
        for (at, operation) in changes {
            operations[*at] = operation.clone();
        }
        with_operations(schedule, operations)
    };
    let (first, second) = changes.split_at(changes.len() / 2);
    let parts = std::iter::once(&changes[..]).chain([first, second]).chain(changes.chunks(1));
    parts.filter(|part| !part.is_empty()).map(with).collect()
}

/// Each fault, made smaller in one way: for a shorter time, on fewer nodes.
pub fn simpler_faults(schedule: &Schedule) -> Vec<Schedule> {
    let with = |at: usize, fault: Fault| {
        let mut simpler = schedule.clone();
        simpler.faults[at] = fault;
        simpler
    };
    let faults = schedule.faults.iter().enumerate();
    faults
        .flat_map(|(at, fault)| simpler_fault(fault, schedule.nodes).into_iter().map(move |fault| with(at, fault)))
        .collect()
}

fn simpler_fault(fault: &Fault, nodes: u64) -> Vec<Fault> {
    let mut simpler = Vec::new();
    let whom = match &fault.who {
        Who::All => {
            (1..=nodes).map(|left_out| Who::Nodes((1..=nodes).filter(|node| *node != left_out).collect())).collect()
        }
        Who::Nodes(named) if named.len() > 1 => named.iter().map(|node| Who::Nodes(vec![*node])).collect(),
        _ => Vec::new(),
    };
    simpler.extend(whom.into_iter().map(|who| Fault { who, ..fault.clone() }));
    match fault.for_ms {
        None => simpler.push(Fault { for_ms: Some(1_000), ..fault.clone() }),
        Some(for_ms) => {
            let times = [for_ms / 8, for_ms / 2].into_iter().filter(|ms| for_ms - ms >= LEAST_MS);
            simpler.extend(times.map(|ms| Fault { for_ms: Some(ms), ..fault.clone() }));
        }
    }
    simpler
}

/// The knobs as a node has them where nothing is said.
fn usual_knobs() -> Knobs {
    Knobs {
        heartbeat_ms: 50,
        election_timeout_ms: (150, 250),
        append_entries_max: 300,
        log_entries_kept: 500,
        segment_bytes: 256 << 10,
        snapshot_log_bytes: 4 << 20,
        follower_writes: FollowerWrites::Auto,
    }
}

/// Usual knobs, a calm network, sound disks: all at once, then each alone.
pub fn calmer_settings(schedule: &Schedule) -> Vec<Schedule> {
    let usual = usual_knobs();
    let steps: [&dyn Fn(&mut Schedule); 11] = [
        &|to| (to.knobs.heartbeat_ms, to.knobs.election_timeout_ms) = (usual.heartbeat_ms, usual.election_timeout_ms),
        &|to| to.knobs.append_entries_max = usual.append_entries_max,
        &|to| to.knobs.log_entries_kept = usual.log_entries_kept,
        &|to| to.knobs.segment_bytes = usual.segment_bytes,
        &|to| to.knobs.snapshot_log_bytes = usual.snapshot_log_bytes,
        &|to| to.knobs.follower_writes = usual.follower_writes,
        &|to| to.network = NetSettings { delay_us: (100, 200) },
        &|to| to.disk = DiskSettings { store_breaks: 0.0, store_empties: 0.0, ..to.disk.clone() },
        &|to| to.disk = DiskSettings { sync_us: (200, 300), ..to.disk.clone() },
        &|to| to.disk = DiskSettings { access_us: DiskSettings::default().access_us, ..to.disk.clone() },
        &|to| to.expect = Expect::Holds,
    ];
    let with = |steps: &[&dyn Fn(&mut Schedule)]| {
        let mut calmer = schedule.clone();
        steps.iter().for_each(|step| step(&mut calmer));
        calmer
    };
    let candidates = std::iter::once(with(&steps)).chain(steps.iter().map(|step| with(&[*step])));
    candidates.filter(|candidate| candidate != schedule).collect()
}
