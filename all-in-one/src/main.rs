//! The program: reads its settings, starts, says what is open, and stops on ctrl-c or SIGTERM.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::run()
}
