//! Each request is a span of kind `server` that continues the caller's trace.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::time::Duration;

use expect_trace::expect_file;
use httpbin::Format;
use serde_json::Value;
use testbed::{Finished, Fleet, Jaeger};

const README: &str = include_str!("../../README.md");

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn request(url: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let client = httpbin::http_client().unwrap();
    let builder =
        headers.iter().fold(client.get(url), |it, (name, value)| it.header(*name, *value));
    let answer = builder.send().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().unwrap()).unwrap_or_default())
}

/// A single test, because the tracer provider is global.
#[test]
fn the_headers_of_each_generation_continue_the_trace() {
    let jaeger = Jaeger::start().unwrap();
    let fleet = Fleet::start(&jaeger, &[Format::TraceContext]).unwrap();
    let url = fleet.httpbin_url();

    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let uber = format!("{}:{PARENT}:0:1", "1".repeat(32));
    for (trace, headers) in [
        (TRACE.to_owned(), [("traceparent", traceparent.as_str()), ("baggage", "user=ada")]),
        ("1".repeat(32), [("uber-trace-id", uber.as_str()), ("uberctx-user", "ada")]),
    ] {
        let (status, answer) = request(&format!("{url}?a=1"), &headers);
        assert_eq!((status, &answer["args"]["a"]), (200, &Value::from("1")), "{answer}");
        fleet.flush().unwrap();
        expect_file!("tests/joined.trace").assert(&jaeger.read(&trace, 1).unwrap());
        let found = jaeger.trace(&trace, 1).unwrap();
        assert_eq!(found["spans"][0]["references"][0]["spanID"], PARENT);
    }

    // The README shows such a trace, whose parent was never sent.
    let (stdout, stderr) = (jaeger.tree(TRACE, 1).unwrap(), String::new());
    let shown = Finished { code: Some(0), stdout, stderr, elapsed: Duration::ZERO };
    let command = README.lines().find(|line| line.contains("jaeger-all-in-one tree 1")).unwrap();
    testbed::assert_shown(README, command, &shown);

    // A 64-bit trace id stays the same across two services and two header formats.
    let (status, _) = request(fleet.relay_url(), &[("uber-trace-id", "abc:5:0:1")]);
    assert_eq!(status, 200);
    fleet.flush().unwrap();
    let trace = jaeger.read("0000000000000abc", 3).unwrap();
    assert_eq!(trace.id(), Some("0000000000000abc"));
    expect_file!("tests/relayed.trace").assert(&trace);

    // A request without trace headers starts a trace; a status of 5xx marks its span as an error.
    let (status, _) = request(&url.replace("/get", "/status/503"), &[]);
    assert_eq!(status, 503);
    fleet.flush().unwrap();
    let traces = jaeger.read_all("httpbin", 4).unwrap();
    let failed = traces.iter().find(|trace| trace.span("GET /status/{code}").is_some()).unwrap();
    expect_file!("tests/failed.trace").assert(failed);
}
