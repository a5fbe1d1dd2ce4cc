//! JSON that clients really send: what is clear is mended, and a bad span costs no other.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use jaeger_all_in_one::model::{Span, Value};
use jaeger_all_in_one::{AllInOne, Config, Port, Reason};
use serde_json::{Value as Json, json};
use support::{Answer, Open, exchange};

const OTLP: (Port, &str) = (Port::OtlpHttp, "/v1/traces");
const ZIPKIN: (Port, &str) = (Port::Zipkin, "/api/v2/spans");
const ZIPKIN_V1: (Port, &str) = (Port::Zipkin, "/api/v1/spans");

/// A good span beside each bad one, for OTLP and Zipkin.
const GOOD_OTLP: &str =
    r#"{"traceId":"000000000000000000000000000000aa","spanId":"00000000000000aa","name":"good"}"#;
const GOOD_ZIPKIN: &str = r#"{"traceId":"00000000000000aa","id":"00000000000000aa","name":"good","localEndpoint":{"serviceName":"s"}}"#;

struct Server(AllInOne);

impl Server {
    fn start() -> Self {
        Server(AllInOne::start_with(Config::ephemeral()).expect("start"))
    }

    fn post(&self, (port, path): (Port, &str), body: impl AsRef<[u8]>) -> Answer {
        let kind = [("Content-Type", "Application/JSON ; charset=UTF-8")];
        exchange(self.0.at(port), "POST", path, &kind, body.as_ref())
    }

    fn span(&self, operation: &str) -> Option<Span> {
        let services = self.0.store().services();
        let mut traces = services.iter().flat_map(|service| self.0.stored(service));
        traces.find_map(|trace| trace.span(operation).cloned())
    }

    fn clear(&self) {
        self.0.clear();
    }

    fn refused(&self, port: Port, reason: Reason) -> u64 {
        self.0.door(port).expect("the door").stats().refused(reason)
    }
}

fn otlp(spans: &str) -> String {
    otlp_of(r#"[{"key":"service.name","value":{"stringValue":"s"}}]"#, spans)
}

fn otlp_of(resource: &str, spans: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":{resource}}},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#
    )
}

/// A span of OTLP with these fields replaced.
fn otlp_span(change: Json) -> String {
    let mut span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "it",
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000001000000",
    });
    let fields = change.as_object().expect("fields").clone();
    span.as_object_mut().expect("a span").extend(fields);
    span.to_string()
}

fn zipkin_span(change: Json) -> String {
    let mut span = json!({
        "traceId": "5af7183fb1d4cf5f", "id": "352bff9a74ca9ad2", "name": "it",
        "timestamp": 1_700_000_000_000_000_u64, "duration": 5, "localEndpoint": {"serviceName": "s"},
    });
    let fields = change.as_object().expect("fields").clone();
    span.as_object_mut().expect("a span").extend(fields);
    span.to_string()
}

fn text(value: &str) -> Value {
    Value::String(value.into())
}

