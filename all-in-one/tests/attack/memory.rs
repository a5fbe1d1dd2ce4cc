//! The program's resident memory stays below the store's limit plus 64 MiB, whatever arrives.
//!
//! These tests measure the peak of a real process, so they include what is being decoded and what
//! the allocator keeps.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Request;
use hyper::body::{Body as HttpBody, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use crate::support::program::{Running, program};
use crate::support::{Packet, exchange, get, until};

const MIB: u64 = 1 << 20;
/// The store's limit here, and how much more the program may use.
const CAP: u64 = 32 * MIB;
const MORE: u64 = 64 * MIB;

/// A program with a small store, and its addresses.
struct Small {
    running: Running,
    otlp: SocketAddr,
}

impl Small {
    fn start() -> Self {
        let mut program = program();
        program.env("MEMORY_MAX_BYTES", CAP.to_string()).env("COLLECTOR_ZIPKIN_HOST_PORT", ":0");
        let running = Running::start(&mut program);
        let otlp = running.door("OTLP/HTTP");
        Small { running, otlp }
    }

    /// Sends a request and returns the status of the answer.
    fn post(&self, request: &ExportTraceServiceRequest) -> u16 {
        self.post_bytes("application/x-protobuf", &request.encode_to_vec())
    }

    fn post_bytes(&self, kind: &str, body: &[u8]) -> u16 {
        exchange(self.otlp, "POST", "/v1/traces", &[("Content-Type", kind)], body).status
    }

    /// The peak is below the limit, and the program is alive.
    fn assert_small(&self, what: &str) {
        assert_eq!(get(self.running.address(), "/api/services").status, 200, "{what}");
        let peak = self.running.peak();
        println!(
            "{what}: {} MiB at the most, {} MiB now",
            peak / MIB,
            self.running.resident() / MIB
        );
        assert!(peak <= CAP + MORE, "{what}: {} MiB", peak / MIB);
    }
}

fn text(key: impl Into<String>, value: impl Into<String>) -> KeyValue {
    let value = AnyValue { value: Some(Any::StringValue(value.into())) };
    KeyValue { key: key.into(), value: Some(value), key_strindex: 0 }
}

fn span(trace: u64, id: u64) -> Span {
    Span {
        trace_id: u128::from(trace).to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        name: "op".to_owned(),
        start_time_unix_nano: 1_700_000_000_000_000_000 + id,
        end_time_unix_nano: 1_700_000_000_000_001_000 + id,
        ..Span::default()
    }
}

/// Spans of a service; its process has these attributes too.
fn of(service: &str, attributes: Vec<KeyValue>, spans: Vec<Span>) -> ResourceSpans {
    let attributes = [vec![text("service.name", service)], attributes].concat();
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

fn request(resource_spans: Vec<ResourceSpans>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest { resource_spans }
}

/// Sends `count` things of a kind, `each` in a request.
fn numbered(all: u64, each: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..all / each).map(move |part| part * each + 1..(part + 1) * each + 1)
}

#[test]
#[ignore = "takes a while: make test-attack"]
fn one_endless_trace() {
    let small = Small::start();
    for ids in numbered(100_000, 5_000) {
        let long =
            |id| Span { attributes: vec![text("text", format!("{id:>600}"))], ..span(7, id) };
        let spans = ids.map(long).collect();
        assert_eq!(small.post(&request(vec![of("endless", vec![], spans)])), 200);
    }
    small.assert_small("one endless trace");
    assert!(small.running.metric("jaeger_memory_dropped_spans_total") > 0);
}

#[test]
fn one_endless_trace_by_udp() {
    let small = Small::start();
    let compact = small.running.door("Thrift compact");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut packet = Packet::of("endless");
    for id in 1..=1_500 {
        packet = packet.span(7, id, &format!("operation {id}"), id);
    }
    let packet = packet.build();
    assert!(packet.len() > 40_000, "{}", packet.len());
    for _ in 0..400 {
        socket.send_to(&packet, compact).expect("send");
    }
    small.assert_small("one endless trace by UDP");
}

#[test]
fn one_huge_span() {
    let small = Small::start();
    for megabytes in [1, 8, 15, 19] {
        let huge = Span {
            attributes: vec![text("huge", "x".repeat(megabytes << 20))],
            ..span(megabytes as u64, 1)
        };
        assert_eq!(small.post(&request(vec![of("huge", vec![], vec![huge])])), 200);
    }
    small.assert_small("one huge span");
}

#[test]
fn many_large_spans_at_once() {
    let small = Small::start();
    let body = request(vec![of(
        "large",
        vec![],
        vec![Span { attributes: vec![text("large", "x".repeat(12 << 20))], ..span(1, 1) }],
    )])
    .encode_to_vec();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let status = small.post_bytes("application/x-protobuf", &body);
                assert!(matches!(status, 200 | 503), "{status}");
            });
        }
    });
    small.assert_small("many large spans at once");
}

