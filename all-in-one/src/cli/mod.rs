//! What only the program has: flags and environment, commands, the banner, the log.

mod arguments;
mod flags;
mod log;
mod serve;
mod unsupported;

use std::process::ExitCode;

use jaeger_all_in_one::{Error, status, tree};

use arguments::{Command, command};

/// Runs the command that the arguments name. The exit code is 2 if an argument or a setting is
/// invalid.
pub(crate) fn run() -> ExitCode {
    let arguments = match arguments::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(rejected) => return ExitCode::from(rejected.print()),
    };
    match act(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if matches!(error, Error::Setting { .. }) { 2 } else { 1 })
        }
    }
}

fn act(arguments: arguments::Arguments) -> Result<(), Error> {
    match arguments.command {
        None => {
            log::to_stderr(arguments.flags.log_level);
            serve::serve(arguments.flags.config())
        }
        Some(Command::Status { flags }) => {
            status(&flags.config()).map(|url| println!("A Jaeger answers on {url}"))
        }
        Some(Command::Tree { id, spans, flags }) => {
            tree(&flags.config(), id, spans).map(|tree| print!("{tree}"))
        }
        Some(Command::Version) => {
            print!("{}", command().render_long_version());
            Ok(())
        }
        Some(Command::Env) => {
            print!("{}", command().render_help());
            Ok(())
        }
    }
}
