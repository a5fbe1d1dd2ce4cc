//! Ctrl-c and SIGTERM end the work early, not the tracing: what is done by then still goes out.

use std::process::ExitCode;

/// Waits until somebody asks the program to stop. The exit code is the one that a shell expects:
/// 128 and the signal's number.
#[cfg(unix)]
pub(crate) async fn stop() -> ExitCode {
    use tokio::signal::unix::{SignalKind, signal};

    let received = |kind: SignalKind| async move {
        match signal(kind) {
            Ok(mut signals) => signals.recv().await,
            Err(_) => std::future::pending().await, // then the signal ends us as it always did
        };
        ExitCode::from(128 + kind.as_raw_value() as u8)
    };
    tokio::select! {
        exit_code = received(SignalKind::interrupt()) => exit_code,
        exit_code = received(SignalKind::terminate()) => exit_code,
    }
}

/// Waits for ctrl-c.
#[cfg(not(unix))]
pub(crate) async fn stop() -> ExitCode {
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::from(130),
        Err(_) => std::future::pending().await,
    }
}
