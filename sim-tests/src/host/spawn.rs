//! Tasks of a simulated node.

use std::sync::Arc;

use confman::host::{BoxFuture, Spawn, TaskHandle};

use crate::runtime::cause::Caused;
use crate::runtime::{Guarded, Panicked};
use crate::world::Incarnation;

/// [`Spawn`] of one node: tasks run on its madsim node, and a panic in one stops the node.
pub struct SimSpawn(Arc<Incarnation>);

impl SimSpawn {
    pub fn new(process: Arc<Incarnation>) -> SimSpawn {
        SimSpawn(process)
    }
}

impl Spawn for SimSpawn {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        if !self.0.is_alive() {
            return TaskHandle::new(|| {});
        }
        let process = self.0.clone();
        let guarded = Guarded::new(task);
        let running = self.0.tasks().spawn(Caused::new(async move {
            if let Err(Panicked(what)) = guarded.await {
                process.fatal(&format!("task {name} panicked: {what}"));
            }
        }));
        let abort = running.abort_handle();
        TaskHandle::new(move || abort.abort())
    }
}
