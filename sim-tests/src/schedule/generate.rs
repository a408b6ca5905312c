use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{Fault, FollowerWrites, Knobs, Mix, Schedule, VERSION, What, Who, Workload};
use crate::host::files::DiskSettings;
use crate::host::net::NetSettings;
use crate::seed::stream;

/// The schedule of a seed. Each part is drawn from a stream of its own, so that a change to one leaves the others.
pub fn generate(seed: u64) -> Schedule {
    let mut rng = stream(seed, "schedule/cluster");
    let nodes = *pick(&mut rng, &[3, 3, 3, 4, 5]);
    let disturbed_ms = rng.random_range(15_000..40_000);
    Schedule {
        version: VERSION,
        seed,
        nodes,
        knobs: knobs(&mut stream(seed, "schedule/knobs")),
        workload: workload(&mut stream(seed, "schedule/workload")),
        network: network(&mut stream(seed, "schedule/network")),
        disk: disk(&mut stream(seed, "schedule/disk")),
        disturbed_ms,
        faults: faults(seed, nodes, disturbed_ms),
    }
}

fn pick<'a, T>(rng: &mut StdRng, from: &'a [T]) -> &'a T {
    from.choose(rng).expect("the choices are written above and not empty")
}

fn knobs(rng: &mut StdRng) -> Knobs {
    let (heartbeat_ms, least) = *pick(rng, &[(50, 150), (50, 200), (100, 300), (150, 500)]);
    Knobs {
        heartbeat_ms,
        election_timeout_ms: (least, least * 2),
        append_entries_max: *pick(rng, &[1, 2, 5, 64, 300]),
        log_entries_kept: *pick(rng, &[0, 1, 10, 500]),
        segment_bytes: *pick(rng, &[16 << 10, 64 << 10, 256 << 10]),
        snapshot_log_bytes: *pick(rng, &[4 << 10, 32 << 10, 256 << 10, 4 << 20]),
        follower_writes: *pick(
            rng,
            &[FollowerWrites::Redirect, FollowerWrites::Forward, FollowerWrites::Auto, FollowerWrites::Auto],
        ),
    }
}

fn workload(rng: &mut StdRng) -> Workload {
    let mixes = [
        Mix { set: 6, delete: 1, get: 3, list: 1 },
        Mix { set: 4, delete: 4, get: 2, list: 1 },
        Mix { set: 1, delete: 1, get: 8, list: 1 },
        Mix { set: 1, delete: 0, get: 0, list: 0 },
    ];
    Workload {
        clients: rng.random_range(2..=8),
        namespaces: *pick(rng, &[1, 1, 3]),
        keys: *pick(rng, &[1, 3, 10, 50, 500]),
        mix: pick(rng, &mixes).clone(),
        pause_ms: *pick(rng, &[10, 50, 100, 200, 200, 400, 400, 1_000]),
        patience_ms: *pick(rng, &[1_000, 3_000, 8_000]),
        value_bytes: *pick(rng, &[32, 32, 300, 5_000, 40_000]),
    }
}

fn network(rng: &mut StdRng) -> NetSettings {
    NetSettings { delay_us: *pick(rng, &[(50, 200), (100, 1_500), (500, 8_000), (5_000, 20_000)]) }
}

fn disk(rng: &mut StdRng) -> DiskSettings {
    DiskSettings { sync_us: *pick(rng, &[(50, 300), (200, 3_000), (2_000, 15_000)]), ..DiskSettings::default() }
}

