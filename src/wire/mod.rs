//! What clients see: JSON shapes, error slugs, files of a namespace, and the check of a value against its type.
//!
//! Plain data, `camelCase` on the wire, the same for the server (`http/` turns it into domain types and back) and for
//! the client. Request bodies refuse members they do not know; answers may gain members in a later release.

mod audit;
mod cluster;
mod config;
mod file;
mod history;
mod members;
mod namespace;
mod problem;
mod slug;
mod txn;
mod value;

pub use audit::{AuditBreak, AuditEvent, AuditList, AuditVerification};
pub use cluster::{Alarm, AlarmKind, Cluster, ClusterGroup, ClusterNode, Health, Ready};
pub use config::{Entry, EntryList, ListedEntry, Pagination, SetRequest};
pub use file::{FileFormat, FileWriter, Unsayable};
pub use history::{DiffChange, DiffItem, DiffList, HistoryItem, HistoryList, RollbackRequest};
pub use members::{
    AddMemberRequest, Leader, Member, MemberChanged, MemberList, PromoteMemberRequest, ReplaceMemberRequest,
    TransferRequest,
};
pub use namespace::{Namespace, NamespaceList, SetNamespaceRequest};
pub use problem::{PROBLEM_CONTENT_TYPE, Problem, TYPE_BASE};
pub use slug::Slug;
pub use txn::{Compare, FailedCompare, TxnAnswer, TxnOp, TxnOutcome, TxnRequest, TxnResult};
pub use value::{InvalidValue, ValueType};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LogId;
    use crate::base::limits::{AUDIT_EVENT_JSON_BYTES, ENTRY_JSON_BYTES, NAMESPACE_JSON_BYTES};

    /// Pages are bounded by what their items are known to take.
    #[test]
    fn an_item_takes_no_more_beside_its_texts_than_pages_allow_for() {
        let bytes = |json: serde_json::Result<String>| json.expect("plain data").len();
        let empty = String::new;
        let revision = LogId::new(u64::MAX, u64::MAX).to_string();
        let time = "9999-12-31T23:59:59.999Z".to_owned();
        let entry = Entry {
            namespace: empty(),
            key: empty(),
            value: empty(),
            value_type: ValueType::Boolean,
            version: u64::MAX,
            revision: revision.clone(),
            created_at: time.clone(),
            updated_at: time.clone(),
            updated_by: empty(),
        };
        assert!(bytes(serde_json::to_string(&entry)) < ENTRY_JSON_BYTES);
        let namespace = Namespace {
            path: empty(),
            description: empty(),
            owner: empty(),
            created_at: time.clone(),
            revision: revision.clone(),
        };
        assert!(bytes(serde_json::to_string(&namespace)) < NAMESPACE_JSON_BYTES);
        let digest = Some(format!("sha256:{}", "f".repeat(64)));
        let event = AuditEvent {
            id: format!("{revision}:{}", u32::MAX),
            timestamp: time,
            action: "namespace.delete".to_owned(),
            actor: empty(),
            namespace: empty(),
            key: Some(empty()),
            old_value: Some(empty()),
            new_value: Some(empty()),
            old_digest: digest.clone(),
            new_digest: digest,
            revision,
            request_id: empty(),
            previous_hash: "f".repeat(64),
            hash: "f".repeat(64),
        };
        assert!(bytes(serde_json::to_string(&event)) < AUDIT_EVENT_JSON_BYTES);
    }
}
