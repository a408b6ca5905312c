#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: fuzz::write_seeds("records"),
    |data: &[u8]| fuzz::targets::records::run(data)
);
