//! One run, from its schedule to a verdict: work and faults together, then healing, then a look at what is left.

mod faults;
mod notice;
mod operator;
mod report;
mod restored;
mod settle;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use faults::Faults;
use madsim::runtime::Runtime;
use notice::Notices;
pub use report::{HARNESS_FAILED, Report, Verdict};

use crate::clients::{History, IndexReader, Issued, Scan, Worker, probe, scan};
use crate::cluster::{Cluster, NodeFactory};
use crate::coverage::{self, Watcher};
use crate::laws::{AfterViolation, Laws, damage, deaths, durable, served, votes::VoteTap};
use crate::runtime::cause::Caused;
use crate::runtime::{elapsed, remember_panics, sleep};
use crate::schedule::{Schedule, Work};
use crate::seed::stream;
use crate::trace::{FORMAT, Member, Trace};
use crate::world::{Stop, World};

/// How often the nodes are asked what they say of themselves.
const WATCH_EVERY: Duration = Duration::from_millis(10);
/// How long after its end a node that stopped itself is started again.
const REVIVE_AFTER: Duration = Duration::from_secs(1);
/// What keeps all nodes down in the blackout at the end. Faults are numbered from 1.
const BLACKOUT: u64 = 0;
/// No run takes longer than this, in virtual time.
const LONGEST_RUN: Duration = Duration::from_secs(600);

/// Runs a schedule. Once per process: see the crate's documentation.
pub fn run(
    schedule: Schedule,
    factory: Arc<dyn NodeFactory>,
    trace: Trace,
    after: AfterViolation,
    quiet: bool,
) -> Report {
    remember_panics(quiet);
    let began = Instant::now();
    let mut runtime = Runtime::with_seed_and_config(schedule.scheduler(), madsim::Config::default());
    runtime.set_time_limit(LONGEST_RUN);
    let laws = Laws::new(trace.clone(), after);
    laws.election_timeout(Duration::from_millis(schedule.knobs.election_timeout_ms.1));
    let (history, issued) = (History::judged_by(laws.clone()), Issued::default());
    let course = Course {
        schedule: schedule.clone(),
        laws: laws.clone(),
        history: history.clone(),
        issued: issued.clone(),
        trace: trace.clone(),
    };
    let (verdict, simulated) = runtime.block_on(async move {
        let verdict = course.run(factory).await;
        (verdict, elapsed())
    });
    // What is left in it must not run destructors outside of virtual time, and the process ends soon anyway.
    std::mem::forget(runtime);
    let violations = laws.violations();
    let operations = issued.operations();
    Report { schedule, verdict, violations, operations, simulated, took: began.elapsed(), trace }
}

struct Course {
    schedule: Schedule,
    laws: Laws,
    history: History,
    issued: Issued,
    trace: Trace,
}

/// A phase found a law broken, which [`Laws`] keeps, or the harness itself failed.
enum Stopped {
    Violation,
    Harness(String),
}

impl Course {
    async fn run(self, factory: Arc<dyn NodeFactory>) -> Verdict {
        let schedule = serde_json::to_string(&self.schedule).expect("plain data has a JSON form");
        let members = [("format", Member::Number(FORMAT.into())), ("schedule", Member::Json(&schedule))];
        self.trace.of_run("run", &members, format_args!(""));
        let ended = self.phases(factory).await;
        let verdict = self.verdict(ended);
        self.trace.of_run("end", &[("verdict", Member::Text(verdict.name()))], format_args!(""));
        verdict
    }

    fn verdict(&self, ended: Result<(), Stopped>) -> Verdict {
        if let Some(violation) = self.laws.violations().first() {
            return Verdict::Violated(violation.clone());
        }
        match ended {
            Err(Stopped::Harness(why)) => Verdict::HarnessFailed(why),
            Err(Stopped::Violation) => Verdict::HarnessFailed("a phase gave up with no law broken".to_owned()),
            Ok(()) if self.history.records().iter().all(|record| record.acknowledged().is_none()) => {
                Verdict::Inconclusive("no write was acknowledged, so nothing could be lost".to_owned())
            }
            Ok(()) => Verdict::Holds,
        }
    }

