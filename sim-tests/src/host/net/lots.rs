use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::Place;
use crate::seed::stream;

/// What is drawn for a message. Each has a stream of its own, so that a fault more or less does not shift the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lot {
    Delay,
    Loss,
    Duplication,
    Reordering,
    /// Whether a server notices that its client hung up.
    HangUp,
}

/// The streams of a network: for each direction between two places, and for each lot.
pub(super) struct Lots {
    seed: u64,
    streams: BTreeMap<(Place, Place, Lot), StdRng>,
}

impl Lots {
    pub(super) fn new(seed: u64) -> Lots {
        Lots { seed, streams: BTreeMap::new() }
    }

    fn stream(&mut self, from: Place, to: Place, lot: Lot) -> &mut StdRng {
        let Lots { seed, streams } = self;
        streams.entry((from, to, lot)).or_insert_with(|| stream(*seed, &format!("network/{from}/{to}/{lot:?}")))
    }

    pub(super) fn delay(&mut self, from: Place, to: Place, (least, most): (u64, u64)) -> Duration {
        Duration::from_micros(self.stream(from, to, Lot::Delay).random_range(least..=most.max(least)))
    }

    pub(super) fn chance(&mut self, from: Place, to: Place, lot: Lot, probability: f64) -> bool {
        self.stream(from, to, lot).random_bool(probability.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_direction_draws_leaves_the_others() {
        let draw = |lots: &mut Lots| (0..20).map(|_| lots.delay(1, 2, (0, 1_000_000))).collect::<Vec<_>>();
        let alone = draw(&mut Lots::new(7));
        let mut busy = Lots::new(7);
        for _ in 0..5 {
            busy.delay(2, 1, (0, 10));
            busy.delay(1, 3, (0, 10));
            busy.chance(1, 2, Lot::Loss, 0.5);
        }
        assert_eq!(draw(&mut busy), alone);
        assert_ne!(draw(&mut Lots::new(8)), alone);
    }
}