#[test]
#[ignore = "takes a while: make test-attack"]
fn a_million_services() {
    let small = Small::start();
    for ids in numbered(1_000_000, 20_000) {
        let resources =
            ids.map(|id| of(&format!("service {id}"), vec![], vec![span(id, id)])).collect();
        assert_eq!(small.post(&request(resources)), 200);
    }
    small.assert_small("a million services");
}

#[test]
#[ignore = "takes a while: make test-attack"]
fn a_million_operations() {
    let small = Small::start();
    for ids in numbered(1_000_000, 20_000) {
        let named = |id| Span { name: format!("operation {id}"), ..span(id, id) };
        let spans = ids.map(named).collect();
        assert_eq!(small.post(&request(vec![of("shop", vec![], spans)])), 200);
    }
    small.assert_small("a million operations");
}

#[test]
#[ignore = "takes a while: make test-attack"]
fn a_million_tag_keys() {
    let small = Small::start();
    for ids in numbered(1_000_000, 20_000) {
        let tagged = |id| Span { attributes: vec![text(format!("key {id}"), "1")], ..span(id, id) };
        let spans = ids.map(tagged).collect();
        assert_eq!(small.post(&request(vec![of("shop", vec![], spans)])), 200);
    }
    small.assert_small("a million tag keys");
}

#[test]
#[ignore = "takes a while: make test-attack"]
fn large_processes_each_another() {
    let small = Small::start();
    for id in 1..=60 {
        let tags = (0..10).map(|part| text("large", format!("{id}{}", "x".repeat(200_000 + part))));
        let body = request(vec![of("shop", tags.collect(), vec![span(id, id)])]);
        assert_eq!(small.post(&body), 200);
    }
    small.assert_small("large processes, each another");
}

#[test]
#[ignore = "takes a while: make test-attack"]
fn many_processes_each_another() {
    let small = Small::start();
    for ids in numbered(300_000, 10_000) {
        let process = |id: u64| {
            of("shop", vec![text("instance", id.to_string())], vec![span(id % 9 + 1, id)])
        };
        assert_eq!(small.post(&request(ids.map(process).collect())), 200);
    }
    small.assert_small("many processes, each another");
}

#[test]
#[ignore = "takes a while: make test-attack"]
fn many_logs() {
    let small = Small::start();
    for id in 1..=30 {
        let events = (0..60_000).map(|time| Event {
            time_unix_nano: time,
            name: "e".to_owned(),
            ..Event::default()
        });
        let noisy = Span { events: events.collect(), ..span(id, id) };
        let status = small.post(&request(vec![of("noisy", vec![], vec![noisy])]));
        assert!(matches!(status, 200 | 400), "{status}");
    }
    small.assert_small("many logs");
}

/// A trace of which a second copy would be too much, sent to clients that read it and to clients
/// that do not.
#[test]
#[ignore = "takes a while: make test-attack"]
fn a_long_trace_read_by_many() {
    const SPANS: u64 = 99_999;
    let small = Small::start();
    let host = |address| vec![text("ip", address)];
    let post = |spans| assert_eq!(small.post(&request(vec![spans])), 200);
    post(of("caller", host("10.0.0.1"), vec![span(7, 1)]));
    for ids in numbered(SPANS, 2_439) {
        // Each begins before its parent, on another host, so that each gets a warning.
        let early = |id: u64| Span {
            parent_span_id: 1_u64.to_be_bytes().to_vec(),
            start_time_unix_nano: 1_000_000_000_000_000_000 + id,
            end_time_unix_nano: 1_000_000_000_000_001_000 + id,
            attributes: vec![text("number", id.to_string())],
            ..span(7, id + 1)
        };
        post(of("called", host("10.0.0.2"), ids.map(early).collect()));
    }
    let path = "/api/traces/7";
    let question = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let unread = flood(small.running.address(), 5, question.as_bytes());
    let count = |body: &[u8], text: &[u8]| body.windows(text.len()).filter(|w| *w == text).count();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let answer = get(small.running.address(), path);
                assert_eq!(answer.status, 200);
                assert_eq!(count(&answer.body, b"\"spanID\""), 2 * SPANS as usize + 1);
                assert_eq!(count(&answer.body, b"not applying calculated"), SPANS as usize);
                assert!(answer.body.len() > 32 << 20, "{}", answer.body.len());
            });
        }
    });
    drop(unread);
    assert!(
        get(small.running.address(), "/api/dependencies?endTs=1700000001000&lookback=9000000")
            .text()
            .contains("\"callCount\":99999")
    );
    // One more, and they are not adjusted together any more.
    post(of("called", host("10.0.0.2"), vec![span(7, SPANS + 2)]));
    let answer = get(small.running.address(), path);
    assert_eq!(count(&answer.body, b"not applying calculated"), 0);
    assert_eq!(count(&answer.body, b"\"warnings\":[\"more than 100000 spans"), 1);
    small.assert_small("a long trace read by many");
}