#[test]
fn broken_text_becomes_replacement_characters() {
    let server = Server::start();
    let trace = r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174""#;
    let span = format!(
        r#"{{{trace},"name":"cut \ud83d","attributes":[{{"key":"k\udc00","value":{{"stringValue":"\ud83d\ude00 \uD83D"}}}}]}}"#
    );
    assert_eq!(server.post(OTLP, otlp(&span)).text(), "{}");
    let found = server.span("cut \u{fffd}").expect("the span");
    assert_eq!(found.tag("k\u{fffd}"), Some(&text("😀 \u{fffd}")));
    let service = r#"[{"key":"service.name","value":{"stringValue":"s\ud83d"}}]"#;
    assert_eq!(server.post(OTLP, otlp_of(service, &span)).text(), "{}");
    assert_eq!(server.0.stored("s\u{fffd}").len(), 1);

    server.clear();
    let raw = [b"{".as_slice(), trace.as_bytes(), b",\"name\":\"\xff\xfe\tx\"}"].concat();
    let body = otlp("SPAN").into_bytes();
    let at = body.windows(4).position(|window| window == b"SPAN").expect("a place");
    let body = [&body[..at], &raw, &body[at + 4..]].concat();
    assert_eq!(server.post(OTLP, body).text(), "{}");
    assert!(server.span("\u{fffd}\u{fffd}\tx").is_some());

    for door in [ZIPKIN, ZIPKIN_V1] {
        server.clear();
        let body = b"[{\"traceId\":\"a\",\"id\":\"b\",\"name\":\"cut \\ud83d\xff\",\"tags\":{\"k\\ud83d\":\"v\xff\"},\"localEndpoint\":{\"serviceName\":\"s\\ud83d\"}}]";
        assert_eq!(server.post(door, body).status, 202);
        let found = server.span("cut \u{fffd}\u{fffd}").expect("the span");
        assert_eq!(found.service(), "s\u{fffd}");
        assert_eq!(found.tag("k\u{fffd}"), Some(&text("v\u{fffd}")));
    }
    assert_eq!(server.refused(Port::OtlpHttp, Reason::Malformed), 0);
}

#[test]
fn the_upload_shows_broken_text_too() {
    let server = Server::start();
    let span = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"cut \ud83d"}"#;
    let jaeger = r#"{"data":[{"traceID":"a","spans":[{"traceID":"a","spanID":"b","operationName":"cut \ud83d","startTime":1,"processID":"p1"}],"processes":{"p1":{"serviceName":"s\udc00"}}}]}"#;
    for body in
        [otlp(span), format!("[{}]", GOOD_ZIPKIN.replace("good", r"cut \ud83d")), jaeger.to_owned()]
    {
        let answer =
            exchange(server.0.at(Port::Query), "POST", "/api/transform", &[], body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["data"][0]["spans"][0]["operationName"], "cut \u{fffd}", "{body}");
    }
}

#[test]
fn what_is_clear_in_otlp_is_mended() {
    let server = Server::start();
    let id = "5b8efff798038103d269b633813fc60c";
    for (change, trace, span_id) in [
        (
            json!({"traceId": "W47/95gDgQPSabYzgT/GDA==", "spanId": "7uGbfsPBsXQ="}),
            id,
            "eee19b7ec3c1b174",
        ),
        (json!({"traceId": "W47_95gDgQPSabYzgT_GDA"}), id, "eee19b7ec3c1b174"),
        (
            json!({"traceId": "b8efff798038103", "spanId": "1"}),
            "0b8efff798038103",
            "0000000000000001",
        ),
        (json!({"spanId": "0000000000000000eee19b7ec3c1b174"}), id, "eee19b7ec3c1b174"),
        (json!({"spanId": [0, 0, 0, 0, 0, 0, 0, 9]}), id, "0000000000000009"),
    ] {
        server.clear();
        assert_eq!(server.post(OTLP, otlp(&otlp_span(change.clone()))).text(), "{}", "{change}");
        let span = server.span("it").expect("the span");
        assert_eq!((&*span.trace_id.to_string(), &*span.span_id.to_string()), (trace, span_id));
    }
    let start = 1_700_000_000_000_000_000_u64;
    let (low, high) = (start as u32 as i32, start >> 32);
    for time in [
        json!({"low": low, "high": high, "unsigned": true}),
        json!({"low": low as u32, "high": high}),
        json!(1.7e18),
        json!("1.7e18"),
        json!(start),
    ] {
        server.clear();
        let span = otlp_span(json!({"startTimeUnixNano": time}));
        assert_eq!(server.post(OTLP, otlp(&span)).text(), "{}", "{time}");
        assert_eq!(server.span("it").expect("the span").start, start / 1_000, "{time}");
    }
    for (value, wanted) in [
        (json!({"stringValue": 5}), text("5")),
        (json!({"stringValue": true}), text("true")),
        (json!({"intValue": 1e3}), Value::Int64(1_000)),
        (json!({"intValue": -0.0}), Value::Int64(0)),
        (json!({"intValue": "-0"}), Value::Int64(0)),
        (json!({"intValue": {"low": -1, "high": -1}}), Value::Int64(-1)),
        (json!({"boolValue": "true"}), Value::Bool(true)),
        (json!({"doubleValue": "1.5"}), Value::Float64(1.5)),
        (json!({"arrayValue": {"values": [{"doubleValue": -0.0}]}}), text("[-0]")),
        (json!("bare"), text("bare")),
        (json!(7), Value::Int64(7)),
    ] {
        server.clear();
        let span = otlp_span(json!({"attributes": [{"key": "k", "value": value}]}));
        assert_eq!(server.post(OTLP, otlp(&span)).text(), "{}", "{value}");
        assert_eq!(server.span("it").expect("the span").tag("k"), Some(&wanted), "{value}");
    }
    // Python writes NaN so.
    server.clear();
    let span = otlp_span(json!({"attributes": [{"key": "k", "value": {"doubleValue": "N"}}]}));
    assert_eq!(server.post(OTLP, otlp(&span.replace("\"N\"", "NaN"))).text(), "{}");
    assert!(
        matches!(server.span("it").expect("the span").tag("k"), Some(Value::Float64(f)) if f.is_nan())
    );
}

