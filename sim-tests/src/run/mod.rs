//! One run, from its schedule to a verdict: work and faults together, then healing, then a look at what is left.

mod faults;
mod report;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use madsim::runtime::Runtime;
pub use report::{Report, Verdict};

use crate::clients::{History, Scan, Worker, probe, scan};
use crate::cluster::{Cluster, NodeFactory};
use crate::laws::{Laws, deaths, served, votes::VoteTap};
use crate::runtime::{elapsed, remember_panics, sleep};
use crate::schedule::Schedule;
use crate::seed::stream;
use crate::trace::{Actor, Trace};
use crate::world::{Stop, World};

/// How often the nodes are asked what they say of themselves.
const WATCH_EVERY: Duration = Duration::from_millis(10);
/// How long after its end a node that stopped itself is started again.
const REVIVE_AFTER: Duration = Duration::from_secs(1);
/// No run takes longer than this, in virtual time.
const LONGEST_RUN: Duration = Duration::from_secs(600);

/// Runs a schedule. Once per process: see the crate's documentation.
pub fn run(schedule: Schedule, factory: Arc<dyn NodeFactory>, trace: Trace, quiet: bool) -> Report {
    remember_panics(quiet);
    let began = Instant::now();
    let mut runtime = Runtime::with_seed_and_config(schedule.seed, madsim::Config::default());
    runtime.set_time_limit(LONGEST_RUN);
    let laws = Laws::default();
    let history = History::judged_by(laws.clone());
    let course =
        Course { schedule: schedule.clone(), laws: laws.clone(), history: history.clone(), trace: trace.clone() };
    let (ended, simulated) = runtime.block_on(async move {
        let ended = course.run(factory).await;
        (ended, elapsed())
    });
    // What is left in it must not run destructors outside of virtual time, and the process ends soon anyway.
    std::mem::forget(runtime);
    let verdict = match (laws.violation(), ended) {
        (Some(violation), _) => Verdict::Violated(violation),
        (None, Err(why)) => Verdict::HarnessFailed(why),
        (None, Ok(())) => {
            let acknowledged = history.records().iter().filter(|record| record.acknowledged().is_some()).count();
            match acknowledged {
                0 => Verdict::Inconclusive("no write was acknowledged, so nothing could be lost".to_owned()),
                _ => Verdict::Holds,
            }
        }
    };
    Report { schedule, verdict, simulated, took: began.elapsed(), identity: trace.identity(), counts: trace.counts() }
}

struct Course {
    schedule: Schedule,
    laws: Laws,
    history: History,
    trace: Trace,
}

/// A phase found a law broken, which [`Laws`] keeps, or the harness itself failed.
enum Stopped {
    Violation,
    Harness(String),
}

impl Course {
    async fn run(self, factory: Arc<dyn NodeFactory>) -> Result<(), String> {
        match self.phases(factory).await {
            Ok(()) | Err(Stopped::Violation) => Ok(()),
            Err(Stopped::Harness(why)) => Err(why),
        }
    }

    async fn phases(&self, factory: Arc<dyn NodeFactory>) -> Result<(), Stopped> {
        let schedule = &self.schedule;
        let nodes: Vec<u64> = (1..=schedule.nodes).collect();
        let (disk, network) = (schedule.disk.clone(), schedule.network.clone());
        let world = World::new(schedule.seed, self.trace.clone(), &nodes, disk, network);
        if let Some(tap) = factory.vote_tap(VoteTap::new(self.laws.clone())) {
            world.net.set_tap(tap);
        }
        let cluster = Cluster::new(world, factory, schedule.clone());
        self.watch(&cluster);

        self.phase("start");
        cluster.start_all();
        self.serves(&cluster, 0).await?;

        self.phase("disturb");
        let until = elapsed() + Duration::from_millis(schedule.disturbed_ms);
        let workers = self.put_to_work(&cluster, until);
        let faults = faults::unleash(&cluster, schedule, &self.laws);
        self.wait_until(until).await?;

        self.phase("heal");
        faults::heal(&cluster, faults);
        self.serves(&cluster, 1_000).await?;
        for worker in workers {
            worker.await.map_err(|error| Stopped::Harness(format!("a client: {error}")))?;
        }
        self.converges(&cluster).await?;

        self.phase("scan");
        self.scan_and_judge(&cluster).await?;

        self.phase("blackout");
        for node in &nodes {
            cluster.stop(*node, Stop::PowerLoss);
        }
        sleep(Duration::from_millis(100)).await;
        cluster.start_all();
        self.serves(&cluster, 2_000).await?;
        self.converges(&cluster).await?;
        self.scan_and_judge(&cluster).await
    }

