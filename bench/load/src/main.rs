//! Measures the embedded Jaeger under load, and the real one beside it where
//! `JAEGER_ALL_IN_ONE` names its binary.
//!
//! ```text
//! make bench-load
//! JAEGER_ALL_IN_ONE=…/all-in-one LOAD_SPANS=1000000 make bench-load
//! ```
//!
//! Each figure comes from a server that was started for it alone. Whatever was sent is read back
//! by the ids of its traces: a rate counts only if no span was lost. Sender and server share the
//! machine, so rates fall where it is busy; the CPU time of the server is the steadier figure.

mod measure;
mod payload;
mod send;
mod server;
mod table;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use measure::Figures;
use server::Program;

/// How many spans are sent for each figure; `LOAD_SPANS` says otherwise.
const SPANS: usize = 200_000;

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
    let spans = match env::var("LOAD_SPANS") {
        Ok(spans) => spans.parse().map_err(|_| format!("LOAD_SPANS: {spans:?} is no number"))?,
        Err(_) => SPANS,
    };
    let mut all = Vec::new();
    for program in programs()? {
        eprintln!("{}: {}", program.name, program.path.display());
        let figures = measure::all(&program, spans)?;
        record(&figures)?;
        all.push(figures);
    }
    print!("{}", table::markdown(&all));
    Ok(())
}

/// The embedded one, beside this program, and the real one where the environment has it.
fn programs() -> Result<Vec<Program>, Box<dyn Error>> {
    let folder = env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
    let embedded = folder.join(format!("jaeger-all-in-one{}", env::consts::EXE_SUFFIX));
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
fn record(figures: &Figures) -> Result<(), Box<dyn Error>> {
    let Some(folder) = env::var_os("LOAD_RESULTS").filter(|folder| !folder.is_empty()) else {
        return Ok(());
    };
    let path = PathBuf::from(folder).join(format!("load-{}.json", figures.name));
    std::fs::write(&path, serde_json::to_string_pretty(figures)? + "\n")?;
    eprintln!("written: {}", path.display());
    Ok(())
}
