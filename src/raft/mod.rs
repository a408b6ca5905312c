//! Consensus: openraft, what it stores through, what it talks through, and the Raft actor in front of it.
//!
//! | file | what it is |
//! |---|---|
//! | `types` | openraft's type configuration, generic over the async runtime |
//! | `codec` | log payloads, votes and membership as versioned bytes |
//! | `founder` | what a node begins alone with; votes and memberships for those who look at them |
//! | `log_store` | openraft's log storage on [`crate::log::Wal`] |
//! | `state_machine` | openraft's state machine on [`crate::apply::ApplyHandle`] and snapshot files |
//! | `room` | waits for space where the store would meet a full disk |
//! | `network` | openraft's calls to other nodes, on [`crate::peer::PeerHandle`] |
//! | `server` | the other side: frames from other nodes, handed to openraft |
//! | `read_index` | which entry a linearizable read must see: the leader confirmed by a quorum, in rounds |
//! | `actor` | the Raft actor: admission, stamping, proposing, snapshots by bytes, one change of members at a time |
//! | `members`, `course` | changes of the membership, and of who leads: what they are, and how they go |
//! | `probe` | what a node says of itself before it is a member |
//! | `status` | what a node knows of its group, published |
//!
//! openraft's runtime is a type; the parameter `R` stays inside this module and `Node::start`, handles erase it.

mod actor;
mod codec;
mod course;
mod founder;
mod log_store;
mod members;
#[cfg(test)]
mod members_tests;
mod network;
mod probe;
mod publish;
mod read_index;
#[cfg(test)]
mod read_index_tests;
mod room;
mod server;
#[cfg(test)]
mod snapshot_tests;
mod stamp;
mod state_machine;
mod status;
#[cfg(test)]
mod test_cluster;
#[cfg(test)]
mod tests;
mod types;

pub use actor::{GroupStorage, ProposeError, RaftHandle, RaftSettings, start};
pub use founder::{MembershipContent, VoteContent, membership_of_one, read_membership, read_vote, vote_for_itself};
pub use members::{ChangeError, ChangeRequest, Changed, MemberChange};
pub use probe::{ProbeAnswer, ProbeError, answer_probe, probe};
pub use read_index::ReadIndexError;
pub use server::RaftServer;
pub use status::{Member, RaftRole, RaftStatus, Standing};
pub use types::{Types, VoteOf, log_id_of};
