//! The machines of a run and the incarnations of the nodes that live on them.
//!
//! A machine has a disk, stores and a clock, and outlives every process on it. An incarnation is one process: all
//! that it was given is fenced by it, so that code which still runs in destructors after a kill changes nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use confman::host::Host;
use madsim::runtime::{Handle, NodeHandle};
use rand::Rng as _;
use rand::rngs::StdRng;

use crate::coverage;
use crate::host::clock::{ClockSkew, SimClock};
use crate::host::entropy::SimEntropy;
use crate::host::files::{Disk, DiskSettings, SimFiles};
use crate::host::lifeline::SimLifeline;
use crate::host::net::{Net, NetSettings, SimNet};
use crate::host::points::Points;
use crate::host::spawn::SimSpawn;
use crate::host::store::{Shelf, SimStores};
use crate::runtime::{cause, elapsed};
use crate::schedule::Point;
use crate::seed::stream;
use crate::trace::{Actor, Event, Member, Trace};

/// The machine beside all others on which a backup is restored.
pub const RESTORED: u64 = 99;

/// How a process ends from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `kill -9`, or the node stopped itself: what was written is still in the operating system's memory.
    Crash,
    /// The machine went dark: what was not synced is lost, in part or whole.
    PowerLoss,
}

/// One process: a node between its start and its end.
pub struct Incarnation {
    pub node: u64,
    pub number: u32,
    alive: AtomicBool,
    called_files: AtomicBool,
    accepted: AtomicBool,
    heard: AtomicBool,
    rng: Mutex<StdRng>,
    mad: NodeHandle,
    world: Weak<World>,
}

/// A node stopped itself.
#[derive(Clone, Debug)]
pub struct Death {
    pub node: u64,
    pub incarnation: u32,
    pub at: Duration,
    pub reason: String,
}

struct Machine {
    disk: Disk,
    shelf: Shelf,
    clock: Arc<ClockSkew>,
    powered: bool,
    incarnations: u32,
    /// What keeps the process still.
    paused_by: BTreeSet<u64>,
    current: Option<Arc<Incarnation>>,
}

/// All that a run consists of, besides the nodes' own memory.
pub struct World {
    pub seed: u64,
    pub trace: Trace,
    pub net: Net,
    /// Which calls the nodes make, for faults that strike at one.
    pub points: Points,
    machines: Mutex<BTreeMap<u64, Machine>>,
    deaths: Mutex<Vec<Death>>,
    processes: Mutex<BTreeMap<madsim::task::NodeId, Arc<Incarnation>>>,
}

thread_local! {
    // One world per process and thread: for what must find it without being handed it (openraft's runtime).
    static WORLD: RefCell<Weak<World>> = const { RefCell::new(Weak::new()) };
}

impl World {
    /// A world with these machines, none of them running.
    pub fn new(seed: u64, trace: Trace, nodes: &[u64], disk: DiskSettings, net: NetSettings) -> Arc<World> {
        let machine = |node: &u64| {
            let machine = Machine {
                disk: Disk::new(disk.clone(), stream(seed, &format!("disk/{node}"))),
                shelf: Shelf::new(disk.clone(), stream(seed, &format!("store/{node}"))),
                clock: Arc::new(ClockSkew::default()),
                powered: true,
                incarnations: 0,
                paused_by: BTreeSet::new(),
                current: None,
            };
            (*node, machine)
        };
        let world = Arc::new(World {
            seed,
            net: Net::new(net, seed, trace.clone()),
            points: Points::default(),
            trace,
            machines: Mutex::new(nodes.iter().chain([&RESTORED]).map(machine).collect()),
            deaths: Mutex::default(),
            processes: Mutex::default(),
        });
        WORLD.with(|current| *current.borrow_mut() = Arc::downgrade(&world));
        world
    }

