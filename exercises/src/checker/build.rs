//! Builds the program of an exercise with cargo.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::course::Exercise;
use super::run::Children;

/// What `cargo run` sets for the checker. A nested cargo must not see it: build scripts that look at it
/// would run again.
const OF_THIS_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// What a build came to.
#[derive(Debug)]
pub enum Build {
    /// The program is here.
    Done(PathBuf),
    /// It does not compile; cargo has printed why.
    Failed,
    /// There is no cargo, or what it says cannot be read.
    Impossible(String),
}

/// Builds the program of an exercise of the package in `folder`. Cargo prints its messages itself, with
/// colours if stderr is a terminal.
pub fn build(folder: &Path, exercise: &Exercise, children: &Children) -> Build {
    let program = exercise.name();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command.args([
        "build",
        "--quiet",
        "--message-format=json-render-diagnostics",
        "--bin",
        program,
        "--features",
        exercise.features().trim(),
    ]);
    command.arg("--manifest-path").arg(folder.join("Cargo.toml"));
    for (name, _) in env::vars_os() {
        let ours = name
            .to_str()
            .is_some_and(|name| OF_THIS_PACKAGE.iter().any(|prefix| name.starts_with(prefix)));
        if ours {
            command.env_remove(name);
        }
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => children.add(child),
        Err(error) => {
            return Build::Impossible(format!("cannot run {}: {error}", cargo.display()));
        }
    };
    let mut found = None;
    if let Some(out) = child.take_stdout() {
        let lines = BufReader::new(out).lines().map_while(Result::ok);
        found = lines.filter_map(|line| executable(&line, program)).last();
    }
    match (child.wait(), found) {
        (Ok(status), Some(path)) if status.success() => Build::Done(path),
        (Ok(status), None) if status.success() => {
            Build::Impossible(format!("cargo built no program {program}"))
        }
        (Ok(_), _) => Build::Failed,
        (Err(error), _) => Build::Impossible(format!("cannot wait for cargo: {error}")),
    }
}

/// The path of the program in a message of cargo.
fn executable(line: &str, program: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_it = message["target"]["name"] == program && message["target"]["kind"][0] == "bin";
    is_it.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
}
