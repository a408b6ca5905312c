//! `confman completions`: what makes a shell complete our commands.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Failure, output};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The shell.
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  confman completions bash > ~/.local/share/bash-completion/completions/confman
  confman completions zsh > \"${fpath[1]}/_confman\"
  confman completions fish > ~/.config/fish/completions/confman.fish";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "confman", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
