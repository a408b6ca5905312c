#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: fuzz::write_seeds("frames"),
    |data: &[u8]| fuzz::targets::frames::run(data)
);
