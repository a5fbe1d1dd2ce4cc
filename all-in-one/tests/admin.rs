//! The admin port: the health check, and the metrics for Prometheus.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use jaeger_all_in_one::{AllInOne, Config, Port};
use support::{Open, Packet, UdpSender, get, request};

/// The value of a metric's line, without its name and labels.
fn value(jaeger: &AllInOne, line: &str) -> u64 {
    let text = get(jaeger.at(Port::Admin), "/metrics").text();
    let mut lines = text.lines().filter_map(|l| l.rsplit_once(' '));
    let found = lines.find(|(name, _)| *name == line);
    found.unwrap_or_else(|| panic!("{line} is not in:\n{text}")).1.parse().expect("a number")
}

#[test]
fn every_path_tells_the_health() {
    let jaeger = AllInOne::start().expect("start");
    for (method, path) in [("GET", "/"), ("GET", "/health"), ("GET", "/metrics/"), ("POST", "/")] {
        let answer = request(jaeger.at(Port::Admin), method, path, &[]);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("Content-Type"), Some("application/json"), "{path}");
        let json = answer.json();
        assert_eq!(json["status"], "Server available", "{path}");
        assert!(json["upSince"].is_string() && json["uptime"].is_string(), "{json}");
        assert_eq!(json.as_object().map(|json| json.len()), Some(3), "{json}");
    }
}

#[test]
fn what_came_and_what_did_not_is_counted_by_door_and_reason() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    let packet = Packet::of("shop").span(1, 1, "buy", 1).span(2, 2, "sell", 1).build();
    sender.send_and_wait(&packet);
    sender.send_and_wait(&packet[..packet.len() / 2]);
    sender.send_and_wait(b"");
    for (line, count) in [
        (r#"jaeger_door_requests_total{door="udp-compact"}"#, 3),
        (r#"jaeger_door_spans_total{door="udp-compact"}"#, 2),
        (r#"jaeger_door_refused_total{door="udp-compact",reason="malformed"}"#, 1),
        (r#"jaeger_door_refused_total{door="udp-compact",reason="empty"}"#, 1),
        (r#"jaeger_door_refused_total{door="udp-compact",reason="too-large"}"#, 0),
        ("jaeger_memory_traces", 2),
        ("jaeger_memory_spans", 2),
        ("jaeger_memory_services", 1),
        (
            r#"jaeger_thrift_udp_server_packets_processed_total{model="jaeger",protocol="compact"}"#,
            3,
        ),
        (
            r#"jaeger_thrift_udp_t_processor_handler_errors_total{model="jaeger",protocol="compact"}"#,
            1,
        ),
        (
            r#"jaeger_spans_received_total{debug="false",format="proto",svc="other-services",transport="grpc"}"#,
            2,
        ),
        (r#"jaeger_spans_saved_by_svc_total{debug="false",result="ok",svc="other-services"}"#, 2),
    ] {
        assert_eq!(value(&jaeger, line), count, "{line}");
    }
    assert!(value(&jaeger, "jaeger_memory_bytes") > 0);
}

#[test]
fn what_had_to_go_is_counted() {
    let config = Config::ephemeral().max_traces(2).max_bytes(64 << 10);
    let jaeger = AllInOne::start_with(config).expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for id in 1..=5 {
        sender.send_and_wait(&Packet::of("shop").span(id, 1, "buy", 1).build());
    }
    // A trace may use half of the bytes.
    sender.send_and_wait(&Packet::of("shop").span(9, 1, &"x".repeat(40_000), 1).build());
    assert_eq!(value(&jaeger, "jaeger_memory_traces"), 2);
    assert_eq!(value(&jaeger, "jaeger_memory_evicted_traces_total"), 3);
    assert_eq!(value(&jaeger, "jaeger_memory_evicted_spans_total"), 3);
    assert_eq!(value(&jaeger, "jaeger_memory_dropped_spans_total"), 1);
    let saved =
        r#"jaeger_spans_saved_by_svc_total{debug="false",result="err",svc="other-services"}"#;
    assert_eq!(value(&jaeger, saved), 1);
}

#[test]
fn the_metrics_are_prometheus_s_text() {
    let jaeger = AllInOne::start().expect("start");
    let answer = get(jaeger.at(Port::Admin), "/metrics");
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(kind)));
    let text = answer.text();
    assert!(text.ends_with('\n'));
    let mut described = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            described.push(rest.split(' ').next().expect("a name").to_owned());
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().expect("a name");
            assert_eq!(described.last().map(String::as_str), Some(name), "{line}");
        }
    }
    let count = described.len();
    described.sort();
    described.dedup();
    assert_eq!(described.len(), count, "a metric is described once");
    assert!(count > 10, "{described:?}");
}

#[test]
fn a_foreign_host_header_is_refused_here_too() {
    let jaeger = AllInOne::start().expect("start");
    let ask = |host| request(jaeger.at(Port::Admin), "GET", "/metrics", &[("Host", host)]).status;
    assert_eq!((ask("localhost:14269"), ask("evil.example")), (200, 403));
}
