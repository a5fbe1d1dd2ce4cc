//! `jaeger-all-in-one run`: runs a command with a Jaeger of its own, and compares its traces.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use clap::Args;
use jaeger_all_in_one::store::Store;
use jaeger_all_in_one::{AllInOne, Config, StartError, Trace, draw};
use tokio::process::{Child, Command};

use super::flags::duration;
use super::one_port::OnePort;
use super::signals::Signals;
use super::{environment, expect};

/// How long nothing must arrive after the command's end: longer than the exporters of other
/// processes keep their spans by [`environment`].
const QUIET: Duration = Duration::from_millis(200);
/// The same where something is still missing.
const LONG_QUIET: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How many traces are printed.
const MOST_PRINTED: usize = 20;

/// The exit codes of a shell for a command that cannot be started.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// What a shell adds to the number of the signal that ended a command.
#[cfg(unix)]
const SIGNALLED: i32 = 128;

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// File with an expected trace; may be repeated; UPDATE_EXPECT=1 in the environment writes it instead
    #[arg(long, value_name = "FILE")]
    expect: Vec<PathBuf>,

    /// Compare and print only traces with a span of this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,

    /// File to write all traces to: OTLP in JSON, a trace a line
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// How long to wait, after the command's end, for spans that are missing
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    timeout: Duration,

    /// The command and its arguments
    #[arg(value_name = "COMMAND", last = true, required = true)]
    command: Vec<OsString>,
}

impl Run {
    /// Runs the command. Returns its exit code; where that is 0, 1 if a trace is not as expected.
    /// The traces are printed to stderr, so that stdout is the command's.
    ///
    /// # Errors
    /// Where no Jaeger can be started, or a file cannot be written.
    pub(super) fn run(&self) -> Result<u8, Box<dyn Error>> {
        let jaeger = AllInOne::start_with(Config::ephemeral())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let ended = runtime.block_on(self.run_command(&jaeger))?;
        let code = match ended {
            Ok(status) => exit_code(status),
            Err(code) => return Ok(code),
        };
        if let Some(file) = &self.save {
            let failed = |error| format!("cannot save to {}: {error}", file.display());
            jaeger.save(file).map_err(failed)?;
        }
        let traces = self.traces(&jaeger);
        let mut out = io::stderr().lock();
        self.print(jaeger.store(), &traces, &mut out)?;
        let good = expect::report(&self.expect, &traces, &mut out)?;
        drop(out);
        if !good {
            jaeger.keep_open();
        }
        Ok(if code == 0 && !good { 1 } else { code })
    }

    /// Runs the command to its end, and waits for its traces; or returns the exit code if it cannot
    /// be started.
    async fn run_command(&self, jaeger: &AllInOne) -> io::Result<Result<ExitStatus, u8>> {
        let signals = Signals::new()?;
        let port = OnePort::open(jaeger).await?;
        let Some((program, arguments)) = self.command.split_first() else {
            return Ok(Err(NOT_FOUND));
        };
        let mut command = Command::new(program);
        command.args(arguments);
        environment::set(&mut command, jaeger, port.address());
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                eprintln!("error: cannot run {}: {error}", program.display());
                let missing = error.kind() == io::ErrorKind::NotFound;
                return Ok(Err(if missing { NOT_FOUND } else { NOT_EXECUTABLE }));
            }
        };
        let status = wait(child, signals).await?;
        self.settle(jaeger).await;
        Ok(Ok(status))
    }

    /// Waits until all traces are whole and as expected, and nothing more arrives.
    async fn settle(&self, jaeger: &AllInOne) {
        let (begin, mut last) = (Instant::now(), Instant::now());
        let (mut spans, mut good) = (jaeger.usage().spans, None);
        while begin.elapsed() < self.timeout {
            tokio::time::sleep(POLL_INTERVAL).await;
            let now = jaeger.usage().spans;
            if now != spans {
                (spans, last, good) = (now, Instant::now(), None);
            }
            let quiet = last.elapsed();
            if quiet < QUIET {
                continue;
            }
            let (whole, expected) = *good.get_or_insert_with(|| {
                let traces = self.traces(jaeger);
                (traces.iter().all(is_whole), expect::all_match(&self.expect, &traces))
            });
            if whole && (expected && spans > 0 || quiet >= LONG_QUIET) {
                return;
            }
        }
    }

    fn traces(&self, jaeger: &AllInOne) -> Vec<Trace> {
        expect::of_service(jaeger.traces(), self.service.as_deref())
    }

    fn print(&self, store: &Store, traces: &[Trace], out: &mut impl Write) -> io::Result<()> {
        if traces.is_empty() {
            let service = self.service.as_ref();
            let of = service.map(|name| format!(" of the service \"{name}\"")).unwrap_or_default();
            return writeln!(
                out,
                "no spans{of} arrived: does the command send them where its environment says (OTEL_EXPORTER_OTLP_ENDPOINT, JAEGER_AGENT_HOST, …), and before it ends?"
            );
        }
        for trace in traces.iter().take(MOST_PRINTED) {
            let id = trace.id().and_then(|id| id.parse().ok());
            if let Some(trace) = id.and_then(|id| store.trace(id)) {
                writeln!(out, "trace {}", trace.id)?;
                out.write_all(draw(&trace, false).as_bytes())?;
            }
        }
        match traces.len().saturating_sub(MOST_PRINTED) {
            0 => Ok(()),
            more => writeln!(out, "and {more} more traces"),
        }
    }
}

/// Whether every parent is there.
fn is_whole(trace: &Trace) -> bool {
    trace.roots().all(|root| !root.get().parent_missing)
}

/// Waits for the child, and passes signals on.
async fn wait(mut child: Child, mut signals: Signals) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            signal = signals.recv() => signal.pass_on(&child),
        }
    }
}

#[cfg(unix)]
fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let signalled = || status.signal().map(|signal| SIGNALLED + signal);
    status.code().or_else(signalled).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(not(unix))]
fn exit_code(status: ExitStatus) -> u8 {
    status.code().map_or(1, |code| u8::try_from(code).unwrap_or(1))
}
