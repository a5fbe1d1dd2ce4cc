//! Printing that never panics, and that loses nothing in silence.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints to stdout. A reader that has gone away, as `head` does, is no error.
///
/// # Errors
/// Where stdout cannot be written for another reason, such as a full disk.
pub(super) fn to_stdout(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    forgive(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Takes a closed pipe for success.
///
/// # Errors
/// Any other error, with what it means.
pub(super) fn forgive(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(io::Error::new(error.kind(), format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints to stderr. If that fails, there is no place left to say so.
pub(super) fn to_stderr(text: &[u8]) {
    let _ = io::stderr().lock().write_all(text);
}

/// Prints a line to stderr, in one piece.
pub(super) fn line_to_stderr(line: impl Display) {
    to_stderr(format!("{line}\n").as_bytes());
}
