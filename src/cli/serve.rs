//! `confman serve`: one node, from its configuration to its graceful end.

use std::pin::pin;

use futures_util::future::{self, Either};

use super::Failure;
use super::configuration::ConfigArguments;
use super::logging::{self, Logging};
use super::signals::{Asked, Signals};
use crate::config::{Loaded, NodeConfig};
use crate::host::Host;
use crate::node::{Node, StartError};
use crate::real::{self, RealHost};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
}

const EXAMPLES: &str = "\
Examples:
  confman serve --config /etc/confman/node.toml
  CONFMAN_RAFT_HEARTBEAT=100ms confman serve --config node.toml --log debug

Every setting of the file that stands once is also a variable; flags win over variables, variables over the file.
`confman config check` shows what comes of them. SIGTERM and SIGINT end the node gracefully, SIGHUP reads keys and log
level again.";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = arguments.config.load()?;
    let logging = logging::start(&loaded.log)?;
    if !loaded.ignored.is_empty() {
        tracing::warn!(variables = loaded.ignored.join(", "), "variables that are no settings are ignored");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the system gave no threads: {error}")))?;
    let outcome = runtime.block_on(async {
        let signals = Signals::catch().map_err(|error| Failure::failed(format!("signals: {error}")))?;
        run_node(Reloading { arguments: &arguments.config, logging, loaded }, signals).await
    });
    // What still runs has been told to end, or is of no use any more.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

/// The configuration as it holds, and how to read it again.
struct Reloading<'a> {
    arguments: &'a ConfigArguments,
    logging: Logging,
    loaded: Loaded,
}

impl Reloading<'_> {
    /// Reads everything again, and changes what can be changed while the node runs. All or nothing.
    fn reload(&mut self, node: &Node) {
        let changed = self.arguments.load().and_then(|loaded| self.logging.change(&loaded.log).map(|()| loaded));
        let loaded = match changed {
            Ok(loaded) => loaded,
            Err(failure) => {
                tracing::error!(why = failure.what, "SIGHUP: the configuration is wrong, all stays as it was");
                return;
            }
        };
        node.reload_keys(loaded.node.api_keys.clone());
        let waiting = loaded.waits_for_a_start(&self.loaded);
        let keys = loaded.node.api_keys.len();
        tracing::info!(keys, log = loaded.log, "SIGHUP: keys and log level are read again");
        if !waiting.is_empty() {
            tracing::warn!(settings = waiting.join(", "), "SIGHUP: these differ, and wait for the next start");
        }
        // What waits is compared with what runs the next time too.
        self.loaded.log = loaded.log;
    }
}

/// Opens what the machine gives, starts the node on it, and serves until a signal asks to end.
async fn run_node(mut reloading: Reloading<'_>, mut signals: Signals) -> Result<(), Failure> {
    let config = reloading.loaded.node.clone();
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
    let mut http_config = config.http.clone();
    let room = real::room_for_connections(http_config.connections_max);
    if room < http_config.connections_max {
        tracing::warn!(
            connections = room,
            "the limit of open files is too low for http.connectionsMax: raise it (LimitNOFILE=65536 in systemd, ulimit -n \
             65536 in a shell), or lower http.connectionsMax"
        );
        http_config.connections_max = room;
    }
    // A start may wait for the disk, or read a long log: a signal interrupts it.
    let started = match future::select(pin!(start_node(host, config)), pin!(signals.next_end())).await {
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
    real::serve_http(http, node.router.clone(), &http_config, async {
        let signal = loop {
            match signals.next().await {
                Asked::End(signal) => break signal,
                Asked::Reload => reloading.reload(&node),
            }
        };
        tracing::info!(signal, "ending: requests in flight are finished, no new ones are taken");
    })
    .await;
    node.stop().await;
    tracing::info!("ended");
    Ok(())
}

/// Connections that the system may hold until we accept them. Beyond them a client is not heard, and tries again after a
/// second.
const CLIENT_BACKLOG: u32 = 4096;

/// The router of a started node. All of the node lives in its tasks.
async fn start_node(host: Host, config: NodeConfig) -> Result<Node, Failure> {
    let data = config.data_dir.clone();
    let refused = |error: StartError| {
        Failure::failed(error.to_string())
            .advise(format!("Files are named within the data directory, {}", data.display()))
    };
    Node::start::<real::Runtime>(host, config).await.map_err(refused)
}
