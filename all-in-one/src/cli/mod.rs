//! What only the program has: flags and environment, commands, the banner, the log.

mod arguments;
mod check;
mod environment;
mod expect;
mod flags;
mod log;
mod one_port;
mod run;
mod serve;
mod signals;
mod unsupported;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use jaeger_all_in_one::{ClientError, StartError, newest, status, tree};

use arguments::{Command, command};

/// Runs the command that the arguments name. The exit code is 2 if an argument or a setting is
/// invalid.
pub(crate) fn run() -> ExitCode {
    let arguments = match arguments::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(rejected) => return ExitCode::from(rejected.print()),
    };
    match act(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if is_bad_setting(&*error) { 2 } else { 1 })
        }
    }
}

/// Runs the command and returns the exit code.
fn act(arguments: arguments::Arguments) -> Result<u8, Box<dyn Error>> {
    match arguments.command {
        None => {
            log::to_stderr(arguments.flags.log_level);
            let config = arguments.flags.config()?;
            serve::serve(config, &arguments.files, &arguments.warnings)?;
        }
        Some(Command::Status { flags }) => {
            println!("A Jaeger answers on {}", status(&flags.config()?)?);
        }
        Some(Command::Tree { id, spans, style, flags }) => {
            let (config, style) = (flags.config()?, style.style());
            let text = match id {
                Some(id) => tree(&config, id, spans, style)?,
                None => newest(&config, style)?,
            };
            // If nobody reads it any more, that is no error.
            let _ = std::io::stdout().write_all(text.as_bytes());
        }
        Some(Command::Run(run)) => return run.run(),
        Some(Command::Check { check, flags }) => {
            return Ok(u8::from(!check.check(&flags.config()?)?));
        }
        Some(Command::Version) => print!("{}", command().render_long_version()),
        Some(Command::Env) => print!("{}", command().render_help()),
    }
    Ok(0)
}

fn is_bad_setting(error: &(dyn Error + 'static)) -> bool {
    let of_start = error.downcast_ref().or_else(|| match error.downcast_ref() {
        Some(ClientError::Settings(error)) => Some(error),
        _ => None,
    });
    matches!(of_start, Some(StartError::BasePath { .. } | StartError::Strategies { .. }))
        || error.is::<flags::Usage>()
        || error.is::<unsupported::Refused>()
}
