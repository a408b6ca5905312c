//! Where the configuration of a node is read: its file, the environment and flags. `confman config` shows what comes
//! of them.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Subcommand};

use super::{Failure, output, reach};
use crate::config::{self, ConfigError, Loaded, NodeConfig, Sources};

/// What says how a node is configured, on the command line of `serve` and of `config check`.
#[derive(clap::Args, Clone)]
pub(super) struct ConfigArguments {
    /// The node's configuration file.
    #[arg(long, value_name = "FILE", env = "CONFMAN_CONFIG")]
    pub config: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
}

/// Settings that may also be flags. Each must be in the table of settings, under the same flag.
#[derive(clap::Args, Clone)]
struct Overrides {
    /// This node's number, in place of `node` in the file.
    #[arg(long, value_name = "NUMBER")]
    node: Option<String>,
    /// The folder of log, snapshots and store, in place of `dataDir`.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Where clients connect, in place of `http.listen`.
    #[arg(long, value_name = "HOST:PORT")]
    http_listen: Option<String>,
    /// Where other nodes connect, in place of `peer.listen`.
    #[arg(long, value_name = "HOST:PORT")]
    peer_listen: Option<String>,
    /// What to log: a level (error, warn, info, debug, trace), or levels by module, like `info,confman::raft=debug`.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

impl ConfigArguments {
    /// Reads everything as it is now.
    pub fn load(&self) -> Result<Loaded, Failure> {
        let text = read_file(&self.config)?;
        let Overrides { node, data, http_listen, peer_listen, log } = self.overrides.clone();
        let flags = [
            ("node", node),
            ("dataDir", data),
            ("http.listen", http_listen),
            ("peer.listen", peer_listen),
            ("log", log),
        ];
        let flags: Vec<_> = flags.into_iter().filter_map(|(setting, value)| Some((setting, value?))).collect();
        let environment = environment();
        let sources =
            Sources { file: &self.config, text: &text, environment: &environment, flags: &flags, read: &read };
        config::load(&sources).map_err(refused)
    }
}

/// Reads a configuration file by itself.
pub(super) fn read_config(path: &Path) -> Result<NodeConfig, Failure> {
    config::parse(path, &read_file(path)?, &read).map_err(refused)
}

fn refused(error: ConfigError) -> Failure {
    Failure::refused(error.to_string())
}

fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

fn read_file(path: &Path) -> Result<String, Failure> {
    read(path).map_err(|error| {
        Failure::refused(format!("{} cannot be read: {error}", path.display()))
            .advise("Give the node's configuration with --config; `confman dev` writes ones to start from")
    })
}

/// The variables that may be settings, sorted: all but those that `confman`'s own flags are read from.
fn environment() -> Vec<(String, String)> {
    let mut own: BTreeSet<String> = reach::VARIABLES.iter().map(|name| (*name).to_owned()).collect();
    collect_variables(&super::Arguments::command(), &mut own);
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    let mut environment: Vec<_> = all.filter(|(name, _)| name.starts_with("CONFMAN_") && !own.contains(name)).collect();
    environment.sort();
    environment
}

fn collect_variables(command: &clap::Command, own: &mut BTreeSet<String>) {
    let variables = command.get_arguments().filter_map(|argument| argument.get_env());
    own.extend(variables.map(|name| name.to_string_lossy().into_owned()));
    command.get_subcommands().for_each(|command| collect_variables(command, own));
}

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  confman config check --config /etc/confman/node.toml
  CONFMAN_HTTP_LISTEN=0.0.0.0:80 confman config check --config node.toml --log debug
  confman config reference";

#[derive(Subcommand)]
enum Command {
    /// Read a node's configuration as `serve` would, and print every setting and where it comes from.
    ///
    /// Starts nothing. Exit code 2 where something is wrong: then all mistakes are printed, each with its place.
    Check(ConfigArguments),
    /// Print the reference of all settings, as Markdown.
    Reference,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Check(arguments) => {
            let loaded = arguments.load()?;
            output::print(&describe(&loaded))?;
            for variable in &loaded.ignored {
                // Where nobody reads it, what was asked for is still done.
                let _ = writeln!(std::io::stderr(), "note: {variable} is no setting, and is ignored");
            }
            Ok(())
        }
        Command::Reference => output::print(&config::reference()),
    }
}

/// A line for each setting: what it is, and where that comes from.
fn describe(loaded: &Loaded) -> String {
    let lines: Vec<(String, String)> =
        loaded.effective.iter().map(|one| (format!("{} = {}", one.name, one.value), one.origin.to_string())).collect();
    // What is longer than this does not push the origins of the others away.
    let width = lines.iter().map(|(setting, _)| setting.chars().count()).filter(|width| *width <= 60).max();
    let width = width.unwrap_or_default();
    lines.iter().map(|(setting, origin)| format!("{setting:width$}  # {origin}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SETTINGS;

    #[test]
    fn the_flags_of_serve_are_those_of_the_table_of_settings() {
        let command = super::super::Arguments::command();
        let serve = command.find_subcommand("serve").expect("serve is a command");
        let mut flags: Vec<String> = serve
            .get_arguments()
            .filter_map(|argument| argument.get_long())
            .filter(|flag| !["config", "help"].contains(flag))
            .map(|flag| format!("--{flag}"))
            .collect();
        flags.sort();
        let mut known: Vec<&str> = SETTINGS.iter().filter_map(|setting| setting.flag).collect();
        known.sort_unstable();
        assert_eq!(flags, known);
    }
}
