//! The signals that the program obeys. They are registered at once, so that one during the start is
//! not lost.

use std::io;
#[cfg(unix)]
use std::io::IsTerminal;

/// Ends at ctrl-c, or SIGTERM on Unix.
#[cfg(unix)]
pub(super) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
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
pub(super) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

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

/// Signals that are passed on to a child.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

/// A signal.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    Interrupt,
    #[cfg(unix)]
    Terminate,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub(super) async fn recv(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
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
    /// Sends it to a child. Ctrl-c in a terminal has reached it already.
    #[cfg(unix)]
    pub(super) fn pass_on(self, child: &tokio::process::Child) {
        use rustix::process::{Pid, Signal as Number, kill_process};
        let number = match self {
            Signal::Interrupt if io::stdin().is_terminal() => return,
            Signal::Interrupt => Number::INT,
            Signal::Terminate => Number::TERM,
        };
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        // One that has ended needs no signal.
        let _ = id.map(|id| kill_process(id, number));
    }

    #[cfg(not(unix))]
    pub(super) fn pass_on(self, _: &tokio::process::Child) {}
}
