use std::time::Duration;

use rand::RngExt;

use crate::host::Rng;

/// The first rest after a failed attempt, without jitter.
const REST_MIN: Duration = Duration::from_millis(50);
/// No rest is longer: a peer that comes back is found within this.
const REST_MAX: Duration = Duration::from_secs(2);

/// How long to leave a peer alone after failed attempts to reach it: doubling, with jitter, so that nodes that lost a
/// peer together do not come back together.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// One more attempt failed: how long to rest.
    pub fn failed(&mut self, rng: &mut Rng) -> Duration {
        // Capped, so that the power of two cannot overflow.
        let doubled = REST_MIN.saturating_mul(1 << self.failures.min(16)).min(REST_MAX);
        self.failures = self.failures.saturating_add(1);
        doubled.mul_f64(rng.random_range(0.75..=1.0))
    }

    /// The peer answered.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn rests_double_to_a_bound_and_start_again_after_success() {
        let mut rng = Rng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        let mut expected = REST_MIN;
        for _ in 0..40 {
            let rest = backoff.failed(&mut rng);
            assert!(rest <= expected && rest >= expected.mul_f64(0.75), "{rest:?} for {expected:?}");
            expected = (expected * 2).min(REST_MAX);
        }
        backoff.succeeded();
        assert!(backoff.failed(&mut rng) <= REST_MIN);
    }
}
