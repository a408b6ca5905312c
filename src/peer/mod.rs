//! How nodes talk to each other: calls and answers, many at a time, over links that may fail in any way.
//!
//! [`host::PeerNet`](crate::host::PeerNet) moves whole frames and promises little: they may be lost, late, repeated or
//! out of order. On that stand, from the bottom up:
//!
//! | file | what it is |
//! |---|---|
//! | `frame.rs` | the bytes of a call, pure |
//! | `handshake.rs`, `refusal.rs` | who is there and does it know the secret, pure |
//! | `calls.rs`, `backoff.rs`, `window.rs`, `load.rs`, `refusals.rs` | what a link remembers, pure |
//! | `outgoing.rs` | one task per peer and lane: connects, sends what is queued, matches answers |
//! | `incoming.rs` | accepts links, executes their requests, sends the answers back |
//! | `actor.rs` | [`PeerHandle`], which ties them together |
//!
//! What a caller learns is exact: [`PeerError::Unreachable`] and [`PeerError::Refused`] mean that the request was
//! surely not executed; after anything else it may have been.
//!
//! A node keeps one link per peer and [`Lane`], and uses it for its own requests alone; the peer's requests come in
//! over links that the peer opened. No frame but the handshake's passes before both sides have proven the cluster
//! secret and both [`PeerGuard`]s have agreed.

mod actor;
mod backoff;
mod calls;
mod frame;
mod handshake;
mod incoming;
mod load;
mod outgoing;
mod refusal;
mod refusals;
mod text;
mod window;

#[cfg(test)]
mod tests;

pub use actor::PeerHandle;
use bytes::Bytes;
pub use frame::{BODY_BYTES_MAX, FRAME_FORMAT, Frame, FrameError, FrameKind, FrameRole};
pub use handshake::{Acceptor, Credentials, Initiator, Nonce, Remote, Step, VERSIONS, Versions};
pub use refusal::{Refusal, RefusalCode};
pub use refusals::{Caller, PeerRefusal};
pub use window::RepeatWindow;

use crate::base::{GroupId, LogId, NodeId, StorageId};
use crate::host::BoxFuture;

/// Who this node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's name, the same on all its nodes.
    pub cluster: String,
    pub node: NodeId,
    /// The identity of the data directory.
    pub storage: StorageId,
}

/// Which of a peer's links a call takes. Each lane is a connection of its own, so that bulk never delays a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Lane {
    /// Votes, read indexes, forwarded writes: short and urgent.
    Control = 1,
    /// Log entries and heartbeats.
    Append = 2,
    /// Snapshots.
    Bulk = 3,
}

impl Lane {
    fn from_wire(byte: u8) -> Option<Lane> {
        [Lane::Control, Lane::Append, Lane::Bulk].into_iter().find(|lane| *lane as u8 == byte)
    }
}

/// A node to call and where it listens. Whoever answers there must prove to be that node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerTarget {
    pub node: NodeId,
    /// Host and port, like `10.0.0.2:7500`.
    pub address: String,
}

/// Another node, as it has proven to be: it knows the cluster secret. Whether it belongs to the cluster is the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerClaim {
    pub node: NodeId,
    /// Its data directory.
    pub storage: StorageId,
    /// The membership that it goes by, where it has one and has said so.
    pub members_at: Option<LogId>,
    /// It answers where this node called it; else it calls.
    pub was_called: bool,
}

/// Decides who may talk to this node. Both sides of a link ask theirs, before any frame but the handshake's passes.
pub trait PeerGuard: Send + Sync {
    /// The entry that brought the membership that this node goes by. Told to those whom it calls.
    fn members_at(&self) -> Option<LogId> {
        None
    }

    /// Whether this node, with this data directory, belongs to the cluster. An error is the reason, with what to do
    /// about it, for both sides' logs.
    fn admit(&self, peer: &PeerClaim) -> Result<(), Refusal>;

    /// Another node has refused this one, as of what it has proven to be committed: [`Refusal::as_of`].
    fn refused(&self, _by: NodeId, _refusal: &Refusal) {}
}

/// Executes what other nodes ask for.
pub trait PeerService: Send + Sync {
    /// Executes one request. The synchronous part runs in the order in which the requests of a link came in, and must
    /// be short; the future runs on its own. An error becomes the caller's [`PeerError::Remote`].
    ///
    /// A network may repeat a request: it is executed again, unless its kind is not
    /// [idempotent](FrameKind::is_idempotent).
    fn handle(
        &self,
        from: NodeId,
        group: GroupId,
        kind: FrameKind,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, String>>;
}

/// Why a call has no answer, told by what is known of the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The request surely was not executed: no link, a full queue, or the peer said that it is too busy.
    #[error("the peer cannot be reached: {0}")]
    Unreachable(String),
    /// No answer before the deadline. The request may have been executed.
    #[error("the peer did not answer in time")]
    TimedOut,
    /// The link broke before the answer came. The request may have been executed.
    #[error("the link to the peer broke: {0}")]
    Broken(String),
    /// One side refused the other in the handshake. The request surely was not executed.
    #[error("refused in the handshake: {0}")]
    Refused(String),
    /// The peer executed the request and says that it failed.
    #[error("the peer failed: {0}")]
    Remote(String),
}

impl PeerError {
    /// Whether the request surely was not executed, so that repeating it elsewhere is safe.
    pub fn is_surely_not_executed(&self) -> bool {
        matches!(self, PeerError::Unreachable(_) | PeerError::Refused(_))
    }
}
