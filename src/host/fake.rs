//! A host in memory for unit tests: tokio tasks, tokio time (pause it in the test), files that lose power as disks do,
//! stores that lose commits as engines do. Peers are unreachable.

mod files;
mod stores;

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use files::{FakeFiles, SECTOR};
use futures_util::FutureExt;
use rand::SeedableRng;
pub use stores::FakeStores;

use super::{BoxFuture, Clock, Entropy, Host, Lifeline, Link, PeerNet, Rng, Spawn, TaskHandle};
use crate::base::{Monotonic, WallTime};

/// A host bundle whose files, stores, clock and lifeline can be reached by the test.
pub struct FakeHost {
    pub host: Host,
    pub files: Arc<FakeFiles>,
    pub stores: Arc<FakeStores>,
    pub clock: Arc<FakeClock>,
    pub lifeline: Arc<FakeLifeline>,
    tasks: Arc<FakeSpawn>,
}

/// A fresh host. Must be called within a tokio runtime.
pub fn host() -> FakeHost {
    bundle(Arc::new(FakeFiles::new()), Arc::new(FakeStores::new()))
}

impl FakeHost {
    /// The same, drawing other random numbers: for several hosts that talk to each other.
    pub fn seeded(mut self, seed: u64) -> FakeHost {
        self.host.entropy = Arc::new(FakeEntropy(seed));
        self
    }

    /// Ends all tasks and fences all files; what comes back has lost of the unsynced whatever `rng` says.
    pub fn power_loss(&self, rng: &mut Rng) -> FakeHost {
        self.tasks.abort_all();
        bundle(self.files.power_loss(rng), self.stores.power_loss(rng))
    }

    /// Ends all tasks and fences all files, as a killed process does: everything written is kept.
    pub fn kill(&self) -> FakeHost {
        self.tasks.abort_all();
        bundle(self.files.kill(), self.stores.clone())
    }

    /// Why the node stopped itself, if it did.
    pub fn fatal_reason(&self) -> Option<String> {
        self.lifeline.reason()
    }
}

fn bundle(files: Arc<FakeFiles>, stores: Arc<FakeStores>) -> FakeHost {
    let clock = Arc::new(FakeClock::new());
    let lifeline = Arc::new(FakeLifeline::default());
    let tasks = Arc::new(FakeSpawn { lifeline: lifeline.clone(), aborts: Mutex::new(Vec::new()) });
    let host = Host {
        clock: clock.clone(),
        spawn: tasks.clone(),
        entropy: Arc::new(FakeEntropy(7)),
        files: files.clone(),
        stores: stores.clone(),
        peers: Arc::new(NoPeers),
        lifeline: lifeline.clone(),
    };
    FakeHost { host, files, stores, clock, lifeline, tasks }
}

/// tokio's time; the wall clock starts at a fixed moment and can be moved.
pub struct FakeClock {
    start: tokio::time::Instant,
    wall_start: Mutex<WallTime>,
}

impl FakeClock {
    fn new() -> FakeClock {
        FakeClock { start: tokio::time::Instant::now(), wall_start: Mutex::new(WallTime(1_700_000_000_000)) }
    }

    /// Makes the wall clock say `at` now.
    pub fn set_wall(&self, at: WallTime) {
        let elapsed = self.start.elapsed().as_millis() as u64;
        *self.wall_start.lock().expect("no test panics holding it") = WallTime(at.0.saturating_sub(elapsed));
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Monotonic {
        Monotonic(self.start.elapsed())
    }

    fn wall(&self) -> WallTime {
        self.wall_start.lock().expect("no test panics holding it").after(self.start.elapsed())
    }

    fn sleep_until(&self, at: Monotonic) -> BoxFuture<'static, ()> {
        let left = at.since(self.now());
        Box::pin(async move {
            if left > Duration::ZERO {
                tokio::time::sleep(left).await;
            }
        })
    }
}

struct FakeSpawn {
    lifeline: Arc<FakeLifeline>,
    aborts: Mutex<Vec<tokio::task::AbortHandle>>,
}

impl FakeSpawn {
    fn abort_all(&self) {
        for task in self.aborts.lock().expect("no test panics holding it").drain(..) {
            task.abort();
        }
    }
}

impl Spawn for FakeSpawn {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        let lifeline = self.lifeline.clone();
        let running = tokio::spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                lifeline.fatal(&format!("task {name} panicked"));
            }
        });
        let abort = running.abort_handle();
        self.aborts.lock().expect("no test panics holding it").push(abort.clone());
        TaskHandle::new(move || abort.abort())
    }
}

/// Remembers the first reason for which the node would have died.
#[derive(Default)]
pub struct FakeLifeline(Mutex<Option<String>>);

impl FakeLifeline {
    pub fn reason(&self) -> Option<String> {
        self.0.lock().expect("no test panics holding it").clone()
    }
}

impl Lifeline for FakeLifeline {
    fn fatal(&self, reason: &str) {
        self.0.lock().expect("no test panics holding it").get_or_insert_with(|| reason.to_owned());
    }
}

/// Streams that follow from a seed.
pub struct FakeEntropy(pub u64);

impl Entropy for FakeEntropy {
    fn fork(&self, label: &'static str) -> Rng {
        Rng::seed_from_u64(label.bytes().fold(self.0, |seed, b| seed.wrapping_mul(31).wrapping_add(u64::from(b))))
    }
}

struct NoPeers;

impl PeerNet for NoPeers {
    fn connect(&self, _addr: &str) -> BoxFuture<'static, io::Result<Link>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::ConnectionRefused.into())))
    }

    fn accept(&self) -> BoxFuture<'static, io::Result<Link>> {
        Box::pin(std::future::pending())
    }
}
