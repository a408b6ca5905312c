use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{
    At, Damaged, Drawn, Expect, Fault, FollowerWrites, Knobs, Mix, Point, Schedule, VERSION, What, When, Where, Who,
    Whose, Work, Workload, draw, members,
};
use crate::host::files::DiskSettings;
use crate::host::net::NetSettings;
use crate::seed::stream;

/// One of so many seeds damages a disk, and expects that to be noticed.
const DAMAGE_ONE_IN: u32 = 12;

/// The schedule of a seed. Each part is drawn from a stream of its own, so that a change to one leaves the others.
pub fn generate(seed: u64) -> Schedule {
    let mut rng = stream(seed, "schedule/cluster");
    let nodes = *pick(&mut rng, &[3, 3, 3, 4, 5]);
    let disturbed_ms = rng.random_range(15_000..40_000);
    let expect = expect(seed, nodes);
    let mut faults = draw::faults(seed, nodes, disturbed_ms);
    faults.extend(members::others(seed, nodes, disturbed_ms));
    let mut spares = 0;
    match expect {
        Expect::DetectAndStop { node } => faults.extend(damage(seed, node, disturbed_ms)),
        Expect::Holds => {
            let plan = members::changes(seed, nodes, disturbed_ms);
            if plan.faults.is_empty() {
                make_permanent(&mut stream(seed, "schedule/permanent"), nodes, &mut faults, disturbed_ms);
            }
            spares = plan.spares;
            faults.extend(plan.faults);
        }
    }
    faults.sort_by_key(|fault| match &fault.when {
        When::AtMs(at_ms) => *at_ms,
        When::At(at) => at.from_ms,
    });
    for (fault, id) in faults.iter_mut().zip(1..) {
        fault.id = id;
    }
    let outage = faults.iter().any(|fault| matches!(fault.what, What::Outage { .. }));
    Schedule {
        version: VERSION,
        commit: "unknown".to_owned(),
        seed,
        scheduler_seed: None,
        nodes,
        spares,
        knobs: knobs(&mut stream(seed, "schedule/knobs"), outage),
        workload: Workload {
            terms_percent: *pick(&mut stream(seed, "schedule/terms"), &[0, 20, 60]),
            ..workload(seed)
        },
        network: network(&mut stream(seed, "schedule/network")),
        disk: disk(&mut stream(seed, "schedule/disk")),
        disturbed_ms,
        faults,
        expect,
    }
}

pub(super) fn pick<'a, T>(rng: &mut StdRng, from: &'a [T]) -> &'a T {
    from.choose(rng).expect("the choices are written above and not empty")
}

/// Small everything, half of the time: it is at their borders that batches, segments and snapshots go wrong.
fn knobs(rng: &mut StdRng, outage: bool) -> Knobs {
    let (heartbeat_ms, least) = *pick(rng, &[(50, 150), (50, 200), (100, 300), (150, 500)]);
    let snapshot_log_bytes = *pick(rng, &[2 << 10, 4 << 10, 32 << 10, 256 << 10, 4 << 20]);
    let log_entries_kept = *pick(rng, &[0, 0, 1, 10, 500]);
    Knobs {
        heartbeat_ms,
        election_timeout_ms: (least, least * 2),
        append_entries_max: *pick(rng, &[1, 1, 2, 5, 64, 300]),
        log_entries_kept: if outage { log_entries_kept.min(1) } else { log_entries_kept },
        segment_bytes: *pick(rng, &[4 << 10, 16 << 10, 64 << 10, 256 << 10]),
        snapshot_log_bytes: if outage { snapshot_log_bytes.min(32 << 10) } else { snapshot_log_bytes },
        follower_writes: *pick(
            rng,
            &[FollowerWrites::Redirect, FollowerWrites::Forward, FollowerWrites::Auto, FollowerWrites::Auto],
        ),
    }
}

