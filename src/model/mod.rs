//! The state machine, pure: what a command does to the state, and nothing else. No tokio, no async, no I/O, no clock.

mod command;
mod entry;
mod name;

pub use command::{Applied, Command, Op, Outcome};
pub use entry::{Entry, ValueType};
pub use name::{InvalidName, Key, Namespace};
