//! How a simulated node stops itself.

use std::sync::Arc;

use confman::host::Lifeline;

use crate::world::Incarnation;

/// [`Lifeline`] of one node: records who, when and why, then ends the process.
pub struct SimLifeline(Arc<Incarnation>);

impl SimLifeline {
    pub fn new(process: Arc<Incarnation>) -> SimLifeline {
        SimLifeline(process)
    }
}

impl Lifeline for SimLifeline {
    fn fatal(&self, reason: &str) {
        self.0.fatal(reason);
    }
}
