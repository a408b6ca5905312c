//! The simulated host: everything outside a node's process, on virtual time and from one seed.

pub mod clock;
pub mod entropy;
pub mod files;
pub mod lifeline;
pub mod net;
pub mod points;
pub mod spawn;
pub mod store;
