//! A trace prints as an expectation that matches it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use expect_trace::{
    Event, Expectation, Kind, Link, Record, Span, Status, Trace, Value, jaeger, otlp,
};

#[track_caller]
fn round_trip(trace: &Trace) {
    let text = trace.to_string();
    let expected: Expectation = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    if let Err(difference) = expected.check(trace) {
        panic!("{difference}\n{text}");
    }
}

#[test]
fn recordings_of_jaeger() {
    let mut spans = 0;
    for name in
        ["jaeger-example.error", "jaeger-example.ok", "otel-example.error", "otel-example.ok"]
    {
        let path = format!("{}/../testbed/reference/{name}.json", env!("CARGO_MANIFEST_DIR"));
        for trace in jaeger::traces(&std::fs::read_to_string(path).unwrap()).unwrap() {
            round_trip(&trace);
            spans += trace.spans().len();
        }
    }
    assert_eq!(spans, 10);
}

#[test]
fn a_recording_prints_without_ids_and_times() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testbed/reference/otel-example.ok.json");
    let traces = jaeger::traces(&std::fs::read_to_string(path).unwrap()).unwrap();
    let lines: Vec<String> = traces[0]
        .to_string()
        .lines()
        .map(|line| {
            line.split(" http.")
                .next()
                .and_then(|line| line.split(" result=").next())
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        lines,
        [
            "opentelemetry-example: main_process service.name=\"opentelemetry-example\"",
            "• Starting application",
            "• Request successful",
            "• Finished application",
            "└─ opentelemetry-example: make_request",
            "   └─ opentelemetry-example: HTTP GET [client]",
        ]
    );
}

#[test]
fn otlp_in_lines() {
    let first = r#"{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"scope": {"name": "lib"}, "spans": [
        {"traceId": "AB", "spanId": "02", "parentSpanId": "01", "name": "list", "startTimeUnixNano": "20", "endTimeUnixNano": "30",
         "status": {"code": 2, "message": "no"}, "links": [{"traceId": "ab", "spanId": "03"}, {"traceId": "ff", "spanId": "01"}],
         "attributes": [{"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "3"}]}}},
                        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": true}}]}}},
                        {"key": "big", "value": {"intValue": "9223372036854775807"}},
                        {"key": "small", "value": {"intValue": -3}},
                        {"key": "whole", "value": {"doubleValue": 2}},
                        {"key": "nan", "value": {"doubleValue": "NaN"}},
                        {"key": "bytes", "value": {"bytesValue": "AQI="}},
                        {"key": "yes", "value": {"boolValue": true}}]},
        {"traceId": "ab", "spanId": "01", "parentSpanId": "0000", "name": "GET /", "kind": "SPAN_KIND_SERVER", "startTimeUnixNano": 10,
         "status": {"code": "STATUS_CODE_OK"}, "events": [{"name": "say", "attributes": [{"key": "n", "value": {"intValue": "1"}}]}]}
        ]}]}]}"#
        .replace('\n', " ");
    let second = r#"{"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [
        {"traceId": "ab", "spanId": "03", "parentSpanId": "09", "name": "late", "startTimeUnixNano": "40"}]}]}]}"#;
    let traces = otlp::traces(&format!("{first}\n{second}\n")).unwrap();
    assert_eq!(traces.len(), 1);
    assert_eq!(
        traces[0].to_string(),
        "\
shop: GET / [server] ok
• say n=1
└─ shop: list error big=9223372036854775807 bytes=base64\"AQI=\" list=\"[\\\"x\\\",3]\" map=\"{\\\"a\\\":true}\" nan=NaN \
otel.status_description=\"no\" small=-3 whole=2.0 yes=true
   → \"\": late
   → (elsewhere)
\"\": late (parent missing)
"
    );
    round_trip(&traces[0]);
}

#[test]
fn what_is_no_trace_is_an_error() {
    for text in ["", "[]", "{\"data\": 1}", "{\"data\": [{\"spans\": [{}]}]}"] {
        jaeger::traces(text).expect_err(text);
    }
    for text in ["[]", "{}", "{\"resourceSpans\": 1}", "{\"resourceSpans\": []} x"] {
        otlp::traces(text).expect_err(text);
    }
    let number =
        r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "-1"}]}]}]}"#;
    assert_eq!(otlp::traces(number).unwrap_err().to_string(), "not a number in range: -1");
}

/// Names and texts with everything that means something in the grammar.
#[test]
fn names_that_look_like_the_grammar() {
    let names = [
        "",
        " ",
        "a ",
        "  a",
        "a  b",
        "a: b",
        "a:",
        ":",
        "a=b",
        "error",
        "ok",
        "handle error",
        "?",
        "why ?",
        "× 3",
        "a × 3",
        "#",
        "a #b",
        "a#b",
        "!x",
        "[server]",
        "a [server]",
        "x[0]",
        "<anonymous>",
        "a < 5ms",
        "\"",
        "a\"b",
        "\\",
        "…",
        "...",
        "• x",
        "* x",
        "*",
        "→ x",
        "->",
        "├─ x",
        "│",
        "~\"x\"",
        "~x",
        "(parent missing)",
        "(elsewhere)",
        "a\nb",
        "a\tb",
        "a\u{a0}b",
        "\u{1b}[31m",
        "\u{202e}",
        "\u{feff}",
        "é",
        "after",
        "overlaps",
        "base64\"x\"",
        "~",
        "a~b",
        "=",
        "=*",
        "true",
    ];
    let mut records = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let mut span = Span::new(name, name);
        span.start = index as u64;
        span.kind = [Kind::Internal, Kind::Server][index % 2];
        span.status = [Status::Unset, Status::Ok, Status::Error][index % 3];
        span.attributes.push((name.to_owned(), Value::from(name)));
        let mut event = Event::new(name);
        event.attributes.push((name.to_owned(), Value::from(1.0)));
        span.events.push(event);
        let mut link = Link::default();
        link.target = Some((name.to_owned(), name.to_owned()));
        span.links.push(link);
        let trace =
            Trace::from_records(vec![Record { id: "1".into(), parent: None, span: span.clone() }]);
        round_trip(&trace);
        records.push(Record {
            id: index.to_string(),
            parent: (index > 0).then(|| (index / 2).to_string()),
            span,
        });
    }
    round_trip(&Trace::from_records(records));
}
