//! OTLP and Zipkin at their limits: what is too deep, too large or malformed is refused, and the
//! next valid request is accepted.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use flate2::{Compression, write::GzEncoder};
use jaeger_all_in_one::model::Value;
use jaeger_all_in_one::{AllInOne, Config, MAX_BODY, MAX_MESSAGE, Port, Reason};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::json;
use support::{Answer, Open, exchange, request};
use tonic::codec::CompressionEncoding;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A running all-in-one with its OTLP addresses.
struct Doors {
    jaeger: AllInOne,
    http: SocketAddr,
    grpc: SocketAddr,
}

impl Doors {
    fn open() -> Self {
        let jaeger = AllInOne::start().expect("start");
        let http = jaeger.at(Port::OtlpHttp);
        let grpc = jaeger.at(Port::OtlpGrpc);
        Doors { jaeger, http, grpc }
    }

    fn post(&self, kind: &str, body: &[u8]) -> Answer {
        exchange(self.http, "POST", "/v1/traces", &[("Content-Type", kind)], body)
    }

    fn post_gzip(&self, kind: &str, body: &[u8]) -> Answer {
        let headers = [("Content-Type", kind), ("Content-Encoding", "gzip")];
        exchange(self.http, "POST", "/v1/traces", &headers, body)
    }

    /// A valid request is accepted, so nothing is broken.
    fn assert_alive(&self) {
        let id = self.jaeger.usage().spans as u8 + 1;
        let answer = self.post(PROTOBUF, &traces("alive", vec![span(id)]).encode_to_vec());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(self.jaeger.store().span_count("alive") > 0);
    }

    fn refused(&self, door: &str, reason: Reason) -> u64 {
        self.jaeger.door(support::named(door)).expect("the door").stats().refused(reason)
    }
}

fn span(id: u8) -> Span {
    Span {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        name: "op".to_owned(),
        start_time_unix_nano: 1_700_000_000_000_001_999,
        end_time_unix_nano: 1_700_000_000_000_004_000,
        ..Span::default()
    }
}

fn traces(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let name = attribute("service.name", Any::StringValue(service.to_owned()));
    let resource = Resource { attributes: vec![name], ..Resource::default() };
    let scope = ScopeSpans { spans, ..ScopeSpans::default() };
    let resource_spans = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

/// A text within this many lists.
fn lists(depth: usize) -> Any {
    (0..depth).fold(Any::StringValue("deep".to_owned()), |inner, _| {
        Any::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(inner) }] })
    })
}

fn maps(depth: usize) -> Any {
    (0..depth).fold(Any::StringValue("deep".to_owned()), |inner, _| {
        Any::KvlistValue(KeyValueList { values: vec![attribute("k", inner)] })
    })
}

fn with(value: Any) -> Vec<u8> {
    let span = Span { attributes: vec![attribute("nested", value)], ..span(9) };
    traces("nested", vec![span]).encode_to_vec()
}

/// A request with lists so deep that building it from messages would overflow our own stack.
fn raw_lists(depth: usize) -> Vec<u8> {
    // From the inside out: each level is an AnyValue with an ArrayValue with one value.
    let mut reversed: Vec<u8> = Vec::new();
    let mut length = 0;
    let mut wrap = |tag: u8, length: &mut usize| {
        let mut head = vec![tag];
        prost::encode_length_delimiter(*length, &mut head).expect("a length");
        *length += head.len();
        reversed.extend(head.iter().rev());
    };
    for _ in 0..depth {
        wrap(0x0a, &mut length); // ArrayValue.values
        wrap(0x2a, &mut length); // AnyValue.array_value
    }
    for tag in [0x12, 0x4a, 0x12, 0x12, 0x0a] {
        wrap(tag, &mut length); // KeyValue, Span, ScopeSpans, ResourceSpans, the request
    }
    reversed.reverse();
    reversed
}

fn json_with(value: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{}","spanId":"{}","attributes":[{{"key":"nested","value":{value}}}]}}]}}]}}]}}"#,
        "09".repeat(16),
        "09".repeat(8),
    )
}

