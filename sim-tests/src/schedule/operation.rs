use serde::{Deserialize, Serialize};

/// One operation of one client, as data. A client carries its operations out one after the other, each at its moment
/// or when the one before is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// Its own, whatever becomes of the others; the request carries it.
    pub id: String,
    pub client: u64,
    /// From the beginning of the disturbance.
    pub at_ms: u64,
    /// The node that is asked first.
    pub node: u64,
    #[serde(rename = "do")]
    pub action: Action,
    /// Of a read.
    #[serde(default, skip_serializing_if = "Consistency::is_eventual")]
    pub consistency: Consistency,
}

/// How new a read has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Consistency {
    /// Whatever the node has.
    #[default]
    Eventual,
    /// As new as all that this client was told before.
    Session,
    /// As new as all that anybody was told before.
    Linearizable,
}

impl Consistency {
    fn is_eventual(&self) -> bool {
        *self == Consistency::Eventual
    }
}

/// What an operation asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Action {
    /// The value begins with the operation's id, so that it tells who wrote it, and has at least this many bytes.
    Set {
        namespace: String,
        key: String,
        bytes: u64,
    },
    Delete {
        namespace: String,
        key: String,
    },
    Get {
        namespace: String,
        key: String,
    },
    List {
        namespace: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
        /// The entries of a page. A client reads page after page to the end.
        #[serde(default = "limit_max", skip_serializing_if = "is_limit_max")]
        limit: u64,
    },
}

/// As many entries as a page of a list can have.
pub const LIMIT_MAX: u64 = 1_000;

fn limit_max() -> u64 {
    LIMIT_MAX
}

fn is_limit_max(limit: &u64) -> bool {
    *limit == LIMIT_MAX
}
