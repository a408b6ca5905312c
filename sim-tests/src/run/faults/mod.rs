//! The faults of a run: each waits for its moment or its call, strikes, and ends.
//!
//! Whatever a fault does to the world is done under the fault's id, and taken back under it: of two faults that
//! overlap, the end of one leaves the other.

mod network;
mod scripts;
mod strike;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use confman::base::LogId;
use madsim::runtime::{Handle, NodeHandle};
use madsim::task::AbortHandle;

use crate::cluster::Cluster;
use crate::laws::Laws;
use crate::run::operator::Operator;
use crate::runtime::cause::{Caused, unprompted};
use crate::runtime::{elapsed, sleep_until};
use crate::schedule::{Fault, Schedule, When, Who};
use crate::trace::Member;
use crate::world::{Stop, World};

/// The contract's own limit on a change of members is below this.
const OPERATOR_PATIENCE: Duration = Duration::from_secs(25);

/// The faults of a run.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    laws: Laws,
    operator: Operator,
    /// The cluster that a backup becomes.
    restored_onto: Cluster,
    seed: u64,
    clients: u64,
    faults: Vec<Fault>,
    /// Where faults run that take time: not on the node in whose call one strikes.
    tasks: NodeHandle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What waits for a call, by fault.
    armed: BTreeMap<u64, u64>,
    running: BTreeMap<u64, Vec<AbortHandle>>,
    disturbances: BTreeMap<u64, Vec<u64>>,
    /// Whom a fault that has begun struck.
    struck: BTreeMap<u64, Vec<u64>>,
    over: BTreeSet<u64>,
    /// The revision of the backup that was restored.
    restored: Option<LogId>,
}

impl Faults {
    /// Lets the schedule's faults happen, counted from now.
    pub fn unleash(cluster: &Cluster, schedule: &Schedule, laws: &Laws) -> Faults {
        let inner = Inner {
            cluster: cluster.clone(),
            laws: laws.clone(),
            operator: Operator { cluster: cluster.clone(), laws: laws.clone(), patience: OPERATOR_PATIENCE },
            restored_onto: cluster.another(),
            seed: schedule.seed,
            clients: schedule.workload.clients,
            faults: schedule.faults.clone(),
            tasks: Handle::current().create_node().name("faults").build(),
            state: Mutex::default(),
        };
        let faults = Faults(Arc::new(inner));
        let began = elapsed();
        for fault in &schedule.faults {
            let (all, fault) = (faults.clone(), fault.clone());
            let id = fault.id;
            faults.run(id, async move {
                let (When::AtMs(from_ms) | When::At(crate::schedule::At { from_ms, .. })) = &fault.when;
                sleep_until(began + Duration::from_millis(*from_ms)).await;
                match fault.when.clone() {
                    When::AtMs(_) => all.strike(&fault, None),
                    When::At(at) => {
                        let striking = all.clone();
                        let strike = Box::new(move |there| striking.strike(&fault, Some(there)));
                        let number = all.world().points.arm(at.point, at.node, at.nth, strike);
                        all.state().armed.insert(id, number);
                    }
                }
            });
        }
        faults
    }

    /// Ends all that is wrong, except for what goes on for good, and starts every node that is down.
    pub fn heal(&self) {
        self.end_all(|fault| fault.for_ms.is_some());
    }

    /// Ends also what went on for good.
    pub fn heal_all(&self) {
        self.end_all(|_| true);
    }

    /// Whom something strikes that goes on for good.
    pub fn for_good(&self) -> BTreeSet<u64> {
        let state = self.state();
        let permanent = self.0.faults.iter().filter(|fault| fault.for_ms.is_none() && !state.over.contains(&fault.id));
        permanent.filter_map(|fault| state.struck.get(&fault.id)).flatten().copied().collect()
    }

    /// The cluster that was restored from a backup, and the backup's revision.
    pub fn restored(&self) -> Option<(&Cluster, LogId)> {
        self.state().restored.map(|revision| (&self.0.restored_onto, revision))
    }

    fn end_all(&self, which: impl Fn(&Fault) -> bool) {
        for fault in &self.0.faults {
            let (armed, has_struck) = {
                let mut state = self.state();
                (state.armed.remove(&fault.id), state.struck.contains_key(&fault.id))
            };
            if let Some(number) = armed {
                // Where it has struck already, there is nothing to disarm.
                self.world().points.disarm(number);
            }
            if !has_struck {
                self.world().trace.count("faults whose moment never came");
                self.state().struck.insert(fault.id, Vec::new());
                self.state().over.insert(fault.id);
            }
            if !has_struck || which(fault) {
                let running = self.state().running.remove(&fault.id);
                running.into_iter().flatten().for_each(|task| task.abort());
                self.end(fault.id);
            }
        }
        self.0.cluster.start_all();
    }

    fn world(&self) -> &Arc<World> {
        self.0.cluster.world()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no panic under this lock")
    }

    /// Runs a part of a fault that takes time.
    fn run(&self, fault: u64, work: impl Future<Output = ()> + Send + 'static) {
        let task = unprompted(|| self.0.tasks.spawn(Caused::new(work)));
        self.state().running.entry(fault).or_default().push(task.abort_handle());
    }

    fn struck(&self, who: &Who, there: Option<u64>) -> Vec<u64> {
        let world = self.world();
        let nodes = world.nodes();
        match who {
            Who::Nodes(chosen) => chosen.clone(),
            Who::Leader => world.points.leader().or(nodes.first().copied()).into_iter().collect(),
            Who::All => nodes,
            Who::There => there.into_iter().collect(),
        }
    }

    /// Ends a node's process and keeps it down for as long as the fault goes on.
    fn take_down(&self, fault: u64, node: u64, how: Stop) {
        self.0.cluster.begin_outage(node, fault);
        self.0.cluster.stop(node, how);
    }

    /// Takes back what a fault did.
    fn end(&self, fault: u64) {
        if !self.state().over.insert(fault) {
            return;
        }
        let disturbances = self.state().disturbances.remove(&fault).unwrap_or_default();
        for number in disturbances {
            self.world().net.calm(number);
        }
        for node in self.world().nodes() {
            self.world().disk(node).mend(fault);
            self.world().clock(node).mend(fault);
            self.world().resume(node, fault);
            self.0.cluster.end_outage(node, fault);
        }
        self.world().trace.of_run("fault-over", &[("fault", Member::Number(fault))], format_args!(""));
    }
}
