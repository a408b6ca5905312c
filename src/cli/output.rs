//! What goes to stdout, and how it looks there.

use std::io::{self, Write};

use super::Failure;

/// The exit code where stdout does not take what it is given (`EX_IOERR` of sysexits.h).
const UNWRITABLE: u8 = 74;

/// Writes to stdout, all of it or an error. A reader that went away has what it wanted.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure { exit_code: UNWRITABLE, ..Failure::failed(format!("stdout cannot be written: {error}")) })
        }
        _ => Ok(()),
    }
}
