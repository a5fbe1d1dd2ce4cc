//! Compares the program's traces with those of its Python original: they differ only where the
//! table in README.md says so.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;

use serde_json::Value;
use testbed::parity::{self, Difference};
use testbed::{Answer, Finished, Httpbin, Jaeger, Program};

const README: &str = include_str!("../../README.md");
const PYTHON_OK: &str = include_str!("../../testbed/reference/jaeger-example.ok.json");
const PYTHON_ERROR: &str = include_str!("../../testbed/reference/jaeger-example.error.json");

/// The headers of requests 2.28, and the tracer's header.
const PYTHON_HEADERS: [&str; 6] =
    ["accept", "accept-encoding", "connection", "host", "uber-trace-id", "user-agent"];

/// Nothing listens on this port.
const REFUSING_URL: &str = "http://127.0.0.1:1/get";

fn run(jaeger: &Jaeger, url: &str, arguments: &[&str]) -> Finished {
    let program = Program::new(env!("CARGO_BIN_EXE_jaeger-example"))
        .env("JAEGER_AGENT_PORT", &jaeger.agent_port().to_string())
        .env("HTTPBIN_URL", url);
    arguments.iter().fold(program, |program, argument| program.arg(argument)).run().unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_readme_lists_every_difference_from_the_original() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = run(&jaeger, &httpbin.url(), &[]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let ok = jaeger.traces("jaeger-example", 2).unwrap();
    let headers: Vec<String> = httpbin.requests()[0].iter().map(|(name, _)| name.clone()).collect();

    let jaeger = Jaeger::start().unwrap();
    let finished = run(&jaeger, REFUSING_URL, &[]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let error = jaeger.traces("jaeger-example", 2).unwrap();

    let mut found: BTreeSet<Difference> = parity::header_differences(&PYTHON_HEADERS, &headers);
    found.extend(parity::differences(&json(PYTHON_OK), &ok));
    found.extend(parity::differences(&json(PYTHON_ERROR), &error));
    if !testbed::has_network() {
        // The library tags the process with the machine's IP address, if there is one.
        found.retain(|difference| difference.fact != "tag ip: string");
    }
    parity::assert_same(&found, &parity::listed_differences(README, "jaeger-example"));
}

#[test]
fn it_prints_what_the_original_prints() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = run(&jaeger, &httpbin.url(), &[]);
    let [request, main] = finished.trace_ids()[..] else { panic!("two links, not {finished:?}") };

    let spans: Vec<&str> =
        finished.stderr.lines().filter_map(|line| line.split(':').nth(3)).collect();
    let expected = format!(
        "INFO:jaeger_tracing:Initializing Jaeger Tracer with UDP reporter\n\
         INFO:jaeger_tracing:Using sampler ConstSampler(True)\n\
         INFO:jaeger_tracing:opentracing.tracer initialized to Tracer {{ .. }}[app_name=jaeger-example]\n\
         INFO:jaeger_tracing:Reporting span {request}:{}:0:1 jaeger-example.make_request\n\
         INFO:jaeger_tracing:Reporting span {main}:{}:0:1 jaeger-example.main_process\n",
        spans[0], spans[1],
    );
    assert_eq!(finished.stderr, expected);
    assert_eq!(
        finished.stdout,
        format!("make_request: trace {request}\nmain_process: trace {main}\n")
    );
    // The request header carries the ids of make_request.
    assert_eq!(httpbin.header("uber-trace-id"), Some(format!("{request}:{}:0:1", spans[0])));
}

#[test]
fn the_readme_shows_what_it_prints() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = run(&jaeger, &httpbin.url(), &[]);
    testbed::assert_shown(README, "$ make run-jaeger", &finished);
    let finished = run(&jaeger, &httpbin.url(), &["--one-trace"]);
    testbed::assert_shown(README, "$ make run-jaeger ARGS=--one-trace", &finished);
}

#[test]
fn one_trace_makes_the_request_a_child() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = run(&jaeger, &httpbin.url(), &["--one-trace"]);
    assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");

    let traces = jaeger.traces("jaeger-example", 2).unwrap();
    let [trace] = traces["data"].as_array().unwrap().as_slice() else { panic!("{traces}") };
    let span = |name: &str| {
        let spans = trace["spans"].as_array().unwrap();
        spans.iter().find(|span| span["operationName"] == name).unwrap()
    };
    let references = &span("make_request")["references"];
    assert_eq!(references[0]["refType"], "CHILD_OF");
    assert_eq!(references[0]["spanID"], span("main_process")["spanID"]);
    assert_eq!(span("main_process")["references"], json("[]"));
    // Only a root span has the tags of the sampler.
    assert!(span("main_process")["tags"].to_string().contains("sampler.type"));
    assert!(!span("make_request")["tags"].to_string().contains("sampler.type"));
}

#[test]
fn the_log_is_cut_at_100_characters_not_bytes() {
    let text = "é".repeat(99) + "🦀 and more";
    let httpbin = Httpbin::start(Answer::Body(200, text.clone().into_bytes())).unwrap();
    let jaeger = Jaeger::start().unwrap();
    run(&jaeger, &httpbin.url(), &[]);

    let traces = jaeger.traces("jaeger-example", 2).unwrap().to_string();
    let beginning: String = text.chars().take(100).collect();
    assert!(traces.contains(&format!("\"{beginning}...\"")), "{traces}");
}