    fn machines(&self) -> MutexGuard<'_, BTreeMap<u64, Machine>> {
        self.machines.lock().expect("no panic under this lock")
    }

    fn machine<T>(&self, node: u64, with: impl FnOnce(&mut Machine) -> T) -> T {
        with(self.machines().get_mut(&node).expect("schedules name only nodes that exist"))
    }

    /// The machines' numbers, sorted; without the one to restore on.
    pub fn nodes(&self) -> Vec<u64> {
        self.machines().keys().copied().filter(|node| *node != RESTORED).collect()
    }

    /// Starts a process on a machine, switching the machine on where it was dark.
    pub fn boot(self: &Arc<World>, node: u64) -> (Arc<Incarnation>, Host) {
        let (process, disk, shelf, clock) = self.machine(node, |machine| {
            assert!(machine.current.is_none(), "node {node} runs already");
            machine.incarnations += 1;
            machine.powered = true;
            let number = machine.incarnations;
            let mad = Handle::current().create_node().name(format!("node-{node}.{number}")).build();
            let process = Arc::new(Incarnation {
                node,
                number,
                alive: AtomicBool::new(true),
                called_files: AtomicBool::new(false),
                accepted: AtomicBool::new(false),
                heard: AtomicBool::new(false),
                rng: Mutex::new(stream(self.seed, &format!("nodes/{node}/{number}/runtime"))),
                mad,
                world: Arc::downgrade(self),
            });
            machine.current = Some(process.clone());
            (process, machine.disk.clone(), machine.shelf.clone(), machine.clock.clone())
        });
        self.processes.lock().expect("no panic under this lock").insert(process.mad.id(), process.clone());
        self.net.started(&process);
        process.event("boot", format_args!(""));
        let host = Host {
            clock: Arc::new(SimClock::new(clock)),
            spawn: Arc::new(SimSpawn::new(process.clone())),
            entropy: Arc::new(SimEntropy::new(self.seed, &process)),
            files: Arc::new(SimFiles::new(disk, process.clone())),
            stores: Arc::new(SimStores::new(shelf, process.clone())),
            peers: Arc::new(SimNet::new(self.net.clone(), process.clone())),
            lifeline: Arc::new(SimLifeline::new(process.clone())),
        };
        (process, host)
    }

    /// Ends the process on a machine; `false` where none ran. A power loss darkens the machine in either case.
    pub fn stop(&self, node: u64, how: Stop) -> bool {
        let stopped = self.machine(node, |machine| {
            let process = machine.current.take();
            machine.paused_by.clear();
            if let Some(process) = &process {
                process.alive.store(false, Ordering::Relaxed);
            }
            match how {
                Stop::Crash => machine.disk.crash(),
                Stop::PowerLoss => {
                    machine.powered = false;
                    let lost = machine.disk.power_loss();
                    let stores = machine.shelf.power_loss(&self.trace);
                    lost.points().into_iter().for_each(|point| self.trace.sometimes(point));
                    let members = [("nodes", Member::Places(&[node]))];
                    self.trace.of_run("power-loss", &members, format_args!("{lost}; {stores}"));
                }
            }
            process
        });
        let Some(process) = stopped else {
            if how == Stop::PowerLoss {
                self.net.darken(node);
            }
            return false;
        };
        process.event("stop", format_args!("{how:?}"));
        self.net.stopped(&process, how);
        self.processes.lock().expect("no panic under this lock").remove(&process.mad.id());
        // What waits in a paused node's queue is dropped by the executor, not under madsim's own lock.
        Handle::current().resume(process.mad.id());
        Handle::current().kill(process.mad.id());
        true
    }

    /// Halts all tasks of a node, where one runs; its machine goes on. It stands still until all that paused it let go.
    pub fn pause(&self, node: u64, cause: u64) {
        let paused = self.machine(node, |machine| {
            let process = machine.current.clone()?;
            (machine.paused_by.insert(cause) && machine.paused_by.len() == 1).then_some(process)
        });
        if let Some(process) = paused {
            process.event("pause", format_args!(""));
            Handle::current().pause(process.mad.id());
        }
    }

    /// Takes back what [`pause`](Self::pause) did for the same cause.
    pub fn resume(&self, node: u64, cause: u64) {
        let resumed = self.machine(node, |machine| {
            let process = machine.current.clone()?;
            (machine.paused_by.remove(&cause) && machine.paused_by.is_empty()).then_some(process)
        });
        if let Some(process) = resumed {
            process.event("resume", format_args!(""));
            Handle::current().resume(process.mad.id());
        }
    }

    /// The process that runs on a machine.
    pub fn running(&self, node: u64) -> Option<Arc<Incarnation>> {
        self.machine(node, |machine| machine.current.clone())
    }

    /// The number of the newest process on a machine.
    pub fn incarnation(&self, node: u64) -> u32 {
        self.machine(node, |machine| machine.incarnations)
    }

    /// Whether the machine has power. One without answers nothing, not even a refusal.
    pub fn is_powered(&self, node: u64) -> bool {
        self.machine(node, |machine| machine.powered)
    }

    /// A machine's disk, to break it.
    pub fn disk(&self, node: u64) -> Disk {
        self.machine(node, |machine| machine.disk.clone())
    }

    /// A machine's stores, to break them.
    pub fn shelf(&self, node: u64) -> Shelf {
        self.machine(node, |machine| machine.shelf.clone())
    }

    /// A machine's clock, to set it wrong.
    pub fn clock(&self, node: u64) -> Arc<ClockSkew> {
        self.machine(node, |machine| machine.clock.clone())
    }

    /// The nodes that stopped themselves so far, in order.
    pub fn deaths(&self) -> Vec<Death> {
        self.deaths.lock().expect("no panic under this lock").clone()
    }
}

