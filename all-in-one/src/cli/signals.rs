//! The signals that the program obeys. They are registered at once, so that one during the start is
//! not lost.

use std::io;
#[cfg(unix)]
use std::io::IsTerminal;

/// The signal for the program's own use: SIGUSR1 on Unix.
pub(super) struct UserSignal {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

#[cfg(unix)]
pub(super) fn user_signal() -> io::Result<UserSignal> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(UserSignal { signal: signal(SignalKind::user_defined1())? })
}

#[cfg(not(unix))]
pub(super) fn user_signal() -> io::Result<UserSignal> {
    Ok(UserSignal {})
}

impl UserSignal {
    /// Waits for the next one.
    pub(super) async fn recv(&mut self) {
        #[cfg(unix)]
        if self.signal.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}

/// The signals that ask to stop: ctrl-c, and on Unix SIGTERM and SIGHUP too.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// `None` below `nohup`, which must stay as it is: the program goes on.
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

/// A signal.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    Interrupt,
    #[cfg(unix)]
    Terminate,
    #[cfg(unix)]
    Hangup,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate())?, hangup })
    }

    /// Waits for the next one.
    pub(super) async fn recv(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = hangup => Signal::Hangup,
        }
    }
}

/// Whether the program was started to ignore SIGHUP, as far as Linux's `/proc` tells.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is signal 1, SIGHUP.
    mask.is_some_and(|mask| mask & 1 != 0)
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Signals {})
    }

    /// Waits for the next one.
    pub(super) async fn recv(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Interrupt
    }
}

impl Signal {
    /// The exit code of a shell for a command that the signal ended.
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Signal::Interrupt => 130,
            #[cfg(unix)]
            Signal::Terminate => 143,
            #[cfg(unix)]
            Signal::Hangup => 129,
        }
    }

    /// Sends it to a child. Ctrl-c in a terminal has reached it already.
    #[cfg(unix)]
    pub(super) fn pass_on(self, child: &tokio::process::Child) {
        use rustix::process::{Pid, Signal as Number, kill_process};
        let number = match self {
            Signal::Interrupt if io::stdin().is_terminal() => return,
            Signal::Interrupt => Number::INT,
            Signal::Terminate => Number::TERM,
            Signal::Hangup => Number::HUP,
        };
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        // One that has ended needs no signal.
        let _ = id.map(|id| kill_process(id, number));
    }

    #[cfg(not(unix))]
    pub(super) fn pass_on(self, _: &tokio::process::Child) {}
}
