//! The stack of `make compose-up HTTPBIN=local`: the traces of all programs are in its Jaeger and go
//! on in httpbin; those of the first two are what the originals' are, but for what README.md's
//! table names. `make test-compose` runs it.

use serde_json::Value;
use testbed::parity::{assert_named, differences, own_spans, table};
use testbed::{Jaeger, spans};

const README: &str = include_str!("../../README.md");

#[test]
#[ignore = "needs the stack: make test-compose"]
fn the_programs_traces_are_in_the_stacks_jaeger() {
    let jaeger = Jaeger::at("http://localhost:16686").unwrap();
    for (service, programs_spans) in
        [("jaeger-example", 2), ("opentelemetry-example", 3), ("otlp-example", 3)]
    {
        let traces = jaeger.traces(service, programs_spans + 1).unwrap();
        let chains: Vec<_> = traces["data"].as_array().unwrap().iter().map(spans).collect();
        let crossing = chains.iter().find(|chain| chain.len() > 1).unwrap();
        let [.., request, server] = crossing.as_slice() else { panic!("{traces:#}") };
        assert_eq!(request.service, service);
        assert_eq!((&*server.service, &*server.operation), ("httpbin", "GET /get"));
    }
}

#[test]
#[ignore = "needs the stack: make test-compose"]
fn the_first_two_leave_what_the_originals_do() {
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
        // The page has another name there.
        let traces = traces.to_string().replace("//httpbin:8000/", "//127.0.0.1:8000/");
        let traces: Value = serde_json::from_str(&traces).unwrap();
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
        include_str!("../../otlp-example/Dockerfile"),
        include_str!("../../httpbin/Dockerfile"),
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
