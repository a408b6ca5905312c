//! Ids, limits and time: the vocabulary that everything else shares. Imports nothing of ours.

mod ids;
mod json;
pub mod limits;
mod time;

pub use ids::{GroupId, LogId, LogIndex, NodeId, ParseLogIdError, RequestId, Revision, StorageId, Term};
pub use json::json_bytes;
pub use time::{Monotonic, WallTime};
