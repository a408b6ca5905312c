//! A small world for the tests of this module: virtual time, one thread, and a network that can be told to misbehave.
//! Nothing in it depends on how fast the machine is.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, oneshot};

use crate::base::{Monotonic, NodeId, StorageId, WallTime};
use crate::host::*;

/// The world's executor, clock and network. Cheap to clone.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    ready: Mutex<VecDeque<Arc<Task>>>,
    now: Mutex<Monotonic>,
    timers: Mutex<BTreeMap<(Monotonic, u64), Waker>>,
    serial: AtomicU64,
    live_tasks: AtomicU64,
    network: Mutex<Network>,
}

struct Task {
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    world: Weak<Inner>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if let Some(world) = self.world.upgrade() {
            world.ready.lock().unwrap().push_back(self);
        }
    }
}

impl Task {
    fn end(&self) {
        // Dropped outside the lock: what a future drops may wake or end others.
        let ended = self.future.lock().unwrap().take();
        if ended.is_some()
            && let Some(world) = self.world.upgrade()
        {
            world.live_tasks.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl World {
    pub fn new(seed: u64) -> World {
        World(Arc::new(Inner {
            ready: Mutex::default(),
            now: Mutex::new(Monotonic(Duration::from_secs(1000))),
            timers: Mutex::default(),
            serial: AtomicU64::new(0),
            live_tasks: AtomicU64::new(0),
            network: Mutex::new(Network {
                rng: Rng::seed_from_u64(seed),
                faults: Faults::default(),
                listeners: BTreeMap::new(),
                behaviour: BTreeMap::new(),
                connects: BTreeMap::new(),
                sends: 0,
                frames: 0,
            }),
        }))
    }

    pub fn now(&self) -> Monotonic {
        *self.0.now.lock().unwrap()
    }

    pub fn in_ms(&self, ms: u64) -> Monotonic {
        self.now().after(Duration::from_millis(ms))
    }

    pub async fn sleep_ms(&self, ms: u64) {
        self.sleep_until(self.in_ms(ms)).await;
    }

    /// Tasks that have not ended.
    pub fn live_tasks(&self) -> u64 {
        self.0.live_tasks.load(Ordering::Relaxed)
    }

    /// Runs the world until `main` is done, as fast as it goes.
    pub fn run<T: Send + 'static>(&self, main: impl Future<Output = T> + Send + 'static) -> T {
        let (done, mut result) = oneshot::channel();
        self.spawn("main", Box::pin(async move { drop(done.send(main.await)) }));
        loop {
            if let Ok(result) = result.try_recv() {
                return result;
            }
            let next = self.0.ready.lock().unwrap().pop_front();
            match next {
                Some(task) => {
                    let waker = Waker::from(task.clone());
                    let future = task.future.lock().unwrap().take();
                    if let Some(mut future) = future {
                        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                            Poll::Pending => *task.future.lock().unwrap() = Some(future),
                            Poll::Ready(()) => drop(self.0.live_tasks.fetch_sub(1, Ordering::Relaxed)),
                        }
                    }
                }
                None => {
                    let ((at, _), waker) = self.0.timers.lock().unwrap().pop_first().expect("nothing will ever happen");
                    let mut now = self.0.now.lock().unwrap();
                    *now = at.max(*now);
                    drop(now);
                    waker.wake();
                }
            }
        }
    }

    /// The host of the node that listens on `address`; `None` for a caller that does not listen.
    pub fn host(&self, address: Option<&str>) -> Host {
        let (inbox, accepted) = mpsc::unbounded_channel();
        if let Some(address) = address {
            self.network().listeners.insert(address.to_owned(), inbox);
        }
        let here = Arc::new(Here { world: self.clone(), accepted: Arc::new(tokio::sync::Mutex::new(accepted)) });
        Host {
            clock: Arc::new(self.clone()),
            spawn: Arc::new(self.clone()),
            entropy: Arc::new(self.clone()),
            files: here.clone(),
            stores: here.clone(),
            peers: here,
            lifeline: Arc::new(self.clone()),
        }
    }

    pub fn network(&self) -> std::sync::MutexGuard<'_, Network> {
        self.0.network.lock().unwrap()
    }

    /// A link as a stranger would open it.
    pub fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<Link>> {
        self.host(None).peers.connect(address)
    }
}

impl Clock for World {
    fn now(&self) -> Monotonic {
        World::now(self)
    }

    fn wall(&self) -> WallTime {
        WallTime(0)
    }

    fn sleep_until(&self, at: Monotonic) -> BoxFuture<'static, ()> {
        let world = self.clone();
        let serial = self.0.serial.fetch_add(1, Ordering::Relaxed);
        Box::pin(poll_fn(move |cx| {
            if world.now() >= at {
                return Poll::Ready(());
            }
            world.0.timers.lock().unwrap().insert((at, serial), cx.waker().clone());
            Poll::Pending
        }))
    }
}

impl Spawn for World {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        self.0.live_tasks.fetch_add(1, Ordering::Relaxed);
        let task = Arc::new(Task { future: Mutex::new(Some(task)), world: Arc::downgrade(&self.0) });
        task.clone().wake();
        TaskHandle::new(move || task.end())
    }
}

impl Entropy for World {
    fn fork(&self, _label: &'static str) -> Rng {
        Rng::seed_from_u64(self.network().rng.random())
    }
}

impl Lifeline for World {
    fn fatal(&self, reason: &str) {
        panic!("{reason}");
    }
}

