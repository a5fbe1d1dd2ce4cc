//! Measures the embedded Jaeger under load, and the real one beside it where
//! `JAEGER_ALL_IN_ONE` names its binary.
//!
//! ```text
//! make bench-load
//! JAEGER_ALL_IN_ONE=…/all-in-one LOAD_SPANS=1000000 make bench-load
//! LOAD_SOAK=3600 LOAD_RATE=200000 make bench-load    # so many seconds, so many spans a second
//! ```
//!
//! Each figure comes from a server that was started for it alone. Whatever was sent is read back
//! by the ids of its traces: a rate counts only if no span was lost. Sender and server share the
//! machine, so rates fall where it is busy; the CPU time of the server is the steadier figure.

mod floor;
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

/// How many spans are sent for each figure; `LOAD_SPANS` says otherwise.
const SPANS: usize = 200_000;
/// How many spans a second a soak sends; `LOAD_RATE` says otherwise.
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
    if env::args().nth(1).as_deref() == Some(floor::ARGUMENT) {
        return floor::serve();
    }
    if let Some(seconds) = number("LOAD_SOAK")? {
        let rate = number("LOAD_RATE")?.unwrap_or(SOAK_RATE);
        let soaked = soak::soak(&with_usual_limits()?, Duration::from_secs(seconds), rate)?;
        record("soak", &soaked)?;
        return soaked.check();
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
    let floor = floor::measure(spans)?;
    record("load-grpc-alone", &floor)?;
    print!("{}", table::floor(&floor));
    Ok(())
}

fn number(variable: &str) -> Result<Option<u64>, Box<dyn Error>> {
    match env::var(variable) {
        Ok(text) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{variable}: {text:?} is no number").into()),
        },
        Err(_) => Ok(None),
    }
}

fn embedded() -> Result<PathBuf, Box<dyn Error>> {
    let folder = env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
    Ok(folder.join(format!("jaeger-all-in-one{}", env::consts::EXE_SUFFIX)))
}

/// The embedded one, with the limits that it has by itself.
fn with_usual_limits() -> Result<Program, Box<dyn Error>> {
    Ok(Program { name: "embedded", path: embedded()?, arguments: &[] })
}

/// The embedded one, beside this program, and the real one where the environment has it.
fn programs() -> Result<Vec<Program>, Box<dyn Error>> {
    let embedded = embedded()?;
    let no_limits = &["--memory.max-bytes=16GiB", "--memory.max-traces=0"];
    let mut programs = vec![Program { name: "embedded", path: embedded, arguments: no_limits }];
    match env::var_os("JAEGER_ALL_IN_ONE").filter(|path| !path.is_empty()) {
        Some(path) => {
            programs.push(Program { name: "jaeger-1.35", path: path.into(), arguments: &[] })
        }
        None => eprintln!("the real Jaeger is not measured: JAEGER_ALL_IN_ONE names no binary"),
    }
    Ok(programs)
}

/// Writes the figures to where `LOAD_RESULTS` says; nowhere else.
fn record(name: &str, figures: &impl Serialize) -> Result<(), Box<dyn Error>> {
    let Some(folder) = env::var_os("LOAD_RESULTS").filter(|folder| !folder.is_empty()) else {
        return Ok(());
    };
    let path = PathBuf::from(folder).join(format!("{name}.json"));
    std::fs::write(&path, serde_json::to_string_pretty(figures)? + "\n")?;
    eprintln!("written: {}", path.display());
    Ok(())
}
