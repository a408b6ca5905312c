use serde::{Deserialize, Serialize};

use super::{Operation, is_zero};

/// The clients and what they do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WorkloadFile", into = "WorkloadFile")]
pub struct Workload {
    pub clients: u64,
    /// A client gives up on an answer after this long.
    pub patience_ms: u64,
    /// So many of the clients, the first ones, go through `confman::client`; the others make requests of their own.
    pub with_library: u64,
    /// Of a hundred writes of those others so many are to be done once, under an idempotency key, and so many bear a
    /// condition.
    pub terms_percent: u64,
    pub work: Work,
}

/// What the clients do.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Each draws one operation after the other.
    Drawn(Drawn),
    /// These, and nothing else.
    Operations(Vec<Operation>),
}

/// What operations are drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drawn {
    pub namespaces: u64,
    /// Per namespace.
    pub keys: u64,
    /// How often each operation is drawn, relative to the others.
    pub mix: Mix,
    /// Of a hundred reads, so many are to be as new as all that the client was told before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub session_reads: u64,
    /// Of a hundred reads, so many are linearizable.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub linearizable_reads: u64,
    /// A client waits up to this long between two operations.
    pub pause_ms: u64,
    /// The longest value, in bytes.
    pub value_bytes: u64,
}

/// See [`Drawn::mix`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mix {
    pub set: u32,
    pub delete: u32,
    pub get: u32,
    pub list: u32,
}

/// A workload as it is written: one of the two kinds of work, by its name.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WorkloadFile {
    clients: u64,
    patience_ms: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    with_library: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    terms_percent: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drawn: Option<Drawn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operations: Option<Vec<Operation>>,
}

impl TryFrom<WorkloadFile> for Workload {
    type Error = &'static str;

    fn try_from(file: WorkloadFile) -> Result<Workload, &'static str> {
        let WorkloadFile { clients, patience_ms, with_library, terms_percent, drawn, operations } = file;
        let work = match (drawn, operations) {
            (Some(drawn), None) => Work::Drawn(drawn),
            (None, Some(operations)) => Work::Operations(operations),
            _ => return Err("a workload has either \"drawn\" or \"operations\""),
        };
        Ok(Workload { clients, patience_ms, with_library, terms_percent, work })
    }
}

impl From<Workload> for WorkloadFile {
    fn from(workload: Workload) -> WorkloadFile {
        let Workload { clients, patience_ms, with_library, terms_percent, work } = workload;
        let (drawn, operations) = match work {
            Work::Drawn(drawn) => (Some(drawn), None),
            Work::Operations(operations) => (None, Some(operations)),
        };
        WorkloadFile { clients, patience_ms, with_library, terms_percent, drawn, operations }
    }
}
