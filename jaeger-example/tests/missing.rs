//! Reproduces each UDP cause in the README's table "My trace is missing", and checks that the table
//! quotes what the program prints.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use testbed::robustness::closed_port;
use testbed::{Answer, Finished, Httpbin, Jaeger, Program};

const README: &str = include_str!("../../README.md");

fn run(agent_port: &str, page: &str) -> Finished {
    Program::new(env!("CARGO_BIN_EXE_jaeger-example"))
        .env("JAEGER_AGENT_PORT", agent_port)
        .env("HTTPBIN_URL", page)
        .run()
        .unwrap()
}

#[test]
fn a_bad_setting() {
    let finished = run("abc", "http://127.0.0.1:1/get");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    testbed::assert_row(README, finished.stderr.trim());
}

#[test]
fn no_jaeger_listens() {
    let port = closed_port().to_string();
    let finished = run(&port, "http://127.0.0.1:1/get");
    let (_, warning) = finished.stderr.split_once("WARNING:jaeger_tracing:").unwrap();
    let (cause, _) = warning.split_once(". Check").unwrap();
    testbed::assert_row(README, &cause.replace(&port, "6831"));
}

#[test]
fn a_span_too_large_for_a_datagram() {
    let page = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let url = format!("{}?{}", page.url(), "x".repeat(65_000));
    let finished = run(&jaeger.agent_port().to_string(), &url);
    let (_, warning) = finished.stderr.split_once("WARNING:jaeger_tracing:").unwrap();
    let warning = warning.lines().next().unwrap();
    let (before, rest) = warning.split_once(": ").unwrap();
    let (bytes, after) = rest.split_once(' ').unwrap();
    assert!(bytes.parse::<usize>().unwrap() > 65_000, "{warning}");
    testbed::assert_row(README, &format!("{before}: 70123 {after}"));
}
