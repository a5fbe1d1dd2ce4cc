//! What only the program has: flags and environment, commands, the banner, the log.

mod arguments;
mod check;
mod config_file;
mod environment;
mod expect;
mod flags;
mod log;
mod one_port;
mod print;
mod run;
mod save;
mod serve;
mod signals;
mod tls;
mod unsupported;

use std::error::Error;
use std::process::ExitCode;

use jaeger_all_in_one::expect_trace::FileError;
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
            print::line_to_stderr(format_args!("error: {error}"));
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
            let url = status(&flags.config()?)?;
            print::to_stdout(&format!("A Jaeger answers on {url}\n"))?;
        }
        Some(Command::Tree { id, spans, style, flags }) => {
            let (config, style) = (flags.config()?, style.style());
            let text = match id {
                Some(id) => tree(&config, id, spans, style)?,
                None => newest(&config, style)?,
            };
            print::to_stdout(&text)?;
        }
        Some(Command::Run(run)) => return run.run(),
        Some(Command::Check { check, flags }) => {
            return Ok(u8::from(!check.check(&flags.config()?)?));
        }
        Some(Command::Version) => {
            print::to_stdout(&command().render_long_version().to_string())?;
        }
        Some(Command::Env) => print::to_stdout(&command().render_help().to_string())?,
    }
    Ok(0)
}

fn is_bad_setting(error: &(dyn Error + 'static)) -> bool {
    let of_start = error.downcast_ref().or_else(|| match error.downcast_ref() {
        Some(ClientError::Settings(error)) => Some(error),
        _ => None,
    });
    let of_start = matches!(
        of_start,
        Some(StartError::BasePath { .. } | StartError::Strategies { .. } | StartError::Tls { .. })
    );
    of_start
        || error.is::<flags::Usage>()
        || error.is::<FileError>()
        || error.is::<unsupported::Refused>()
}
