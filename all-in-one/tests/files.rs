//! Files of traces: each format, what is wrong in them, and what is written.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jaeger_all_in_one::AllInOne;
use jaeger_all_in_one::files::{LoadError, load, save};
use jaeger_all_in_one::model::{
    KeyValue, Log, Nanos, Process, RefKind, Reference, Span, SpanId, TraceId, Value,
};
use jaeger_all_in_one::store::{Limits, Search, Store};
use serde_json::json;
use support::{Target, exchange};

const OTLP: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"buy","startTimeUnixNano":"1000","endTimeUnixNano":"2000"}]}]}]}"#;
const ZIPKIN: &str = r#"[{"traceId":"000000000000000a","id":"000000000000000b","name":"buy","localEndpoint":{"serviceName":"shop"}}]"#;
const JAEGER: &str = r#"{"data":[{"traceID":"a","spans":[{"traceID":"a","spanID":"b","operationName":"buy","startTime":1,"duration":1,"processID":"p1","tags":[{"key":"n","type":"int64","value":"9007199254740993"}]}],"processes":{"p1":{"serviceName":"shop","tags":[]}}}]}"#;

/// A file of this test's own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(format!("files-{}-{name}", std::process::id()));
        fs::write(&path, text).expect("write");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn store() -> Store {
    Store::new(Limits { traces: 0, bytes: 64 << 20 })
}

fn spans(store: &Store) -> Vec<Arc<Span>> {
    let all = Search { service: "shop".to_owned(), latest: i64::MAX, ..Search::default() };
    store.find(&all).into_iter().flat_map(|trace| trace.spans).collect()
}