/// Memory depends neither on what is asked for nor on how slowly it is read.
#[test]
#[ignore = "takes a while: make test-attack"]
fn searches_without_a_limit() {
    const SPANS: u64 = 100_000;
    let small = Small::start();
    for ids in numbered(SPANS, 1_000) {
        let spans = ids.map(|id| Span {
            attributes: vec![text("number", id.to_string())],
            ..span(id.div_ceil(10), id)
        });
        assert_eq!(small.post(&request(vec![of("asked for", vec![], spans.collect())])), 200);
    }
    let path = "/api/traces?service=asked+for&start=0&limit=2147483647";
    let question = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let unread = flood(small.running.address(), 5, question.as_bytes());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let answer = get(small.running.address(), path);
                let found = answer.body.windows(11).filter(|part| part == b"\"processes\"");
                assert_eq!((answer.status, found.count() as u64), (200, SPANS / 10));
                assert!(answer.body.len() > 24 << 20, "{}", answer.body.len());
            });
        }
    });
    // Of the clients that do not read, some get an answer, and the others an error. All can be refused
    // at once, while the answers that were read above are still counted: so more ask.
    let mut more = Vec::new();
    until("a large answer is refused", || {
        more.extend(flood(small.running.address(), 40, question.as_bytes()));
        get(small.running.address(), path).status == 503
    });
    small.assert_small("searches without a limit");
    drop((unread, more));
    until("a large answer is given again", || get(small.running.address(), path).status == 200);
}

#[test]
fn what_swells_when_it_is_decoded() {
    let small = Small::start();
    // Empty attributes: 2 bytes each on the wire.
    let attributes = [0x4a, 0x00].repeat(9 << 20);
    let mut body = attributes;
    for tag in [0x12, 0x12, 0x0a] {
        let mut head = vec![tag];
        prost::encode_length_delimiter(body.len(), &mut head).expect("a length");
        body.splice(0..0, head);
    }
    let status = small.post_bytes("application/x-protobuf", &body);
    assert!(matches!(status, 200 | 400 | 413), "{status}");
    small.assert_small("empty attributes");
    // As many spans as fit into the largest body.
    let spans = [0x12, 0x00].repeat(4 << 20);
    let mut body = spans;
    for tag in [0x12, 0x0a] {
        let mut head = vec![tag];
        prost::encode_length_delimiter(body.len(), &mut head).expect("a length");
        body.splice(0..0, head);
    }
    let status = small.post_bytes("application/x-protobuf", &body);
    assert!(matches!(status, 200 | 400 | 413), "{status}");
    small.assert_small("empty spans");
    let values = format!("{{\"unknown\":[{}0]}}", "0,".repeat(4_000_000));
    let status = small.post_bytes("application/json", values.as_bytes());
    assert!(matches!(status, 200 | 400 | 413), "{status}");
    small.assert_small("four million numbers in JSON");
    // Every byte of a text becomes six.
    let controls =
        [&b"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\""[..], &vec![1; 19 << 20]];
    let status = small.post_bytes("application/json", &controls.concat());
    assert!(matches!(status, 200 | 400 | 413), "{status}");
    small.assert_small("control characters");
}

