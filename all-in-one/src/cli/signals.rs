//! The signals that the program obeys. They are registered at once, so that one during the start is
//! not lost.

use std::io;

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
