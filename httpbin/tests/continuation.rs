//! Each request is a span of kind `server` that continues the caller's trace.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::time::Duration;

use httpbin::Format;
use serde_json::Value;
use testbed::{Finished, Fleet, Jaeger, spans};

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

fn tag<'a>(span: &'a Value, key: &str) -> Option<&'a Value> {
    span["tags"].as_array().unwrap().iter().find(|tag| tag["key"] == key).map(|tag| &tag["value"])
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
        let found = jaeger.trace(&trace, 1).unwrap();
        let span = &found["spans"][0];
        assert_eq!(span["references"][0]["spanID"], PARENT);
        assert_eq!(span["references"][0]["refType"], "CHILD_OF");
        assert_eq!(span["operationName"], "GET /get");
        assert_eq!(tag(span, "span.kind").unwrap(), "server");
        assert_eq!(tag(span, "http.response.status_code").unwrap(), 200);
        assert_eq!(tag(span, "url.full").unwrap(), &format!("{url}?a=1"));
        assert_eq!(tag(span, "baggage.user").unwrap(), "ada");
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
    let trace = jaeger.trace("0000000000000abc", 3).unwrap();
    assert_eq!(trace["traceID"], "0000000000000abc");
    let spans_found: Vec<_> = trace["spans"].as_array().unwrap().iter().collect();
    assert!(spans_found.iter().any(|span| span["references"][0]["spanID"] == "0000000000000005"));
    assert_eq!(spans_found.len(), 3);

    // A request without trace headers starts a trace; a status of 5xx marks its span as an error.
    let (status, _) = request(&url.replace("/get", "/status/503"), &[]);
    assert_eq!(status, 503);
    fleet.flush().unwrap();
    let traces = jaeger.traces("httpbin", 4).unwrap();
    let traces = traces["data"].as_array().unwrap();
    let chains: Vec<_> = traces.iter().map(spans).collect();
    let alone = chains.iter().find(|chain| chain.len() == 1).unwrap();
    assert_eq!(alone[0].operation, "GET /status/{code}");
    let all: Vec<&Value> = traces.iter().flat_map(|it| it["spans"].as_array().unwrap()).collect();
    let failed = all.iter().find(|span| span["operationName"] == "GET /status/{code}").unwrap();
    assert_eq!(tag(failed, "error").unwrap(), true);
}
