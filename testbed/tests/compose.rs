//! The stack of `make compose-up`: the traces of both programs are in its Jaeger, and are what the
//! originals' are, but for what README.md's table names. `make test-compose` runs it.

use testbed::Jaeger;
use testbed::parity::{assert_named, differences, table};

const README: &str = include_str!("../../README.md");

#[test]
#[ignore = "needs the stack: make test-compose"]
fn both_programs_traces_are_in_the_stacks_jaeger() {
    let jaeger = Jaeger::at("http://localhost:16686").unwrap();
    for (program, service, spans, python) in [
        (
            "jaeger-example",
            "jaeger-example",
            2,
            include_str!("../reference/jaeger-example.error.json"),
        ),
        (
            "otel-example",
            "opentelemetry-example",
            3,
            include_str!("../reference/otel-example.error.json"),
        ),
    ] {
        let traces = jaeger.traces(service, spans).unwrap();
        let python = serde_json::from_str(python).unwrap();
        assert_named(&differences(&python, &traces), &table(README, program));
    }
}

/// The Dockerfiles can be built by hand too, and then name the image of Rust themselves.
#[test]
fn the_images_that_are_built_from_stand_in_one_place() {
    let versions = include_str!("../../compose/.env");
    let rust = versions.lines().find_map(|line| line.strip_prefix("RUST_IMAGE=")).unwrap();
    for dockerfile in [
        include_str!("../../jaeger-example/Dockerfile"),
        include_str!("../../otel-example/Dockerfile"),
        include_str!("../../all-in-one/Dockerfile"),
    ] {
        assert!(dockerfile.contains(&format!("ARG RUST_IMAGE={rust}\n")), "{rust}");
        for line in dockerfile.lines().filter(|line| line.starts_with("FROM ")) {
            assert!(["FROM ${RUST_IMAGE} AS build", "FROM scratch"].contains(&line), "{line}");
        }
        assert!(dockerfile.contains("\nUSER 10001:10001\n"), "not as root");
        assert!(dockerfile.contains("--locked"), "what Cargo.lock says");
    }
}
