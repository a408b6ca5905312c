#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: fuzz::write_seeds("requests"),
    |data: &[u8]| fuzz::targets::requests::run(data)
);
