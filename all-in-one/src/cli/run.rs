//! `jaeger-all-in-one run`: runs a command with a Jaeger of its own, and compares its traces.

use std::collections::HashSet;
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use jaeger_all_in_one::expectations::Expectations;
use jaeger_all_in_one::store::Store;
use jaeger_all_in_one::{AllInOne, Config, StartError, Trace, draw};
use tokio::process::{Child, Command};

use super::flags::duration;
use super::one_port::OnePort;
use super::signals::{Signal, Signals};
use super::{environment, expect, print, save};

/// How long nothing must arrive after the command's end: longer than the exporters of other
/// processes keep their spans by [`environment`].
const QUIET: Duration = Duration::from_millis(200);
/// The same where something is still missing.
const LONG_QUIET: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How many traces are printed.
const MOST_PRINTED: usize = 20;
/// How many lines of a trace are printed.
const MOST_LINES: usize = 200;

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
    /// The traces are printed to stderr, so that stdout is the command's. A signal after the
    /// command's end ends the waiting, and its exit code is the shell's for it.
    ///
    /// # Errors
    /// Where a file cannot be used, or no Jaeger can be started: then the command does not run.
    pub(super) fn run(&self) -> Result<u8, Box<dyn Error>> {
        let expectations = Expectations::read(&self.expect)?;
        self.save.as_deref().map_or(Ok(()), save::check)?;
        let jaeger = Arc::new(AllInOne::start_with(Config::ephemeral())?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let mut signals = {
            let _in_runtime = runtime.enter();
            Signals::new()?
        };
        let ended = runtime.block_on(self.run_command(&jaeger, &expectations, &mut signals))?;
        let (code, signal) = match ended {
            Ok((status, signal)) => (exit_code(status), signal),
            Err(code) => return Ok(code),
        };
        let good = self.report(&jaeger, &expectations)?;
        let saved = self.save_all(&jaeger);
        let code = if code == 0 && !(good && saved) { 1 } else { code };
        if let Some(signal) = signal {
            return Ok(signal.exit_code());
        }
        let signal = if good { None } else { runtime.block_on(keep_open(jaeger, &mut signals)) };
        Ok(signal.map_or(code, Signal::exit_code))
    }

    /// Runs the command to its end, and waits for its traces; or returns the exit code if it cannot
    /// be started. A signal ends the waiting.
    async fn run_command(
        &self,
        jaeger: &AllInOne,
        expectations: &Expectations,
        signals: &mut Signals,
    ) -> io::Result<Result<(ExitStatus, Option<Signal>), u8>> {
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
                let program = program.display();
                print::line_to_stderr(format_args!("error: cannot run {program}: {error}"));
                let missing = error.kind() == io::ErrorKind::NotFound;
                return Ok(Err(if missing { NOT_FOUND } else { NOT_EXECUTABLE }));
            }
        };
        let status = wait(child, signals).await?;
        let signal = tokio::select! {
            () = self.settle(jaeger, expectations) => None,
            signal = signals.recv() => Some(signal),
        };
        Ok(Ok((status, signal)))
    }

    /// Waits until all traces are whole or as expected, and nothing more arrives.
    async fn settle(&self, jaeger: &AllInOne, expectations: &Expectations) {
        let (begin, mut last) = (Instant::now(), Instant::now());
        let (mut spans, mut good) = (jaeger.usage().arrived(), None);
        while begin.elapsed() < self.timeout {
            tokio::time::sleep(POLL_INTERVAL).await;
            let now = jaeger.usage().arrived();
            if now != spans {
                (spans, last, good) = (now, Instant::now(), None);
            }
            let quiet = last.elapsed();
            if quiet < QUIET {
                continue;
            }
            let (whole, expected) = *good.get_or_insert_with(|| {
                let traces = self.traces(jaeger);
                let found = expectations.assign(&traces);
                let is_expected: HashSet<usize> = found.iter().flatten().copied().collect();
                let mut traces = traces.iter().enumerate();
                let whole = traces.all(|(at, trace)| is_expected.contains(&at) || is_whole(trace));
                (whole, found.iter().all(Option::is_some))
            });
            if whole && (expected && spans > 0 || quiet >= LONG_QUIET) {
                return;
            }
        }
    }

    fn traces(&self, jaeger: &AllInOne) -> Vec<Trace> {
        expect::of_service(jaeger.traces(), self.service.as_deref())
    }

    /// Prints the traces, and compares them. Returns whether all is as expected.
    fn report(&self, jaeger: &AllInOne, expectations: &Expectations) -> io::Result<bool> {
        let traces = self.traces(jaeger);
        // A report that cannot be written does not change the exit code.
        let mut out = Vec::new();
        self.print(jaeger, &traces, &mut out)?;
        let good = expectations.report(&traces, &mut out)?;
        print::to_stderr(&out);
        Ok(good && (self.service.is_none() || !traces.is_empty()))
    }

    /// Saves what arrived, if that is wanted. Returns whether it is saved.
    fn save_all(&self, jaeger: &AllInOne) -> bool {
        let Some(file) = &self.save else { return true };
        match jaeger.save(file) {
            Ok(saved) => {
                if let Some(line) = save::left_out(file, &saved) {
                    print::line_to_stderr(line);
                }
                true
            }
            Err(error) => {
                let name = file.display();
                print::line_to_stderr(format_args!("error: cannot save to {name}: {error}"));
                false
            }
        }
    }

    fn print(&self, jaeger: &AllInOne, traces: &[Trace], out: &mut impl Write) -> io::Result<()> {
        let store = jaeger.store();
        if traces.is_empty() {
            return self.explain_nothing(store, out);
        }
        for trace in traces.iter().take(MOST_PRINTED) {
            let id = trace.id().and_then(|id| id.parse().ok());
            if let Some(trace) = id.and_then(|id| store.trace(id)) {
                writeln!(out, "trace {}", trace.id)?;
                print_tree(&draw(&trace, false), out)?;
            }
        }
        if let more @ 1.. = traces.len().saturating_sub(MOST_PRINTED) {
            writeln!(out, "and {more} more traces")?;
        }
        let usage = store.usage();
        if usage.evicted_traces > 0 {
            writeln!(
                out,
                "warning: {} older traces were evicted, since only the newest {} are kept",
                usage.evicted_traces, usage.traces
            )?;
        }
        if usage.dropped_spans > 0 {
            let dropped = usage.dropped_spans;
            writeln!(out, "warning: {dropped} spans were dropped, since their trace is too large")?;
        }
        Ok(())
    }

    fn explain_nothing(&self, store: &Store, out: &mut impl Write) -> io::Result<()> {
        let services: Vec<_> = store.services().iter().map(ToString::to_string).collect();
        match &self.service {
            Some(service) if !services.is_empty() => {
                let others = expect::other_services(service, &services);
                return writeln!(out, "no spans of the service \"{service}\" arrived: {others}");
            }
            Some(service) => write!(out, "no spans of the service \"{service}\" arrived")?,
            None => write!(out, "no spans arrived")?,
        }
        writeln!(
            out,
            ": does the command send them where its environment says (OTEL_EXPORTER_OTLP_ENDPOINT, JAEGER_AGENT_HOST, …), and before it ends?"
        )?;
        environment::may_prevent_spans().try_for_each(|variable| {
            writeln!(out, "the environment has {variable}, which may be why")
        })
    }
}

fn print_tree(tree: &str, out: &mut impl Write) -> io::Result<()> {
    for line in tree.lines().take(MOST_LINES) {
        writeln!(out, "{line}")?;
    }
    match tree.lines().count().saturating_sub(MOST_LINES) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more spans"),
    }
}

/// Whether every parent is there.
fn is_whole(trace: &Trace) -> bool {
    trace.roots().all(|root| !root.get().parent_missing)
}

/// Waits for the child, and passes signals on.
async fn wait(mut child: Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            signal = signals.recv() => signal.pass_on(&child),
        }
    }
}

/// Keeps the pages open as `KEEP_JAEGER` says, or until a signal, which is returned.
async fn keep_open(jaeger: Arc<AllInOne>, signals: &mut Signals) -> Option<Signal> {
    let (done, waits) = tokio::sync::oneshot::channel();
    // It sleeps, so a runtime's own thread would delay the end.
    std::thread::spawn(move || {
        jaeger.keep_open();
        let _ = done.send(());
    });
    tokio::select! {
        _ = waits => None,
        signal = signals.recv() => Some(signal),
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
