//! How many crates the first build compiles: what a new user waits for.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::process::Command;

/// What `make programs` builds.
const PROGRAMS: [&str; 5] =
    ["jaeger-example", "otel-example", "otlp-example", "httpbin", "jaeger-all-in-one"];

/// The crates of the programs, each with its version.
fn crates() -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}"])
        .args(PROGRAMS.map(|program| ["--package", program]).as_flattened())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).unwrap();
    lines.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_programs_need_few_crates() {
    let crates = crates();
    assert!(crates.len() <= 218, "{}: {crates:#?}", crates.len());
}

/// A dependency of a dependency can be replaced only in Cargo.lock, and `cargo update` undoes it.
#[test]
fn the_lock_file_keeps_what_compiles_quickly() {
    let crates = crates();
    for (heavy, repair) in [
        ("icu_properties ", "cargo update idna_adapter --precise 1.1.0"),
        ("darling_core ", "cargo update local-ip-address --precise 0.6.5"),
        ("object ", "cargo update backtrace --precise 0.3.43"),
        ("zerocopy ", "cargo update ppv-lite86 --precise 0.2.17"),
    ] {
        let found = crates.iter().find(|name| name.starts_with(heavy));
        assert_eq!(found, None, "to remove it: {repair}");
    }
}
