use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Condition, Entry, FailedCompare, Key, Namespace, NamespaceState, Once, OpResult, Txn, TxnOp, ValueType};
use crate::base::limits::VALUE_BYTES_MAX;
use crate::base::{LogId, RequestId, WallTime};

/// A change that a client asked for, as the leader puts it into the log. Everything that apply may depend on is in
/// here: the leader stamped the time, authentication gave the actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The leader's clock when it proposed. Apply turns it into log time, which never goes back.
    pub stamp: WallTime,
    /// The principal that asked, for the audit.
    pub actor: String,
    pub request_id: RequestId,
    pub write: Write,
}

/// A change, and when it is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    pub op: Op,
    /// Of the one entry or namespace that `op` names; a transaction compares by itself.
    pub condition: Condition,
    pub once: Option<Box<Once>>,
}

impl From<Op> for Write {
    /// Whatever there is, and as often as it is asked for.
    fn from(op: Op) -> Write {
        Write { op, condition: Condition::default(), once: None }
    }
}

/// What to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Sets an entry; creates its namespace, owned by the actor, where there is none.
    Set { namespace: Namespace, key: Key, value: String, value_type: ValueType },
    /// Deletes an entry.
    Delete { namespace: Namespace, key: Key },
    /// Creates a namespace or changes its description and owner.
    SetNamespace { namespace: Namespace, description: String, owner: String },
    /// Deletes an empty namespace.
    DeleteNamespace { namespace: Namespace },
    /// Gives the cluster the secret that authenticates cursors. Proposed by a leader that finds none; only the first
    /// one counts, so that it stays the same for ever. No audit event: nothing that a client can see changes.
    Bootstrap { cursor_key: CursorKey },
    /// Several changes of entries, or none.
    Txn(Txn),
    /// Writes the state that this revision made of the key as a new one: deletes the entry where it did.
    Rollback { namespace: Namespace, key: Key, revision: LogId },
}

/// 32 secret bytes in the replicated state with which every node makes and checks cursors. Never printed.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CursorKey(pub [u8; 32]);

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What became of a committed command, the same on every node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Its place in the log; of a request that was done before, the place where it was done.
    pub revision: LogId,
    pub outcome: Outcome,
}

/// See [`Applied`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The log entry was not a client's command (a new leader's blank entry, a membership, a bootstrap).
    None,
    /// The entry was set; `created` where it was absent before.
    Set { entry: Entry, created: bool },
    /// The entry or namespace was there and is deleted.
    Deleted,
    /// There was nothing to delete; nothing changed.
    Absent,
    /// The namespace was created (`created`) or changed.
    NamespaceSet { namespace: NamespaceState, created: bool },
    /// The namespace still has entries; nothing changed.
    NamespaceNotEmpty,
    /// The condition does not hold of what is at `current`, or absent; nothing changed.
    PreconditionFailed { current: Option<LogId> },
    /// The idempotency key was used for another request; nothing changed.
    IdempotencyMismatch,
    /// The transaction was made: what came of each operation, in their order.
    Txn { results: Vec<OpResult> },
    /// Comparisons of the transaction did not hold; nothing changed.
    CompareFailed { failed: Vec<FailedCompare> },
    /// History has no such revision of the key; nothing changed.
    NoSuchRevision,
}

impl Command {
    /// The bytes of the value that it writes, at most: what batches are bounded by.
    pub fn value_bytes(&self) -> usize {
        match &self.write.op {
            Op::Set { value, .. } => value.len(),
            Op::Txn(txn) => txn.ops().iter().map(TxnOp::value_bytes).sum(),
            Op::Rollback { .. } => VALUE_BYTES_MAX,
            Op::Delete { .. } | Op::SetNamespace { .. } | Op::DeleteNamespace { .. } | Op::Bootstrap { .. } => 0,
        }
    }
}

impl fmt::Display for Command {
    /// Never a value: this is for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.write.op {
            Op::Set { namespace, key, value, .. } => write!(f, "set {namespace}/-/{key} ({} bytes)", value.len()),
            Op::Delete { namespace, key } => write!(f, "delete {namespace}/-/{key}"),
            Op::SetNamespace { namespace, .. } => write!(f, "set namespace {namespace}"),
            Op::DeleteNamespace { namespace } => write!(f, "delete namespace {namespace}"),
            Op::Bootstrap { .. } => f.write_str("bootstrap"),
            Op::Txn(txn) => write!(f, "transaction of {}", txn.ops().len()),
            Op::Rollback { namespace, key, revision } => write!(f, "roll {namespace}/-/{key} back to {revision}"),
        }
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_neither_values_nor_secrets() {
        let command = |op: Op| Command {
            stamp: WallTime(0),
            actor: "a".into(),
            request_id: RequestId::default(),
            write: op.into(),
        };
        let set = command(Op::Set {
            namespace: Namespace::parse("n").unwrap(),
            key: Key::parse("k").unwrap(),
            value: "hunter2".into(),
            value_type: ValueType::String,
        });
        assert_eq!(set.to_string(), "set n/-/k (7 bytes)");
        let bootstrap = command(Op::Bootstrap { cursor_key: CursorKey([171; 32]) });
        assert_eq!(bootstrap.to_string(), "bootstrap");
        assert!(!format!("{bootstrap:?}").contains("171"));
    }
}
