use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use super::{BoxFuture, Clock, Entropy};

/// HTTP to nodes, for clients: the network between the two.
pub trait Transport: Send + Sync {
    /// Opens a connection to the node at a base URL like `http://10.0.0.1:7400`. Nothing is sent. May hang for as long
    /// as the network lets it: the caller bounds it, by dropping the future.
    fn connect(&self, base: &str) -> BoxFuture<'_, Result<Box<dyn Connection>, String>>;
}

/// A connection to one node. Dropped while a request is out, it is closed.
pub trait Connection: Send {
    /// Whether it can carry another request, as far as is known.
    fn is_open(&self) -> bool;
    /// Sends a request, whose URI is a path and a query, and reads the whole answer. May hang, like connecting.
    fn send(&mut self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>>;
}

/// A request without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It surely was not delivered, not even in part.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may have been delivered and acted upon.
    #[error("sent, but not answered: {0}")]
    Broken(String),
}

/// What a client needs from outside.
#[derive(Clone)]
pub struct ClientHost {
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}
