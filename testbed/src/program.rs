//! Runs a built program as a user does, with arguments, environment and signals, and a time limit.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

#[cfg(target_os = "linux")]
use crate::httpbin::wait_until;

/// A program that runs longer is killed, and the test fails.
const RUN_LIMIT: Duration = Duration::from_secs(30);

/// A program to run. It does not inherit the settings of the shell that runs the tests.
pub struct Program {
    command: Command,
}

impl Program {
    /// The program at this path; in a test, pass `env!("CARGO_BIN_EXE_…")`.
    #[must_use]
    pub fn new(path: &str) -> Self {
        let mut command = Command::new(path);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().to_uppercase();
            let setting = ["HTTPBIN_", "JAEGER_", "OTEL_"].iter().any(|it| name.starts_with(it));
            if setting || name.ends_with("_PROXY") {
                command.env_remove(&name).env_remove(name.to_lowercase());
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command }
    }

    /// A program of this workspace, from the target folder of the running one; for tests of another
    /// package, which have no `CARGO_BIN_EXE_…`.
    ///
    /// # Errors
    ///
    /// If it was not built.
    pub fn built(name: &str) -> io::Result<Self> {
        let own = std::env::current_exe()?;
        let folders = own.ancestors().skip(1).take(2); // a test lies in `deps`
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let found = folders.map(|folder| folder.join(&name)).find(|path| path.is_file());
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("{name} is not built"));
        Ok(Self::new(&found.ok_or_else(missing)?.to_string_lossy()))
    }

    /// Runs one test of the current test binary in its own process: for tests that change global
    /// state or print too much.
    ///
    /// # Errors
    ///
    /// If the path of the current binary is unknown.
    pub fn test(path: &str) -> io::Result<Self> {
        Ok(Self::new(&std::env::current_exe()?.to_string_lossy()).arg("--exact").arg(path))
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Closes the reading end of its output, as `| head -0` does.
    ///
    /// # Errors
    ///
    /// If no pipe can be made.
    pub fn unread(mut self) -> io::Result<Self> {
        let (_, writer) = io::pipe()?;
        self.command.stdout(writer.try_clone()?).stderr(writer);
        Ok(self)
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start(mut self) -> io::Result<Running> {
        let started = Instant::now();
        let mut child = self.command.spawn()?;
        let stdout = read_all(child.stdout.take());
        let stderr = read_all(child.stderr.take());
        Ok(Running { child, started, stdout, stderr })
    }

    /// Starts it and waits until it ends.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or exceeds the time limit.
    pub fn run(self) -> io::Result<Finished> {
        self.start()?.finish()
    }
}

/// A running program; dropping it kills it.
pub struct Running {
    child: Child,
    started: Instant,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Running {
    /// Waits until the program handles SIGINT and SIGTERM. Only Linux shows this, in `/proc`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] after 10 s.
    #[cfg(target_os = "linux")]
    pub fn wait_for_handlers(&self) -> io::Result<()> {
        const BOTH: u64 = 1 << (Signal::INT.as_raw() - 1) | 1 << (Signal::TERM.as_raw() - 1);
        let status = format!("/proc/{}/status", self.child.id());
        wait_until(|| {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
            caught.is_some_and(|mask| mask & BOTH == BOTH)
        })
    }

    /// Sends SIGINT, as ctrl-c does.
    ///
    /// # Errors
    ///
    /// If it has already ended.
    pub fn interrupt(&self) -> io::Result<()> {
        self.signal(Signal::INT)
    }

    /// Sends SIGTERM, as `docker stop` does.
    ///
    /// # Errors
    ///
    /// If it has already ended.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Waits until it ends.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] if it exceeds the time limit and is killed.
    pub fn finish(mut self) -> io::Result<Finished> {
        // Both streams end when the program does, so waiting for them waits for the program.
        let left = |started: Instant| RUN_LIMIT.saturating_sub(started.elapsed());
        let stdout = self.stdout.recv_timeout(left(self.started));
        let stderr = self.stderr.recv_timeout(left(self.started));
        let (Ok(stdout), Ok(stderr)) = (stdout, stderr) else {
            return Err(io::ErrorKind::TimedOut.into());
        };
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if self.started.elapsed() > RUN_LIMIT => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        Ok(Finished { code: status.code(), stdout, stderr, elapsed: self.started.elapsed() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result of a program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed on stdout.
    pub stdout: String,
    /// What it printed on stderr.
    pub stderr: String,
    /// From its start to its end.
    pub elapsed: Duration,
}

impl Finished {
    /// The trace ids that it printed, in links or alone.
    #[must_use]
    pub fn trace_ids(&self) -> Vec<&str> {
        self.stdout.lines().filter_map(|line| line.rsplit(['/', ' ']).next()).collect()
    }
}

fn read_all(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}