fn json_lists(depth: usize) -> String {
    let open = r#"{"arrayValue":{"values":["#.repeat(depth);
    json_with(&format!(r#"{open}{{"stringValue":"deep"}}{}"#, "]}}".repeat(depth)))
}

fn nested_brackets(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("gzip");
    encoder.finish().expect("gzip")
}

/// The message of an error, which has the encoding of the request.
fn reason(answer: &Answer) -> String {
    match answer.header("Content-Type") {
        Some(JSON) => answer.json()["message"].as_str().expect("a message").to_owned(),
        Some(PROTOBUF) => tonic_types::Status::decode(&*answer.body).expect("a status").message,
        other => panic!("{other:?}: {}", answer.text()),
    }
}

#[test]
fn values_nest_49_deep_and_no_deeper_than_the_decoder_can() {
    let doors = Doors::open();
    for (kind, body) in [
        (PROTOBUF, with(lists(49))),
        (PROTOBUF, with(maps(32))),
        (JSON, json_lists(49).into_bytes()),
    ] {
        let answer = doors.post(kind, &body);
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
    let span = doors.jaeger.stored("nested")[0].spans[0].clone();
    let text = span.tag("nested").and_then(Value::as_str).expect("a tag");
    assert_eq!(text, format!("{}\"deep\"{}", "[".repeat(49), "]".repeat(49)));
    for (what, kind, body) in [
        ("60 lists", PROTOBUF, with(lists(60))),
        ("60 maps", PROTOBUF, with(maps(60))),
        ("100,000 lists", PROTOBUF, raw_lists(100_000)),
        ("60 lists", JSON, json_lists(60).into_bytes()),
        ("100,000 lists", JSON, json_lists(100_000).into_bytes()),
        ("100,000 values", JSON, json_with(&nested_brackets(100_000)).into_bytes()),
    ] {
        let answer = doors.post(kind, &body);
        assert_eq!(answer.status, 400, "{what} in {kind}: {}", answer.text());
        let reason = reason(&answer);
        assert!(reason.contains("deep") || reason.contains("depth"), "{what}: {reason}");
        assert!(reason.chars().count() <= 200, "{what}: {reason}");
    }
    let unfinished = json_with(&"[".repeat(100_000)).into_bytes();
    assert_eq!(doors.post(JSON, &unfinished).status, 400);
    assert_eq!(doors.refused("otlp-http", Reason::Malformed), 7);
    doors.assert_alive();
}

#[test]
fn a_body_may_be_20_mib_after_decompression() {
    let doors = Doors::open();
    let padded = |size: usize| {
        let around = traces("large", vec![span(1)]).encode_to_vec().len();
        let mut request = traces("large", vec![span(1)]);
        // The lengths around a long name take three bytes more each than around a short one.
        request.resource_spans[0].scope_spans[0].schema_url = "x".repeat(size - around - 5 - 6);
        let body = request.encode_to_vec();
        assert_eq!(body.len(), size);
        body
    };
    let answer = doors.post(PROTOBUF, &padded(MAX_BODY));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = doors.post_gzip(PROTOBUF, &gzip(&padded(MAX_BODY)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    for answer in [
        doors.post(PROTOBUF, &padded(MAX_BODY + 1)),
        doors.post_gzip(PROTOBUF, &gzip(&padded(MAX_BODY + 1))),
        // A few megabytes of gzip that decompress to a gigabyte.
        doors.post_gzip(PROTOBUF, &gzip(&vec![0; 1 << 20]).repeat(1 << 10)),
        doors.post_gzip(JSON, &gzip(&vec![b' '; MAX_BODY + 1])),
    ] {
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert!(reason(&answer).contains("20971520"));
    }
    assert_eq!(doors.refused("otlp-http", Reason::TooLarge), 4);
    assert_eq!(doors.jaeger.store().span_count("large"), 2);
    doors.assert_alive();
}

#[test]
fn what_would_swell_when_it_is_decoded_is_refused() {
    let doors = Doors::open();
    // An empty attribute takes 2 bytes here and 72 in memory.
    let mut body = Vec::new();
    let attributes = [0x4a, 0x00].repeat(MAX_BODY / 2 - 100);
    for (tag, inner) in [(0x12, &attributes), (0x12, &Vec::new()), (0x0a, &Vec::new())] {
        let held = if inner.is_empty() { std::mem::take(&mut body) } else { inner.clone() };
        body.push(tag);
        prost::encode_length_delimiter(held.len(), &mut body).expect("a length");
        body.extend(held);
    }
    let answer = doors.post(PROTOBUF, &body);
    assert_eq!(
        (answer.status, &*reason(&answer)),
        (400, "it takes too much memory when it is decoded")
    );
    let spans = format!("[{}{{}}]", "{},".repeat(300_000));
    let spans = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":{spans}}}]}}]}}"#);
    let answer = doors.post(JSON, spans.as_bytes());
    assert_eq!(
        (answer.status, &*reason(&answer)),
        (400, "it takes too much memory when it is decoded")
    );
    let many = format!("[{}0]", "0,".repeat(5 << 20));
    let answer = doors.post(JSON, format!("{{\"unknown\":{many}}}").as_bytes());
    assert_eq!(answer.status, 200, "what is unknown is passed over: {}", answer.text());
    doors.assert_alive();
}

#[test]
fn every_truncation_and_bit_flip_is_survived() {
    let doors = Doors::open();
    let body = with(lists(3));
    for length in 1..body.len() {
        // A request that ends between two messages is complete.
        assert!(matches!(doors.post(PROTOBUF, &body[..length]).status, 200 | 400));
    }
    for bit in 0..body.len() * 8 {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(doors.post(PROTOBUF, &flipped).status, 200 | 400));
    }
    let text = json_lists(2).into_bytes();
    for length in 0..text.len() {
        assert_eq!(doors.post(JSON, &text[..length]).status, 400);
    }
    for service in doors.jaeger.store().services() {
        for trace in doors.jaeger.stored(&service) {
            let path = format!("/api/traces/{}", trace.id);
            assert_eq!(support::get(doors.jaeger.at(Port::Query), &path).status, 200, "{path}");
        }
    }
    doors.assert_alive();
}

#[test]
fn encodings_that_lie_are_refused_in_the_request_s_own() {
    let doors = Doors::open();
    let good = traces("lies", vec![span(1)]).encode_to_vec();
    let packed = gzip(&good);
    for (what, body) in [
        ("gzip within gzip", gzip(&packed)),
        ("half a gzip", packed[..packed.len() / 2].to_vec()),
        ("plain text", good.clone()),
    ] {
        assert_eq!(doors.post_gzip(PROTOBUF, &body).status, 400, "{what}");
    }
    for coding in ["lz4", "br", "gzip, gzip"] {
        let headers = [("Content-Type", JSON), ("Content-Encoding", coding)];
        let answer = exchange(doors.http, "POST", "/v1/traces", &headers, b"{}");
        assert_eq!(answer.status, 415, "{coding}");
        assert!(reason(&answer).contains(coding), "{coding}");
    }
    doors.assert_alive();
}

#[test]
fn spans_with_bad_ids_are_refused_and_the_others_are_kept() {
    let doors = Doors::open();
    let bad = |change: fn(&mut Span)| {
        let mut span = span(7);
        change(&mut span);
        span
    };
    let spans = vec![
        span(1),
        bad(|span| span.trace_id = vec![0; 16]),
        bad(|span| span.span_id = Vec::new()),
        bad(|span| span.trace_id.truncate(8)),
        bad(|span| span.parent_span_id = vec![1; 7]),
        span(2),
    ];
    let answer = doors.post(PROTOBUF, &traces("mixed", spans).encode_to_vec());
    assert_eq!(answer.status, 200);
    let answer = ExportTraceServiceResponse::decode(&*answer.body).expect("an answer");
    let partial = answer.partial_success.expect("a partial success");
    assert_eq!(partial.rejected_spans, 4);
    assert!(!partial.error_message.is_empty());
    assert_eq!(doors.jaeger.store().span_count("mixed"), 2);
    assert_eq!(doors.refused("otlp-http", Reason::InvalidSpan), 4);

    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [
        {"traceId": "00", "spanId": "0000000000000001", "name": "short"},
    ]}]}]});
    let answer = doors.post(JSON, body.to_string().as_bytes()).json();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1", "{answer}");
}

