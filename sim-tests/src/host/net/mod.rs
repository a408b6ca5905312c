//! Links between nodes that lose, delay, repeat, reorder, hold and cut.

mod conditions;
mod lots;
mod pipe;

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
pub use conditions::{Conditions, Disturbance, Effect, NetSettings};
use confman::host::{BoxFuture, Link, PeerNet};
pub use lots::Lot;
use lots::Lots;
use pipe::{Pipe, PipeReceiver, PipeSender};

use crate::coverage::Point;
use crate::runtime::{elapsed, sleep};
use crate::trace::{Member, Trace};
use crate::world::{Incarnation, Stop};

/// A place on the network: a node, or a client from [`FIRST_CLIENT`] on.
pub type Place = u64;

/// The first number that is a client's.
pub const FIRST_CLIENT: Place = 1_000;

/// Sees every frame that arrives at a living node.
pub trait FrameTap: Send + Sync {
    /// What a frame is, for the trace.
    fn what(&self, frame: &Bytes) -> &'static str;

    /// A frame arrives.
    fn frame(&self, from: Place, to: Place, frame: &Bytes);

    /// Sees every frame at the moment at which a node sends it, whatever becomes of it on its way. Both directions of
    /// a link have one number, which no other link has.
    fn sent(&self, _link: u64, _from: Place, _to: Place, _frame: &Bytes) {}
}

/// Links that wait to be accepted, before connecting is refused.
const BACKLOG_MAX: usize = 64;

/// How long a connection attempt waits before it knocks again.
const KNOCK_AGAIN: Duration = Duration::from_secs(1);

/// The network of a run.
#[derive(Clone)]
pub struct Net(Arc<Mutex<Inner>>);

struct Inner {
    settings: NetSettings,
    lots: Lots,
    trace: Trace,
    disturbances: BTreeMap<u64, Disturbance>,
    next_disturbance: u64,
    next_pipe: u64,
    /// Frames and links are numbered, so that what arrives at one moment arrives in one order.
    next_item: u64,
    addresses: BTreeMap<String, Place>,
    listeners: BTreeMap<Place, Listener>,
    /// Machines without power answer nothing, not even a refusal.
    dark: BTreeMap<Place, ()>,
    pipes: BTreeMap<u64, Weak<Pipe>>,
    tap: Option<Arc<dyn FrameTap>>,
}

struct Listener {
    process: Arc<Incarnation>,
    waiting: VecDeque<Link>,
    waker: Option<Waker>,
}

