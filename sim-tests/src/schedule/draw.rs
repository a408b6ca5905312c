//! Drawing faults: which classes are on in a seed, how many of each, when and whom they strike.

use rand::RngExt;
use rand::rngs::StdRng;

use super::generate::pick;
use super::{At, Fault, Point, StoreLoss, What, When, Where, Who, Whose};
use crate::seed::stream;

type Draw = fn(&mut StdRng, u64) -> (u64, Who, What);

/// A class of faults: how many of them at most in a seed of middling intensity, and how one is drawn: how long it
/// goes on, whom it strikes, and what it is.
struct Class {
    name: &'static str,
    most: u32,
    draw: Draw,
}

const fn class(name: &'static str, most: u32, draw: Draw) -> Class {
    Class { name, most, draw }
}

const CLASSES: [Class; 27] = [
    class("cut", 4, |rng, nodes| {
        let what = What::Cut { holds: rng.random_bool(0.5), clients: rng.random_bool(0.3) };
        (rng.random_range(500..8_000), side(rng, nodes), what)
    }),
    class("one-way-cut", 3, |rng, nodes| {
        let holds = rng.random_bool(0.5);
        let what = if rng.random_bool(0.5) { What::CutOutward { holds } } else { What::CutInward { holds } };
        (rng.random_range(500..8_000), side(rng, nodes), what)
    }),
    class("bridge", 2, |rng, nodes| {
        let who = Who::Nodes(vec![rng.random_range(1..=nodes)]);
        (rng.random_range(1_000..8_000), who, What::Bridge { holds: rng.random_bool(0.5) })
    }),
    class("swizzle", 2, |rng, _| {
        (rng.random_range(2_000..10_000), Who::All, What::Swizzle { holds: rng.random_bool(0.5) })
    }),
    class("loss", 3, |rng, nodes| {
        let what = What::Loss { percent: rng.random_range(1..30) };
        (rng.random_range(1_000..10_000), some_or_all(rng, nodes), what)
    }),
    class("delay", 3, |rng, nodes| {
        let what = What::Delay { ms: *pick(rng, &[5, 50, 300, 2_000]) };
        (rng.random_range(1_000..8_000), some_or_all(rng, nodes), what)
    }),
    class("link-delay", 2, |rng, nodes| {
        let what = What::LinkDelay { to: rng.random_range(1..=nodes), ms: *pick(rng, &[50, 300, 2_000]) };
        (rng.random_range(1_000..10_000), side(rng, nodes), what)
    }),
    class("duplication", 3, |rng, nodes| {
        let what = What::Duplication { percent: rng.random_range(1..50) };
        (rng.random_range(1_000..15_000), some_or_all(rng, nodes), what)
    }),
    class("reordering", 3, |rng, nodes| {
        let what = What::Reordering { percent: rng.random_range(1..30) };
        (rng.random_range(1_000..15_000), some_or_all(rng, nodes), what)
    }),
    class("crash", 6, |rng, nodes| (outage(rng), some_or_all(rng, nodes), What::Crash)),
    class("restart-storm", 2, |rng, nodes| {
        let what = What::RestartStorm { life_ms: *pick(rng, &[2, 20, 200, 1_500]) };
        (rng.random_range(1_000..6_000), side(rng, nodes), what)
    }),
    class("rolling-restart", 1, |rng, _| {
        let every_ms = *pick(rng, &[200, 1_000, 3_000]);
        let down_ms = *pick(rng, &[10, 500, 2_000]);
        (rng.random_range(3_000..10_000), Who::All, What::RollingRestart { every_ms, down_ms })
    }),
    class("outage", 2, |rng, nodes| {
        let who = Who::Nodes(vec![rng.random_range(1..=nodes)]);
        (rng.random_range(4_000..15_000), who, What::Outage { snapshots: rng.random_range(1..=3) })
    }),
    class("power-loss", 6, |rng, nodes| {
        let who = if rng.random_bool(0.4) { Who::All } else { some_or_all(rng, nodes) };
        (outage(rng), who, What::PowerLoss)
    }),
    class("voter-power-loss", 4, |rng, _| (*pick(rng, &[10, 100, 1_000]), Who::Leader, What::VoterPowerLoss)),
    class("store-loss", 2, |rng, nodes| {
        let how =
            *pick(rng, &[StoreLoss::DoesNotOpen, StoreLoss::OpensShort, StoreLoss::OpensEmpty, StoreLoss::IsGone]);
        (outage(rng), some_or_all(rng, nodes), What::StoreLoss { how })
    }),
    class("pause", 4, |rng, nodes| (*pick(rng, &[100, 1_000, 3_000, 10_000]), side(rng, nodes), What::Pause)),
    class("slow-node", 2, |rng, nodes| {
        let (paused_ms, every_ms) = *pick(rng, &[(2, 3), (20, 30), (90, 100), (400, 1_000)]);
        (rng.random_range(1_000..8_000), side(rng, nodes), What::SlowNode { paused_ms, every_ms })
    }),
    class("slow-syncs", 3, |rng, nodes| {
        let what = What::SlowSyncs { factor: *pick(rng, &[5, 30, 200]) };
        (rng.random_range(1_000..8_000), some_or_all(rng, nodes), what)
    }),
    class("slow-disk", 2, |rng, nodes| {
        let what = What::SlowIo { factor: *pick(rng, &[5, 30, 200]) };
        (rng.random_range(1_000..8_000), some_or_all(rng, nodes), what)
    }),
    class("failed-sync", 3, |rng, nodes| (0, side(rng, nodes), What::FailedSync)),
    class("read-error", 2, |rng, nodes| (0, side(rng, nodes), What::ReadError)),
    class("hung-call", 3, |rng, nodes| {
        (0, side(rng, nodes), What::HungCall { ms: *pick(rng, &[50, 300, 1_000, 4_000]) })
    }),
    class("full-disk", 2, |rng, nodes| {
        let what = What::FullDisk { bytes: *pick(rng, &[0, 10_000, 200_000]) };
        (rng.random_range(1_000..6_000), side(rng, nodes), what)
    }),
    class("clock-step", 3, |rng, nodes| {
        let ms = *pick(rng, &[-3_600_000, -2_000, 1_500, 45_000, 86_400_000]);
        (rng.random_range(1_000..20_000), side(rng, nodes), What::ClockStep { ms })
    }),
    class("wrong-clock", 1, |rng, nodes| {
        let ms = *pick(rng, &[-86_400_000, -500, 400, 3_600_000]);
        (WHOLE_RUN_MS, side(rng, nodes), What::ClockStep { ms })
    }),
    class("clock-drift", 2, |rng, nodes| {
        let ppm = *pick(rng, &[-100_000, -500, 500, 20_000, 200_000]);
        (rng.random_range(5_000..WHOLE_RUN_MS), side(rng, nodes), What::ClockDrift { ppm })
    }),
];

