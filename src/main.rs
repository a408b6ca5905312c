//! `confman`: see `confman help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    confman::cli::main()
}
