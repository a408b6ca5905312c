use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::Faults;
use crate::laws::members::Asked;
use crate::runtime::{elapsed, sleep, within};
use crate::schedule::{Fault, Point, What};
use crate::seed::stream;
use crate::world::Stop;

/// How long the loss of a voter waits for a vote.
const VOTE_WAIT: Duration = Duration::from_secs(2);

/// How much longer than planned an outage waits for the snapshots that the others make meanwhile.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(15);

impl Faults {
    /// Begins what a fault does step by step; `false` where it does nothing of the kind. A script ends its fault.
    pub(super) fn begin_script(&self, fault: &Fault, struck: &[u64]) -> bool {
        let (faults, id, struck) = (self.clone(), fault.id, struck.to_vec());
        let lasts = Duration::from_millis(fault.for_ms.unwrap_or(0));
        let rng = stream(self.0.seed, &format!("fault/{id}"));
        let ms = Duration::from_millis;
        match fault.what {
            What::RestartStorm { life_ms } => {
                self.run(id, async move { faults.restart_storm(id, &struck, lasts, ms(life_ms), rng).await });
            }
            What::RollingRestart { every_ms, down_ms } => {
                self.run(
                    id,
                    async move { faults.rolling_restart(id, &struck, lasts, ms(every_ms), ms(down_ms)).await },
                );
            }
            What::Outage { snapshots } => {
                self.run(id, async move { faults.outage(id, &struck, lasts, snapshots).await });
            }
            What::SlowNode { paused_ms, every_ms } => {
                let (paused, runs) = (ms(paused_ms), ms(every_ms.saturating_sub(paused_ms)));
                self.run(id, async move { faults.slow_node(id, &struck, lasts, paused, runs).await });
            }
            What::Swizzle { holds } => {
                self.run(id, async move { faults.swizzle(id, struck, lasts, holds, rng).await });
            }
            What::AddMember => {
                struck.iter().for_each(|spare| faults.0.cluster.take_into_service(*spare));
                let asked = struck.into_iter().map(|node| Asked::Add { node }).collect();
                self.run(id, async move { faults.change(id, asked, lasts, rng).await });
            }
            What::RemoveMember => {
                let asked = struck.into_iter().map(|node| Asked::Remove { node }).collect();
                self.run(id, async move { faults.change(id, asked, lasts, rng).await });
            }
            What::ReplaceMember { with, .. } => {
                faults.0.cluster.take_into_service(with);
                let asked = struck.into_iter().map(|old| Asked::Replace { old, node: with }).collect();
                self.run(id, async move { faults.change(id, asked, lasts, rng).await });
            }
            What::TransferLeader => {
                let asked = struck.into_iter().map(|node| Asked::Lead { node }).collect();
                self.run(id, async move { faults.change(id, asked, lasts, rng).await });
            }
            What::Restore { power_losses } => {
                self.run(id, async move { faults.restore(id, &struck, lasts, power_losses, rng).await });
            }
            What::VoterPowerLoss => {
                // Asked for before the election that it is in.
                let vote = self.0.laws.next_vote();
                struck.iter().for_each(|node| self.take_down(id, *node, Stop::Crash));
                self.run(id, async move {
                    if let Some(Ok(voter)) = within(VOTE_WAIT, vote).await {
                        faults.take_down(id, voter, Stop::PowerLoss);
                        sleep(lasts).await;
                    }
                    faults.end(id);
                });
            }
            _ => return false,
        }
        true
    }

    /// An operator asks for these changes, one after the other.
    async fn change(&self, id: u64, asked: Vec<Asked>, lasts: Duration, mut rng: StdRng) {
        let until = elapsed() + lasts;
        for asked in asked {
            self.0.operator.insist(asked, until, &mut rng).await;
        }
        self.end(id);
    }

    async fn restore(&self, id: u64, struck: &[u64], lasts: Duration, power_losses: u64, mut rng: StdRng) {
        for from in struck {
            let until = elapsed() + lasts;
            let onto = &self.0.restored_onto;
            let revision = self.0.operator.restore(onto, *from, until, power_losses, &mut rng).await;
            self.state().restored = revision;
        }
        self.end(id);
    }

    /// They were killed just now.
    async fn restart_storm(&self, id: u64, struck: &[u64], lasts: Duration, life: Duration, mut rng: StdRng) {
        let until = elapsed() + lasts;
        loop {
            sleep(Duration::from_millis(rng.random_range(1..20))).await;
            struck.iter().for_each(|node| self.0.cluster.end_outage(*node, id));
            if elapsed() >= until {
                break;
            }
            sleep(life.mul_f64(rng.random_range(0.0..1.0))).await;
            struck.iter().for_each(|node| self.take_down(id, *node, Stop::Crash));
        }
        self.end(id);
    }

    async fn rolling_restart(&self, id: u64, struck: &[u64], lasts: Duration, every: Duration, down: Duration) {
        let until = elapsed() + lasts;
        for node in struck.iter().copied().cycle() {
            self.take_down(id, node, Stop::Crash);
            let faults = self.clone();
            self.run(id, async move {
                sleep(down).await;
                faults.0.cluster.end_outage(node, id);
            });
            sleep(every).await;
            if elapsed() >= until {
                break;
            }
        }
        self.end(id);
    }

    /// They were killed just now.
    async fn outage(&self, id: u64, struck: &[u64], lasts: Duration, snapshots: u64) {
        let points = &self.world().points;
        let others: Vec<u64> = self.world().nodes().into_iter().filter(|node| !struck.contains(node)).collect();
        let made = || others.iter().map(|node| points.count(*node, Point::AfterSnapshotRename)).sum::<u64>();
        let enough = made() + snapshots;
        sleep(lasts).await;
        let give_up_at = elapsed() + SNAPSHOT_WAIT;
        while made() < enough && elapsed() < give_up_at {
            sleep(Duration::from_millis(50)).await;
        }
        self.end(id);
    }

    async fn slow_node(&self, id: u64, struck: &[u64], lasts: Duration, paused: Duration, runs: Duration) {
        let until = elapsed() + lasts;
        while elapsed() < until {
            struck.iter().for_each(|node| self.world().pause(*node, id));
            sleep(paused).await;
            struck.iter().for_each(|node| self.world().resume(*node, id));
            sleep(runs).await;
        }
        self.end(id);
    }

    async fn swizzle(&self, id: u64, mut struck: Vec<u64>, lasts: Duration, holds: bool, mut rng: StdRng) {
        struck.shuffle(&mut rng);
        struck.truncate(rng.random_range(1..=struck.len().max(1)));
        let step = lasts / (2 * struck.len().max(1) as u32);
        let mut cuts = Vec::new();
        for node in struck {
            cuts.push(self.cut_off(node, holds).map(|cut| self.disturb(id, cut)));
            sleep(step).await;
        }
        cuts.shuffle(&mut rng);
        for cut in cuts {
            cut.into_iter().for_each(|number| self.world().net.calm(number));
            sleep(step).await;
        }
        self.end(id);
    }
}