/// Each class of fault is on with probability one half.
fn faults(seed: u64, nodes: u64, disturbed_ms: u64) -> Vec<Fault> {
    type Draw = fn(&mut StdRng, u64) -> Fault;
    let classes: [(&str, u32, Draw); 14] = [
        ("cut", 4, |rng, nodes| {
            let what = What::Cut { holds: rng.random_bool(0.5), clients: rng.random_bool(0.3) };
            Fault { at_ms: 0, for_ms: rng.random_range(500..8_000), who: side(rng, nodes), what }
        }),
        ("one-way-cut", 3, |rng, nodes| {
            let holds = rng.random_bool(0.5);
            let what = if rng.random_bool(0.5) { What::CutOutward { holds } } else { What::CutInward { holds } };
            Fault { at_ms: 0, for_ms: rng.random_range(500..8_000), who: side(rng, nodes), what }
        }),
        ("loss", 3, |rng, nodes| {
            let what = What::Loss { percent: rng.random_range(1..30) };
            Fault { at_ms: 0, for_ms: rng.random_range(1_000..10_000), who: some_or_all(rng, nodes), what }
        }),
        ("delay", 3, |rng, nodes| {
            let what = What::Delay { ms: *pick(rng, &[5, 50, 300, 2_000]) };
            Fault { at_ms: 0, for_ms: rng.random_range(1_000..8_000), who: some_or_all(rng, nodes), what }
        }),
        ("duplication", 3, |rng, nodes| {
            let what = What::Duplication { percent: rng.random_range(1..50) };
            Fault { at_ms: 0, for_ms: rng.random_range(1_000..15_000), who: some_or_all(rng, nodes), what }
        }),
        ("reordering", 3, |rng, nodes| {
            let what = What::Reordering { percent: rng.random_range(1..30) };
            Fault { at_ms: 0, for_ms: rng.random_range(1_000..15_000), who: some_or_all(rng, nodes), what }
        }),
        ("crash", 6, |rng, nodes| Fault {
            at_ms: 0,
            for_ms: outage(rng),
            who: some_or_all(rng, nodes),
            what: What::Crash,
        }),
        ("power-loss", 4, |rng, nodes| {
            let what = What::PowerLoss { midst: rng.random_bool(0.6) };
            let who = if rng.random_bool(0.4) { Who::All } else { some_or_all(rng, nodes) };
            Fault { at_ms: 0, for_ms: outage(rng), who, what }
        }),
        ("voter-power-loss", 4, |rng, _| {
            let for_ms = *pick(rng, &[10, 100, 1_000]);
            Fault { at_ms: 0, for_ms, who: Who::Leader, what: What::VoterPowerLoss }
        }),
        ("pause", 4, |rng, nodes| Fault {
            at_ms: 0,
            for_ms: *pick(rng, &[100, 1_000, 3_000, 10_000]),
            who: side(rng, nodes),
            what: What::Pause,
        }),
        ("slow-syncs", 3, |rng, nodes| {
            let what = What::SlowSyncs { factor: *pick(rng, &[5, 30, 200]) };
            Fault { at_ms: 0, for_ms: rng.random_range(1_000..8_000), who: some_or_all(rng, nodes), what }
        }),
        ("failed-sync", 3, |rng, nodes| Fault {
            at_ms: 0,
            for_ms: outage(rng),
            who: side(rng, nodes),
            what: What::FailedSync,
        }),
        ("full-disk", 2, |rng, nodes| {
            let what = What::FullDisk { bytes: *pick(rng, &[0, 10_000, 200_000]) };
            Fault { at_ms: 0, for_ms: rng.random_range(1_000..6_000), who: side(rng, nodes), what }
        }),
        ("clock-step", 3, |rng, nodes| {
            let ms = *pick(rng, &[-3_600_000, -2_000, 1_500, 45_000, 86_400_000]);
            let who = side(rng, nodes);
            Fault { at_ms: 0, for_ms: rng.random_range(1_000..20_000), who, what: What::ClockStep { ms } }
        }),
    ];
    let mut all = Vec::new();
    for (name, most, draw) in classes {
        let mut rng = stream(seed, &format!("schedule/fault/{name}"));
        if !rng.random_bool(0.5) {
            continue;
        }
        for _ in 0..rng.random_range(1..=most) {
            let mut fault = draw(&mut rng, nodes);
            fault.at_ms = rng.random_range(2_000..disturbed_ms);
            all.push(fault);
        }
    }
    all.sort_by_key(|fault| fault.at_ms);
    all
}

fn outage(rng: &mut StdRng) -> u64 {
    *pick(rng, &[10, 200, 1_000, 3_000, 12_000])
}

/// One node, a minority or the leader.
fn side(rng: &mut StdRng, nodes: u64) -> Who {
    if rng.random_bool(0.4) {
        return Who::Leader;
    }
    let many = rng.random_range(1..=nodes / 2);
    let mut chosen: Vec<u64> = (1..=nodes).collect();
    while chosen.len() as u64 > many {
        chosen.remove(rng.random_range(0..chosen.len()));
    }
    Who::Nodes(chosen)
}

fn some_or_all(rng: &mut StdRng, nodes: u64) -> Who {
    if rng.random_bool(0.25) { Who::All } else { side(rng, nodes) }
}