    fn phase(&self, name: &str) {
        self.trace.event(Actor::Run, "phase", format_args!("{name}"));
    }

    fn stop_if_violated(&self) -> Result<(), Stopped> {
        if self.laws.violation().is_some() { Err(Stopped::Violation) } else { Ok(()) }
    }

    /// Asks all nodes, all the time, what they say of themselves, and starts again what stopped itself.
    fn watch(&self, cluster: &Cluster) {
        let (laws, cluster) = (self.laws.clone(), cluster.clone());
        madsim::task::spawn(async move {
            loop {
                for (process, seen) in cluster.observe() {
                    laws.observe(elapsed(), &process, &seen);
                }
                laws.judge(elapsed(), deaths::NAME, deaths::check(cluster.world()));
                if laws.violation().is_some() {
                    return;
                }
                cluster.revive(REVIVE_AFTER);
                sleep(WATCH_EVERY).await;
            }
        });
    }

    fn put_to_work(&self, cluster: &Cluster, until: Duration) -> Vec<madsim::task::JoinHandle<()>> {
        let worker = |number| Worker {
            number,
            cluster: cluster.clone(),
            workload: self.schedule.workload.clone(),
            history: self.history.clone(),
            rng: stream(self.schedule.seed, &format!("client/{number}")),
        };
        let clients = 1..=self.schedule.workload.clients;
        clients.map(|number| madsim::task::spawn(worker(number).run(until))).collect()
    }

    async fn wait_until(&self, until: Duration) -> Result<(), Stopped> {
        while elapsed() < until {
            self.stop_if_violated()?;
            sleep(Duration::from_millis(50)).await;
        }
        self.stop_if_violated()
    }

    /// Every node must serve within the time that the law gives from now.
    async fn serves(&self, cluster: &Cluster, first_count: u64) -> Result<(), Stopped> {
        let give_up_at = elapsed() + served::WITHIN;
        let mut count = first_count;
        for node in cluster.world().nodes() {
            loop {
                self.stop_if_violated()?;
                count += 1;
                let Err(why) = probe(cluster, &self.history, node, count).await else { break };
                if elapsed() > give_up_at {
                    let what = format!("node {node} does not: {why}");
                    self.laws.judge(elapsed(), served::NAME, Err(what));
                    return Err(Stopped::Violation);
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// All nodes must have applied the same within the time that the law gives from now.
    async fn converges(&self, cluster: &Cluster) -> Result<(), Stopped> {
        let give_up_at = elapsed() + served::WITHIN;
        loop {
            self.stop_if_violated()?;
            let seen = cluster.observe();
            let applied: BTreeSet<_> = seen.iter().map(|(_, seen)| seen.applied).collect();
            if seen.len() as u64 == self.schedule.nodes && applied.len() == 1 {
                return Ok(());
            }
            if elapsed() > give_up_at {
                let each = seen.iter().map(|(process, seen)| format!("node {}: {:?}", process.node, seen.applied));
                let what = format!("the nodes do not converge: {}", each.collect::<Vec<_>>().join(", "));
                self.laws.judge(elapsed(), served::NAME, Err(what));
                return Err(Stopped::Violation);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn scan_and_judge(&self, cluster: &Cluster) -> Result<(), Stopped> {
        let records = self.history.records();
        let written = records.iter().filter(|record| record.is_write()).filter_map(|record| record.name());
        let namespaces: BTreeSet<String> = written.map(|name| name.namespace.clone()).collect();
        let namespaces: Vec<String> = namespaces.into_iter().collect();
        let mut scans: Vec<Scan> = Vec::new();
        for node in cluster.world().nodes() {
            match scan(cluster, node, &namespaces).await {
                Ok(scan) => scans.push(scan),
                Err(why) => {
                    let what = format!("the scan failed: {why}");
                    self.laws.judge(elapsed(), served::NAME, Err(what));
                    return Err(Stopped::Violation);
                }
            }
        }
        self.laws.judge_history(&self.trace, &self.history.records(), &scans);
        self.stop_if_violated()
    }
}
