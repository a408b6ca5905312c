//! What the fuzz targets share. See [`targets`].

pub mod targets;

use std::path::Path;

/// Writes the seeds of a target into the folder that `CONFMAN_FUZZ_SEEDS` names, before libFuzzer reads it.
pub fn write_seeds(name: &str) {
    let Some(folder) = std::env::var_os("CONFMAN_FUZZ_SEEDS") else { return };
    let target = targets::seeds::TARGETS.into_iter().find(|target| target.name == name).expect("a target of that name");
    for (number, seed) in (target.seeds)().into_iter().enumerate() {
        std::fs::write(Path::new(&folder).join(format!("seed-{number:02}")), seed).expect("the folder of the seeds");
    }
}
