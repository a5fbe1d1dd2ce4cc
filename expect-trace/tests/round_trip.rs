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

/// What Jaeger stores as tags, types and references.
#[test]
fn jaeger_by_hand() {
    let json = r#"{"data": [{"traceID": "a", "processes": {"p1": {"serviceName": "shop"}, "p2": {"serviceName": "jobs"}}, "spans": [
        {"traceID": "a", "spanID": "1", "operationName": "send", "startTime": 10, "duration": 1500, "processID": "p1", "references": null,
         "tags": [{"key": "span.kind", "type": "string", "value": "producer"}, {"key": "otel.status_code", "type": "string", "value": "OK"},
                  {"key": "big", "type": "int64", "value": "9007199254740993"}, {"key": "small", "type": "int64", "value": 3},
                  {"key": "whole", "type": "float64", "value": 2}, {"key": "bytes", "type": "binary", "value": "AQI="},
                  {"key": "no", "type": "bool", "value": false}, {"key": "yes", "type": "bool", "value": "true"},
                  {"key": "digits", "type": "string", "value": "402"},
                  {"key": "otel.scope.name", "type": "string", "value": "lib"}],
         "logs": [{"timestamp": 11, "fields": [{"key": "message", "type": "string", "value": "text"},
                                               {"key": "event", "type": "string", "value": "retry"}]}]},
        {"traceID": "a", "spanID": "2", "operationName": "receive", "startTime": 20, "duration": 1, "processID": "p2", "tags": null,
         "references": [{"refType": "FOLLOWS_FROM", "traceID": "a", "spanID": "1"}]},
        {"traceID": "a", "spanID": "3", "operationName": "work", "startTime": 30, "duration": 1, "processID": "p2", "logs": null,
         "references": [{"refType": "FOLLOWS_FROM", "traceID": "a", "spanID": "1"}, {"refType": "CHILD_OF", "traceID": "a", "spanID": "2"},
                        {"refType": "FOLLOWS_FROM", "traceID": "b", "spanID": "1"}],
         "tags": [{"key": "otel.status_code", "type": "string", "value": "ERROR"}]}]},
        {"spans": [{"traceID": "b", "spanID": "1", "operationName": "earlier", "startTime": 5, "duration": 1, "processID": "p9"}]}]}"#;
    let traces = jaeger::traces(json).unwrap();
    assert_eq!(traces[0].to_string(), "\"\": earlier\n");
    assert_eq!(
        traces[1].to_string(),
        "\
shop: send [producer] ok big=9007199254740993 bytes=base64\"AQI=\" digits=\"402\" no=false small=3 whole=2.0 yes=true
• retry message=\"text\"
└─ jobs: receive
   └─ jobs: work error
      → shop: send
      → \"\": earlier
"
    );
    round_trip(&traces[1]);
    assert_eq!(
        (
            traces[1].spans().next().unwrap().start,
            traces[1].spans().next().unwrap().duration.as_micros()
        ),
        (10_000, 1500)
    );
    let bounds = "shop: send > 1499us < 1501us\n  jobs: receive\n    jobs: work after\n";
    let difference = bounds.parse::<Expectation>().unwrap().check(&traces[1]).unwrap_err();
    assert_eq!(difference.count(), 1, "only the time of a span without a sibling: {difference}");
}

#[test]
fn kinds_and_times_of_otlp() {
    let spans: Vec<String> = (0..7).map(|kind| format!(r#"{{"traceId":"a","spanId":"{kind}","name":"x","kind":{kind},"startTimeUnixNano":"{kind}","endTimeUnixNano":"90"}}"#)).collect();
    let json =
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","));
    let trace = &otlp::traces(&json).unwrap()[0];
    let kinds: Vec<Kind> = trace.spans().map(|span| span.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Internal,
            Kind::Internal,
            Kind::Server,
            Kind::Client,
            Kind::Producer,
            Kind::Consumer,
            Kind::Internal
        ]
    );
    assert_eq!(
        (trace.spans().nth(2).unwrap().start, trace.spans().nth(2).unwrap().duration.as_nanos()),
        (2, 88)
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
    for text in ["[1]", "{}", "{\"resourceSpans\": 1}", "{\"resourceSpans\": []} x"] {
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
