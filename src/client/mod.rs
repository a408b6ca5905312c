//! The Rust client: a typed face of the REST contract.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use confman::client::{Client, ClientConfig};
//!
//! let addresses = ["http://10.0.0.1:7400", "http://10.0.0.2:7400", "http://10.0.0.3:7400"];
//! let config = ClientConfig::new(addresses)?.with_key("cm_...");
//! let client = Client::new(config, confman::real::client_host()?);
//! client.set("payments", "db.url", "postgres://a", Default::default()).await?;
//! let entry = client.get("payments", "db.url").await?;
//! # Ok(()) }
//! ```
//!
//! # What it repeats, and what it never repeats
//!
//! Every operation has a deadline. Until then the client asks one node after the other, and after a full round of them
//! waits a little: `Retry-After` where a node said so, else 50 ms and then twice as long each time, up to a second.
//!
//! | what came of a request | a read | a write |
//! |---|---|---|
//! | no connection, or the request was surely not sent | again | again |
//! | 307 | follows `Location` | follows, and asks the leader first from then on |
//! | 503 with one of Confman's problems: surely nothing was done | again | again |
//! | 504, a broken connection, no answer in time, 5xx of somebody else's | again | **never again**: [`Error::OutcomeUnknown`] |
//! | 507 | [`Error::Unavailable`] | [`Error::Unavailable`]: no other node would do it either |
//! | 4xx, 501 | [`Error::Refused`] | [`Error::Refused`] |
//!
//! # How new a read is
//!
//! A client is a session: each of its reads is at least as new as all that it was answered before, by whichever node
//! ([`Consistency::Session`]). A node that is not so far makes it wait, and the client asks the next one. Where a backup
//! was restored, what a session saw may be gone: its next read fails once, with [`Error::Refused`] and
//! [`Slug::VersionUnknown`](crate::wire::Slug::VersionUnknown), and a new session begins with the one after.
//!
//! # The files
//!
//! | file | what it is |
//! |---|---|
//! | here | the client |
//! | `operations.rs`, `members.rs` | what it can be asked for |
//! | `settings.rs` | whom it asks, and how long |
//! | `verdict.rs` | what an answer allows: pure, the table above |
//! | `exchange.rs` | one operation: nodes, rounds, deadlines |
//! | `pool.rs` | connections that are open and not in use |
//! | `path.rs` | names as paths |
//! | `pages.rs` | lists, page by page |
//! | `error.rs` | errors, which say whether a write may have happened |

mod error;
mod exchange;
mod members;
mod operations;
mod pages;
mod path;
mod pool;
mod settings;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::{Arc, Mutex};

pub use error::{Error, Refusal};
pub use operations::{Deleted, RolledBack, Written};
pub use pages::{Page, Pages};
pub use settings::{ClientConfig, Consistency, InvalidAddress};

use self::pool::Pool;
use crate::base::{LogId, RequestId};
use crate::host::{ClientHost, Rng};

/// A client of one cluster. Cheap to clone; clones share connections and what they know of the leader.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// The id of the next requests; without one each operation has its own.
    request_id: Option<RequestId>,
}

struct Inner {
    config: ClientConfig,
    host: ClientHost,
    pool: Pool,
    knowledge: Mutex<Knowledge>,
    rng: Mutex<Rng>,
}

/// What earlier answers taught.
#[derive(Default)]
struct Knowledge {
    /// The address that answered last, by its place in the configuration: it is asked first.
    preferred: usize,
    /// Where the last redirect led to: writes are sent there first.
    leader: Option<String>,
    /// The newest version that an answer named: what a session's next read has to show.
    version: Option<LogId>,
}

impl Client {
    pub fn new(config: ClientConfig, host: ClientHost) -> Client {
        let rng = Mutex::new(host.entropy.fork("client"));
        let pool = Pool::new(host.clock.clone());
        let inner = Inner { config, host, pool, knowledge: Mutex::default(), rng };
        Client { inner: Arc::new(inner), request_id: None }
    }

    /// The newest version that this client or a clone of it was answered, as a token for another client's
    /// [`Client::seen`]: so a session can go on elsewhere.
    pub fn version(&self) -> Option<String> {
        self.knowledge(|known| known.version).map(|version| version.to_string())
    }

    /// Reads of this session show this version from now on, and what came before it. A token comes from
    /// [`Client::version`], a `revision`, or an `X-Confman-Version`; [`Error::Invalid`] where it is none.
    pub fn seen(&self, version: &str) -> Result<(), Error> {
        let version = version.parse().map_err(|_| Error::Invalid(format!("{version:?} is no version")))?;
        self.knowledge(|known| known.version = known.version.max(Some(version)));
        Ok(())
    }

    /// A client whose requests bear this id, in the nodes' logs and in the audit.
    pub fn with_request_id(&self, id: RequestId) -> Client {
        Client { inner: self.inner.clone(), request_id: Some(id) }
    }
}
