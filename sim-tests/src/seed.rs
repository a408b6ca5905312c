//! One seed, many independent streams, so that taking one fault out of a run leaves the rest as it was.

use rand::SeedableRng;
use rand::rngs::StdRng;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The stream of randomness that `label` names under `seed`. The same two give the same stream, always.
pub fn stream(seed: u64, label: &str) -> StdRng {
    let mut key = [0u8; 32];
    for (i, part) in key.chunks_exact_mut(8).enumerate() {
        let hash = xxh3_64_with_seed(label.as_bytes(), seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ i as u64);
        part.copy_from_slice(&hash.to_le_bytes());
    }
    StdRng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_seed_and_label() {
        let first = |seed, label| stream(seed, label).random::<u64>();
        assert_eq!(first(1, "disk"), first(1, "disk"));
        assert_ne!(first(1, "disk"), first(2, "disk"));
        assert_ne!(first(1, "disk"), first(1, "network"));
    }
}
