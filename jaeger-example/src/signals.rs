//! Ctrl-C and SIGTERM end the work, not the tracing: spans that were started still go out.

use std::process::ExitCode;

/// Waits for a request to stop. The exit code is the one a shell expects: 128 plus the signal.
#[cfg(unix)]
pub(crate) async fn stop() -> ExitCode {
    use tokio::signal::unix::{SignalKind, signal};

    let received = |kind: SignalKind| async move {
        match signal(kind) {
            Ok(mut signals) => signals.recv().await,
            Err(_) => std::future::pending().await, // then the signal ends the program as usual
        };
        ExitCode::from(128 + kind.as_raw_value() as u8)
    };
    tokio::select! {
        exit_code = received(SignalKind::interrupt()) => exit_code,
        exit_code = received(SignalKind::terminate()) => exit_code,
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn stop() -> ExitCode {
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::from(130),
        Err(_) => std::future::pending().await,
    }
}
