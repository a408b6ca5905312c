//! Black-box tests of the real binary: processes, ports, disks and signals as in production.
//!
//! `CONFMAN_BIN` names another binary than the one cargo built; `CONFMAN_SOAK=60` makes the test that kills leaders
//! run for that many seconds. They start whole clusters: run them with `--test-threads=1` on a small machine.

mod backup;
mod catch_up;
mod cli;
mod client;
mod configuration;
mod consistency;
mod damage;
mod dev;
mod disk_full;
mod docs;
mod golden;
mod hostile;
mod inspect;
mod kill_leader;
mod members;
mod mistakes;
mod namespaces;
mod no_quorum;
mod once;
mod reads_and_writes;
mod roles;
mod rolling;
mod serve;
#[path = "../support/mod.rs"]
mod support;
mod wiped;
