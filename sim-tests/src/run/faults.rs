use std::collections::BTreeSet;
use std::time::Duration;

use madsim::task::AbortHandle;

use crate::cluster::Cluster;
use crate::host::net::{Disturbance, Effect, FIRST_CLIENT, Place};
use crate::laws::Laws;
use crate::runtime::cause::Caused;
use crate::runtime::{elapsed, sleep, sleep_until, within};
use crate::schedule::{Fault, Schedule, What, Who};
use crate::trace::Member;
use crate::world::Stop;

/// How long a fault waits for the moment that it is made for.
const MOMENT_WAIT: Duration = Duration::from_secs(2);

/// The faults of a run, each waiting for its moment.
pub struct Unleashed(Vec<AbortHandle>);

/// Lets the schedule's faults happen, counted from now.
pub fn unleash(cluster: &Cluster, schedule: &Schedule, laws: &Laws) -> Unleashed {
    let began = elapsed();
    let tasks = schedule.faults.iter().zip(1..).map(|(fault, number)| {
        let striking = Striking {
            cluster: cluster.clone(),
            laws: laws.clone(),
            clients: schedule.workload.clients,
            fault: fault.clone(),
            number,
        };
        madsim::task::spawn(Caused::new(async move {
            sleep_until(began + Duration::from_millis(striking.fault.at_ms)).await;
            striking.strike().await;
        }))
        .abort_handle()
    });
    Unleashed(tasks.collect())
}

/// Ends everything that is wrong, and starts every node that is down.
pub fn heal(cluster: &Cluster, faults: Unleashed) {
    for task in faults.0 {
        task.abort();
    }
    let world = cluster.world();
    world.net.calm_all();
    for node in world.nodes() {
        world.disk(node).set_slowness(1);
        world.disk(node).fail_syncs(0);
        world.disk(node).set_free(None);
        world.clock(node).set_wall_offset_ms(0);
        world.resume(node);
    }
    cluster.start_all();
}

struct Striking {
    cluster: Cluster,
    laws: Laws,
    clients: u64,
    fault: Fault,
    /// Its number in the schedule, from 1.
    number: u64,
}

impl Striking {
    async fn strike(self) {
        let world = self.cluster.world().clone();
        let struck = self.struck();
        let lasts = Duration::from_millis(self.fault.for_ms);
        let what = &self.fault.what;
        world.trace.count(what.name());
        let members = [
            ("fault", Member::Number(self.number)),
            ("what", Member::Text(what.name())),
            ("nodes", Member::Places(&struck)),
            ("forMs", Member::Number(self.fault.for_ms)),
        ];
        world.trace.of_run("fault", &members, format_args!("{what:?}"));
        match what {
            What::Crash => self.outage(&struck, lasts, Stop::Crash).await,
            What::PowerLoss { midst } => {
                if *midst {
                    self.wait_for_sync(&struck).await;
                }
                self.outage(&struck, lasts, Stop::PowerLoss).await;
            }
            What::VoterPowerLoss => {
                let vote = self.laws.next_vote();
                for node in &struck {
                    self.cluster.begin_outage(*node);
                    self.cluster.stop(*node, Stop::Crash);
                }
                if let Some(Ok(voter)) = within(MOMENT_WAIT, vote).await {
                    self.outage(&[voter], lasts, Stop::PowerLoss).await;
                }
                struck.iter().for_each(|node| self.cluster.end_outage(*node));
            }
            What::Pause => {
                let paused: Vec<_> = struck.iter().filter(|node| world.pause(**node)).collect();
                sleep(lasts).await;
                for node in paused {
                    world.resume(*node);
                }
            }
            What::SlowSyncs { factor } => {
                self.for_a_while(
                    &struck,
                    lasts,
                    |node| world.disk(node).set_slowness(*factor),
                    |node| {
                        world.disk(node).set_slowness(1);
                    },
                )
                .await;
            }
            What::FailedSync => struck.iter().for_each(|node| world.disk(*node).fail_syncs(1)),
            What::FullDisk { bytes } => {
                self.for_a_while(
                    &struck,
                    lasts,
                    |node| world.disk(node).set_free(Some(*bytes)),
                    |node| {
                        world.disk(node).set_free(None);
                    },
                )
                .await;
            }
            What::ClockStep { ms } => {
                self.for_a_while(
                    &struck,
                    lasts,
                    |node| world.clock(node).set_wall_offset_ms(*ms),
                    |node| {
                        world.clock(node).set_wall_offset_ms(0);
                    },
                )
                .await;
            }
            _ => {
                let numbers: Vec<u64> = self.disturbances(&struck).into_iter().map(|d| world.net.disturb(d)).collect();
                sleep(lasts).await;
                for number in numbers {
                    world.net.calm(number);
                }
            }
        }
        world.trace.of_run("fault-over", &[("fault", Member::Number(self.number))], format_args!(""));
    }

