use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::SeedableRng;
use sha2::{Digest, Sha256};

use crate::host::{Entropy, Rng};

/// Randomness from the operating system, drawn once.
pub struct SystemEntropy {
    seed: [u8; 32],
    forks: AtomicU64,
}

impl SystemEntropy {
    /// Draws the seed.
    pub fn draw() -> io::Result<SystemEntropy> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| io::Error::other(format!("no randomness: {error}")))?;
        Ok(SystemEntropy { seed, forks: AtomicU64::new(0) })
    }
}

impl Entropy for SystemEntropy {
    fn fork(&self, label: &'static str) -> Rng {
        // The count keeps two streams of one label apart.
        let count = self.forks.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::new().chain_update(self.seed).chain_update(count.to_le_bytes()).chain_update(label);
        Rng::from_seed(digest.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn no_two_streams_are_alike() {
        let (one, other) = (SystemEntropy::draw().unwrap(), SystemEntropy::draw().unwrap());
        let drawn = [one.fork("a"), one.fork("a"), one.fork("b"), other.fork("a")].map(|mut rng| rng.random::<u128>());
        for (at, number) in drawn.iter().enumerate() {
            assert!(!drawn[..at].contains(number), "{drawn:?}");
        }
    }
}