#[test]
fn a_format_is_found_by_its_content() {
    let pretty: serde_json::Value = serde_json::from_str(JAEGER).expect("JSON");
    let bare = pretty["data"][0].to_string();
    let pretty = serde_json::to_string_pretty(&pretty).expect("JSON");
    for (what, text) in [
        ("OTLP", OTLP.to_owned()),
        ("an array of requests", format!("[{OTLP}]")),
        ("an answer of /api/v3", format!(r#"{{"result":{OTLP}}}"#)),
        ("names with underscores", OTLP.replace("resourceSpans", "resource_spans")),
        ("Zipkin", ZIPKIN.to_owned()),
        ("Zipkin's traces", format!("[{ZIPKIN}]")),
        ("Jaeger", JAEGER.to_owned()),
        ("Jaeger, pretty", pretty),
        ("one trace of Jaeger's", bare),
    ] {
        let (store, file) = (store(), Scratch::new("format", text));
        let loaded = load(&store, &file.0).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((loaded.spans, loaded.refused, loaded.bad_lines), (1, 0, 0), "{what}");
        let spans = spans(&store);
        assert_eq!((spans.len(), &*spans[0].operation), (1, "buy"), "{what}");
    }
}

#[test]
fn lines_may_be_of_different_formats() {
    let (store, file) = (store(), Scratch::new("mixed", [OTLP, ZIPKIN, JAEGER].join("\n")));
    assert_eq!(load(&store, &file.0).expect("loaded").spans, 3);
    let numbers = spans(&store)
        .iter()
        .filter_map(|span| match span.tag("n") {
            Some(Value::Int64(number)) => Some(*number),
            _ => None,
        })
        .collect::<Vec<_>>();
    assert_eq!(numbers, [9_007_199_254_740_993], "text in JSON, so that JavaScript keeps it");
}

#[test]
fn a_bad_span_costs_only_itself() {
    let span = |id: &str, start: &str| {
        format!(
            r#"{{"traceId":"0000000000000000000000000000000a","spanId":"{id}","name":"n","startTimeUnixNano":"{start}"}}"#
        )
    };
    let otlp = [
        span("000000000000000b", "1"),
        span("000000000000000c", "tomorrow"),
        span("xyz", "1"),
        span("0000000000000000", "1"),
        span("000000000000000d", "1"),
    ];
    let otlp = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        otlp.join(",")
    );
    let zipkin = format!("[{},{}", r#"{"traceId":"0x","id":"000000000000000b"}"#, &ZIPKIN[1..]);
    let jaeger = JAEGER.replace(r#""spans":["#, r#""spans":[{"traceID":"a","spanID":"c","startTime":-5},{"traceID":"a","spanID":"c","operationName":"x","startTime":5,"processID":"p9"},"#);
    for (what, text, good, bad) in
        [("OTLP", otlp, 2, 3), ("Zipkin", zipkin, 1, 1), ("Jaeger", jaeger, 1, 2)]
    {
        let (store, file) = (store(), Scratch::new("bad", text));
        let loaded = load(&store, &file.0).expect(what);
        assert_eq!((loaded.spans, loaded.refused), (good, bad), "{what}");
        assert_eq!(spans(&store).len() as u64, good, "{what}");
    }
}

#[test]
fn a_bad_attribute_of_a_resource_costs_no_span() {
    let text = OTLP.replacen(
        r#""attributes":["#,
        r#""attributes":[{"key":"k","value":{"intValue":"x"}},"#,
        1,
    );
    let (store, file) = (store(), Scratch::new("resource", text));
    let loaded = load(&store, &file.0).expect("loaded");
    assert_eq!((loaded.spans, loaded.refused, loaded.bad_lines), (1, 0, 0));
}

#[test]
fn a_line_that_was_cut_off_costs_only_itself() {
    let text = format!("{}\n{OTLP}\n{}", &OTLP[..90], &OTLP[..150]);
    let (store, file) = (store(), Scratch::new("cut", text));
    let loaded = load(&store, &file.0).expect("loaded");
    assert_eq!((loaded.spans, loaded.bad_lines), (1, 2));
}

#[test]
fn a_file_without_traces_is_an_error_that_names_line_and_cause() {
    for (text, line, part) in [
        ("# Traces\n", 1, "expected value"),
        ("\n\n{\"a\":1}", 3, "neither OTLP"),
        ("{\"resourceLogs\":[]}", 1, "only traces are kept"),
        ("{\"data\":[{\"spans\":7}]}", 1, "expected an array"),
        (
            r#"{"data":[{"spans":[{"traceID":"x","spanID":"1","startTime":1}]}]}"#,
            1,
            "span 1: traceID",
        ),
        ("{\"data\":[\n", 1, "before it is complete"),
        ("7", 1, "neither OTLP"),
    ] {
        let file = Scratch::new("wrong", text);
        let error = load(&store(), &file.0).expect_err(text);
        assert!(matches!(&error, LoadError::Content(_, at, _) if *at == line), "{text}: {error}");
        let error = error.to_string();
        assert!(error.contains(part) && error.contains(&format!("wrong:{line}: ")), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let missing = load(&store(), &std::env::temp_dir().join("no-such-file")).expect_err("missing");
    assert!(missing.to_string().contains("no-such-file: "), "{missing}");
    let empty = Scratch::new("empty", "\n");
    assert_eq!(load(&store(), &empty.0).expect("an empty file").spans, 0);
}

/// What OTLP has no place for.
fn odd_spans() -> Vec<Span> {
    let process =
        |tags: &[KeyValue]| Arc::new(Process { service: "shop".into(), tags: tags.into() });
    let tag = |key: &str, value| KeyValue { key: key.into(), value };
    let event = |key: &str| KeyValue::text(key, "paid");
    let log = |timestamp, fields: &[KeyValue]| Log { timestamp, fields: fields.into() };
    let reference = |kind, trace, span| Reference {
        kind,
        trace_id: TraceId { high: 0, low: trace },
        span_id: SpanId(span),
    };
    let plain = Span {
        trace_id: TraceId { high: 0, low: 10 },
        span_id: SpanId(1),
        operation: "buy".into(),
        references: Box::default(),
        flags: 0,
        start: 1_000_000,
        duration: 7,
        nanos: Nanos { start: 123, duration: 999 },
        tags: Box::default(),
        logs: Box::default(),
        process: process(&[KeyValue::text("service.name", "other"), KeyValue::text("host", "a")]),
        warnings: Box::default(),
    };
    let with = |change: &dyn Fn(&mut Span)| {
        let mut span = plain.clone();
        change(&mut span);
        span
    };
    let otlp = |more: &[KeyValue]| {
        let tags = [KeyValue::text("otel.library.version", "1"), KeyValue::text("a", "")];
        tags.iter()
            .chain(more)
            .cloned()
            .chain([KeyValue::text("internal.span.format", "proto")])
            .collect::<Box<[_]>>()
    };
    vec![
        plain.clone(),
        with(&|span| span.flags = 0x8000_0003),
        with(&|span| span.warnings = ["one".into(), "two".into()].into()),
        with(&|span| span.process = process(&[])),
        with(&|span| (span.start, span.duration) = (u64::MAX, u64::MAX)),
        with(&|span| span.logs = [log(u64::MAX, &[]), log(0, &[event("event")])].into()),
        with(&|span| {
            span.references = [
                reference(RefKind::FollowsFrom, 10, 3),
                reference(RefKind::ChildOf, 10, 2),
                reference(RefKind::Other(7), 11, 0),
            ]
            .into();
        }),
        with(&|span| span.references = [reference(RefKind::ChildOf, 11, 2)].into()),
        with(&|span| span.references = [reference(RefKind::ChildOf, 10, 0)].into()),
        with(&|span| {
            span.references =
                [reference(RefKind::ChildOf, 10, 2), reference(RefKind::ChildOf, 10, 2)].into();
        }),
        with(&|span| {
            span.logs = [
                log(1, &[event("event"), event("message")]),
                log(1, &[event("message"), event("event")]),
                log(1, &[event("event"), event("event")]),
                log(1, &[KeyValue::text("event", "")]),
                log(1, &[tag("event", Value::Int64(7))]),
                log(1, &[event("message")]),
                log(1, &[]),
            ]
            .into();
        }),
        with(&|span| {
            span.tags = [
                tag("bool", Value::Bool(true)),
                tag("int", Value::Int64(i64::MIN)),
                tag("third", Value::Float64(1.0 / 3.0)),
                tag("long", Value::Float64(0.1 + 0.2)),
                tag("minus zero", Value::Float64(-0.0)),
                tag("large", Value::Float64(f64::MAX)),
                tag("small", Value::Float64(f64::MIN_POSITIVE)),
                tag("nan", Value::Float64(f64::NAN)),
                tag("infinite", Value::Float64(f64::NEG_INFINITY)),
                tag("bytes", Value::Binary([0, 255].into())),
                tag("no bytes", Value::Binary(Box::default())),
                tag("", Value::String("\u{1}\u{fffd}😀\n\"".into())),
                KeyValue::text("span.kind", "server"),
                KeyValue::text("span.kind", "else"),
                tag("error", Value::Bool(true)),
                KeyValue::text("@jaeger@span", "{\"flags\":9}"),
                KeyValue::text("internal.span.format", "jaeger"),
            ]
            .into();
        }),
        with(&|span| span.tags = otlp(&[])),
        with(&|span| span.tags = otlp(&[KeyValue::text("@jaeger@span", "{}")])),
        with(&|span| span.tags = otlp(&[tag("error", Value::Bool(true))])),
        with(&|span| {
            span.flags = 1;
            span.tags = otlp(&[
                KeyValue::text("span.kind", "client"),
                KeyValue::text("otel.status_code", "ERROR"),
                tag("error", Value::Bool(true)),
                KeyValue::text("otel.status_description", "no"),
                KeyValue::text("w3c.tracestate", "a=b"),
            ]);
        }),
        with(&|span| {
            span.tags = otlp(&[
                KeyValue::text("w3c.tracestate", "a=b"),
                KeyValue::text("span.kind", "client"),
                KeyValue::text("otel.status_code", "OK"),
                KeyValue::text("otel.status_description", ""),
            ]);
        }),
    ]
}

#[test]
fn nothing_is_lost_between_save_and_load() {
    let (before, after) = (store(), store());
    let odd = odd_spans();
    before.insert(&odd);
    let file = Scratch::new("odd", "");
    let saved = save(&before, &file.0).expect("save");
    assert_eq!((saved.traces, saved.spans, saved.left_out), (1, odd.len() as u64, 0));
    assert_eq!(load(&after, &file.0).expect("load").spans, odd.len() as u64);
    let [before, after] = [before, after].map(|store| spans(&store));
    assert_eq!(after.len(), before.len());
    for (after, before) in after.iter().zip(&before) {
        assert_eq!(format!("{after:#?}"), format!("{before:#?}"));
    }
}

#[test]
fn spans_of_opentelemetry_are_saved_as_they_came() {
    let store = store();
    let [sent, file] = [Scratch::new("sent", OTLP), Scratch::new("saved", "")];
    load(&store, &sent.0).expect("load");
    save(&store, &file.0).expect("save");
    let [sent, saved] = [&sent, &file].map(|file| {
        let text = fs::read_to_string(&file.0).expect("read");
        serde_json::from_str::<serde_json::Value>(&text).expect("a line")
    });
    let [sent, saved] = [sent, saved].map(|it| it["resourceSpans"][0].clone());
    assert_eq!(saved["resource"], sent["resource"]);
    let mut span = sent["scopeSpans"][0]["spans"][0].clone();
    span["status"] = json!({});
    assert_eq!(saved["scopeSpans"][0]["spans"], json!([span]));
}

#[test]
fn a_trace_is_a_line_and_a_large_one_takes_several() {
    let store = store();
    let plain = &odd_spans()[0];
    let span = |trace, id| Span {
        trace_id: TraceId { high: 0, low: trace },
        span_id: SpanId(id),
        ..plain.clone()
    };
    let few: Vec<_> = (1..3).map(|id| span(1, id)).collect();
    let many: Vec<_> = (1..2_000).map(|id| span(2, id)).collect();
    store.insert(&many);
    store.insert(&few);
    let file = Scratch::new("lines", "");
    save(&store, &file.0).expect("save");
    let text = fs::read_to_string(&file.0).expect("read");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() > 3 && lines.len() < 20, "{}", lines.len());
    let is_of = |line: &&&str, trace: &str| line.contains(&format!("\"traceId\":\"{trace:0>32}\""));
    assert_eq!(lines.iter().filter(|line| is_of(line, "1")).count(), 1);
    assert!(is_of(&&lines[0], "2"), "the oldest comes first");
    let again = self::store();
    assert_eq!(load(&again, &file.0).expect("load").spans, 2_001);
}

#[test]
fn an_old_file_stays_until_the_new_one_is_complete() {
    let folder = std::env::temp_dir().join(format!("files-{}-folder", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("traces.jsonl");
    fs::write(&path, "old").expect("write");
    let store = store();
    store.insert(&odd_spans());
    save(&store, &path).expect("save");
    assert!(fs::read_to_string(&path).expect("read").starts_with("{\"resourceSpans\""));
    let names: Vec<_> =
        fs::read_dir(&folder).expect("a folder").flatten().map(|it| it.file_name()).collect();
    assert_eq!(names, ["traces.jsonl"], "nothing else is left");
    fs::remove_dir_all(&folder).expect("remove");
    assert!(save(&store, &path).is_err(), "the folder is gone");
}

#[test]
fn an_upload_is_shown_and_not_stored() {
    let jaeger = AllInOne::start().expect("start");
    let send = |body: &str| {
        let headers = [("Content-Type", "application/json")];
        exchange(jaeger.query(), "POST", "/api/transform", &headers, body.as_bytes())
    };
    for body in [OTLP, ZIPKIN, JAEGER] {
        let answer = send(body);
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json")));
        let json = answer.json();
        let span = &json["data"][0]["spans"][0];
        assert_eq!(
            (&span["operationName"], &span["spanID"]),
            (&json!("buy"), &json!("000000000000000b"))
        );
        assert_eq!(json["data"][0]["processes"]["p1"]["serviceName"], "shop");
    }
    let none = send(r#"{"resourceSpans":[]}"#);
    assert_eq!(
        (none.status, none.text().as_str()),
        (200, r#"{"data":[],"total":0,"limit":0,"offset":0,"errors":null}"#)
    );
    for (body, part) in [("nonsense", "line 1: "), ("", "it is empty"), ("{}", "neither OTLP")] {
        let answer = send(body);
        assert_eq!(
            (answer.status, answer.header("Content-Type")),
            (400, Some("text/plain; charset=utf-8"))
        );
        let error = answer.json()["errors"][0].clone();
        assert_eq!(error["code"], 400);
        assert!(error["msg"].as_str().is_some_and(|msg| msg.contains(part)), "{error}");
    }
    assert_eq!(jaeger.usage().spans, 0, "nothing is stored");
    let headers = [("Sec-Fetch-Site", "cross-site")];
    let answer = exchange(jaeger.query(), "POST", "/api/transform", &headers, b"{}");
    assert_eq!(answer.status, 403, "a page of another site");
}
