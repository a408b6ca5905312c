//! Randomness of one incarnation, from the run's seed.

use std::collections::BTreeMap;
use std::sync::Mutex;

use confman::host::{Entropy, Rng};

use crate::seed::stream;
use crate::world::Incarnation;

/// [`Entropy`] of one node: a stream per label, incarnation and number of the fork.
pub struct SimEntropy {
    seed: u64,
    prefix: String,
    forks: Mutex<BTreeMap<&'static str, u64>>,
}

impl SimEntropy {
    pub fn new(seed: u64, process: &Incarnation) -> SimEntropy {
        SimEntropy { seed, prefix: format!("nodes/{}/{}", process.node, process.number), forks: Mutex::default() }
    }
}

impl Entropy for SimEntropy {
    fn fork(&self, label: &'static str) -> Rng {
        let mut forks = self.forks.lock().expect("no panic under this lock");
        let count = forks.entry(label).or_default();
        *count += 1;
        stream(self.seed, &format!("{}/{label}/{count}", self.prefix))
    }
}