impl Incarnation {
    /// Whether what this process does still counts.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// Records an event of this process, and tells its number.
    pub fn event(&self, kind: &'static str, detail: fmt::Arguments<'_>) -> u64 {
        self.record(kind, &[], detail)
    }

    /// Records an event of this process with members of its own, and tells its number.
    pub fn record(
        &self,
        kind: &'static str,
        members: &[(&'static str, Member<'_>)],
        detail: fmt::Arguments<'_>,
    ) -> u64 {
        self.follow_up(cause::current(), kind, members, detail)
    }

    /// Records an event of this process that this other event led to, and tells its number.
    pub fn follow_up(
        &self,
        cause: Option<u64>,
        kind: &'static str,
        members: &[(&'static str, Member<'_>)],
        detail: fmt::Arguments<'_>,
    ) -> u64 {
        let actor = Actor::Node { node: self.node, incarnation: self.number };
        let world = self.world.upgrade();
        world.map_or(0, |world| world.trace.record(Event { actor, kind, cause, members, detail }))
    }

    /// The latest event on this process's machine.
    pub fn last_event(&self) -> Option<u64> {
        self.world.upgrade().and_then(|world| world.trace.last_of(self.node))
    }

    /// This process is at a point where a fault may strike, which may end it. To be called with no lock held.
    pub fn reach(&self, point: Point) {
        // Faults strike the cluster; what is restored beside it has those of its own script.
        if let Some(world) = self.world.upgrade().filter(|_| self.is_alive() && self.node != RESTORED) {
            world.points.reach(self.node, point);
        }
    }

    /// This process calls its files.
    pub fn calls_files(&self, points: &[Point]) {
        if !self.called_files.swap(true, Ordering::Relaxed) {
            self.reach(Point::Boot);
        }
        if !self.accepted.load(Ordering::Relaxed) {
            self.reach(Point::DuringRecovery);
        }
        points.iter().for_each(|point| self.reach(*point));
    }

    /// This process accepts links: it has recovered.
    pub fn accepts(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }

    /// A frame of another node reaches this process.
    pub fn hears(&self, point: Option<Point>) {
        if let Some(point) = point {
            if !self.heard.swap(true, Ordering::Relaxed) {
                self.reach(Point::FirstFrameAccepted);
            }
            self.reach(point);
        }
    }

    /// Where tasks of this process run.
    pub fn tasks(&self) -> &NodeHandle {
        &self.mad
    }

    /// The node stops itself: recorded, then like a crash.
    pub fn fatal(&self, reason: &str) {
        let Some(world) = self.world.upgrade().filter(|_| self.is_alive()) else { return };
        self.event("fatal", format_args!("{reason}"));
        world.trace.sometimes(coverage::Point::StoppedItself);
        let death = Death { node: self.node, incarnation: self.number, at: elapsed(), reason: reason.to_owned() };
        world.deaths.lock().expect("no panic under this lock").push(death);
        world.stop(self.node, Stop::Crash);
    }
}

fn current_process() -> Option<Arc<Incarnation>> {
    let world = WORLD.with(|world| world.borrow().upgrade())?;
    let processes = world.processes.lock().expect("no panic under this lock");
    processes.get(&madsim::plugin::node()).cloned()
}

/// Stops the node whose task asks; does nothing outside of a node.
pub fn fatal_for_current_node(reason: &str) {
    if let Some(process) = current_process() {
        process.fatal(reason);
    }
}

/// The node whose task asks, and its incarnation; `None` outside of a node.
pub fn current_node() -> Option<(u64, u32)> {
    current_process().map(|process| (process.node, process.number))
}

/// Records a line of the log of the node whose task says it; nothing outside of a node.
pub fn log_for_current_node(level: &'static str, what: &str) {
    if let Some(process) = current_process() {
        process.record("log", &[("level", Member::Text(level))], format_args!("{what}"));
        if let (Some(point), Some(world)) = (coverage::of_log_line(what), process.world.upgrade()) {
            world.trace.sometimes(point);
        }
    }
}

/// A random number from the stream of the node whose task asks; `None` outside of a node.
pub fn draw_for_current_node() -> Option<u64> {
    current_process().map(|process| process.rng.lock().expect("no panic under this lock").next_u64())
}
