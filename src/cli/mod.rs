//! The command line: what `confman` can be told to do, and how it says that it could not.
//!
//! | file | what it is |
//! |---|---|
//! | here | the commands, exit codes |
//! | `serve.rs` | one node, from its configuration to its graceful end |
//! | `configuration.rs` | where a node's configuration is read; `confman config` |
//! | `reach.rs` | which cluster a command is for, as whom |
//! | `entries.rs`, `past.rs`, `audit.rs`, `namespaces.rs`, `status.rs`, `cluster.rs` | the commands over the client |
//! | `export.rs` | entries as lines of JSON, and back |
//! | `completions.rs` | completion scripts for shells |
//! | `dev/` | a local cluster: real nodes as child processes |
//! | `backup.rs`, `restore.rs`, `inspect.rs` | a cluster's state as a file, and back; what is on a disk |
//! | `offline.rs` | what those three share |
//! | `key.rs` | `confman key new` |
//! | `logging.rs` | tracing: readable on a terminal, JSON otherwise |
//! | `signals.rs` | SIGTERM, SIGINT and SIGHUP |
//! | `output.rs` | stdout: tables, JSON, colours |
//! | `secrets.rs` | fresh random secrets |

mod audit;
mod backup;
mod cluster;
mod completions;
mod configuration;
mod dev;
mod entries;
mod export;
mod inspect;
mod key;
mod logging;
mod namespaces;
mod offline;
mod output;
mod past;
mod reach;
mod restore;
mod secrets;
mod serve;
mod signals;
mod status;
mod txn;

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A distributed configuration service.
#[derive(Parser)]
#[command(name = "confman", version, about, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Start with `confman dev`: three nodes on this machine, with keys, and a curl to copy. Then, in the same
folder: `confman set demo greeting hello`, `confman get demo greeting`, `confman status`.

Exit codes of get, set, delete, list, history, diff, rollback, export, import, audit, namespaces, status and
cluster: 0 done, 1 absent, 2 usage, 3 refused, 4 unavailable (nothing was done), 5 it is not known whether the write was done.
Exit codes of serve and dev: 0 ended as asked, 1 could not start or go on, 2 refused to start (command line
or configuration), 70 the node stopped itself, because going on could do harm (the log says why).
Exit codes of config, key and completions: 0 done, 1 failed, 2 usage or a mistake in the configuration.
All: 74 standard output cannot be written.";

/// The exit code where what was asked for is not there.
const ABSENT: u8 = 1;

#[derive(Subcommand)]
enum Command {
    /// Print the value of an entry.
    Get(entries::Get),
    /// Set an entry.
    Set(entries::Set),
    /// Delete an entry.
    Delete(entries::Delete),
    /// List the entries of a namespace.
    List(entries::List),
    /// Make several changes at once, or none.
    Txn(txn::Arguments),
    /// Show all that an entry was.
    History(past::History),
    /// Show what differs in a namespace between two moments.
    Diff(past::Diff),
    /// Make an entry again what it was.
    Rollback(past::Rollback),
    /// Print entries as lines of JSON.
    Export(export::Export),
    /// Set entries from lines of JSON.
    Import(export::Import),
    /// Show who changed what and when.
    Audit(audit::Arguments),
    /// List, make, change and delete namespaces.
    Namespaces(namespaces::Arguments),
    /// Show the nodes of the cluster and how they are.
    Status(status::Arguments),
    /// Add, promote, remove and replace nodes; hand the leadership on.
    Cluster(cluster::Arguments),
    /// Run one node.
    Serve(serve::Arguments),
    /// Run a whole cluster on this machine, for development.
    Dev(dev::Arguments),
    /// Write the state of a running cluster, at one revision, to a file.
    Backup(backup::Arguments),
    /// Make the data directory of a new cluster's first node from a backup.
    Restore(restore::Arguments),
    /// Say what is in a data directory, a log, a snapshot or a backup, and check all of it.
    Inspect(inspect::Arguments),
    /// Make API keys.
    Key(key::Arguments),
    /// Look at a node's configuration without starting it.
    Config(configuration::Arguments),
    /// Print what makes a shell complete these commands.
    Completions(completions::Arguments),
}

/// Parses the command line, does what it says, and answers with the exit code.
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Get(arguments) => entries::get(&arguments),
        Command::Set(arguments) => entries::set(&arguments),
        Command::Delete(arguments) => entries::delete(&arguments),
        Command::List(arguments) => entries::list(&arguments),
        Command::Txn(arguments) => txn::run(&arguments),
        Command::History(arguments) => past::history(&arguments),
        Command::Diff(arguments) => past::diff(&arguments),
        Command::Rollback(arguments) => past::rollback(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::Import(arguments) => export::import(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Namespaces(arguments) => namespaces::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Cluster(arguments) => cluster::run(arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Dev(arguments) => dev::run(&arguments),
        Command::Backup(arguments) => backup::run(arguments),
        Command::Restore(arguments) => restore::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Key(arguments) => key::run(&arguments),
        Command::Config(arguments) => configuration::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where nobody reads it, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "{failure}");
            ExitCode::from(failure.exit_code)
        }
    }
}

/// Why a command ended: one line on what happened, one on what to do about it.
#[derive(Debug)]
struct Failure {
    what: String,
    advice: Option<String>,
    exit_code: u8,
}

impl Failure {
    /// What was asked for cannot be: the command line or the configuration is wrong.
    fn refused(what: impl Into<String>) -> Failure {
        Failure { what: what.into(), advice: None, exit_code: 2 }
    }

    /// It was tried, and failed.
    fn failed(what: impl Into<String>) -> Failure {
        Failure { what: what.into(), advice: None, exit_code: 1 }
    }

    /// No node could do it, and nothing was done.
    fn unavailable(what: impl Into<String>) -> Failure {
        Failure { what: what.into(), advice: None, exit_code: 4 }
    }

    /// What the reader should do next.
    fn advise(self, advice: impl Into<String>) -> Failure {
        Failure { advice: Some(advice.into()), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, line) in self.what.lines().enumerate() {
            let (start, end) = if n == 0 { ("error: ", "") } else { ("\nerror: ", "") };
            write!(f, "{start}{line}{end}")?;
        }
        match &self.advice {
            Some(advice) => write!(f, "\n  {advice}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_failure_is_a_line_for_each_mistake_and_one_of_advice() {
        let failure = Failure::refused("a\nb").advise("do c");
        assert_eq!(failure.to_string(), "error: a\nerror: b\n  do c");
    }
}
