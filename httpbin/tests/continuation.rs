//! A request is a span of kind server, and continues the trace that it names.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::time::Duration;

use httpbin::Format;
use serde_json::Value;
use testbed::{Finished, Fleet, Jaeger, spans};

const README: &str = include_str!("../../README.md");

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn ask(url: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let client = httpbin::http_client().unwrap();
    let request =
        headers.iter().fold(client.get(url), |it, (name, value)| it.header(*name, *value));
    let answer = request.send().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().unwrap()).unwrap_or_default())
}

fn tag<'a>(span: &'a Value, key: &str) -> Option<&'a Value> {
    span["tags"].as_array().unwrap().iter().find(|tag| tag["key"] == key).map(|tag| &tag["value"])
}

/// One test, since the tracing of a process is one.
#[test]
fn each_generations_headers_continue_the_trace() {
    let jaeger = Jaeger::start().unwrap();
    let fleet = Fleet::start(&jaeger, &[Format::TraceContext]).unwrap();
    let url = fleet.httpbin_url();

    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let uber = format!("{}:{PARENT}:0:1", "1".repeat(32));
    for (trace, headers) in [
        (TRACE.to_owned(), [("traceparent", traceparent.as_str()), ("baggage", "user=ada")]),
        ("1".repeat(32), [("uber-trace-id", uber.as_str()), ("uberctx-user", "ada")]),
    ] {
        let (status, answer) = ask(&format!("{url}?a=1"), &headers);
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

    // The tutorial shows such a trace, whose parent nobody ever sent.
    let (stdout, stderr) = (jaeger.tree(TRACE, 1).unwrap(), String::new());
    let shown = Finished { code: Some(0), stdout, stderr, elapsed: Duration::ZERO };
    let command = README.lines().find(|line| line.contains("jaeger-all-in-one tree 1")).unwrap();
    testbed::assert_shown(README, command, &shown);

    // An id of 64 bits stays the same trace on its way through two services and two formats.
    let (status, _) = ask(fleet.relay_url(), &[("uber-trace-id", "abc:5:0:1")]);
    assert_eq!(status, 200);
    fleet.flush().unwrap();
    let trace = jaeger.trace("0000000000000abc", 3).unwrap();
    assert_eq!(trace["traceID"], "0000000000000abc");
    let parents: Vec<_> = trace["spans"].as_array().unwrap().iter().collect();
    assert!(parents.iter().any(|span| span["references"][0]["spanID"] == "0000000000000005"));
    assert_eq!(parents.len(), 3);

    // Without headers a request begins a trace; a status that is an error's is an error.
    let (status, _) = ask(&url.replace("/get", "/status/503"), &[]);
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
