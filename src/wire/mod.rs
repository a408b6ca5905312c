//! What clients see: JSON shapes, error slugs, and the check of a value against its type.
//!
//! Plain data, `camelCase` on the wire, the same for the server (`http/` turns it into domain types and back) and for
//! the client. Request bodies refuse members they do not know; answers may gain members in a later release.

mod audit;
mod cluster;
mod config;
mod members;
mod namespace;
mod problem;
mod slug;
mod value;

pub use audit::{AuditBreak, AuditEvent, AuditList, AuditVerification};
pub use cluster::{Alarm, AlarmKind, Cluster, ClusterGroup, ClusterNode, Health, Ready};
pub use config::{Entry, EntryList, Pagination, SetRequest};
pub use members::{
    AddMemberRequest, Leader, Member, MemberChanged, MemberList, PromoteMemberRequest, ReplaceMemberRequest,
    TransferRequest,
};
pub use namespace::{Namespace, NamespaceList, SetNamespaceRequest};
pub use problem::{PROBLEM_CONTENT_TYPE, Problem, TYPE_BASE};
pub use slug::Slug;
pub use value::{InvalidValue, ValueType};