#[test]
fn what_swells_in_zipkin_s_formats() {
    // Each by a program of its own: what a thread has freed, its part of the heap keeps, and which
    // thread reads a body is chance.
    let post = |path: &str, kind: &str, body: &[u8]| {
        let small = Small::start();
        let zipkin = small.running.door("Zipkin over HTTP");
        let answer = exchange(zipkin, "POST", path, &[("Content-Type", kind)], body);
        assert!(matches!(answer.status, 202 | 400 | 413), "{path} {kind}: {}", answer.status);
        small.assert_small(&format!("{path} {kind}"));
    };
    let count = (18_u32 << 20).to_be_bytes();
    let spans = [&[12][..], &count, &vec![0; 18 << 20]].concat();
    post("/api/v1/spans", "application/x-thrift", &spans);
    // One span of empty tags, a byte each.
    let tags = [&b"\x0c\0\0\0\x01\x0f\0\x08\x0c"[..], &count, &vec![0; 18 << 20], &[0]].concat();
    post("/api/v1/spans", "application/x-thrift", &tags);
    post("/api/v2/spans", "application/x-protobuf", &[0x0a, 0].repeat(9 << 20));
    let mut tags = vec![0x0a];
    prost::encode_length_delimiter(18 << 20, &mut tags).expect("a length");
    tags.extend([0x5a, 0].repeat(9 << 20));
    post("/api/v2/spans", "application/x-protobuf", &tags);
    post(
        "/api/v2/spans",
        "application/json",
        format!("[{}{{}}]", "{},".repeat(1_000_000)).as_bytes(),
    );
    let numbers = format!("[{{\"tags\":[{}0]}}]", "0,".repeat(4_000_000));
    post("/api/v1/spans", "application/json", numbers.as_bytes());
}

#[test]
#[ignore = "takes a while: make test-attack"]
fn a_million_bad_packets_leave_nothing_behind() {
    let small = Small::start();
    let compact = small.running.door("Thrift compact");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let good = Packet::of("shop").span(1, 1, "buy", 1).build();
    let received = "jaeger_door_requests_total{door=\"udp-compact\"}";
    let flood = |packets: u64| {
        let before = small.running.metric(received);
        for number in 0..packets {
            let bad = &good[..1 + number as usize % (good.len() - 1)];
            socket.send_to(bad, compact).expect("send");
            if number % 128 == 127 {
                until("they were taken", || small.running.metric(received) > before + number);
            }
        }
    };
    flood(6_400);
    let before = small.running.resident();
    flood(1_000_064);
    let after = small.running.resident();
    assert!(after <= before + 5 * MIB, "{} MiB became {} MiB", before / MIB, after / MIB);
}

#[test]
fn a_bomb_of_gzip() {
    let small = Small::start();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        encoder.write_all(&zeros).expect("gzip");
    }
    let bomb = encoder.finish().expect("gzip");
    for kind in ["application/json", "application/x-protobuf"] {
        let headers = [("Content-Type", kind), ("Content-Encoding", "gzip")];
        let status = exchange(small.otlp, "POST", "/v1/traces", &headers, &bomb).status;
        assert_eq!(status, 413);
    }
    small.assert_small("a gigabyte in a megabyte");
}

#[test]
fn bodies_that_never_end() {
    let small = Small::start();
    let body = vec![b' '; 19 << 20];
    let mut open = Vec::new();
    for door in ["OTLP/HTTP", "Thrift over HTTP"] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(small.running.door(door)).expect("connect");
            let head = format!(
                "POST /{} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/{}\r\nContent-Length: {}\r\n\r\n",
                if door.starts_with("OTLP") { "v1/traces" } else { "api/traces" },
                if door.starts_with("OTLP") { "json" } else { "x-thrift" },
                20 << 20
            );
            stream.write_all(head.as_bytes()).expect("send");
            stream.set_write_timeout(Some(std::time::Duration::from_secs(5))).expect("a timeout");
            // The server may refuse the rest at any time.
            let _ = stream.write_all(&body);
            open.push(stream);
        }
    }
    small.assert_small("forty bodies that never end");
    drop(open);
}

/// A gRPC message that stops before its end.
struct Unfinished(usize);

