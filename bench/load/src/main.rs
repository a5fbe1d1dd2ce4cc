//! Measures the embedded Jaeger under load, side by side with others that the environment names.
//!
//! ```text
//! make bench-load
//! BEFORE=…/7d5545e JAEGER_ALL_IN_ONE=…/all-in-one JAEGER_V2=…/jaeger make bench-load
//! LOAD_SOAK=3600 LOAD_RATE=200000 make bench-load    # seconds, and spans per second
//! ```
//!
//! `BEFORE` names the binary of an older embedded Jaeger; its file name becomes the title of its column.
//! `JAEGER_ALL_IN_ONE` names Jaeger 1.35, `JAEGER_V2` Jaeger 2.13.
//!
//! Each figure comes from a freshly started server. All spans are read back by trace id, and lost
//! spans are reported. Sender and server share the machine, so rates fall when it is busy; the
//! server's CPU time varies less.

mod eviction;
mod fill;
mod grpc_baseline;
mod measure;
mod payload;
mod rates;
mod searches;
mod send;
mod server;
mod soak;
mod table;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use measure::Figures;
use rates::Rate;
use serde::Serialize;
use server::{JAEGER_1, JAEGER_2, Kind, Program};

/// How many spans are sent for each figure, unless `LOAD_SPANS` is set.
const SPANS: usize = 200_000;
/// With fewer, a search in the smallest store would not find 20 traces.
const LEAST_SPANS: usize = 40_000;
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
        record("soak.json", &to_json(&result)?)?;
        return result.check();
    }
    let spans = number("LOAD_SPANS")?.map_or(Ok(SPANS), usize::try_from)?;
    if spans < LEAST_SPANS {
        return Err(format!("LOAD_SPANS: {spans} is less than {LEAST_SPANS}").into());
    }
    let (commit, programs) = (commit(), programs()?);
    eprintln!(
        "measuring {} servers; on a quiet machine this takes two to four minutes each",
        programs.len()
    );
    let all = measure::all(&programs, spans)?;
    let grpc_alone = grpc_baseline::measure(spans)?;
    let table = table::markdown(&all, &grpc_alone, commit.as_deref());
    record("load.json", &to_json(&Run { commit, programs: &all, grpc_alone })?)?;
    record("load.md", &table)?;
    print!("{table}");
    Ok(())
}

/// The figures of a run, which are compared with each other.
#[derive(Serialize)]
struct Run<'f> {
    commit: Option<String>,
    programs: &'f [Figures],
    grpc_alone: Rate,
}

/// The commit of the repository, if this is one.
fn commit() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| commit.trim().to_owned())
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
    let (name, path) = ("embedded".to_owned(), embedded()?);
    Ok(Program { name, path, kind: Kind::Embedded, arguments: &[] })
}

/// The embedded Jaeger in this program's folder, and those that the environment names.
fn programs() -> Result<Vec<Program>, Box<dyn Error>> {
    let arguments = &["--memory.max-bytes=16GiB", "--memory.max-traces=0"];
    let mut programs = vec![Program { arguments, ..with_default_limits()? }];
    for (variable, name, kind, arguments) in [
        ("BEFORE", None, Kind::Embedded, &arguments[..]),
        ("JAEGER_ALL_IN_ONE", Some(JAEGER_1), Kind::Jaeger1, &[]),
        ("JAEGER_V2", Some(JAEGER_2), Kind::Jaeger2, &[]),
    ] {
        let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) else {
            eprintln!(
                "not measured, because {variable} is not set: {}",
                name.unwrap_or("an older one")
            );
            continue;
        };
        let path = PathBuf::from(path);
        let file_name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.map_or_else(file_name, ToOwned::to_owned);
        programs.push(Program { name, path, kind, arguments });
    }
    Ok(programs)
}

fn to_json(figures: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(figures)? + "\n")
}

/// Writes a file to the folder `LOAD_RESULTS`, if it is set.
fn record(name: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let Some(folder) = env::var_os("LOAD_RESULTS").filter(|folder| !folder.is_empty()) else {
        return Ok(());
    };
    let path = PathBuf::from(folder).join(name);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    eprintln!("written: {}", path.display());
    Ok(())
}
