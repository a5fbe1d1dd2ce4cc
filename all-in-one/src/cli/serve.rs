//! Serves until ctrl-c or SIGTERM.

use std::io::Write;

use jaeger_all_in_one::{AllInOne, Config, Port, StartError};
use tracing::warn;

use super::arguments::command;
use super::unsupported::ignored_variables;

/// Starts, prints the open ports, waits for a signal and stops.
pub(super) fn serve(config: Config) -> Result<(), StartError> {
    for variable in ignored_variables(&command()) {
        warn!("{variable}");
    }
    // A small runtime, only to wait: the all-in-one has its own threads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    runtime.block_on(async {
        let stop = stop_signal().map_err(StartError::Runtime)?;
        let jaeger = AllInOne::start_with(config)?;
        // If nobody reads the banner, that is no reason to stop.
        let _ = std::io::stdout().write_all(banner(&jaeger).as_bytes());
        stop.await;
        jaeger.shutdown().await;
        Ok(())
    })
}

fn banner(jaeger: &AllInOne) -> String {
    let mut lines = format!("Jaeger all-in-one {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |what: &str, address: String| lines += &format!("  {what:<24}{address}\n");
    if let Ok(url) = jaeger.query_url() {
        line(Port::Query.serves(), url);
    }
    if let Some(address) = jaeger.address(Port::Admin) {
        line(Port::Admin.serves(), format!("http://{address}"));
    }
    for door in jaeger.doors() {
        let transport = if door.port.is_udp() { "/udp" } else { "" };
        line(door.port.serves(), format!("{}{transport}", door.address));
    }
    lines + "\nctrl-c stops it\n"
}

/// Registers the signals at once, so that one during the start is not lost.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
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
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