fn workload(seed: u64) -> Workload {
    let rng = &mut stream(seed, "schedule/workload");
    let (mut library, mut consistency) = (stream(seed, "schedule/library"), stream(seed, "schedule/consistency"));
    let mixes = [
        Mix { set: 6, delete: 1, get: 3, list: 1 },
        Mix { set: 4, delete: 4, get: 2, list: 1 },
        Mix { set: 1, delete: 1, get: 8, list: 1 },
        Mix { set: 1, delete: 0, get: 0, list: 0 },
    ];
    let value_bytes = *pick(rng, &[32, 32, 300, 5_000, 40_000]);
    // Bytes cost real time: large values come at a slow pace.
    let pause_ms_min = if value_bytes >= 5_000 { 200 } else { 0 };
    let pause_ms = *pick(rng, &[20, 50, 100, 200, 200, 400, 400, 1_000]);
    let clients = rng.random_range(2..=8);
    Workload {
        clients,
        with_library: library.random_range(0..=clients),
        terms_percent: 0,
        patience_ms: *pick(rng, &[1_000, 3_000, 8_000]),
        work: Work::Drawn(Drawn {
            namespaces: *pick(rng, &[1, 1, 3]),
            keys: *pick(rng, &[1, 3, 10, 50, 500]),
            mix: pick(rng, &mixes).clone(),
            session_reads: *pick(&mut consistency, &[0, 10, 40]),
            linearizable_reads: *pick(&mut consistency, &[0, 10, 40]),
            pause_ms: pause_ms.max(pause_ms_min),
            value_bytes,
        }),
    }
}

fn network(rng: &mut StdRng) -> NetSettings {
    NetSettings { delay_us: *pick(rng, &[(50, 200), (100, 1_500), (500, 8_000), (5_000, 20_000)]) }
}

fn disk(rng: &mut StdRng) -> DiskSettings {
    DiskSettings { sync_us: *pick(rng, &[(50, 300), (200, 3_000), (2_000, 15_000)]), ..DiskSettings::default() }
}

fn expect(seed: u64, nodes: u64) -> Expect {
    let mut rng = stream(seed, "schedule/expect");
    if rng.random_ratio(1, DAMAGE_ONE_IN) {
        Expect::DetectAndStop { node: rng.random_range(1..=nodes) }
    } else {
        Expect::Holds
    }
}

/// One damage, at any time or right when the file has been written, and mostly a restart after it: only who reads
/// can notice.
fn damage(seed: u64, node: u64, disturbed_ms: u64) -> Vec<Fault> {
    let mut rng = stream(seed, "schedule/damage");
    let file = *pick(
        &mut rng,
        &[
            Damaged::Log,
            Damaged::Log,
            Damaged::LogTail,
            Damaged::Snapshot,
            Damaged::Snapshot,
            Damaged::Identity,
            Damaged::Current,
        ],
    );
    let what = if rng.random_bool(0.6) { What::FlippedBit { file } } else { What::MisdirectedWrite { file } };
    let at_ms = rng.random_range(disturbed_ms / 3..disturbed_ms);
    let when = match file {
        Damaged::Snapshot if rng.random_bool(0.3) => {
            When::At(At { point: Point::AfterSnapshotRename, node: Where::Node(node), nth: 1, from_ms: at_ms })
        }
        _ => When::AtMs(at_ms),
    };
    let struck = Fault { id: 0, when, for_ms: Some(0), who: Who::Nodes(vec![node]), what };
    let mut faults = vec![struck];
    if rng.random_bool(0.7) {
        let what = if rng.random_bool(0.5) { What::Crash } else { What::PowerLoss };
        let at_ms = at_ms + rng.random_range(0..5_000);
        let who = Who::Nodes(vec![node]);
        faults.push(Fault {
            id: 0,
            when: When::AtMs(at_ms),
            for_ms: Some(*pick(&mut rng, &[10, 1_000, 3_000])),
            who,
            what,
        });
    }
    faults
}

/// In half of the seeds whose members stay a minority stays struck until the others have shown that they go on without it.
fn make_permanent(rng: &mut StdRng, nodes: u64, faults: &mut Vec<Fault>, disturbed_ms: u64) {
    if !rng.random_ratio(1, 2) {
        return;
    }
    let holds = rng.random_bool(0.5);
    let what = match rng.random_range(0..6) {
        0 | 1 => What::Crash,
        2 => What::Pause,
        3 => What::Cut { holds, clients: false },
        4 => What::CutInward { holds },
        _ => What::CutOutward { holds },
    };
    let who = draw::minority(rng, nodes);
    // Late, so that the cluster has not yet got used to it when it has to show what it does without them.
    let from_ms = rng.random_range(disturbed_ms / 2..disturbed_ms);
    let fault = Fault { id: 0, when: When::AtMs(from_ms), for_ms: None, who, what };
    let at_a_point = rng.random_bool(0.3);
    faults.push(if at_a_point { draw::at_a_point(rng, fault, Where::One(Whose::Leader)) } else { fault });
}
