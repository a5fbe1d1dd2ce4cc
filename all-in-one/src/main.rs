//! The program: reads its settings, starts, says what is open, and stops on ctrl-c or SIGTERM.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use jaeger_all_in_one::model::TraceId;
use jaeger_all_in_one::{AllInOne, Config, Error};
use tracing::{Level, warn};
use tracing_subscriber::EnvFilter;

/// What the program is to do; without a word, serve.
enum Command {
    Serve,
    Status,
    Tree(TraceId, usize),
}

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let command = match take_command(&mut arguments) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    if let Some(flag) = arguments.get(1).and_then(|command| command.to_str()).and_then(as_flag) {
        arguments[1] = flag.into();
    }
    let config = match Config::from_args(arguments) {
        Ok(config) => config,
        Err(rejected) => return ExitCode::from(rejected.print()),
    };
    log_to_stderr(config.log_level);
    let ended = match command {
        Command::Serve => run(config),
        Command::Status => {
            jaeger_all_in_one::status(&config).map(|url| println!("A Jaeger answers on {url}"))
        }
        Command::Tree(id, spans) => {
            jaeger_all_in_one::tree(&config, id, spans).map(|tree| print!("{tree}"))
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ Error::Setting { .. }) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes the command and what belongs to it out of the arguments; what stays are flags.
fn take_command(arguments: &mut Vec<OsString>) -> Result<Command, String> {
    let word = |arguments: &[OsString]| {
        let word = arguments.get(1)?.to_str()?;
        (!word.starts_with('-')).then(|| word.to_owned())
    };
    match word(arguments).as_deref() {
        Some("status") => {
            arguments.remove(1);
            Ok(Command::Status)
        }
        Some("tree") => {
            arguments.remove(1);
            let id = word(arguments).ok_or("tree: which trace? Its id goes behind `tree`")?;
            arguments.remove(1);
            let id = id.parse().map_err(|error| format!("tree: {error}"))?;
            let Some(spans) = word(arguments) else { return Ok(Command::Tree(id, 1)) };
            arguments.remove(1);
            let spans =
                spans.parse().map_err(|_| format!("tree: {spans:?} is no number of spans"))?;
            Ok(Command::Tree(id, spans))
        }
        _ => Ok(Command::Serve),
    }
}

/// Jaeger's commands that a flag answers here. Its `env` explains the variables: so does the help.
fn as_flag(command: &str) -> Option<&'static str> {
    match command {
        "version" => Some("--version"),
        "help" | "env" => Some("--help"),
        _ => None,
    }
}

fn run(config: Config) -> Result<(), Error> {
    for variable in jaeger_all_in_one::ignored_variables() {
        warn!("{variable}");
    }
    // Its own small runtime, only to wait: the all-in-one brings the threads that work.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    runtime.block_on(async {
        let stop = stop_signal().map_err(Error::Runtime)?;
        let jaeger = AllInOne::start_with(config)?;
        // Nobody may read it: that is no reason to stop.
        let _ = std::io::stdout().write_all(banner(&jaeger).as_bytes());
        stop.await;
        jaeger.shutdown().await;
        Ok(())
    })
}

fn banner(jaeger: &AllInOne) -> String {
    let mut lines = format!("Jaeger all-in-one {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |what: &str, address: String| lines += &format!("  {what:<24}{address}\n");
    line("web pages, query API", jaeger.query_url());
    line("health, metrics", format!("http://{}", jaeger.admin_addr()));
    for door in jaeger.doors() {
        let transport = if door.udp { "/udp" } else { "" };
        line(door.takes, format!("{}{transport}", door.address));
    }
    lines + "\nctrl-c stops it\n"
}

/// Listens from this call on, so that a signal during the start is not lost.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// Logs go to stderr, at this level, or as `RUST_LOG` says.
fn log_to_stderr(level: Level) {
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
