//! What is refused or dropped is counted by door and reason, and logged once for each.

use std::net::UdpSocket;
use std::process::Stdio;

use crate::support::program::{Running, program};
use crate::support::{exchange, grpc, until};

#[test]
fn a_flood_of_bad_requests_is_counted_and_said_once() {
    let running =
        Running::start(program().env("COLLECTOR_ZIPKIN_HOST_PORT", ":0").stderr(Stdio::piped()));
    let refused = |door: &str, reason: &str| {
        running.metric(&format!("jaeger_door_refused_total{{door=\"{door}\",reason=\"{reason}\"}}"))
    };
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let compact = running.door("Thrift compact");
    let received = "jaeger_door_requests_total{door=\"udp-compact\"}";
    for batch in 1..=20 {
        for _ in 0..50 {
            socket.send_to(b"\x82\x81\x00\x09emitBatch\x1c", compact).expect("send");
        }
        until("the packets were taken", || running.metric(received) == batch * 50);
    }
    assert_eq!(refused("udp-compact", "malformed"), 1_000);

    let json = [("Content-Type", "application/json")];
    let thrift = [("Content-Type", "application/x-thrift")];
    let [otlp, zipkin, http] =
        ["OTLP/HTTP", "Zipkin over HTTP", "Thrift over HTTP"].map(|takes| running.door(takes));
    let packed = [json[0], ("Content-Encoding", "br")];
    for _ in 0..40 {
        exchange(otlp, "POST", "/v1/traces", &json, b"{");
        exchange(otlp, "POST", "/v1/traces", &packed, b"{}");
        exchange(otlp, "GET", "/v1/traces", &json, b"");
        exchange(zipkin, "POST", "/api/v2/spans", &json, b"{");
        exchange(zipkin, "POST", "/api/v2/spans", &thrift, b"");
        exchange(http, "POST", "/api/traces", &thrift, b"\x0c");
        exchange(http, "POST", "/api/traces", &json, b"{}");
    }
    let (jaeger, export) = (running.door("Jaeger's gRPC"), running.door("OTLP/gRPC"));
    for _ in 0..10 {
        let post = "/jaeger.api_v2.CollectorService/PostSpans";
        grpc::call(jaeger, post, b"\x0a").expect_err("malformed");
        grpc::call(jaeger, post, &vec![0; (4 << 20) + 1]).expect_err("too large");
        grpc::call(jaeger, "/jaeger.api_v2.CollectorService/Nothing", b"").expect_err("unknown");
        let traces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        grpc::call(export, traces, b"\x0a").expect_err("malformed");
        grpc::call(export, "/opentelemetry.proto.collector.nothing.v1.Nothing/Export", b"")
            .expect_err("unknown");
    }
    let kinds = [
        ("otlp-http", "malformed", 40),
        ("otlp-http", "unsupported", 80),
        ("zipkin", "malformed", 40),
        ("zipkin", "unsupported", 40),
        ("http-thrift", "malformed", 40),
        ("http-thrift", "unsupported", 40),
        ("grpc-jaeger", "malformed", 10),
        ("grpc-jaeger", "too-large", 10),
        ("grpc-jaeger", "unsupported", 10),
        ("otlp-grpc", "malformed", 10),
        ("otlp-grpc", "unsupported", 10),
    ];
    for (door, reason, count) in kinds {
        assert_eq!(refused(door, reason), count, "{door} {reason}");
    }
    let log = running.stop_and_read_log();
    for (door, reason) in kinds
        .map(|(door, reason, _)| (door, reason))
        .into_iter()
        .chain([("udp-compact", "malformed")])
    {
        let labels = format!("door=\"{door}\" reason=\"{reason}\"");
        let lines: Vec<_> = log.lines().filter(|line| line.contains(&labels)).collect();
        assert_eq!(lines.len(), 1, "{labels} in\n{log}");
        assert!(lines[0].contains("/metrics"), "{lines:?}");
    }
}

#[test]
fn spans_that_find_no_room_are_counted_and_said_once() {
    let running = Running::start(program().env("MEMORY_MAX_BYTES", "1MiB").stderr(Stdio::piped()));
    let name = "x".repeat(50_000);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let compact = running.door("Thrift compact");
    for id in 1..=100 {
        let packet =
            crate::support::Packet::of("endless").span(1, id, &format!("{id}{name}"), id).build();
        socket.send_to(&packet, compact).expect("send");
        let received = "jaeger_door_requests_total{door=\"udp-compact\"}";
        until("the packet was taken", || running.metric(received) == id);
    }
    assert!(running.metric("jaeger_memory_dropped_spans_total") > 50);
    let log = running.stop_and_read_log();
    let lines = log.lines().filter(|line| line.contains("whose trace")).count();
    assert_eq!(lines, 1, "in\n{log}");
}
