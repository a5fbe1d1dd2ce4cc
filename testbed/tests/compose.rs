//! Tests the stack of `make compose-up HTTPBIN=local`: Jaeger has the traces of all programs,
//! httpbin continues them, and those of the first two differ from the originals' only where the
//! table in README.md says so. `make test-compose` runs it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testbed::Jaeger;
use testbed::parity::{assert_listed, differences, listed_differences, own_spans};

const README: &str = include_str!("../../README.md");

#[test]
#[ignore = "needs the stack: make test-compose"]
fn httpbin_continues_each_programs_trace() {
    let jaeger = Jaeger::at("http://localhost:16686").unwrap();
    for (service, own_spans) in
        [("jaeger-example", 2), ("opentelemetry-example", 3), ("otlp-example", 3)]
    {
        let traces = jaeger.read_all(service, own_spans + 1).unwrap();
        let mut servers = traces.iter().filter_map(|trace| trace.span("GET /get"));
        let server = servers.next().unwrap();
        assert_eq!(server.service(), "httpbin");
        assert_eq!(server.parent().unwrap().service(), service);
    }
}

#[test]
#[ignore = "needs the stack: make test-compose"]
fn the_first_two_match_the_originals() {
    let jaeger = Jaeger::at("http://localhost:16686").unwrap();
    for (program, service, spans, python) in [
        (
            "jaeger-example",
            "jaeger-example",
            2,
            include_str!("../reference/jaeger-example.ok.json"),
        ),
        (
            "otel-example",
            "opentelemetry-example",
            3,
            include_str!("../reference/otel-example.ok.json"),
        ),
    ] {
        let traces = own_spans(&jaeger.traces(service, spans + 1).unwrap(), service);
        // In the stack, httpbin has another host name.
        let traces = traces.to_string().replace("//httpbin:8000/", "//127.0.0.1:8000/");
        let traces: Value = serde_json::from_str(&traces).unwrap();
        let python = serde_json::from_str(python).unwrap();
        assert_listed(&differences(&python, &traces), &listed_differences(README, program));
    }
}

const DOCKERFILES: [(&str, &str); 5] = [
    ("jaeger-example", include_str!("../../jaeger-example/Dockerfile")),
    ("otel-example", include_str!("../../otel-example/Dockerfile")),
    ("otlp-example", include_str!("../../otlp-example/Dockerfile")),
    ("httpbin", include_str!("../../httpbin/Dockerfile")),
    ("jaeger-all-in-one", include_str!("../../all-in-one/Dockerfile")),
];

/// The Dockerfiles repeat the Rust image of compose/.env, so that they also build by hand.
#[test]
fn all_dockerfiles_use_the_same_rust_image() {
    let versions = include_str!("../../compose/.env");
    let rust = versions.lines().find_map(|line| line.strip_prefix("RUST_IMAGE=")).unwrap();
    for (_, dockerfile) in DOCKERFILES {
        assert!(dockerfile.contains(&format!("ARG RUST_IMAGE={rust}\n")), "{rust}");
        for line in dockerfile.lines().filter(|line| line.starts_with("FROM ")) {
            assert!(["FROM ${RUST_IMAGE} AS build", "FROM scratch"].contains(&line), "{line}");
        }
        assert!(dockerfile.contains("\nUSER 10001:10001\n"), "runs as root");
        assert!(dockerfile.contains("--locked"), "ignores Cargo.lock");
    }
}

/// With another package, profile or flag, cargo compiles the shared crates again for that image.
#[test]
fn all_build_stages_are_the_same_except_for_the_program() {
    let stages = DOCKERFILES.map(|(program, dockerfile)| {
        let (_, stages) = dockerfile.split_once("\nARG ").unwrap();
        let (build, _) = stages.split_once("\nFROM scratch").unwrap();
        for (name, _) in DOCKERFILES {
            assert!(
                build.contains(&format!(" -p {name} ")),
                "{program}: the build lacks -p {name}"
            );
        }
        let own = [
            (format!("ARG PROGRAMS=\"--bin {program}\"\n"), "ARG PROGRAMS=\"--bin PROGRAM\"\n"),
            (format!("image/{program}\" /{program}\n"), "image/PROGRAM\" /PROGRAM\n"),
        ];
        own.iter().fold(build.to_owned(), |build, (own, any)| {
            assert!(build.contains(own), "{program}: the build lacks {own:?}");
            build.replace(own, any)
        })
    });
    let (first, _) = DOCKERFILES[0];
    for (stage, (program, _)) in stages.iter().zip(DOCKERFILES) {
        for (line, expected) in stage.lines().zip(stages[0].lines()) {
            assert_eq!(line, expected, "{program}: differs from the build stage of {first}");
        }
        assert_eq!(stage, &stages[0], "{program}: longer or shorter than the stage of {first}");
    }
}

/// `.dockerignore` leaves out all that it does not name; cargo needs each package.
#[test]
fn the_build_context_has_the_packages_within_packages() {
    let allowed: Vec<_> = include_str!("../../.dockerignore").lines().collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    };
    let packages = folders(root).into_iter().filter(|it| it.join("Cargo.toml").exists());
    let nested = packages.flat_map(|it| folders(&it)).filter(|it| it.join("Cargo.toml").exists());
    let nested: Vec<_> = nested.collect();
    assert!(!nested.is_empty());
    for package in nested {
        let name = package.strip_prefix(root).unwrap().display();
        for part in ["Cargo.toml", "src"] {
            assert!(allowed.contains(&&*format!("!{name}/{part}")), "{name}/{part}");
        }
    }
}
