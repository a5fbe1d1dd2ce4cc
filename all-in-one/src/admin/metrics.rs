//! The metrics on `/metrics`: what came through each door, what was refused, and how full the store
//! is.
//!
//! A metric with the same meaning as one of Jaeger 1.35's has its name and labels, so that
//! dashboards work. Spans are summed over all services (`svc="other-services"`, as in Jaeger when
//! there are many).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::prometheus::Exposition;
use crate::port::Port;
use crate::server::counters::{Counters, Reason};
use crate::server::door::Door;
use crate::store::{Store, Usage};

/// All metrics as text: of the doors, of the query and admin ports, and of the store.
pub(super) fn metrics(doors: &[Door], ports: &[Arc<Counters>], store: &Store) -> String {
    let usage = store.usage();
    let mut text = Exposition::default();
    let version = [("build_date", ""), ("revision", ""), ("version", env!("CARGO_PKG_VERSION"))];
    text.gauge("jaeger_build_info", "build_info").value(&version, 1);
    at_the_doors(&mut text, doors, ports);
    in_the_store(&mut text, &usage, store.services().len());
    as_jaeger_says_it(&mut text, doors, &usage);
    text.finish()
}

fn at_the_doors(text: &mut Exposition, doors: &[Door], ports: &[Arc<Counters>]) {
    let mut requests =
        text.counter("jaeger_door_requests_total", "Packets or requests received, by door.");
    for door in doors {
        requests.value(&[("door", door.port.name())], door.stats().packets);
    }
    let mut spans = text.counter("jaeger_door_spans_total", "Spans accepted, by door.");
    for door in doors {
        spans.value(&[("door", door.port.name())], door.stats().spans);
    }
    let help = "Packets, requests, connections or spans refused, by door and reason.";
    let mut refused = text.counter("jaeger_door_refused_total", help);
    for counters in doors.iter().map(|door| &door.counters).chain(ports) {
        let stats = counters.snapshot();
        for reason in Reason::ALL {
            let labels = [("door", counters.door), ("reason", reason.name())];
            refused.value(&labels, stats.refused(reason));
        }
    }
}

fn in_the_store(text: &mut Exposition, usage: &Usage, services: usize) {
    for (name, help, value) in [
        ("jaeger_memory_traces", "Traces held.", usage.traces),
        ("jaeger_memory_spans", "Spans held.", usage.spans),
        ("jaeger_memory_services", "Services that have spans.", services),
        ("jaeger_memory_bytes", "Bytes that the spans and their indexes take.", usage.bytes),
    ] {
        text.gauge(name, help).value(&[], value as u64);
    }
    for (name, help, value) in [
        (
            "jaeger_memory_evicted_traces_total",
            "Traces evicted for newer ones.",
            usage.evicted_traces,
        ),
        (
            "jaeger_memory_evicted_spans_total",
            "Spans evicted with their traces.",
            usage.evicted_spans,
        ),
        (
            "jaeger_memory_dropped_spans_total",
            "Spans dropped because their trace was too large.",
            usage.dropped_spans,
        ),
    ] {
        text.counter(name, help).value(&[], value);
    }
}

fn as_jaeger_says_it(text: &mut Exposition, doors: &[Door], usage: &Usage) {
    type Of = fn(&Door) -> u64;
    let packets: [(&str, &str, Of); 4] = [
        (
            "jaeger_thrift_udp_server_packets_processed_total",
            "thrift.udp.server.packets.processed",
            |door| door.stats().packets.saturating_sub(door.stats().refused(Reason::TooLarge)),
        ),
        (
            "jaeger_thrift_udp_server_packets_dropped_total",
            "thrift.udp.server.packets.dropped",
            |door| door.stats().refused(Reason::TooLarge),
        ),
        ("jaeger_thrift_udp_server_read_errors_total", "thrift.udp.server.read.errors", |door| {
            door.stats().refused(Reason::Socket)
        }),
        (
            "jaeger_thrift_udp_t_processor_handler_errors_total",
            "thrift.udp.t-processor.handler-errors",
            |door| {
                door.stats().refused(Reason::Malformed) + door.stats().refused(Reason::Unsupported)
            },
        ),
    ];
    for (name, help, of) in packets {
        let mut metric = text.counter(name, help);
        for door in doors {
            if let Some((model, protocol)) = udp_labels(door.port) {
                metric.value(&[("model", model), ("protocol", protocol)], of(door));
            }
        }
    }
    let mut received = BTreeMap::new();
    for door in doors {
        if let Some(labels) = span_labels(door.port) {
            *received.entry(labels).or_insert(0) += door.stats().spans;
        }
    }
    let mut metric = text.counter("jaeger_spans_received_total", "received");
    for ((format, transport), spans) in &received {
        metric.value(&svc_labels(&[("format", format), ("transport", transport)]), *spans);
    }
    let saved = received.values().sum::<u64>().saturating_sub(usage.dropped_spans);
    let mut metric = text.counter("jaeger_spans_saved_by_svc_total", "saved-by-svc");
    metric.value(&svc_labels(&[("result", "ok")]), saved);
    metric.value(&svc_labels(&[("result", "err")]), usage.dropped_spans);
}

/// The labels of a door's spans in the container's collector: the agent forwards spans over gRPC,
/// and both kinds of OTLP count as gRPC.
fn span_labels(port: Port) -> Option<(&'static str, &'static str)> {
    match port {
        Port::AgentCompact
        | Port::AgentBinary
        | Port::CollectorGrpc
        | Port::OtlpGrpc
        | Port::OtlpHttp => Some(("proto", "grpc")),
        Port::Collector => Some(("jaeger", "http")),
        Port::Zipkin => Some(("zipkin", "http")),
        _ => None,
    }
}

fn udp_labels(port: Port) -> Option<(&'static str, &'static str)> {
    match port {
        Port::AgentCompact => Some(("jaeger", "compact")),
        Port::AgentBinary => Some(("jaeger", "binary")),
        Port::AgentZipkin => Some(("zipkin", "compact")),
        _ => None,
    }
}

/// Sorted by name, as Jaeger prints them.
fn svc_labels<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut labels = vec![("debug", "false"), ("svc", "other-services")];
    labels.extend(more);
    labels.sort_unstable();
    labels
}
