use std::io;

use bytes::Bytes;

use super::BoxFuture;

/// The network between nodes: links that carry whole frames.
///
/// A link promises little: a frame arrives whole or not at all. The real one (TCP) also keeps order until it breaks;
/// the simulated one may lose, delay, repeat and reorder. What is built on it (`peer/`) must live with the weaker.
pub trait PeerNet: Send + Sync {
    /// Opens a link to an address like `127.0.0.1:7500`. May hang for as long as the network lets it: the caller
    /// bounds it.
    fn connect(&self, addr: &str) -> BoxFuture<'static, io::Result<Link>>;
    /// The next link that another node opened to us.
    fn accept(&self) -> BoxFuture<'static, io::Result<Link>>;
}

/// Two ends of one link.
pub struct Link {
    pub sender: Box<dyn LinkSender>,
    pub receiver: Box<dyn LinkReceiver>,
    /// Who is on the other side, for logs alone.
    pub remote: String,
}

/// The sending half.
pub trait LinkSender: Send {
    /// Hands frames to the network together, in this order. Returns when they are handed over, not when they arrive.
    fn send(&mut self, frames: Vec<Bytes>) -> BoxFuture<'_, io::Result<()>>;
}

/// The receiving half.
pub trait LinkReceiver: Send {
    /// The next frame, of at most `bytes_max` bytes (checked before anything is allocated: a longer one is
    /// `InvalidData`). `None` when the other side closed the link.
    fn recv(&mut self, bytes_max: usize) -> BoxFuture<'_, io::Result<Option<Bytes>>>;
}