/// What the network does to each frame.
#[derive(Clone, Default)]
pub struct Faults {
    /// The chance that it is lost; 1.0 is a cut that nobody notices.
    pub loss: f64,
    /// The chance that it arrives twice.
    pub repeat: f64,
    /// The longest delay. Frames overtake each other within it.
    pub delay_ms: u64,
}

/// What an address does to those who connect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    Refuse,
    Hang,
}

pub struct Network {
    rng: Rng,
    pub faults: Faults,
    listeners: BTreeMap<String, mpsc::UnboundedSender<Link>>,
    pub behaviour: BTreeMap<String, Behaviour>,
    /// How often each address was connected to, whatever came of it.
    pub connects: BTreeMap<String, u64>,
    /// Calls of `LinkSender::send`, and the frames in them.
    pub sends: u64,
    pub frames: u64,
}

impl Network {
    pub fn connects(&self, address: &str) -> u64 {
        self.connects.get(address).copied().unwrap_or_default()
    }
}

/// One node's place in the world.
struct Here {
    world: World,
    accepted: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Link>>>,
}

struct End {
    world: World,
    out: mpsc::UnboundedSender<Bytes>,
}

struct Ear(mpsc::UnboundedReceiver<Bytes>);

impl PeerNet for Here {
    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<Link>> {
        let mut network = self.world.network();
        *network.connects.entry(address.to_owned()).or_default() += 1;
        match (network.behaviour.get(address), network.listeners.get(address)) {
            (Some(Behaviour::Hang), _) => Box::pin(std::future::pending()),
            (None, Some(listener)) => {
                let (there, ear_here) = mpsc::unbounded_channel();
                let (here, ear_there) = mpsc::unbounded_channel();
                let link = |out, ear| Link {
                    sender: Box::new(End { world: self.world.clone(), out }),
                    receiver: Box::new(Ear(ear)),
                    remote: "somewhere".to_owned(),
                };
                let accepted = listener.send(link(there, ear_there)).is_ok();
                let link = link(here, ear_here);
                Box::pin(async move { if accepted { Ok(link) } else { Err(io::ErrorKind::ConnectionRefused.into()) } })
            }
            _ => Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }),
        }
    }

    fn accept(&self) -> BoxFuture<'static, io::Result<Link>> {
        let accepted = self.accepted.clone();
        Box::pin(async move { accepted.lock().await.recv().await.ok_or_else(|| io::ErrorKind::BrokenPipe.into()) })
    }
}

impl LinkSender for End {
    fn send(&mut self, frames: Vec<Bytes>) -> BoxFuture<'_, io::Result<()>> {
        let mut network = self.world.network();
        let Faults { loss, repeat, delay_ms } = network.faults;
        network.sends += 1;
        network.frames += frames.len() as u64;
        let closed = self.out.is_closed();
        for frame in frames {
            if network.rng.random_bool(loss) {
                continue;
            }
            for _ in 0..1 + u8::from(network.rng.random_bool(repeat)) {
                let (world, out, frame) = (self.world.clone(), self.out.clone(), frame.clone());
                let at = world.in_ms(network.rng.random_range(0..=delay_ms));
                if at == world.now() {
                    let _ = out.send(frame);
                } else {
                    self.world.spawn(
                        "frame",
                        Box::pin(async move {
                            world.sleep_until(at).await;
                            let _ = out.send(frame);
                        }),
                    );
                }
            }
        }
        Box::pin(async move { if closed { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) } })
    }
}

impl LinkReceiver for Ear {
    fn recv(&mut self, bytes_max: usize) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        Box::pin(async move {
            match self.0.recv().await {
                Some(frame) if frame.len() > bytes_max => Err(io::ErrorKind::InvalidData.into()),
                frame => Ok(frame),
            }
        })
    }
}

const NO_DISK: &str = "peers touch no disk";

impl Files for Here {
    fn create(&self, _: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        unreachable!("{NO_DISK}")
    }
    fn open(&self, _: &str) -> BoxFuture<'static, io::Result<Arc<dyn File>>> {
        unreachable!("{NO_DISK}")
    }
    fn rename(&self, _: &str, _: &str) -> BoxFuture<'static, io::Result<()>> {
        unreachable!("{NO_DISK}")
    }
    fn remove(&self, _: &str) -> BoxFuture<'static, io::Result<()>> {
        unreachable!("{NO_DISK}")
    }
    fn list(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<String>>> {
        unreachable!("{NO_DISK}")
    }
    fn create_dir(&self, _: &str) -> BoxFuture<'static, io::Result<()>> {
        unreachable!("{NO_DISK}")
    }
    fn sync_dir(&self, _: &str) -> BoxFuture<'static, io::Result<()>> {
        unreachable!("{NO_DISK}")
    }
    fn free_bytes(&self) -> BoxFuture<'static, io::Result<u64>> {
        unreachable!("{NO_DISK}")
    }
}

impl Stores for Here {
    fn open(&self, _: &str) -> BoxFuture<'static, Result<Arc<dyn Store>, StoreError>> {
        unreachable!("{NO_DISK}")
    }
    fn remove(&self, _: &str) -> BoxFuture<'static, Result<(), StoreError>> {
        unreachable!("{NO_DISK}")
    }
    fn list(&self) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        unreachable!("{NO_DISK}")
    }
}

/// A storage id that goes with a node id.
pub fn storage_of(node: u64) -> (NodeId, StorageId) {
    (NodeId(node), StorageId(u128::from(node) << 64 | 7))
}
