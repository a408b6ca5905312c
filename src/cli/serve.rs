//! `confman serve`: one node, from its configuration file to its graceful end.

use std::path::{Path, PathBuf};

use super::Failure;
use super::logging::{self, LogArguments};
use super::signals::StopSignals;
use crate::config::{self, NodeConfig};

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

// ---- the seam: the one place where the command line meets the node, the real host and the HTTP server ----

async fn run_node(_config: NodeConfig, mut signals: StopSignals) -> Result<(), Failure> {
    signals.next().await;
    Ok(())
}
