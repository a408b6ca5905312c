use std::time::Duration;

/// Once everything is healed, the cluster elects, converges and serves again, on every node, within this time.
///
/// Confman's own law of availability; the liveness phase after the safety phase is TigerBeetle's (its VOPR).
pub const WITHIN: Duration = Duration::from_secs(30);

pub const NAME: &str = "served again within 30 seconds of healing";
