//! The library, used as another project's test uses it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use jaeger_all_in_one::model::{SpanId, Value};
use jaeger_all_in_one::{AllInOne, Config, Error};
use support::{Packet, UdpSender, get, packets};

#[tokio::test]
async fn spans_are_waited_for_and_no_longer_than_needed() {
    let jaeger = AllInOne::start().expect("start");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let agent = jaeger.agent_addr();
    let begin = Instant::now();
    let sender = std::thread::spawn(move || {
        for id in 1..=3 {
            let packet = Packet::of("shop").span(7, id, "buy", id).build();
            socket.send_to(&packet, agent).expect("send");
        }
    });
    let traces = jaeger.wait_for_spans("shop", 3, support::PATIENCE).await.expect("spans");
    assert!(begin.elapsed() < support::PATIENCE / 2);
    assert_eq!(traces.len(), 1);
    assert_eq!(traces[0].spans.len(), 3);
    sender.join().expect("sender");
    jaeger.shutdown().await;
}

#[tokio::test]
async fn a_wait_in_vain_says_what_there_is() {
    let jaeger = AllInOne::start().expect("start");
    UdpSender::new(&jaeger).send_and_wait(&Packet::of("shop").span(7, 1, "buy", 1).build());
    let error = jaeger.wait_for_spans("shop", 2, Duration::from_millis(20)).await;
    let error = error.expect_err("one span is missing");
    assert!(matches!(error, Error::Timeout { wanted: 2, found: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("1 of 2 spans of the service shop"), "{error}");
}

#[test]
fn a_trace_can_be_asserted_on() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for packet in packets("rust-rustracing-compact") {
        sender.send_and_wait(&packet);
    }
    let services = jaeger.store().services();
    let traces = jaeger.traces(&services[0]);
    let root = traces.iter().flat_map(|trace| trace.roots()).next().expect("a root");
    assert_ne!(root.span_id, SpanId(0));
    assert!(root.parent().is_none());
    let format = root.tag("internal.span.format").and_then(Value::as_str);
    assert_eq!(format, Some("proto"));
    assert_eq!(root.service(), &*services[0]);
}

#[test]
fn what_is_dropped_lets_go_of_its_ports() {
    for _ in 0..20 {
        let jaeger = AllInOne::start().expect("start");
        let (agent, query) = (jaeger.agent_addr(), jaeger.query_addr());
        assert_eq!(get(query, "/api/services").status, 200);
        drop(jaeger);
        support::until("the query port is closed", || TcpStream::connect(query).is_err());
        support::until("the agent port is free", || UdpSocket::bind(agent).is_ok());
    }
}

#[tokio::test]
async fn it_starts_and_is_dropped_within_async_code() {
    let jaeger = AllInOne::start().expect("start");
    assert!(jaeger.query_url().starts_with("http://127.0.0.1:"));
    drop(jaeger);
    AllInOne::start().expect("start").shutdown().await;
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let first = AllInOne::start().expect("start");
    let mut config = Config::ephemeral();
    config.query.port = first.query_addr().port();
    let error = AllInOne::start_with(config).expect_err("the port is taken").to_string();
    assert!(error.contains(&format!("port {} is in use", first.query_addr().port())), "{error}");
    assert!(error.contains("--query.http-server.host-port"), "{error}");
    let mut config = Config::ephemeral();
    config.agent_compact.port = first.agent_addr().port();
    let error = AllInOne::start_with(config).expect_err("the port is taken").to_string();
    assert!(error.contains("--processor.jaeger-compact.server-host-port"), "{error}");
}

#[test]
fn a_store_s_limits_hold() {
    let config = Config { max_traces: 3, ..Config::ephemeral() };
    let jaeger = AllInOne::start_with(config).expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for trace in 1..=5 {
        let service = format!("service-{trace}");
        sender.send_and_wait(&Packet::of(&service).span(trace, 1, "op", trace).build());
    }
    let usage = jaeger.usage();
    assert_eq!((usage.traces, usage.spans, usage.evicted_traces), (3, 3, 2));
    let left: Vec<_> = jaeger.store().services().iter().map(|s| s.to_string()).collect();
    assert_eq!(left, ["service-3", "service-4", "service-5"], "the oldest went");
}