#[test]
fn a_service_name_that_is_no_text_is_none() {
    let server = Server::start();
    for value in [
        r#"{"intValue":5}"#,
        r#"{"arrayValue":{"values":[{"stringValue":"x"}]}}"#,
        r#"{"kvlistValue":{"values":[]}}"#,
        r#"{"bytesValue":"AAE="}"#,
        "null",
    ] {
        server.clear();
        let resource = format!(r#"[{{"key":"service.name","value":{value}}}]"#);
        assert_eq!(server.post(OTLP, otlp_of(&resource, GOOD_OTLP)).text(), "{}", "{value}");
        assert_eq!(
            server.span("good").expect("the span").service(),
            "empty-service-name",
            "{value}"
        );
    }
}

#[test]
fn a_bad_span_of_otlp_costs_no_other() {
    let server = Server::start();
    let mut refused = 0;
    for change in [
        json!({"traceId": "xyz"}),
        json!({"traceId": 5}),
        json!({"spanId": "0102030405060708090a"}),
        json!({"startTimeUnixNano": -1}),
        json!({"startTimeUnixNano": "yesterday"}),
        json!({"kind": "NOPE"}),
        json!({"name": ["a"]}),
        json!({"attributes": [{"key": "k", "value": {"intValue": 1e300}}]}),
        json!({"attributes": [{"key": "k", "value": {"intValue": 1.5}}]}),
        json!({"events": 7}),
    ] {
        server.clear();
        let spans = format!("{GOOD_OTLP},{}", otlp_span(change.clone()));
        let answer = server.post(OTLP, otlp(&spans));
        assert_eq!(answer.status, 200, "{change}: {}", answer.text());
        let partial = &answer.json()["partialSuccess"];
        assert_eq!(partial["rejectedSpans"], "1", "{change}");
        let why = partial["errorMessage"].as_str().expect("a reason");
        let field = change.as_object().expect("a field").keys().next().expect("one");
        assert!(why.contains(field.as_str()) && why.contains("span"), "{change}: {why}");
        assert!(server.span("good").is_some() && server.span("it").is_none(), "{change}");
        refused += 1;
        assert_eq!(server.refused(Port::OtlpHttp, Reason::InvalidSpan), refused, "{change}");
    }
}

/// Where nothing is left, it is an error.
#[test]
fn what_is_no_span_in_otlp_costs_no_span() {
    let server = Server::start();
    let body = format!(
        r#"{{"resourceSpans":[5,{{"scopeSpans":7}},{{"scopeSpans":[{{"spans":[{GOOD_OTLP}]}}]}}]}}"#
    );
    assert_eq!(server.post(OTLP, body).json()["partialSuccess"]["rejectedSpans"], "2");
    assert!(server.span("good").is_some());
    assert_eq!(server.post(OTLP, otlp(&otlp_span(json!({"traceId": "xyz"})))).status, 400);
    // A resource's attribute is left out, and said.
    let resource = r#"[{"key":"service.name","value":{"stringValue":"kept"}},{"key":"k","value":{"intValue":"x"}}]"#;
    let partial = server.post(OTLP, otlp_of(resource, GOOD_OTLP)).json();
    assert_eq!(partial["partialSuccess"]["rejectedSpans"], "0", "{partial}");
    assert_eq!(server.0.stored("kept").len(), 1);
}

#[test]
fn what_is_clear_in_zipkin_s_json_is_mended() {
    let server = Server::start();
    let wrong = |change: &Json, answer: &Answer| format!("{change}: {}", answer.text());
    type Check = fn(&Span) -> bool;
    let cases: [(Json, Check); 16] = [
        (json!({"tags": {"k": 200}}), |it| it.tag("k") == Some(&text("200"))),
        (json!({"tags": {"k": true}}), |it| it.tag("k") == Some(&text("true"))),
        (json!({"tags": {"k": null}}), |it| it.tag("k") == Some(&text(""))),
        (json!({"kind": "CLIENT", "remoteEndpoint": {"port": "8080"}}), |it| {
            it.tag("peer.port") == Some(&Value::Int64(8080))
        }),
        (json!({"kind": "client", "remoteEndpoint": {"ipv6": "fe80::1%eth0"}}), |it| {
            it.tag("peer.ipv6").is_some()
        }),
        (json!({"kind": "SERVER", "remoteEndpoint": {"ipv4": "::ffff:10.0.0.7"}}), |it| {
            it.tag("peer.ipv4") == Some(&Value::Int64(0x0a00_0007))
        }),
        (json!({"timestamp": 1.58e15}), |it| it.start == 1_580_000_000_000_000),
        (json!({"timestamp": "1580000000000000"}), |it| it.start == 1_580_000_000_000_000),
        (json!({"duration": 5.7}), |it| it.duration == 5),
        (json!({"duration": -5}), |it| {
            it.duration == 1 && it.tag("errNegativeDuration") == Some(&text("-5"))
        }),
        (json!({"id": "2a", "traceId": "1f"}), |it| it.span_id.0 == 0x2a),
        (json!({"id": "352BFF9A74CA9AD2"}), |it| it.span_id.0 == 0x352b_ff9a_74ca_9ad2),
        (json!({"debug": "true"}), |it| it.flags == 2),
        (json!({"kind": "INTERNAL"}), |it| it.kind().is_none()),
        (json!({"name": null, "parentId": ""}), |it| it.references.is_empty()),
        (json!({"annotations": [{"timestamp": "1580000000000000", "value": 7}]}), |it| {
            it.logs[0].timestamp == 1_580_000_000_000_000
        }),
    ];
    for (change, check) in cases {
        server.clear();
        let answer = server.post(ZIPKIN, format!("[{}]", zipkin_span(change.clone())));
        assert_eq!(answer.status, 202, "{}", wrong(&change, &answer));
        let traces = server.0.stored("s");
        assert!(check(&traces[0].spans[0]), "{change}: {:?}", traces[0].spans[0]);
    }
    // Without a Content-Type, and one span without its list.
    server.clear();
    let span = zipkin_span(json!({}));
    let answer = exchange(server.0.at(Port::Zipkin), "POST", "/api/v2/spans", &[], span.as_bytes());
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert!(server.span("it").is_some());
    for (case, path) in
        [("zipkin-v2-proto", "/api/v2/spans"), ("zipkin-v1-thrift", "/api/v1/spans")]
    {
        server.clear();
        let body = support::packets(case).remove(0);
        let answer = exchange(server.0.at(Port::Zipkin), "POST", path, &[], &body);
        assert_eq!(answer.status, 202, "{case}: {}", answer.text());
        assert!(server.0.usage().spans > 5, "{case}");
    }
}

#[test]
fn numbers_of_zipkin_v1_are_as_sent() {
    let server = Server::start();
    let tags: Vec<_> = [
        ("i16", json!(-300)), ("i32", json!(70_000)), ("i64", json!("5000000000")), ("double", json!(1.5)),
        ("none", json!(5)), ("bool", json!("true")),
    ]
    .into_iter()
    .map(|(kind, value)| json!({"key": kind, "value": value, "type": if kind == "none" { "" } else { kind }.to_uppercase()}))
    .collect();
    let body = json!([{"traceId": "1", "id": "2", "name": "it", "binaryAnnotations": tags}]);
    assert_eq!(server.post(ZIPKIN_V1, body.to_string()).status, 202);
    let span = server.span("it").expect("the span");
    for (key, value) in [
        ("i16", Value::Int64(-300)),
        ("i32", Value::Int64(70_000)),
        ("i64", Value::Int64(5_000_000_000)),
        ("double", Value::Float64(1.5)),
        ("none", text("5")),
        ("bool", Value::Bool(true)),
    ] {
        assert_eq!(span.tag(key), Some(&value), "{key}");
    }
}

#[test]
fn a_bad_span_of_zipkin_s_costs_no_other() {
    let server = Server::start();
    for (count, change) in [
        json!({"id": "xyz"}),
        json!({"traceId": null}),
        json!({"traceId": "123456789012345678901234567890123"}),
        json!({"timestamp": "yesterday"}),
        json!({"duration": {}}),
        json!({"kind": "NOPE"}),
        json!({"tags": {"k": ["a"]}}),
        json!({"localEndpoint": {"ipv4": "my host"}}),
        json!({"annotations": 5}),
    ]
    .into_iter()
    .enumerate()
    {
        server.clear();
        let body = format!("[{},{GOOD_ZIPKIN}]", zipkin_span(change.clone()));
        assert_eq!(server.post(ZIPKIN, body).status, 202, "{change}");
        assert!(server.span("good").is_some() && server.span("it").is_none(), "{change}");
        assert_eq!(server.refused(Port::Zipkin, Reason::InvalidSpan), count as u64 + 1, "{change}");
        let answer = server.post(ZIPKIN, format!("[{}]", zipkin_span(change.clone())));
        assert_eq!(answer.status, 400, "nothing is left: {change}");
    }
}

#[test]
fn a_body_is_bounded_by_its_20_mib_alone() {
    let server = Server::start();
    let attributes: Vec<_> = (0..10)
        .map(|n| json!({"key": format!("attribute.{n}"), "value": {"stringValue": "some value"}}))
        .collect();
    let span = |n: usize| {
        otlp_span(json!({"spanId": format!("{:016x}", n + 1), "attributes": attributes}))
    };
    let spans: Vec<_> = (0..10_000).map(span).collect();
    let body = otlp(&spans.join(","));
    assert!((6 << 20..20 << 20).contains(&body.len()), "{}", body.len());
    assert_eq!(server.post(OTLP, &body).text(), "{}");
    assert_eq!(server.0.store().span_count("s"), 10_000);
    server.clear();
    let span = |n: usize| {
        zipkin_span(json!({"id": format!("{:016x}", n + 1), "tags": {"a": "b", "c": "d"}}))
    };
    let spans: Vec<_> = (0..50_000).map(span).collect();
    assert_eq!(server.post(ZIPKIN, format!("[{}]", spans.join(","))).status, 202);
    assert_eq!(server.0.store().span_count("s"), 50_000);
}
