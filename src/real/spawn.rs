use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tracing::Instrument;

use super::lifeline::panic_message;
use crate::host::{BoxFuture, Lifeline, Spawn, TaskHandle};

/// Tasks on a tokio runtime. One that panics ends the node: what it owned is in an unknown state.
pub struct TokioSpawn {
    runtime: Handle,
    lifeline: Arc<dyn Lifeline>,
}

impl TokioSpawn {
    pub fn new(runtime: Handle, lifeline: Arc<dyn Lifeline>) -> TokioSpawn {
        TokioSpawn { runtime, lifeline }
    }
}

impl Spawn for TokioSpawn {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        let lifeline = self.lifeline.clone();
        let guarded = async move {
            // The task is dropped after a panic, never polled again.
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                lifeline.fatal(&format!("task {name} panicked: {}", panic_message(&*panic)));
            }
        };
        let running = self.runtime.spawn(guarded.instrument(tracing::debug_span!("task", name)));
        TaskHandle::new(move || running.abort())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::{mpsc, oneshot};

    use super::super::lifeline::ProcessLifeline;
    use super::*;

    #[tokio::test]
    async fn a_panic_names_its_task_and_ends_the_node() {
        let (told, mut reasons) = mpsc::unbounded_channel();
        let lifeline = Arc::new(ProcessLifeline::with_hook(move |reason| told.send(reason.to_owned()).unwrap()));
        let spawn = TokioSpawn::new(Handle::current(), lifeline);
        spawn.spawn("apply", Box::pin(async { panic!("went back by {}", 3) }));
        assert_eq!(reasons.recv().await.unwrap(), "task apply panicked: went back by 3");
    }

    #[tokio::test]
    async fn a_task_goes_on_without_its_handle_and_ends_when_aborted() {
        let spawn = TokioSpawn::new(Handle::current(), Arc::new(ProcessLifeline::with_hook(|_| {})));
        let (done, outcome) = oneshot::channel();
        drop(spawn.spawn("short", Box::pin(async move { done.send(1).unwrap() })));
        assert_eq!(outcome.await, Ok(1));
        let (held, outcome) = oneshot::channel::<()>();
        let endless = Box::pin(async move {
            let _held = held;
            std::future::pending().await
        });
        spawn.spawn("endless", endless).abort();
        tokio::time::timeout(Duration::from_secs(5), outcome).await.unwrap().unwrap_err();
    }
}
