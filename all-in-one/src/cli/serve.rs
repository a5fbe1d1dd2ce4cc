//! Serves until ctrl-c or SIGTERM.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use jaeger_all_in_one::files::{load, save};
use jaeger_all_in_one::store::{Limits, Store};
use jaeger_all_in_one::{AllInOne, Config, LoadError, Port, StartError};
use tracing::{info, warn};

use super::arguments::{Files, command};
use super::signals::{stop_signal, user_signal};
use super::unsupported;

/// Loads files, starts, prints the open ports, waits for a signal, stops and saves.
pub(super) fn serve(
    config: Config,
    files: &Files,
    warnings: &[String],
) -> Result<(), Box<dyn Error>> {
    for warning in warnings.iter().chain(&unsupported::variables(&command())?) {
        warn!("{warning}");
    }
    if let Some(file) = &files.save {
        can_be_saved(file)?;
    }
    let limits = Limits { traces: config.max_traces, bytes: config.max_bytes };
    let store = Arc::new(Store::new(limits));
    load_all(&store, files)?;
    // A small runtime, only to wait: the all-in-one has its own threads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    runtime.block_on(async {
        let mut stop = pin!(stop_signal().map_err(StartError::Runtime)?);
        let mut user = user_signal().map_err(StartError::Runtime)?;
        let jaeger = AllInOne::start_on(Arc::clone(&store), config)?;
        // If nobody reads the banner, that is no reason to stop.
        let _ = io::stdout().write_all(banner(&jaeger).as_bytes());
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = user.recv() => save_now(&store, files.save.as_deref()),
            }
        }
        jaeger.shutdown().await;
        Ok::<_, StartError>(())
    })?;
    files.save.as_deref().map_or(Ok(()), |file| save_to(&store, file))
}

/// Checks before the start that the file has a folder: at the end it would be too late.
fn can_be_saved(file: &Path) -> Result<(), String> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() && !file.is_dir() {
        return Ok(());
    }
    Err(format!(
        "--save cannot be \"{}\": it must name a file in a folder that exists",
        file.display()
    ))
}

fn load_all(store: &Store, files: &Files) -> Result<(), LoadError> {
    for file in &files.load {
        match load(store, file) {
            Ok(loaded) => info!("{}: {} spans loaded", file.display(), loaded.spans),
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

fn save_now(store: &Store, file: Option<&Path>) {
    match file.map(|file| save_to(store, file)) {
        Some(Ok(())) => {}
        Some(Err(error)) => warn!("{error}"),
        None => warn!("SIGUSR1 saves nothing: the program was started without --save FILE"),
    }
}

fn save_to(store: &Store, file: &Path) -> Result<(), Box<dyn Error>> {
    let name = file.display();
    let saved = save(store, file).map_err(|error| format!("cannot save to {name}: {error}"))?;
    info!("{name}: {} traces saved, {} spans", saved.traces, saved.spans);
    if saved.left_out > 0 {
        warn!(
            "{name}: {} spans were left out, since an id of theirs is zero or they have more than 20 MiB",
            saved.left_out
        );
    }
    Ok(())
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
