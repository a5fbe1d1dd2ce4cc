//! Compares the program's traces with those of its Python original: they differ only where the
//! table in README.md says so.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;

use expect_trace::expect_file;
use serde_json::Value;
use testbed::parity::{self, Difference};
use testbed::{Answer, Finished, Httpbin, Jaeger, Program};

const README: &str = include_str!("../../README.md");
const PYTHON_OK: &str = include_str!("../../testbed/reference/otel-example.ok.json");
const PYTHON_ERROR: &str = include_str!("../../testbed/reference/otel-example.error.json");

/// The headers of requests 2.28, and the propagator's header.
const PYTHON_HEADERS: [&str; 6] =
    ["accept", "accept-encoding", "connection", "host", "traceparent", "user-agent"];

const SERVICE: &str = "opentelemetry-example";

/// Nothing listens on this port.
const REFUSING_URL: &str = "http://127.0.0.1:1/get";

fn run(jaeger: &Jaeger, url: &str) -> Finished {
    Program::new(env!("CARGO_BIN_EXE_otel-example"))
        .env("OTEL_EXPORTER_JAEGER_AGENT_PORT", &jaeger.agent_port().to_string())
        .env("HTTPBIN_URL", url)
        .run()
        .unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_readme_lists_every_difference_from_the_original() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = run(&jaeger, &httpbin.url());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let ok = jaeger.traces(SERVICE, 3).unwrap();
    let headers: Vec<String> = httpbin.requests()[0].iter().map(|(name, _)| name.clone()).collect();

    let jaeger = Jaeger::start().unwrap();
    let finished = run(&jaeger, REFUSING_URL);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let error = jaeger.traces(SERVICE, 3).unwrap();

    let mut found: BTreeSet<Difference> = parity::header_differences(&PYTHON_HEADERS, &headers);
    found.extend(parity::differences(&json(PYTHON_OK), &ok));
    found.extend(parity::differences(&json(PYTHON_ERROR), &error));
    parity::assert_same(&found, &parity::listed_differences(README, "otel-example"));
}

#[test]
fn the_request_header_names_the_client_span() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = run(&jaeger, &httpbin.url());
    let traces = jaeger.traces(SERVICE, 3).unwrap();
    let [trace] = traces["data"].as_array().unwrap().as_slice() else { panic!("{traces}") };
    let trace_id = trace["traceID"].as_str().unwrap();

    assert_eq!(finished.stdout, format!("main_process: trace {trace_id}\n"));
    assert_eq!(finished.stderr, "");

    let spans = trace["spans"].as_array().unwrap();
    let get = spans.iter().find(|span| span["operationName"] == "HTTP GET").unwrap();
    let span_id = get["spanID"].as_str().unwrap();
    assert_eq!(httpbin.header("traceparent"), Some(format!("00-{trace_id}-{span_id}-01")));
}

#[test]
fn the_log_is_cut_at_100_characters_not_bytes() {
    let text = "é".repeat(99) + "🦀 and more";
    let httpbin = Httpbin::start(Answer::Body(200, text.clone().into_bytes())).unwrap();
    let jaeger = Jaeger::start().unwrap();
    run(&jaeger, &httpbin.url());

    let traces = jaeger.traces(SERVICE, 3).unwrap().to_string();
    let beginning: String = text.chars().take(100).collect();
    assert!(traces.contains(&format!("\"{beginning}...\"")), "{traces}");
}

/// As RequestsInstrumentor does: an answer with an error status is an error of the request's span.
#[test]
fn an_http_error_status_is_an_error_of_the_clients_span() {
    let httpbin = Httpbin::start(Answer::Body(404, b"no".to_vec())).unwrap();
    let jaeger = Jaeger::start().unwrap();
    run(&jaeger, &httpbin.url());
    let traces = jaeger.read_all(SERVICE, 3).unwrap();
    expect_file!("tests/not_found.trace").assert(&traces[0]);
}