#[test]
fn json_takes_numbers_as_text_and_passes_over_what_is_unknown() {
    let doors = Doors::open();
    let body = r#"{"new": {"deep": [1, {}]}, "resourceSpans": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "json"}}]},
        "scopeSpans": [{"scope": null, "spans": [{
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
        "flags": 257, "kind": "SPAN_KIND_SERVER", "events": null, "status": {"code": 2},
        "startTimeUnixNano": "18446744073709551615", "endTimeUnixNano": 18446744073709551615,
        "attributes": [
            {"key": "text", "value": {"intValue": "-9223372036854775808"}},
            {"key": "number", "value": {"intValue": 7}},
            {"key": "float", "value": {"doubleValue": "NaN"}},
            {"key": "bytes", "value": {"bytesValue": "_-8"}},
            {"key": "list", "value": {"arrayValue": {}}},
            {"key": "later", "value": {"newValue": {"x": 1}}}]}]}]}]}"#;
    let answer = doors.post(JSON, body.as_bytes());
    assert_eq!((answer.status, &*answer.text()), (200, "{}"));
    let span = doors.jaeger.stored("json")[0].spans[0].clone();
    assert_eq!(span.span_id.to_string(), "eee19b7ec3c1b174");
    assert_eq!(span.start, u64::MAX / 1_000);
    let tag = |key: &str| span.tag(key).expect(key).clone();
    assert_eq!(tag("text"), Value::Int64(i64::MIN));
    assert_eq!(tag("number"), Value::Int64(7));
    assert!(matches!(tag("float"), Value::Float64(float) if float.is_nan()));
    assert_eq!(tag("bytes"), Value::Binary([0xff, 0xef].into()));
    assert_eq!(tag("list"), Value::String("[]".into()));
    assert_eq!(tag("later"), Value::String("".into()));
    assert_eq!(tag("span.kind"), Value::String("server".into()));
    assert_eq!(tag("error"), Value::Bool(true));
    for (field, value) in [
        ("name", "[5]"),
        ("kind", "\"NOPE\""),
        ("kind", "99999999999"),
        ("startTimeUnixNano", "-1"),
        ("startTimeUnixNano", "\"soon\""),
        ("startTimeUnixNano", "1e300"),
        ("endTimeUnixNano", "{\"low\": 1}"),
        ("spanId", "\"0102030405060708090a\""),
        ("traceId", "\"zz\""),
        ("attributes", "{}"),
        ("status", "[]"),
    ] {
        let span = format!(r#"{{"{field}": {value}}}"#);
        let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
        let answer = doors.post(JSON, body.as_bytes());
        assert_eq!(answer.status, 400, "{span}: {}", answer.text());
        assert_eq!(answer.json()["code"], 3, "{span}");
    }
}

