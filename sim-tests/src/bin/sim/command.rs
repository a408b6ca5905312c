use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::explain::Explain;
use crate::{run, schedule, shrink, swarm, twin};

/// What a command's exit code says, the same for each.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  all laws held
  1  a law was violated
  2  the simulator itself failed
  3  nothing can be concluded: nothing was tried that could have failed, or a run did not end";

/// Simulated disasters, repeated from their seeds.
#[derive(Parser)]
#[command(name = "sim", after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Swarm(swarm::Arguments),
    Twin(twin::Arguments),
    Shrink(shrink::Arguments),
    /// Write a run as one page to be read in a browser.
    Explain(Explain),
    Schedule(schedule::Arguments),
}

pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => arguments.run(),
        Command::Swarm(arguments) => arguments.run(),
        Command::Twin(arguments) => arguments.run(),
        Command::Shrink(arguments) => arguments.run(),
        Command::Explain(explain) => explain.write(),
        Command::Schedule(arguments) => arguments.run(),
    }
}

/// Says why the simulator itself failed.
pub fn failed(why: &str) -> ExitCode {
    eprintln!("the harness failed: {why}");
    ExitCode::from(2)
}
