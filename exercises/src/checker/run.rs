//! Runs the learner's program with a time limit, beside the embedded Jaeger.

use std::env;
use std::io::{self, Read};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jaeger_all_in_one::AllInOne;

/// How long a program may run.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How long nothing must arrive after the program's end. UDP packets may still wait to be read.
const QUIET: Duration = Duration::from_millis(150);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// How many bytes of each output are kept; the rest is read and dropped.
const MOST_OUTPUT: usize = 256 << 10;
/// How long to wait for the end of an output that another process keeps open.
const OUTPUT_TIME: Duration = Duration::from_millis(500);

/// What a program's environment must not say: it would not find this Jaeger, or fall silent.
const CLEARED: [&str; 2] = ["OTEL_", "JAEGER_"];
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    /// How it ended; `None` if it was stopped at the time limit.
    pub status: Option<ExitStatus>,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

/// Runs a program to its end, and waits until its spans have arrived.
///
/// # Errors
/// If it cannot be started.
pub fn run(
    program: &Path,
    folder: &Path,
    limit: Duration,
    jaeger: &AllInOne,
    children: &Children,
) -> io::Result<Ran> {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if CLEARED.iter().any(|prefix| text.starts_with(prefix)) || PROXIES.contains(&&*text) {
            command.env_remove(&name);
        }
    }
    command.envs(jaeger.variables()).env("RUST_BACKTRACE", "0").current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = children.add(command.spawn()?);
    let out = child.stdout.take().map(read);
    let err = child.stderr.take().map(read);
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if begin.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(POLL_INTERVAL);
    };
    drop(child);
    let text = |output: Option<Receiver<Vec<u8>>>| {
        let bytes = output.and_then(|output| output.recv_timeout(OUTPUT_TIME).ok());
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    };
    let ran = Ran { status, out: text(out), err: text(err) };
    settle(jaeger);
    Ok(ran)
}

/// Waits until no more spans arrive.
fn settle(jaeger: &AllInOne) {
    let (mut spans, mut last) = (jaeger.usage().arrived(), Instant::now());
    let begin = last;
    while last.elapsed() < QUIET && begin.elapsed() < TIME_LIMIT {
        thread::sleep(POLL_INTERVAL);
        let now = jaeger.usage().arrived();
        if now != spans {
            (spans, last) = (now, Instant::now());
        }
    }
}

/// Reads an output on a thread of its own, so that the program never waits for it.
fn read(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), [0; 8 << 10]);
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let room = MOST_OUTPUT.saturating_sub(kept.len());
            kept.extend_from_slice(&buffer[..count.min(room)]);
        }
        // The receiver has gone if it waited too long.
        let _ = sender.send(kept);
    });
    receiver
}

/// The processes that run now: those to stop if a signal ends the checker.
#[derive(Clone, Debug, Default)]
pub struct Children(Arc<Mutex<Option<u32>>>);

impl Children {
    /// Remembers a process until it is dropped. The checker runs one at a time.
    pub(super) fn add(&self, child: Child) -> Running {
        self.set(Some(child.id()));
        Running { child, children: self.clone() }
    }

    fn set(&self, id: Option<u32>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// Stops the process that runs, if one does.
    #[cfg(unix)]
    pub(super) fn stop(&self) {
        let id = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = id.and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        if let Some(id) = id {
            // It may have ended in this moment.
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
    }
}

/// A process that runs. It is stopped where it is dropped before its end.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    children: Children,
}

impl Running {
    pub(super) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.children.set(None);
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may have ended in this moment.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