#[tokio::test]
async fn grpc_takes_4_mib_and_goes_on_after_more() {
    let doors = Doors::open();
    let mut client = TraceServiceClient::connect(format!("http://{}", doors.grpc))
        .await
        .expect("connect")
        .max_encoding_message_size(usize::MAX);
    let named = |size: usize| {
        let mut request = traces("grpc", vec![span(1)]);
        let more = size - request.encoded_len();
        request.resource_spans[0].scope_spans[0].schema_url = "x".repeat(more);
        let over = request.encoded_len() - size;
        request.resource_spans[0].scope_spans[0].schema_url.truncate(more - over);
        assert_eq!(request.encoded_len(), size);
        request
    };
    client.export(named(MAX_MESSAGE)).await.expect("the largest message");
    let error = client.export(named(MAX_MESSAGE + 1)).await.expect_err("too large");
    assert_eq!(error.code(), tonic::Code::ResourceExhausted, "{error}");
    // Zeros compress a thousandfold: the limit is for the decompressed size.
    let mut packing = client.clone().send_compressed(CompressionEncoding::Gzip);
    packing.export(named(MAX_MESSAGE)).await.expect("the largest message, packed");
    let error = packing.export(named(MAX_MESSAGE * 8)).await.expect_err("too large");
    assert_eq!(error.code(), tonic::Code::ResourceExhausted, "{error}");
    let deep = ExportTraceServiceRequest::decode(&*with(maps(28))).expect("a request");
    client.export(deep).await.expect("maps");
    let mut deep = traces("deep", vec![span(1)]);
    deep.resource_spans[0].scope_spans[0].spans[0].attributes = vec![attribute("k", lists(60))];
    let error = client.export(deep).await.expect_err("too deep");
    assert_eq!(error.code(), tonic::Code::InvalidArgument, "{error}");
    let zero = Span { span_id: vec![0; 8], ..span(3) };
    let answer = client.export(traces("grpc", vec![zero, span(2)])).await.expect("an answer");
    let partial = answer.into_inner().partial_success.expect("a partial success");
    assert_eq!(partial.rejected_spans, 1);
    assert_eq!(doors.jaeger.store().span_count("grpc"), 3);
    assert_eq!(doors.refused("otlp-grpc", Reason::TooLarge), 2);
    assert_eq!(doors.refused("otlp-grpc", Reason::Malformed), 1);
    doors.jaeger.shutdown().await;
}

