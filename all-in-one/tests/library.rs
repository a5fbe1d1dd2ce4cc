//! The library, used as another project's test uses it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::net::{TcpStream, UdpSocket};

use jaeger_all_in_one::model::{SpanId, Value};
use jaeger_all_in_one::{AllInOne, Config, Port, StartError};
use support::{Open, Packet, UdpSender, get, packets};

#[test]
fn a_trace_can_be_asserted_on() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for packet in packets("rust-rustracing-compact") {
        sender.send_and_wait(&packet);
    }
    let services = jaeger.store().services();
    let traces = jaeger.stored(&services[0]);
    let root = traces.iter().flat_map(|trace| trace.roots()).next().expect("a root");
    assert_ne!(root.span_id, SpanId(0));
    assert!(root.parent().is_none());
    let format = root.tag("internal.span.format").and_then(Value::as_str);
    assert_eq!(format, Some("proto"));
    assert_eq!(root.service(), &*services[0]);
}

/// The second service gets the number in the store that the first had.
#[test]
fn a_service_is_found_after_clearing() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for service in ["first", "second", "third"] {
        jaeger.clear();
        sender.send_and_wait(&Packet::of(service).span(1, 1, "op", 1).build());
        assert_eq!(jaeger.stored(service).len(), 1, "{service}");
    }
}

#[test]
fn what_is_dropped_lets_go_of_its_ports() {
    for _ in 0..20 {
        let jaeger = AllInOne::start().expect("start");
        let (agent, query) = (jaeger.at(Port::AgentCompact), jaeger.at(Port::Query));
        assert_eq!(get(query, "/api/services").status, 200);
        drop(jaeger);
        support::until("the query port is closed", || TcpStream::connect(query).is_err());
        support::until("the agent port is free", || UdpSocket::bind(agent).is_ok());
    }
}

#[tokio::test]
async fn it_starts_and_is_dropped_within_async_code() {
    let jaeger = AllInOne::start().expect("start");
    assert!(jaeger.query_url().is_ok_and(|url| url.starts_with("http://127.0.0.1:")));
    drop(jaeger);
    AllInOne::start().expect("start").shutdown().await;
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let first = AllInOne::start().expect("start");
    let taken = [Port::Query, Port::AgentCompact].map(|port| first.at(port).port());
    let config = Config::ephemeral().listen(Port::Query, taken[0]);
    let error = AllInOne::start_with(config.clone()).expect_err("the port is taken").to_string();
    assert!(error.contains(&format!("port {} is in use", taken[0])), "{error}");
    assert!(error.contains("--query.http-server.host-port"), "{error}");

    let config = config.listen(Port::AgentCompact, taken[1]);
    let error = AllInOne::start_with(config).expect_err("both ports are taken");
    assert!(matches!(&error, StartError::Bind(errors) if errors.len() == 2), "{error:?}");
    for (port, number) in [(Port::Query, taken[0]), (Port::AgentCompact, taken[1])] {
        let line = format!("  127.0.0.1:{number} (--{})", port.flag());
        assert!(error.to_string().contains(&line), "{error}");
    }
}

#[test]
fn a_store_s_limits_hold() {
    let config = Config::ephemeral().max_traces(3);
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