    fn struck(&self) -> Vec<u64> {
        let nodes = self.cluster.world().nodes();
        match &self.fault.who {
            Who::Nodes(chosen) => chosen.clone(),
            Who::Leader => self.cluster.leader().or(nodes.first().copied()).into_iter().collect(),
            Who::All => nodes,
        }
    }

    async fn outage(&self, struck: &[u64], lasts: Duration, how: Stop) {
        for node in struck {
            self.cluster.begin_outage(*node);
            self.cluster.stop(*node, how);
        }
        sleep(lasts).await;
        for node in struck {
            self.cluster.end_outage(*node);
        }
    }

    /// Waits until a sync is under way on the first of them.
    async fn wait_for_sync(&self, struck: &[u64]) {
        let Some(first) = struck.first() else { return };
        let sync = self.cluster.world().disk(*first).next_sync();
        let _ = within(MOMENT_WAIT, sync).await;
    }

    async fn for_a_while(&self, struck: &[u64], lasts: Duration, begin: impl Fn(u64), end: impl Fn(u64)) {
        struck.iter().for_each(|node| begin(*node));
        sleep(lasts).await;
        struck.iter().for_each(|node| end(*node));
    }

    fn disturbances(&self, struck: &[u64]) -> Vec<Disturbance> {
        let nodes: BTreeSet<Place> = self.cluster.world().nodes().into_iter().collect();
        let clients: BTreeSet<Place> = (1..=self.clients).map(|client| FIRST_CLIENT + client).collect();
        let these: BTreeSet<Place> = struck.iter().copied().collect();
        let others: BTreeSet<Place> = nodes.difference(&these).copied().collect();
        let everyone: BTreeSet<Place> = nodes.union(&clients).copied().collect();
        let percent = |share: u32| f64::from(share) / 100.0;
        let both = |a: &BTreeSet<Place>, b: &BTreeSet<Place>, effect: Effect| {
            let one = |from: &BTreeSet<Place>, to: &BTreeSet<Place>| Disturbance {
                from: from.clone(),
                to: to.clone(),
                effect,
            };
            vec![one(a, b), one(b, a)]
        };
        let one_way = |from: BTreeSet<Place>, to: BTreeSet<Place>, holds: bool| {
            vec![Disturbance { from, to, effect: Effect::Cut { holds } }]
        };
        match self.fault.what {
            What::Cut { holds, clients: true } => {
                let far: BTreeSet<Place> = others.union(&clients).copied().collect();
                both(&these, &far, Effect::Cut { holds })
            }
            What::Cut { holds, clients: false } => both(&these, &others, Effect::Cut { holds }),
            What::CutOutward { holds } => one_way(these, others, holds),
            What::CutInward { holds } => one_way(others, these, holds),
            What::Loss { percent: share } => both(&these, &everyone, Effect::Loss(percent(share))),
            What::Delay { ms } => both(&these, &everyone, Effect::Delay(ms * 1_000)),
            What::Duplication { percent: share } => both(&these, &nodes, Effect::Duplication(percent(share))),
            What::Reordering { percent: share } => both(&these, &nodes, Effect::Reordering(percent(share))),
            _ => Vec::new(),
        }
    }
}
