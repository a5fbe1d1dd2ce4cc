//! The program's log.

use std::env;
use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Logs to stderr, at this level or as `RUST_LOG` says.
pub(super) fn to_stderr(level: Level) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // Where stderr cannot be written, neither can the complaint: it would panic.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(filter(level)).with(lines).init();
}

/// The levels of `RUST_LOG`, such as `debug` or `warn,hyper=debug`. An empty one counts as unset.
fn filter(level: Level) -> Targets {
    let usual = Targets::new().with_default(level);
    match env::var("RUST_LOG") {
        Ok(text) if !text.trim().is_empty() => text.parse().unwrap_or_else(|error| {
            super::print::line_to_stderr(format_args!(
                "RUST_LOG={text} is ignored: {error}; write for example warn,hyper=debug"
            ));
            usual
        }),
        _ => usual,
    }
}
