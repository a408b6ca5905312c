use serde::{Deserialize, Deserializer, Serialize};

use super::ValueType;

/// The body of `POST /txn`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TxnRequest {
    /// What must be so: else nothing is changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<Compare>,
    /// What is changed, all at one revision.
    pub ops: Vec<TxnOp>,
}

/// An entry must be at this revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Compare {
    pub namespace: String,
    pub key: String,
    /// Null: it must be absent.
    #[serde(deserialize_with = "given")]
    pub revision: Option<String>,
}

/// One operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum TxnOp {
    Set {
        namespace: String,
        key: String,
        value: String,
        /// `string` where it is absent.
        #[serde(rename = "type", default)]
        value_type: ValueType,
    },
    Delete {
        namespace: String,
        key: String,
    },
}

/// The answer to a transaction that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TxnAnswer {
    /// The version token of all its changes. Opaque.
    pub revision: String,
    /// What came of each operation, in their order.
    pub results: Vec<TxnResult>,
}

/// What came of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TxnResult {
    pub namespace: String,
    pub key: String,
    pub outcome: TxnOutcome,
    /// Of an entry that was set: writes to this key since it was last absent, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// See [`TxnResult`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TxnOutcome {
    /// It was absent, and is set.
    Created,
    /// It was there, and is set.
    Set,
    Deleted,
    /// There was nothing to delete.
    Absent,
}

/// A comparison that did not hold, in the problem `precondition-failed` of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedCompare {
    pub namespace: String,
    pub key: String,
    /// As it was asked for.
    pub expected: Option<String>,
    /// As it is; null where the entry is absent.
    pub current: Option<String>,
}

/// Null is a value here, and to leave it out is a mistake.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_says_what_it_expects() {
        let read = |revision: &str| {
            serde_json::from_str::<Compare>(&format!(r#"{{"namespace":"a","key":"k"{revision}}}"#))
                .map(|it| it.revision)
        };
        assert_eq!(read(r#","revision":null"#).expect("null is absent"), None);
        assert_eq!(read(r#","revision":"5:42""#).expect("a revision"), Some("5:42".to_owned()));
        assert!(read("").is_err());
    }
}
