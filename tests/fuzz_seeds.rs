//! The fuzz targets over their seeds, and over a little noise, without a fuzzer: that they still fit the product, and
//! that nothing they know is broken. `make fuzz` is the real thing.

#[path = "fuzz/src/targets/mod.rs"]
mod targets;

use targets::seeds::{TARGETS, noise};

/// Inputs made of each seed.
const CHANGED: u64 = 40;

fn hold(name: &str) {
    let target = TARGETS.into_iter().find(|target| target.name == name).expect("a target of that name");
    let seeds = (target.seeds)();
    for (number, seed) in seeds.iter().enumerate() {
        (target.run)(seed);
        for round in 0..CHANGED {
            let noise = noise(number as u64 * CHANGED + round, 16);
            let mut changed = seed.clone();
            // The first byte often says what the rest is.
            let at = 1 + usize::from(u16::from_le_bytes([noise[0], noise[1]])) % seed.len();
            let len = usize::from(noise[2] % 12);
            match noise[3] % 3 {
                0 => changed.truncate(at),
                1 => changed
                    .splice(at.min(changed.len())..at.min(changed.len()), noise[4..4 + len].to_vec())
                    .for_each(drop),
                _ => changed.iter_mut().skip(at).zip(&noise[4..4 + len]).for_each(|(byte, new)| *byte = *new),
            }
            (target.run)(&changed);
        }
    }
}

#[test]
fn frames() {
    hold("frames");
}

#[test]
fn records() {
    hold("records");
}

#[test]
fn snapshots() {
    hold("snapshots");
}

#[test]
fn requests() {
    hold("requests");
}
