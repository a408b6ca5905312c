//! `confman serve`: one node, from its configuration file to its graceful end.

use std::path::{Path, PathBuf};
use std::pin::pin;

use super::Failure;
use futures_util::future::{self, Either};

use super::logging::{self, LogArguments};
use super::signals::StopSignals;
use crate::config::{self, NodeConfig};
use crate::host::Host;
use crate::node::{Node, StartError};
use crate::real::{self, RealHost};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The node's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    log: LogArguments,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = read_config(&arguments.config)?;
    logging::start(&arguments.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the system gave no threads: {error}")))?;
    let outcome = runtime.block_on(async {
        let signals = StopSignals::catch().map_err(|error| Failure::failed(format!("signals: {error}")))?;
        run_node(config, signals).await
    });
    // What still runs has been told to end, or is of no use any more.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

/// Reads and checks a configuration file.
pub(super) fn read_config(path: &Path) -> Result<NodeConfig, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::refused(format!("{} cannot be read: {error}", path.display()))
            .advise("Give the node's configuration with --config; `confman dev` writes ones to start from")
    })?;
    let read = |path: &Path| std::fs::read_to_string(path);
    config::parse(path, &text, &read).map_err(|error| Failure::refused(error.to_string()))
}

/// Opens what the machine gives, starts the node on it, and serves until a signal asks to end.
async fn run_node(config: NodeConfig, mut signals: StopSignals) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    // First of all: a port that is taken must not cost a look at the disk.
    let http =
        real::listen("http.listen", &config.http.listen, CLIENT_BACKLOG).await.map_err(|error| failed(&error))?;
    let (host, peers) = RealHost::open(&config.data_dir, &config.peer.listen).await.map_err(|error| failed(&error))?;
    tracing::info!(
        node = config.node.0,
        cluster = config.cluster,
        version = env!("CARGO_PKG_VERSION"),
        http = config.http.listen,
        peer = %peers,
        data = %config.data_dir.display(),
        "starting"
    );
    let http_config = config.http.clone();
    // A start may wait for the disk, or read a long log: a signal interrupts it.
    let started = match future::select(pin!(start_node(host, config)), pin!(signals.next())).await {
        Either::Left((node, _)) => Ok(node?),
        Either::Right((signal, _)) => Err(signal),
    };
    let node = match started {
        Ok(node) => node,
        Err(signal) => {
            tracing::info!(signal, "ended while starting");
            return Ok(());
        }
    };
    tracing::info!(url = http_config.url, "serving");
    real::serve_http(http, node.router.clone(), &http_config, async move {
        let signal = signals.next().await;
        tracing::info!(signal, "ending: requests in flight are finished, no new ones are taken");
    })
    .await;
    node.stop().await;
    tracing::info!("ended");
    Ok(())
}

/// Connections that the system may hold until we accept them.
const CLIENT_BACKLOG: u32 = 1024;

/// The router of a started node. All of the node lives in its tasks.
async fn start_node(host: Host, config: NodeConfig) -> Result<Node, Failure> {
    let data = config.data_dir.clone();
    let refused = |error: StartError| {
        Failure::failed(error.to_string())
            .advise(format!("Files are named within the data directory, {}", data.display()))
    };
    Node::start::<real::Runtime>(host, config).await.map_err(refused)
}
