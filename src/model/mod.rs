//! The state machine, pure: what a command does to the state, and nothing else. No tokio, no async, no I/O, no clock.
//!
//! [`apply()`] is the whole of it: it is handed a [`View`] of the state and a command with its place in the log, and
//! answers with [`Effects`]: the rows to write, the outcome and the audit events. The same log gives the same effects
//! on every node, because nothing else goes in.

mod apply;
mod audit;
mod command;
mod condition;
mod entry;
mod name;
mod namespace;
mod once;
mod txn;

pub use apply::{Change, Effects, View, apply, apply_unchanged};
pub use audit::{Action, AuditEvent, CHAIN_START, ChainHash, Digest, EventId, ParseEventIdError};
pub use command::{Applied, Command, CursorKey, Op, Outcome, Write};
pub use condition::{Condition, Revisions};
pub use entry::{Entry, KeyState, Tombstone, ValueType};
pub use name::{InvalidName, Key, Namespace};
pub use namespace::{NamespaceRecord, NamespaceState};
pub use once::{Fingerprint, IdempotencyKey, InvalidIdempotencyKey, KEPT_FOR, Kept, Once, Receipt, ReceiptPlace};
pub use txn::{Compare, FailedCompare, InvalidTxn, OpResult, Txn, TxnOp};