impl HttpBody for Unfinished {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        const PART: usize = 64 << 10;
        self.0 += 1;
        match self.0 {
            // Not compressed, 4 MiB.
            1 => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0, 0, 0x40, 0, 0]))))),
            2..=62 => Poll::Ready(Some(Ok(Frame::data(vec![0; PART].into())))),
            _ => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn messages_that_never_end() {
    let small = Small::start();
    let mut open = Vec::new();
    for takes in ["OTLP/gRPC", "Jaeger's gRPC"] {
        let address = small.running.door(takes);
        let method = match takes {
            "OTLP/gRPC" => "opentelemetry.proto.collector.trace.v1.TraceService/Export",
            _ => "jaeger.api_v2.CollectorService/PostSpans",
        };
        for _ in 0..25 {
            let stream = tokio::net::TcpStream::connect(address).await.expect("connect");
            let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
            let (mut client, connection) = handshake.await.expect("HTTP/2");
            tokio::spawn(connection);
            let call = Request::post(format!("http://{address}/{method}"))
                .header("Content-Type", "application/grpc")
                .body(Unfinished(0))
                .expect("a call");
            open.push(tokio::spawn(async move { client.send_request(call).await.is_ok() }));
        }
    }
    let refused = |door: &str, reason: &str| {
        let name = format!("jaeger_door_refused_total{{door=\"{door}\",reason=\"{reason}\"}}");
        small.running.metric(&name)
    };
    let busy = |door: &str| refused(door, "busy") + refused(door, "connections");
    // Five of nearly 4 MiB fit; the others are refused or closed.
    let begin = std::time::Instant::now();
    while busy("otlp-grpc") + busy("grpc-jaeger") < 45 {
        assert!(begin.elapsed() < crate::support::PATIENCE, "the calls are not answered");
        tokio::task::yield_now().await;
    }
    small.assert_small("fifty messages that never end");
    drop(open);
}

#[test]
fn heads_that_never_end() {
    let small = Small::start();
    let mut open = Vec::new();
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(60_000));
    for _ in 0..900 {
        let mut stream = TcpStream::connect(small.running.address()).expect("connect");
        let _ = stream.write_all(head.as_bytes());
        open.push(stream);
    }
    small.assert_small("nine hundred heads that never end");
    drop(open);
}

/// Bytes that open an HTTP/2 connection and begin sixteen calls with large headers.
fn half_open_calls() -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    };
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, b""));
    let header = |name: &str, value: &str| {
        let mut field = vec![0, name.len() as u8];
        field.extend(name.as_bytes());
        // A length beyond 126 in HPACK: 127, and the rest in groups of seven bits.
        match value.len() {
            short @ 0..127 => field.push(short as u8),
            long => {
                let rest = long - 127;
                field.extend([127, (rest % 128) as u8 | 0x80, (rest / 128) as u8]);
            }
        }
        field.extend(value.as_bytes());
        field
    };
    let head = [
        header(":method", "POST"),
        header(":scheme", "http"),
        header(":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        header("content-type", "application/grpc"),
        header("x", &"x".repeat(7_000)),
    ]
    .concat();
    for call in 0..16 {
        bytes.extend(frame(1, 4, 2 * call + 1, &head));
        // The beginning of a message without its end.
        bytes.extend(frame(0, 0, 2 * call + 1, &[0, 0, 0x10, 0, 0]));
        bytes.extend(frame(0, 0, 2 * call + 1, &[0; 3_000]));
    }
    bytes
}

/// As many connections as this process may have, with these bytes sent on each.
fn flood(door: SocketAddr, connections: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..connections {
        // A refused connection may be closed at any time.
        let Ok(mut stream) = TcpStream::connect(door) else { continue };
        stream.set_write_timeout(Some(crate::support::PATIENCE)).expect("a timeout");
        let _ = stream.write_all(bytes);
        open.push(stream);
    }
    open
}

#[test]
#[ignore = "takes a while, and five thousand open files: make test-attack"]
fn thousands_of_connections() {
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(30_000));
    let calls = half_open_calls();
    for (what, takes, bytes) in [
        ("idle connections to HTTP", "OTLP/HTTP", &b""[..]),
        ("unfinished heads", "query API", head.as_bytes()),
        ("idle connections to gRPC", "OTLP/gRPC", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("half-open calls", "OTLP/gRPC", &calls),
    ] {
        let small = Small::start();
        let door = small.running.door(takes);
        let open = flood(door, 4_000, bytes);
        println!("{what}: {} MiB", small.running.resident() / MIB);
        // The metrics can still be read.
        small.running.metric("jaeger_memory_traces");
        drop(open);
        until("a good client is served", || try_get(small.running.address(), "/api/services"));
        small.assert_small(what);
        let door = match takes {
            "query API" => "query",
            "OTLP/HTTP" => "otlp-http",
            _ => "otlp-grpc",
        };
        let refused =
            format!("jaeger_door_refused_total{{door=\"{door}\",reason=\"connections\"}}");
        assert!(small.running.metric(&refused) > 1_000, "{what}");
    }
}

/// Whether a request is answered; the connection may be closed at once.
fn try_get(address: SocketAddr, path: &str) -> bool {
    let mut answer = [0; 12];
    TcpStream::connect(address).is_ok_and(|mut stream| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).is_ok()
            && stream.read_exact(&mut answer).is_ok()
            && answer == *b"HTTP/1.1 200"
    })
}
