//! Each program uses one generation of OpenTelemetry. A second one would compile, but its spans
//! would be lost.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The versions of each OpenTelemetry crate in a package's build, as `minor` of `0.minor`.
fn generations(package: &str) -> BTreeMap<String, BTreeSet<String>> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for line in String::from_utf8(tree.stdout).unwrap().lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        if name.contains("opentelemetry") || name == "reqwest-tracing" {
            let minor = version.split('.').nth(1).unwrap().to_owned();
            found.entry(name.to_owned()).or_default().insert(minor);
        }
    }
    found
}

#[test]
fn no_program_mixes_generations() {
    for (package, generation) in [
        ("jaeger-example", None),
        ("otel-example", Some("23")),
        ("otlp-example", Some("32")),
        ("httpbin", Some("32")),
    ] {
        let found = generations(package);
        for (name, versions) in &found {
            assert_eq!(versions.len(), 1, "{package} has {name} in versions {versions:?}");
        }
        let core = found.get("opentelemetry").and_then(|versions| versions.first());
        assert_eq!(core.map(String::as_str), generation, "{package}: {found:?}");
    }
}
