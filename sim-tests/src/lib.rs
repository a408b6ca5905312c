//! The simulator: whole Confman clusters on virtual time, repeated from a seed.
//!
//! madsim gives the executor and the clock; [`host`] gives each node a disk that loses power, a store that comes back
//! short, links that lose, hold and repeat frames, and a clock that is wrong. [`schedule`] says as plain data what
//! goes wrong when, [`clients`] work meanwhile, and [`laws`] judge. One process per seed: some libraries keep state
//! per process, so a seed repeated inside one process is not the same run.
//!
//! Everything here is built with `--cfg madsim` alone; without it this crate is empty.

#![cfg(madsim)]

pub mod clients;
pub mod cluster;
pub mod coverage;
pub mod explain;
pub mod host;
pub mod laws;
pub mod logs;
pub mod nodes;
pub mod run;
pub mod runtime;
pub mod schedule;
pub mod seed;
pub mod shrink;
pub mod trace;
pub mod world;