#[test]
fn what_is_turned_off_is_closed() {
    let config =
        Config::ephemeral().close(Port::OtlpGrpc).close(Port::OtlpHttp).close(Port::Zipkin);
    let jaeger = AllInOne::start_with(config).expect("start");
    assert_eq!(jaeger.address(Port::OtlpGrpc), None);
    assert_eq!(jaeger.address(Port::OtlpHttp), None);
    assert_eq!(jaeger.address(Port::Zipkin), None);
}

#[test]
fn a_page_of_someone_else_s_cannot_send() {
    let doors = Doors::open();
    let preflight = [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")];
    let answer = request(doors.http, "OPTIONS", "/v1/traces", &preflight);
    assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (204, None));
    let headers = [("Origin", "http://evil.example"), ("Content-Type", JSON)];
    let answer = exchange(doors.http, "POST", "/v1/traces", &headers, b"{}");
    assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (200, None));
}

#[test]
fn a_body_that_never_ends_does_not_stop_others() {
    let doors = Doors::open();
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(doors.http).expect("connect");
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\nContent-Length: 100\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).expect("send");
        slow.push(stream);
    }
    doors.assert_alive();
    // A request that completes in time is answered.
    let mut last = slow.pop().expect("a connection");
    let rest = format!("}}{}", " ".repeat(98));
    last.write_all(rest.as_bytes()).expect("send");
    let mut status = [0; 15];
    last.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 200 OK");
}

#[test]
fn zipkin_s_json_is_taken_compressed_and_other_types_are_not() {
    let jaeger = AllInOne::start().expect("start");
    let zipkin = jaeger.at(Port::Zipkin);
    for (path, kind) in [
        ("/api/v1/spans", PROTOBUF),
        ("/api/v2/spans", "application/x-thrift"),
        ("/api/v1/spans", "text/html"),
    ] {
        let answer = exchange(zipkin, "POST", path, &[("Content-Type", kind)], b"[]");
        assert_eq!((answer.status, &*answer.text()), (400, "Unsupported Content-Type\n"), "{path}");
    }
    for (kind, text) in
        [("text/plain", "Unsupported Content-Type\n"), ("", "Cannot parse Content-Type\n")]
    {
        let answer = exchange(zipkin, "POST", "/api/v2/spans", &[("Content-Type", kind)], b"[]");
        assert_eq!((answer.status, &*answer.text()), (400, text));
    }
    let headers =
        [("Content-Type", "application/json; charset=utf-8"), ("Content-Encoding", "gzip")];
    let span = r#"[{"traceId":"00000000000000ab","id":"00000000000000cd","timestamp":-5,
        "localEndpoint":{"serviceName":"packed"},"tags":{"error":"FALSE","a":"1","a":"2"}}]"#;
    let answer = exchange(zipkin, "POST", "/api/v2/spans", &headers, &gzip(span.as_bytes()));
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    let span = jaeger.stored("packed")[0].spans[0].clone();
    assert_eq!(span.tag("error"), Some(&Value::Bool(false)));
    assert_eq!(span.tag("a").and_then(Value::as_str), Some("2"));
    assert_eq!((span.start, span.warnings.len()), (0, 1));
    let answer =
        exchange(zipkin, "POST", "/api/v2/spans", &headers, &gzip(&vec![b' '; MAX_BODY + 1]));
    assert_eq!(answer.status, 413);
    assert_eq!(request(zipkin, "GET", "/api/v2/spans", &[]).status, 405);
}
