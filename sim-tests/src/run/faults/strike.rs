use std::time::Duration;

use super::Faults;
use crate::host::files::{DiskFault, How};
use crate::runtime::cause::unprompted;
use crate::runtime::sleep;
use crate::schedule::{Damaged, Fault, What, When};
use crate::seed::stream;
use crate::trace::Member;
use crate::world::Stop;

/// How often damage looks for a file to strike, where there is none yet.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Faults {
    /// Lets a fault begin, in the midst of the call of the node that is `there`. What takes time runs by itself.
    pub(super) fn strike(&self, fault: &Fault, there: Option<u64>) {
        unprompted(|| {
            let struck = self.struck(&fault.who, there);
            self.announce(fault, &struck);
            self.state().armed.remove(&fault.id);
            self.state().struck.insert(fault.id, struck.clone());
            for node in &struck {
                self.begin_on(fault, *node);
            }
            self.begin_between(fault, &struck);
            if !self.begin_script(fault, &struck)
                && !fault.what.is_instant()
                && let Some(for_ms) = fault.for_ms
            {
                let (faults, id) = (self.clone(), fault.id);
                self.run(id, async move {
                    sleep(Duration::from_millis(for_ms)).await;
                    faults.end(id);
                });
            }
        });
    }

    fn announce(&self, fault: &Fault, struck: &[u64]) {
        let trace = &self.world().trace;
        trace.count(fault.what.name());
        let mut members = vec![
            ("fault", Member::Number(fault.id)),
            ("what", Member::Text(fault.what.name())),
            ("nodes", Member::Places(struck)),
        ];
        members.extend(fault.for_ms.map(|for_ms| ("forMs", Member::Number(for_ms))));
        if let When::At(at) = &fault.when {
            trace.count("faults at a point");
            members.push(("at", Member::Text(at.point.name())));
        }
        trace.of_run("fault", &members, format_args!("{:?}", fault.what));
    }

    /// What a fault does to each node by itself.
    fn begin_on(&self, fault: &Fault, node: u64) {
        let (id, world) = (fault.id, self.world());
        match fault.what {
            What::Crash | What::RestartStorm { .. } | What::Outage { .. } => self.take_down(id, node, Stop::Crash),
            What::PowerLoss => self.take_down(id, node, Stop::PowerLoss),
            What::StoreLoss { how } => {
                world.shelf(node).lose_next(how);
                self.take_down(id, node, Stop::PowerLoss);
            }
            What::Pause => world.pause(node, id),
            What::FailedSync => world.disk(node).disturb(id, DiskFault::FailSync),
            What::ReadError => world.disk(node).disturb(id, DiskFault::FailRead),
            What::HungCall { ms } => world.disk(node).disturb(id, DiskFault::Hang(ms)),
            What::FullDisk { bytes } => world.disk(node).disturb(id, DiskFault::Free(bytes)),
            What::SlowSyncs { factor } => world.disk(node).disturb(id, DiskFault::SlowSyncs(factor)),
            What::SlowIo { factor } => world.disk(node).disturb(id, DiskFault::SlowIo(factor)),
            What::FlippedBit { file } => self.damage(id, node, file, How::FlippedBit),
            What::MisdirectedWrite { file } => self.damage(id, node, file, How::MisdirectedWrite),
            What::ClockStep { ms } => world.clock(node).step(id, ms),
            What::ClockDrift { ppm } => world.clock(node).drift(id, ppm),
            What::ReplaceMember { lost: true, .. } => self.0.cluster.lose(node),
            // These have scripts, or lie between the nodes.
            What::AddMember | What::RemoveMember | What::ReplaceMember { lost: false, .. } => {}
            What::TransferLeader | What::Restore { .. } => {}
            What::RollingRestart { .. } | What::SlowNode { .. } | What::VoterPowerLoss | What::Swizzle { .. } => {}
            What::Cut { .. } | What::CutOutward { .. } | What::CutInward { .. } | What::Bridge { .. } => {}
            What::Loss { .. } | What::Delay { .. } | What::LinkDelay { .. } => {}
            What::Duplication { .. } | What::Reordering { .. } => {}
        }
    }

    /// Damages a file now, or as soon as there is one.
    fn damage(&self, fault: u64, node: u64, file: Damaged, how: How) {
        let mut rng = stream(self.0.seed, &format!("fault/{fault}/{node}"));
        let faults = self.clone();
        let mut strike = move || {
            let world = faults.world();
            let damage = world.disk(node).damage(file, how, world.incarnation(node), &mut rng);
            if let Some(damage) = &damage {
                faults.0.laws.disk_damaged(node);
                let members = [("fault", Member::Number(fault)), ("nodes", Member::Places(&[node]))];
                let detail = format_args!("{} at {}: {how:?}", damage.path, damage.offset);
                world.trace.of_run("damage", &members, detail);
            }
            damage.is_some()
        };
        if !strike() {
            self.run(fault, async move {
                while !strike() {
                    sleep(LOOK_AGAIN).await;
                }
            });
        }
    }
}
