//! The Audit actor: answers queries about what was changed, and verifies in the background that no event was altered,
//! left out or slipped in.

mod actor;
pub mod chain;
mod verifier;

#[cfg(test)]
mod tests;

pub use actor::{AuditError, AuditHandle, AuditPage, AuditRecord, AuditStatus};
pub use verifier::{Break, Verification};