    async fn phases(&self, factory: Arc<dyn NodeFactory>) -> Result<(), Stopped> {
        let schedule = &self.schedule;
        let nodes: Vec<u64> = (1..=schedule.machines()).collect();
        let (disk, network) = (schedule.disk.clone(), schedule.network.clone());
        let world = World::new(schedule.seed, self.trace.clone(), &nodes, disk, network);
        if let Some(tap) = factory.vote_tap(VoteTap::new(self.laws.clone())) {
            world.net.set_tap(tap);
        }
        for node in &nodes {
            world.disk(*node).set_tap(Arc::new(durable::Tap::new(*node, self.laws.clone())));
        }
        let cluster = Cluster::new(world, factory, schedule.clone());
        self.watch(&cluster);
        self.laws.first_members(cluster.members().into_iter().collect());

        self.phase("start");
        cluster.start_all();
        let nobody = BTreeSet::new();
        self.serves(&cluster, &nobody, 0).await?;

        self.phase("disturb");
        let until = elapsed() + Duration::from_millis(schedule.disturbed_ms);
        let workers = self.put_to_work(&cluster, until);
        let reader = IndexReader::new(cluster.clone(), self.laws.clone(), self.history.clone());
        let rng = stream(schedule.seed, "client/read-index");
        madsim::task::spawn(Caused::new(reader.clone().run(rng, until)));
        let faults = Faults::unleash(&cluster, schedule, &self.laws);
        self.wait_until(until).await?;

        self.phase("heal");
        faults.heal();
        let lost = faults.for_good();
        if !lost.is_empty() {
            self.trace.count("runs with a minority lost for good");
            self.serves(&cluster, &lost, 1_000).await?;
            self.converges(&cluster, &lost).await?;
            self.phase("heal all");
            faults.heal_all();
        }
        self.restart_damaged(&cluster);
        if schedule.changes_members() {
            self.phase("settle");
            self.members_settle(&cluster).await?;
            self.outsiders_know(&cluster).await?;
        }
        self.serves(&cluster, &nobody, 2_000).await?;
        let told = reader.every_node_tells(elapsed() + served::WITHIN).await;
        self.laws.judge(elapsed(), served::NAME, told);
        for worker in workers {
            worker.await.map_err(|error| Stopped::Harness(format!("a client: {error}")))?;
        }
        self.converges(&cluster, &nobody).await?;

        self.phase("scan");
        let scans = self.scan_and_judge(&cluster).await?;
        if let (Some((restored, revision)), Some(scan)) = (faults.restored(), scans.first()) {
            self.phase("look at what was restored");
            self.judge_restored(restored, revision, scan).await?;
        }

        self.phase("blackout");
        for node in &nodes {
            cluster.begin_outage(*node, BLACKOUT);
            cluster.stop(*node, Stop::PowerLoss);
        }
        sleep(Duration::from_millis(100)).await;
        for node in &nodes {
            cluster.end_outage(*node, BLACKOUT);
        }
        self.serves(&cluster, &nobody, 3_000).await?;
        self.converges(&cluster, &nobody).await?;
        let scans = self.scan_and_judge(&cluster).await?;
        coverage::of_history(&self.trace, &self.history.records(), &scans);
        Ok(())
    }

    /// Damage is noticed by who reads: a start reads all that it depends on.
    fn restart_damaged(&self, cluster: &Cluster) {
        for node in cluster.world().nodes() {
            if !cluster.world().disk(node).damages().is_empty() && cluster.stop(node, Stop::Crash) {
                cluster.start(node);
            }
        }
    }

    fn phase(&self, name: &str) {
        self.trace.of_run("phase", &[], format_args!("{name}"));
    }

    fn stop_if_violated(&self) -> Result<(), Stopped> {
        if self.laws.stop_the_run() { Err(Stopped::Violation) } else { Ok(()) }
    }

