//! The host on a real machine: tokio, the operating system's files and clocks, fjall, TCP, and hyper for REST.
//!
//! The only code that may name them. Work that blocks (files, commits) is done by a few threads of our own
//! (`pool.rs`), in an ordered queue per file and per store; sockets and timers are tokio's.

mod client;
mod clock;
mod data_dir;
mod entropy;
mod files;
mod http;
mod lifeline;
mod look;
mod net;
mod open_files;
mod pool;
mod sockets;
mod spawn;
mod stores;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use client::{HttpTransport, client_host};
pub use http::serve_http;
pub use lifeline::{FATAL_EXIT_CODE, ProcessLifeline};
pub use look::{look_at_data_dir, look_at_folder};
pub use open_files::room_for_connections;
/// The asynchronous runtime that openraft runs on in a real node.
pub use openraft_rt_tokio::TokioRuntime as Runtime;
pub use sockets::listen;
pub use stores::{StoreDamage, StoreFound, look_at_store};

use crate::host::{Files, Host, Lifeline};

/// Threads for files and stores: one each for the log, the store, a snapshot, and one to spare. They mostly sleep.
const DISK_THREADS: usize = 4;

/// Makes the [`Host`] of a real node.
pub struct RealHost;

impl RealHost {
    /// Locks `data_dir` (made where there is none) and listens for other nodes on `peer_listen`, like
    /// `127.0.0.1:7500`. Returns the host and the address that it listens on, which tells the port where that was 0.
    ///
    /// Must be called on a tokio runtime with net and time; the host's tasks run there. The directory is free again
    /// once every clone of the host, and all that came from it, is gone.
    pub async fn open(data_dir: &Path, peer_listen: &str) -> Result<(Host, SocketAddr), OpenError> {
        RealHost::open_with(data_dir, peer_listen, Arc::new(ProcessLifeline::exiting())).await
    }

    /// Like [`RealHost::open`], with another way to die.
    pub async fn open_with(
        data_dir: &Path,
        peer_listen: &str,
        lifeline: Arc<dyn Lifeline>,
    ) -> Result<(Host, SocketAddr), OpenError> {
        let dir = Arc::new(data_dir::DataDir::open(data_dir)?);
        let listener = listen("peer.listen", peer_listen, net::BACKLOG).await?;
        let bound = listener.local_addr().map_err(OpenError::System)?;
        let pool = pool::Pool::start(DISK_THREADS, lifeline.clone()).map_err(OpenError::System)?;
        let host = Host {
            clock: Arc::new(clock::SystemClock::start()),
            spawn: Arc::new(spawn::TokioSpawn::new(tokio::runtime::Handle::current(), lifeline.clone())),
            entropy: Arc::new(entropy::SystemEntropy::draw().map_err(OpenError::System)?),
            files: Arc::new(files::DiskFiles::new(dir.clone(), pool.clone())),
            stores: Arc::new(stores::FjallStores::new(dir, pool)),
            peers: Arc::new(net::TcpPeers::new(listener)),
            lifeline,
        };
        Ok((host, bound))
    }
}

/// The files of a data directory (made where there is none), locked: for commands that work on it while no node runs.
pub fn files_of(data_dir: &Path) -> Result<Arc<dyn Files>, OpenError> {
    let dir = Arc::new(data_dir::DataDir::open(data_dir)?);
    let pool = pool::Pool::start(1, Arc::new(ProcessLifeline::exiting())).map_err(OpenError::System)?;
    Ok(Arc::new(files::DiskFiles::new(dir, pool)))
}

/// Why a node cannot start on this machine. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the data directory {} is in use by another confman process{}: stop that one, or give this node a `dataDir` \
         of its own",
        dir.display(), owner.map_or_else(String::new, |owner| format!(", number {owner}"))
    )]
    DataDirLocked { dir: PathBuf, owner: Option<u32> },
    #[error("the disk of the data directory {} is full: free some of it, and start the node again", dir.display())]
    DiskFull { dir: PathBuf },
    #[error(
        "cannot use the data directory {}: {source}; `dataDir` must name a folder that this user may create, read \
         and write",
        dir.display()
    )]
    DataDir { dir: PathBuf, source: io::Error },
    #[error("{address} is taken by another process: stop that one, or set `{setting}` to another port. Which one it is says: \
         ss -ltnp 'sport = :{}'",
        address.rsplit(':').next().unwrap_or_default())]
    PortTaken { setting: &'static str, address: String },
    #[error("cannot listen on {address}: {source}; `{setting}` must be an address of this machine with a port")]
    Listen { setting: &'static str, address: String, source: io::Error },
    #[error("the operating system refused what every node needs: {0}")]
    System(io::Error),
}
