use std::any::Any;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::host::Lifeline;

/// The exit code of a node that ended itself (`EX_SOFTWARE` of sysexits.h).
pub const FATAL_EXIT_CODE: i32 = 70;

/// Ends the process: the node's state is not to be trusted, and a restart recovers from disk.
pub struct ProcessLifeline {
    hook: Box<dyn Fn(&str) + Send + Sync>,
    ended: AtomicBool,
}

impl ProcessLifeline {
    /// Logs the reason and exits with [`FATAL_EXIT_CODE`], without any clean-up that could do harm.
    pub fn exiting() -> ProcessLifeline {
        ProcessLifeline::with_hook(|_| {
            // What stdout buffers is lost otherwise; stderr buffers nothing. No waiting beyond that: each moment that
            // other tasks go on is one in which they might answer from a broken state.
            let _ = std::io::stdout().flush();
            std::process::exit(FATAL_EXIT_CODE);
        })
    }

    /// Logs the reason and calls `hook` with it, once: for tests, and for who embeds a node.
    pub fn with_hook(hook: impl Fn(&str) + Send + Sync + 'static) -> ProcessLifeline {
        ProcessLifeline { hook: Box::new(hook), ended: AtomicBool::new(false) }
    }
}

impl Lifeline for ProcessLifeline {
    fn fatal(&self, reason: &str) {
        if self.ended.swap(true, Ordering::SeqCst) {
            tracing::error!(reason, "the node is stopping already");
        } else {
            tracing::error!(reason, "the node stops itself");
            (self.hook)(reason);
        }
    }
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
