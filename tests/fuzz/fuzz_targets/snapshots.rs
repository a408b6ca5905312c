#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: fuzz::write_seeds("snapshots"),
    |data: &[u8]| fuzz::targets::snapshots::run(data)
);
