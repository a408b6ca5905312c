use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::base::Monotonic;
use crate::host::{Clock, Connection};

/// A node closes what is silent for 75 s, by default. What it closes just as a write is sent leaves the write's outcome
/// unknown: so no connection comes near that age.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Connections kept per node.
const KEPT_MAX: usize = 8;

/// Connections that are open and not in use, by base URL.
pub(super) struct Pool {
    clock: Arc<dyn Clock>,
    idle: Mutex<BTreeMap<String, Vec<Idle>>>,
}

struct Idle {
    connection: Box<dyn Connection>,
    since: Monotonic,
}

impl Pool {
    pub fn new(clock: Arc<dyn Clock>) -> Pool {
        Pool { clock, idle: Mutex::default() }
    }

    /// One that is still good, the one used last.
    pub fn take(&self, base: &str) -> Option<Box<dyn Connection>> {
        let now = self.clock.now();
        let mut idle = self.lock();
        let kept = idle.get_mut(base)?;
        while let Some(Idle { connection, since }) = kept.pop() {
            if connection.is_open() && now.since(since) < IDLE_MAX {
                return Some(connection);
            }
        }
        None
    }

    /// Gives one back whose answer was read to its end.
    pub fn give_back(&self, base: &str, connection: Box<dyn Connection>) {
        if !connection.is_open() {
            return;
        }
        let since = self.clock.now();
        let mut idle = self.lock();
        let kept = idle.entry(base.to_owned()).or_default();
        kept.retain(|one| one.connection.is_open() && since.since(one.since) < IDLE_MAX);
        if kept.len() < KEPT_MAX {
            kept.push(Idle { connection, since });
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Idle>>> {
        self.idle.lock().expect("no holder of this lock can panic")
    }
}