impl Net {
    /// The network of a run with this seed.
    pub fn new(settings: NetSettings, seed: u64, trace: Trace) -> Net {
        Net(Arc::new(Mutex::new(Inner {
            settings,
            lots: Lots::new(seed),
            trace,
            disturbances: BTreeMap::new(),
            next_disturbance: 0,
            next_pipe: 0,
            next_item: 0,
            addresses: BTreeMap::new(),
            listeners: BTreeMap::new(),
            dark: BTreeMap::new(),
            pipes: BTreeMap::new(),
            tap: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic under this lock")
    }

    /// Gives a machine an address.
    pub fn name(&self, address: &str, place: Place) {
        self.lock().addresses.insert(address.to_owned(), place);
    }

    /// Lets `tap` see every frame that arrives.
    pub fn set_tap(&self, tap: Arc<dyn FrameTap>) {
        self.lock().tap = Some(tap);
    }

    /// Begins a disturbance; the number ends it.
    pub fn disturb(&self, disturbance: Disturbance) -> u64 {
        let mut inner = self.lock();
        inner.next_disturbance += 1;
        let number = inner.next_disturbance;
        inner.disturbances.insert(number, disturbance);
        number
    }

    /// Ends a disturbance. What a cut held goes on its way.
    pub fn calm(&self, number: u64) {
        self.lock().disturbances.remove(&number);
        self.release();
    }

    /// Ends all disturbances.
    pub fn calm_all(&self) {
        self.lock().disturbances.clear();
        self.release();
    }

    fn release(&self) {
        let pipes: Vec<Arc<Pipe>> = self.lock().pipes.values().filter_map(Weak::upgrade).collect();
        for pipe in pipes {
            if !self.conditions(pipe.from(), pipe.to()).cut {
                pipe.release(self);
            }
        }
    }

    /// What a message from one place to another meets now.
    pub fn conditions(&self, from: Place, to: Place) -> Conditions {
        let inner = self.lock();
        Conditions::of(&inner.settings, inner.disturbances.values(), from, to)
    }

    /// How long a message takes under these conditions.
    pub fn delay(&self, from: Place, to: Place, conditions: &Conditions) -> Duration {
        self.lock().lots.delay(from, to, conditions.delay_us)
    }

    /// Whether something with this probability happens to a message from one place to another.
    pub fn chance(&self, from: Place, to: Place, lot: Lot, probability: f64) -> bool {
        probability > 0.0 && self.lock().lots.chance(from, to, lot, probability)
    }

    /// Whether a process on this machine listens; `None` where the machine is dark.
    pub fn listens(&self, place: Place) -> Option<bool> {
        let inner = self.lock();
        (!inner.dark.contains_key(&place)).then(|| inner.listeners.contains_key(&place))
    }

    /// A number for a message, or a copy of one, that no other has.
    pub fn number(&self) -> u64 {
        let mut inner = self.lock();
        inner.next_item += 1;
        inner.next_item
    }

    fn tap(&self, from: Place, to: Place, frame: &Bytes) {
        let tap = self.lock().tap.clone();
        if let Some(tap) = tap {
            tap.frame(from, to, frame);
        }
    }

    fn what(&self, frame: &Bytes) -> &'static str {
        let tap = self.lock().tap.clone();
        tap.map_or("frame", |tap| tap.what(frame))
    }

    fn tap_sent(&self, link: u64, from: Place, to: Place, frame: &Bytes) {
        let tap = self.lock().tap.clone();
        if let Some(tap) = tap {
            tap.sent(link, from, to, frame);
        }
    }

    fn sometimes(&self, point: Point) {
        self.lock().trace.sometimes(point);
    }

    /// A process began to listen.
    pub fn started(&self, process: &Arc<Incarnation>) {
        let mut inner = self.lock();
        inner.dark.remove(&process.node);
        let listener = Listener { process: process.clone(), waiting: VecDeque::new(), waker: None };
        inner.listeners.insert(process.node, listener);
    }

    /// A process ended. Its system closes its links, unless it went dark with them.
    pub fn stopped(&self, process: &Arc<Incarnation>, how: Stop) {
        let mut inner = self.lock();
        let listener = inner.listeners.remove(&process.node);
        if how == Stop::PowerLoss {
            inner.dark.insert(process.node, ());
        }
        inner.pipes.retain(|_, pipe| pipe.strong_count() > 0);
        let pipes: Vec<Arc<Pipe>> = inner.pipes.values().filter_map(Weak::upgrade).collect();
        drop(inner);
        drop(listener);
        if how == Stop::Crash {
            for pipe in pipes {
                pipe.end_of_process(self, process);
            }
        }
    }

    /// A machine without a process went dark.
    pub fn darken(&self, place: Place) {
        self.lock().dark.insert(place, ());
    }

    fn pipe(&self, from: &Arc<Incarnation>, to: &Arc<Incarnation>) -> Arc<Pipe> {
        let mut inner = self.lock();
        inner.next_pipe += 1;
        let number = inner.next_pipe;
        let pipe = Arc::new(Pipe::new(number, from.clone(), to.clone()));
        inner.pipes.insert(number, Arc::downgrade(&pipe));
        pipe
    }

    fn link(&self, process: &Arc<Incarnation>, out: &Arc<Pipe>, inward: &Arc<Pipe>, remote: Place) -> Link {
        Link {
            sender: Box::new(PipeSender::new(self.clone(), process.clone(), out.clone())),
            receiver: Box::new(PipeReceiver::new(self.clone(), process.clone(), inward.clone())),
            remote: format!("node {remote}"),
        }
    }

    /// Joins two processes; the far one finds the link among those to accept.
    fn join(&self, near: &Arc<Incarnation>, to: Place) -> io::Result<Link> {
        let refused = |why: &str| io::Error::new(io::ErrorKind::ConnectionRefused, why.to_owned());
        let far = {
            let inner = self.lock();
            let listener = inner.listeners.get(&to).ok_or_else(|| refused("nobody listens"))?;
            if listener.waiting.len() >= BACKLOG_MAX {
                return Err(refused("too many links wait to be accepted"));
            }
            listener.process.clone()
        };
        let (out, back) = (self.pipe(near, &far), self.pipe(&far, near));
        let theirs = self.link(&far, &back, &out, near.node);
        let waker = {
            let mut inner = self.lock();
            let listener = inner.listeners.get_mut(&to).expect("it was there, and nothing ran since");
            listener.waiting.push_back(theirs);
            listener.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(self.link(near, &out, &back, to))
    }
}

/// [`PeerNet`] of one incarnation.
pub struct SimNet {
    net: Net,
    process: Arc<Incarnation>,
}

impl SimNet {
    pub fn new(net: Net, process: Arc<Incarnation>) -> SimNet {
        SimNet { net, process }
    }
}

impl PeerNet for SimNet {
    fn connect(&self, addr: &str) -> BoxFuture<'static, io::Result<Link>> {
        let (net, process, addr) = (self.net.clone(), self.process.clone(), addr.to_owned());
        Box::pin(async move {
            let Some(to) = net.lock().addresses.get(&addr).copied() else {
                return Err(io::Error::new(io::ErrorKind::NotFound, format!("{addr}: no such host")));
            };
            loop {
                let there = net.conditions(process.node, to);
                let back = net.conditions(to, process.node);
                let near = process.node;
                let lost = there.cut
                    || back.cut
                    || net.chance(near, to, Lot::Loss, there.loss)
                    || net.chance(to, near, Lot::Loss, back.loss);
                if !lost && net.listens(to).is_some() {
                    sleep(net.delay(near, to, &there) + net.delay(to, near, &back)).await;
                    break;
                }
                // Nobody answers and nobody refuses: as in life, the knocking goes on until the caller gives up.
                sleep(KNOCK_AGAIN).await;
            }
            let joined = net.join(&process, to);
            let how = joined.as_ref().map_or_else(|error| error.to_string(), |_| "joined".to_owned());
            process.record("connect", &[("to", Member::Place(to))], format_args!("{how}"));
            joined
        })
    }

    fn accept(&self) -> BoxFuture<'static, io::Result<Link>> {
        let (net, process) = (self.net.clone(), self.process.clone());
        process.accepts();
        Box::pin(poll_fn(move |cx| {
            let mut inner = net.lock();
            let listener = inner.listeners.get_mut(&process.node).filter(|l| Arc::ptr_eq(&l.process, &process));
            let Some(listener) = listener else {
                return Poll::Ready(Err(io::Error::other("this process is dead")));
            };
            match listener.waiting.pop_front() {
                Some(link) => Poll::Ready(Ok(link)),
                None => {
                    listener.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        }))
    }
}

/// When something sent now arrives.
fn arrival(after: Duration) -> Duration {
    elapsed() + after
}
