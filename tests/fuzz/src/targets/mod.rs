//! The fuzz targets: what a node reads from strangers, from a disk, and from other nodes.
//!
//! | target | what it reads |
//! |---|---|
//! | `frames` | frames between nodes, the handshake, forwarded writes |
//! | `records` | segments of the write-ahead log |
//! | `snapshots` | snapshot files, chunk by chunk or whole, which backups are too |
//! | `requests` | HTTP requests, from their bytes to what the API is asked |
//!
//! Each takes any bytes and panics where a promise is broken; it reaches the product through what is `pub` alone. The
//! bytes are a script rather than a file: checksums are put right by the target, or a fuzzer would never get past one.
//! libFuzzer drives them (`make fuzz`), and `tests/fuzz_seeds.rs` runs the same code over the seeds on any toolchain.

pub mod disk;
pub mod frames;
pub mod input;
pub mod memory;
pub mod node;
pub mod records;
pub mod requests;
pub mod seeds;
pub mod snapshots;
