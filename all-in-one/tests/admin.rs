//! The admin port: the health check, and the metrics for Prometheus.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use jaeger_all_in_one::{AllInOne, Config, Port};
use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;

use support::{Open, Packet, UdpSender, exchange, get, request, until};

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
            r#"jaeger_spans_received_total{debug="false",format="proto",svc="shop",transport="grpc"}"#,
            2,
        ),
        (r#"jaeger_spans_saved_by_svc_total{debug="false",result="ok",svc="shop"}"#, 2),
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
    let saved = r#"jaeger_spans_saved_by_svc_total{debug="false",result="err",svc="shop"}"#;
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
            let ends = ["", "_bucket", "_sum", "_count"];
            let is_last = |it: &String| ends.iter().any(|end| format!("{it}{end}") == name);
            assert!(described.last().is_some_and(is_last), "{line}");
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

/// What the real Jaeger 1.35 answered after [`send_and_ask`], of the metrics that are here too: names
/// without `jaeger_`, labels and counts. A star is a value that depends on when it is asked for.
const REAL: &str = include_str!("metrics/jaeger-1.35.txt");

/// Sends to every kind of door, and asks the query API in every way.
fn send_and_ask(jaeger: &AllInOne) {
    let post = |port, path, kind, body: &[u8], expected| {
        let answer = exchange(jaeger.at(port), "POST", path, &[("Content-Type", kind)], body);
        assert_eq!(answer.status, expected, "{path}: {}", answer.text());
    };
    for body in
        [&include_bytes!("metrics/first.thrift")[..], include_bytes!("metrics/second.thrift")]
    {
        post(Port::Collector, "/api/traces", "application/x-thrift", body, 202);
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for (port, packet) in [
        (Port::AgentBinary, &include_bytes!("metrics/packet.thrift")[..]),
        (Port::AgentCompact, b"\x82garbage"),
    ] {
        socket.send_to(packet, jaeger.at(port)).expect("send");
        until("the packet was taken", || {
            jaeger.door(port).is_some_and(|door| door.stats().packets == 1)
        });
    }
    let otlp = br#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":
        {"stringValue":"otlp-shop"}}]},"scopeSpans":[{"spans":[{"name":"buy",
        "traceId":"000000000000000000000000000000aa","spanId":"00000000000000bb",
        "startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000001000000"}]}]}]}"#;
    post(Port::OtlpHttp, "/v1/traces", "application/json", otlp, 200);
    let zipkin =
        br#"[{"traceId":"00000000000000cc","id":"00000000000000cc","name":"z","duration":5,
        "timestamp":1700000000000000,"localEndpoint":{"serviceName":"zip-shop"}}]"#;
    post(Port::Zipkin, "/api/v2/spans", "application/json", zipkin, 202);
    for (path, expected) in [
        ("/api/services", 200),
        ("/api/services/udp-shop/operations", 200),
        ("/api/operations?service=udp-shop", 200),
        ("/api/traces?service=udp-shop&end=1", 200),
        ("/api/traces?service=udp-shop&limit=x", 400),
        ("/api/traces/1", 200),
        ("/api/traces/777", 404),
        ("/api/traces/zz", 400),
        ("/api/traces?traceID=1&traceID=2&traceID=77", 200),
        ("/api/dependencies?endTs=1700000000000&lookback=1", 200),
        ("/api/metrics/latencies?service=a", 400),
        ("/api/metrics/calls?service=a&spanKind=server", 200),
        ("/api/metrics/minstep", 200),
        ("/api/v3/traces/1", 200),
        ("/api/v3/services", 200),
    ] {
        assert_eq!(get(jaeger.at(Port::Query), path).status, expected, "{path}");
    }
    let archived = request(jaeger.at(Port::Query), "POST", "/api/archive/1", &[]);
    assert_eq!(archived.status, 500);
}

#[test]
fn the_metrics_have_the_names_labels_and_counts_of_jaeger_s() {
    let jaeger = AllInOne::start().expect("start");
    send_and_ask(&jaeger);
    let text = get(jaeger.at(Port::Admin), "/metrics").text();
    let lines: BTreeMap<String, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("jaeger_")?.rsplit_once(' '))
        .map(|(name, value)| match name.split_once("host=\"") {
            Some((before, after)) => {
                let rest = after.split_once('"').expect("an end").1;
                (format!("{before}host=\"…\"{rest}"), value)
            }
            None => (name.to_owned(), value),
        })
        .collect();
    let mut different = Vec::new();
    let mut families = BTreeSet::new();
    for (name, expected) in REAL.lines().filter_map(|line| line.rsplit_once(' ')) {
        families.insert(name.split('{').next().expect("a name"));
        // The real one had no Prometheus and refused these questions; here they are answered.
        let is_monitor = ["latency_count{operation", "requests_total{operation"]
            .iter()
            .any(|start| name.starts_with(start));
        let name = match is_monitor {
            true if name.contains("\"err\"") => name.replace("\"err\"", "\"ok\""),
            true => name.replace("\"ok\"", "\"err\""),
            false => name.to_owned(),
        };
        let found = lines.get(&name).copied();
        let number = |text: &str| text.parse::<f64>().expect("a number");
        let is_same = |found: &str| (number(found) - number(expected)).abs() < 1e-10;
        if !found.is_some_and(|found| expected == "*" || is_same(found)) {
            different.push(format!("{name} {expected}: {found:?}"));
        }
    }
    assert!(different.is_empty(), "{different:#?}");
    let is_own = |name: &str| {
        ["door_", "memory_", "build_info"].iter().any(|own| name.starts_with(own))
            || name.ends_with("_bucket")
            || name.ends_with("latency_sum")
    };
    let others: Vec<_> = lines
        .keys()
        .map(|line| line.split('{').next().expect("a name"))
        .filter(|name| !is_own(name) && !families.contains(name))
        .collect();
    assert!(others.is_empty(), "not of Jaeger: {others:?}");
    let limits: Vec<_> = lines
        .keys()
        .filter(|line| line.starts_with("save_latency_bucket{"))
        .filter_map(|line| line.split_once("le=\"")?.1.strip_suffix("\"}"))
        .collect();
    assert_eq!(
        limits,
        ["+Inf", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "10", "2.5", "5"]
    );
}

#[test]
fn services_beyond_4000_share_a_label() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for number in 0..4_100 {
        sender.send(&Packet::of(&format!("s{number}")).span(number + 1, 1, "buy", 1).build());
    }
    sender.send(&Packet::of(&"x".repeat(10_000)).span(9_999, 1, "buy", 1).build());
    sender.wait();
    let text = get(jaeger.at(Port::Admin), "/metrics").text();
    let is_received = |line: &&str| line.starts_with("jaeger_spans_received_total{");
    let services: BTreeSet<_> = text
        .lines()
        .filter(is_received)
        .filter_map(|line| line.split_once("svc=\"")?.1.split('"').next())
        .collect();
    assert_eq!(services.len(), 4_000);
    let line = r#"jaeger_spans_received_total{debug="false",format="proto",svc="other-services",transport="grpc"}"#;
    assert_eq!(value(&jaeger, line), 102);
    assert!(text.len() < 4 << 20, "{} bytes", text.len());
}

#[test]
fn what_is_about_go_is_not_found() {
    let jaeger = AllInOne::start().expect("start");
    for path in ["/debug/pprof/", "/debug/pprof/heap", "/debug/vars"] {
        assert_eq!(get(jaeger.at(Port::Admin), path).status, 404, "{path}");
    }
}
