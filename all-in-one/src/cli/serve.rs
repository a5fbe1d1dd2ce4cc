//! Serves until ctrl-c or SIGTERM.

use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;

use jaeger_all_in_one::files::load;
use jaeger_all_in_one::store::{Limits, Store};
use jaeger_all_in_one::{AllInOne, Config, LoadError, Port, StartError};
use tracing::{info, warn};

use super::arguments::{Files, command};
use super::save::Output;
use super::signals::{Signals, user_signal};
use super::unsupported;

/// Loads files, starts, prints the open ports, waits for a signal, stops and saves.
pub(super) fn serve(
    config: Config,
    files: &Files,
    warnings: &[String],
) -> Result<(), Box<dyn Error>> {
    for warning in warnings.iter().chain(&unsupported::variables(command)?) {
        warn!("{warning}");
    }
    let mut output =
        files.save.as_deref().map(|file| Output::new(file, &files.load)).transpose()?;
    // A small runtime, only to wait: the all-in-one has its own threads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let mut user = {
        let _in_runtime = runtime.enter();
        // SIGUSR1 would end the program during a long load. Ctrl-c may: nothing is lost then.
        user_signal().map_err(StartError::Runtime)?
    };
    let limits = Limits { traces: config.max_traces, bytes: config.max_bytes };
    let store = Arc::new(Store::new(limits));
    load_all(&store, files, output.as_mut())?;
    runtime.block_on(async {
        let mut stop = Signals::new().map_err(StartError::Runtime)?;
        let jaeger = AllInOne::start_on(Arc::clone(&store), config)?;
        // If nobody reads the banner, that is no reason to stop.
        let _ = io::stdout().write_all(banner(&jaeger).as_bytes());
        let mut is_last = false;
        loop {
            tokio::select! {
                _ = stop.recv() => match output.as_mut().map_or(Ok(()), |to| to.save(&store)) {
                    Err(error) if !is_last => {
                        is_last = true;
                        warn!("{error}; nothing is lost yet: make room, then press ctrl-c again, which ends it");
                    }
                    _ => break,
                },
                () = user.recv() => save_now(&store, output.as_mut()),
            }
        }
        jaeger.shutdown().await;
        Ok::<_, StartError>(())
    })?;
    output.as_mut().map_or(Ok(()), |to| to.save_rest(&store))
}

fn load_all(
    store: &Store,
    files: &Files,
    mut output: Option<&mut Output>,
) -> Result<(), LoadError> {
    for file in &files.load {
        match load(store, file) {
            Ok(loaded) => {
                info!("{}: {} spans loaded", file.display(), loaded.spans);
                let is_whole = loaded.refused == 0 && loaded.bad_lines == 0;
                if let Some(output) = output.as_deref_mut().filter(|_| !is_whole) {
                    output.was_not_read_whole(file);
                }
            }
            // The first start with `--load F --save F`.
            Err(LoadError::Io(_, error))
                if error.kind() == io::ErrorKind::NotFound && files.save.as_ref() == Some(file) =>
            {
                info!("{}: no such file yet", file.display());
            }
            Err(error) => return Err(error),
        }
    }
    let evicted = store.usage().evicted_traces;
    if evicted > 0 {
        warn!(
            "{evicted} traces were evicted at once: --memory.max-traces and --memory.max-bytes limit what is kept"
        );
    }
    Ok(())
}

fn save_now(store: &Store, output: Option<&mut Output>) {
    match output.map(|output| output.save(store)) {
        Some(Ok(())) => {}
        Some(Err(error)) => warn!("{error}"),
        None => warn!("SIGUSR1 saves nothing: the program was started without --save FILE"),
    }
}

fn banner(jaeger: &AllInOne) -> String {
    let mut lines = format!("Jaeger all-in-one {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |what: &str, address: String| lines += &format!("  {what:<23} {address}\n");
    if let Ok(url) = jaeger.query_url() {
        line(Port::Query.serves(), url);
    }
    if let Some(address) = jaeger.address(Port::Admin) {
        line(Port::Admin.serves(), format!("{}://{address}", jaeger.scheme(Port::Admin)));
    }
    for door in jaeger.doors() {
        let transport = if door.port.is_udp() { "/udp" } else { "" };
        let scheme = match jaeger.scheme(door.port) {
            "https" => "https://",
            _ => "",
        };
        line(door.port.serves(), format!("{scheme}{}{transport}", door.address));
    }
    lines + "\nctrl-c stops it\n"
}
