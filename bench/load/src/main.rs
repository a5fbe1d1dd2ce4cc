//! Measures the embedded Jaeger under load, and the real one if `JAEGER_ALL_IN_ONE` names its
//! binary.
//!
//! ```text
//! make bench-load
//! JAEGER_ALL_IN_ONE=…/all-in-one LOAD_SPANS=1000000 make bench-load
//! LOAD_SOAK=3600 LOAD_RATE=200000 make bench-load    # seconds, and spans per second
//! ```
//!
//! Each figure comes from a freshly started server. All spans are read back by trace id, and lost
//! spans are reported. Sender and server share the machine, so rates fall when it is busy; the
//! server's CPU time varies less.

mod grpc_baseline;
mod measure;
mod payload;
mod send;
mod server;
mod soak;
mod table;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use server::Program;

/// How many spans are sent for each figure, unless `LOAD_SPANS` is set.
const SPANS: usize = 200_000;
/// How many spans per second a soak sends, unless `LOAD_RATE` is set.
const SOAK_RATE: u64 = 200_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    if env::args().nth(1).as_deref() == Some(grpc_baseline::ARGUMENT) {
        return grpc_baseline::serve();
    }
    rustls::crypto::ring::default_provider().install_default().ok(); // reqwest has none
    if let Some(seconds) = number("LOAD_SOAK")? {
        let rate = number("LOAD_RATE")?.unwrap_or(SOAK_RATE);
        let result = soak::soak(&with_default_limits()?, Duration::from_secs(seconds), rate)?;
        record("soak", &result)?;
        return result.check();
    }
    let spans = number("LOAD_SPANS")?.map_or(Ok(SPANS), usize::try_from)?;
    let mut all = Vec::new();
    for program in programs()? {
        eprintln!("{}: {}", program.name, program.path.display());
        let figures = measure::all(&program, spans)?;
        record(&format!("load-{}", figures.name), &figures)?;
        all.push(figures);
    }
    print!("{}", table::markdown(&all));
    let baseline = grpc_baseline::measure(spans)?;
    record("load-grpc-alone", &baseline)?;
    print!("{}", table::grpc_baseline(&baseline));
    Ok(())
}

fn number(variable: &str) -> Result<Option<u64>, Box<dyn Error>> {
    match env::var(variable) {
        Ok(text) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{variable}: {text:?} is not a number").into()),
        },
        Err(_) => Ok(None),
    }
}

fn embedded() -> Result<PathBuf, Box<dyn Error>> {
    let folder = env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
    Ok(folder.join(format!("jaeger-all-in-one{}", env::consts::EXE_SUFFIX)))
}

/// The embedded Jaeger with its default limits.
fn with_default_limits() -> Result<Program, Box<dyn Error>> {
    Ok(Program { name: "embedded", path: embedded()?, arguments: &[] })
}

/// The embedded Jaeger in this program's folder, and the real one if the environment names it.
fn programs() -> Result<Vec<Program>, Box<dyn Error>> {
    let embedded = embedded()?;
    let no_limits = &["--memory.max-bytes=16GiB", "--memory.max-traces=0"];
    let mut programs = vec![Program { name: "embedded", path: embedded, arguments: no_limits }];
    match env::var_os("JAEGER_ALL_IN_ONE").filter(|path| !path.is_empty()) {
        Some(path) => {
            programs.push(Program { name: "jaeger-1.35", path: path.into(), arguments: &[] })
        }
        None => eprintln!("the real Jaeger is not measured: JAEGER_ALL_IN_ONE is not set"),
    }
    Ok(programs)
}

/// Writes the figures to the folder `LOAD_RESULTS`, if it is set.
fn record(name: &str, figures: &impl Serialize) -> Result<(), Box<dyn Error>> {
    let Some(folder) = env::var_os("LOAD_RESULTS").filter(|folder| !folder.is_empty()) else {
        return Ok(());
    };
    let path = PathBuf::from(folder).join(format!("{name}.json"));
    std::fs::write(&path, serde_json::to_string_pretty(figures)? + "\n")?;
    eprintln!("written: {}", path.display());
    Ok(())
}