/// Longer than any generated disturbance.
const WHOLE_RUN_MS: u64 = 40_000;

/// The faults of a seed. Each class is on with probability one half; how many there are of each varies with the seed,
/// and some seeds have none.
pub(super) fn faults(seed: u64, nodes: u64, disturbed_ms: u64) -> Vec<Fault> {
    let intensity = *pick(&mut stream(seed, "schedule/intensity"), &[0.0, 0.3, 0.3, 0.6, 0.6, 1.0, 1.0, 1.0, 1.5, 2.0]);
    let mut all = Vec::new();
    for class in &CLASSES {
        let mut rng = stream(seed, &format!("schedule/fault/{}", class.name));
        if intensity == 0.0 || !rng.random_bool(0.5) {
            continue;
        }
        let most = (f64::from(class.most) * intensity).round().max(1.0) as u32;
        for _ in 0..rng.random_range(1..=most) {
            let (for_ms, who, what) = (class.draw)(&mut rng, nodes);
            let at_ms = if for_ms == WHOLE_RUN_MS { 0 } else { rng.random_range(2_000..disturbed_ms) };
            let fault = Fault { id: 0, when: When::AtMs(at_ms), for_ms: Some(for_ms), who, what };
            let often = how_often_at_a_point(&fault.what);
            let node = match rng.random_range(0..4) {
                0 => Where::Node(rng.random_range(1..=nodes)),
                1 => Where::One(Whose::Leader),
                _ => Where::One(Whose::Any),
            };
            let at_a_point_instead = at_ms > 0 && rng.random_bool(often);
            all.push(if at_a_point_instead { at_a_point(&mut rng, fault, node) } else { fault });
        }
    }
    all
}

/// How likely a fault waits for a point: more where the exact moment matters much, since something ends in it.
fn how_often_at_a_point(what: &What) -> f64 {
    match what {
        What::HungCall { .. } => 0.9,
        What::Crash
        | What::PowerLoss
        | What::StoreLoss { .. }
        | What::Pause
        | What::FailedSync
        | What::RestartStorm { .. } => 0.5,
        _ => 0.1,
    }
}

/// The same fault, from the same time on, when some point is reached.
pub(super) fn at_a_point(rng: &mut StdRng, fault: Fault, node: Where) -> Fault {
    let from_ms = match &fault.when {
        When::AtMs(from_ms) => *from_ms,
        When::At(at) => at.from_ms,
    };
    let point = *pick(rng, Point::ALL);
    let nth = if point.is_frequent() { *pick(rng, &[1, 1, 2, 5, 20]) } else { *pick(rng, &[1, 1, 1, 2]) };
    // Who leads rarely is at a point that few reach.
    let node = if point.is_frequent() { node } else { Where::One(Whose::Any) };
    // What happens now and then is waited for from early on.
    let from_ms = if point.is_frequent() { from_ms } else { from_ms / 2 };
    let at = At { point, node, nth, from_ms };
    let who = match fault.who {
        Who::All => Who::All,
        who if fault.for_ms.is_none() || rng.random_bool(0.3) => who,
        _ => Who::There,
    };
    Fault { when: When::At(at), who, ..fault }
}

fn outage(rng: &mut StdRng) -> u64 {
    *pick(rng, &[10, 200, 1_000, 3_000, 12_000])
}

/// One node, up to half of them, or the leader.
pub(super) fn side(rng: &mut StdRng, nodes: u64) -> Who {
    if rng.random_bool(0.4) {
        return Who::Leader;
    }
    some_of(rng, nodes, nodes / 2)
}

/// One node, a minority or the leader: whom the others can do without.
pub(super) fn minority(rng: &mut StdRng, nodes: u64) -> Who {
    if rng.random_bool(0.4) { Who::Leader } else { some_of(rng, nodes, (nodes - 1) / 2) }
}

fn some_of(rng: &mut StdRng, nodes: u64, most: u64) -> Who {
    let many = rng.random_range(1..=most.max(1));
    let mut chosen: Vec<u64> = (1..=nodes).collect();
    while chosen.len() as u64 > many {
        chosen.remove(rng.random_range(0..chosen.len()));
    }
    Who::Nodes(chosen)
}

fn some_or_all(rng: &mut StdRng, nodes: u64) -> Who {
    if rng.random_bool(0.25) { Who::All } else { side(rng, nodes) }
}