    /// Asks all nodes, all the time, what they say of themselves, and starts again what stopped itself.
    fn watch(&self, cluster: &Cluster) {
        let (laws, cluster) = (self.laws.clone(), cluster.clone());
        let mut notices = Notices::default();
        let mut watcher = Watcher::new(self.trace.clone(), self.schedule.nodes);
        madsim::task::spawn(async move {
            loop {
                let (seen, world) = (cluster.observe(), cluster.world());
                for (process, seen) in &seen {
                    notices.observe(process, seen);
                    laws.observe(elapsed(), process, seen);
                    laws.judge(elapsed(), damage::NAME, damage::check_serving(world, process));
                }
                let claims = seen.iter().filter(|(_, seen)| seen.leads).max_by_key(|(_, seen)| seen.term);
                world.points.set_leader(claims.map(|(process, _)| process.node));
                laws.judge(elapsed(), damage::NAME, damage::check_deaths(world));
                laws.judge(elapsed(), deaths::NAME, deaths::check(world));
                damage::stopped(world).into_iter().for_each(|node| cluster.give_up(node));
                let look = seen.into_iter().map(|(process, seen)| (process.node, process.number, seen));
                watcher.look(elapsed(), &look.collect::<Vec<_>>());
                if laws.stop_the_run() {
                    return;
                }
                cluster.revive(REVIVE_AFTER);
                sleep(WATCH_EVERY).await;
            }
        });
    }

    fn put_to_work(&self, cluster: &Cluster, until: Duration) -> Vec<madsim::task::JoinHandle<()>> {
        let workload = &self.schedule.workload;
        let worker =
            |number| Worker::new(number, cluster.clone(), &self.schedule, self.history.clone(), self.issued.clone());
        let work = |number| match workload.work.clone() {
            Work::Drawn(from) => madsim::task::spawn(Caused::new(worker(number).draws(from, until))),
            Work::Operations(operations) => madsim::task::spawn(Caused::new(worker(number).follows(operations))),
        };
        (1..=workload.clients).map(work).collect()
    }

    async fn wait_until(&self, until: Duration) -> Result<(), Stopped> {
        while elapsed() < until {
            self.stop_if_violated()?;
            sleep(Duration::from_millis(50)).await;
        }
        self.stop_if_violated()
    }

    /// Every node must serve within the time that the law gives from now; but for these, and for those that found
    /// their disks damaged.
    async fn serves(&self, cluster: &Cluster, without: &BTreeSet<u64>, first_count: u64) -> Result<(), Stopped> {
        let give_up_at = elapsed() + served::WITHIN;
        let mut count = first_count;
        for node in cluster.members().into_iter().filter(|node| !without.contains(node)) {
            loop {
                self.stop_if_violated()?;
                if cluster.has_given_up(node) {
                    break;
                }
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

    /// All nodes must have applied the same within the time that the law gives from now; with the same exceptions.
    async fn converges(&self, cluster: &Cluster, without: &BTreeSet<u64>) -> Result<(), Stopped> {
        let give_up_at = elapsed() + served::WITHIN;
        loop {
            self.stop_if_violated()?;
            let members: Vec<u64> = cluster.members().into_iter().filter(|node| !without.contains(node)).collect();
            let mut seen = cluster.observe();
            seen.retain(|(process, _)| members.contains(&process.node));
            let applied: BTreeSet<_> = seen.iter().map(|(_, seen)| seen.applied).collect();
            if seen.len() == members.len() && applied.len() == 1 {
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

    async fn scan_and_judge(&self, cluster: &Cluster) -> Result<Vec<Scan>, Stopped> {
        let records = self.history.records();
        let written = records.iter().filter(|record| record.is_write()).filter_map(|record| record.name());
        let namespaces: BTreeSet<String> = written.map(|name| name.namespace.clone()).collect();
        let namespaces: Vec<String> = namespaces.into_iter().collect();
        let mut scans: Vec<Scan> = Vec::new();
        for node in cluster.members() {
            // That all have applied the same does not say yet that each of them knows it.
            let give_up_at = elapsed() + served::WITHIN;
            loop {
                match scan(cluster, node, &namespaces).await {
                    Ok(scan) => {
                        scans.push(scan);
                        break;
                    }
                    Err(_) if elapsed() < give_up_at => sleep(Duration::from_millis(20)).await,
                    Err(why) => {
                        let what = format!("the scan failed: {why}");
                        self.laws.judge(elapsed(), served::NAME, Err(what));
                        return Err(Stopped::Violation);
                    }
                }
            }
        }
        self.laws.judge_history(&self.trace, &self.history.records(), &scans);
        self.stop_if_violated()?;
        Ok(scans)
    }
}
