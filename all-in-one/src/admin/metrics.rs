//! The metrics on `/metrics`: what came through each door, what was refused, and how full the store
//! is.
//!
//! A metric with the same meaning as one of Jaeger 1.35's has its name and labels, so that
//! dashboards and alerts work.

use std::sync::Arc;

use super::prometheus::{Exposition, Label};
use crate::port::Port;
use crate::query::api::Api;
use crate::query::asked::{Asked, MONITOR, Question};
use crate::receive::by_service::{Counts, OTHERS, Origin, Received, Row, SAMPLERS};
use crate::server::counters::{Counters, Reason};
use crate::server::door::Door;
use crate::server::histogram::Histogram;
use crate::store::{Store, Usage};

/// What has counts.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) doors: Vec<Door>,
    /// Of the query and admin ports.
    pub(crate) ports: [Arc<Counters>; 2],
    pub(crate) store: Arc<Store>,
    pub(crate) received: Arc<Received>,
    pub(crate) api: Arc<Api>,
}

/// All metrics as text.
pub(super) fn metrics(of: &Measured) -> String {
    let usage = of.store.usage();
    let mut text = Exposition::default();
    let version = [("build_date", ""), ("revision", ""), ("version", env!("CARGO_PKG_VERSION"))];
    text.gauge("jaeger_build_info", "build_info").value(&version, 1);
    at_the_doors(&mut text, &of.doors, &of.ports);
    in_the_store(&mut text, &usage, of.store.services().len());
    in_jaeger_s_agent(&mut text, &of.doors);
    in_jaeger_s_collector(&mut text, of, &usage);
    in_jaeger_s_query(&mut text, &of.api);
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

fn in_jaeger_s_agent(text: &mut Exposition, doors: &[Door]) {
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
    let reported: [(&str, &str, Of); 2] = [
        ("jaeger_agent_reporter_batches_submitted_total", "batches.submitted", |door| {
            let not_decoded =
                [Reason::Empty, Reason::TooLarge, Reason::Malformed, Reason::Unsupported];
            let refused = not_decoded.iter().map(|reason| door.stats().refused(*reason));
            door.stats().packets.saturating_sub(refused.sum())
        }),
        ("jaeger_agent_reporter_spans_submitted_total", "spans.submitted", |door| {
            door.stats().spans
        }),
    ];
    for (name, help, of) in reported {
        let mut metric = text.counter(name, help);
        for format in ["jaeger", "zipkin"] {
            let is_meant =
                |door: &&Door| udp_labels(door.port).is_some_and(|(model, _)| model == format);
            let sum = doors.iter().filter(is_meant).map(of).sum();
            metric.value(&[("format", format), ("protocol", "grpc")], sum);
        }
    }
}

fn in_jaeger_s_collector(text: &mut Exposition, of: &Measured, usage: &Usage) {
    let host = host();
    let host = [("host", &*host)];
    let (services, others) = of.received.rows();
    for (name, help, value) in [
        ("jaeger_batch_size", "batch-size", of.received.last_batch()),
        ("jaeger_spans_serviceNames", "spans.serviceNames", services.len() as u64 + 1),
    ] {
        text.gauge(name, help).value(&host, value);
    }
    text.counter("jaeger_spans_dropped_total", "spans.dropped").value(&host, usage.dropped_spans);
    let saving = [(&host[..], &of.received.saving)];
    text.histogram("jaeger_save_latency", "save-latency", &saving);
    let mut metric = text.counter("jaeger_spans_rejected_total", "rejected");
    for origin in Origin::ALL {
        let is_meant = |door: &&Door| labels_of(door.port) == Some(origin.labels());
        let doors = of.doors.iter().filter(is_meant);
        let rejected = doors.map(|door| door.stats().refused(Reason::InvalidSpan)).sum();
        let (format, transport) = origin.labels();
        let labels =
            [("debug", "false"), ("format", format), ("svc", OTHERS), ("transport", transport)];
        metric.value(&labels, rejected);
    }
    let mut rows: Vec<(&str, Row)> = services.iter().map(|(name, row)| (&**name, *row)).collect();
    rows.push((OTHERS, others));
    for (spans, traces, help, is_received) in [
        ("jaeger_spans_received_total", "jaeger_traces_received_total", "received", true),
        (
            "jaeger_spans_saved_by_svc_total",
            "jaeger_traces_saved_by_svc_total",
            "saved-by-svc",
            false,
        ),
    ] {
        let all = || {
            rows.iter().flat_map(|(svc, row)| parts(row, is_received).map(move |part| (*svc, part)))
        };
        let mut metric = text.counter(spans, help);
        for (svc, (labels, counts)) in all() {
            // Like in Jaeger, only the catch-all is shown before it has counts.
            if counts.spans > 0 || svc == OTHERS {
                metric.value(&sorted(&labels, &[("svc", svc)]), counts.spans);
            }
        }
        let mut metric = text.counter(traces, help);
        for (svc, (labels, counts)) in all() {
            for (sampler, traces) in SAMPLERS.iter().zip(counts.traces) {
                if traces > 0 || svc == OTHERS {
                    let more = [("sampler_type", *sampler), ("svc", svc)];
                    metric.value(&sorted(&labels, &more), traces);
                }
            }
        }
    }
}

/// The counts of a service with the labels by which they differ.
fn parts(row: &Row, is_received: bool) -> impl Iterator<Item = (Vec<Label<'static>>, Counts)> {
    let mut parts = Vec::new();
    for (debug, name) in [(false, "false"), (true, "true")] {
        let debug_label = ("debug", name);
        if is_received {
            for origin in Origin::ALL {
                let (format, transport) = origin.labels();
                let labels = vec![debug_label, ("format", format), ("transport", transport)];
                parts.push((labels, row.received[origin as usize][usize::from(debug)]));
            }
        } else {
            let dropped = row.dropped[usize::from(debug)];
            parts.push((vec![debug_label, ("result", "err")], dropped));
            parts.push((vec![debug_label, ("result", "ok")], row.saved(debug)));
        }
    }
    parts.into_iter()
}

fn in_jaeger_s_query(text: &mut Exposition, api: &Api) {
    // The HTTP API never asks for ids alone, here as there.
    let never = Asked::default();
    let mut of_store = vec![("find_trace_ids", &never)];
    of_store.extend(Question::ALL.map(|(question, name)| (name, api.asked.of(question))));
    let of_monitor: Vec<_> =
        MONITOR.iter().map(|(_, name)| *name).zip(api.asked.monitor()).collect();
    for (requests, latency, asked) in [
        ("jaeger_query_requests_total", "jaeger_query_latency", &of_store),
        ("jaeger_requests_total", "jaeger_latency", &of_monitor),
    ] {
        let answers: Vec<_> = asked
            .iter()
            .flat_map(|(name, asked)| {
                [("err", false), ("ok", true)].map(|(result, good)| {
                    ([("operation", *name), ("result", result)], asked.answered(good))
                })
            })
            .collect();
        let mut metric = text.counter(requests, "requests");
        for (labels, (count, _)) in &answers {
            metric.value(labels, *count);
        }
        let times: Vec<(&[Label<'_>], &Histogram)> =
            answers.iter().map(|(labels, (_, times))| (&labels[..], *times)).collect();
        text.histogram(latency, "latency", &times);
    }
    let of_store = of_store.iter().map(|(name, asked)| ([("operation", *name)], &asked.responses));
    let of_store: Vec<_> = of_store.collect();
    let responses: Vec<(&[Label<'_>], &Histogram)> =
        of_store.iter().map(|(labels, responses)| (&labels[..], *responses)).collect();
    text.histogram("jaeger_query_responses", "responses", &responses);
}

/// The host's name, where the system has it in a file.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let is_safe = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name.chars().filter(is_safe).take(255).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// The labels of a door's spans in Jaeger's collector.
fn labels_of(port: Port) -> Option<(&'static str, &'static str)> {
    let origin = match port {
        Port::AgentCompact
        | Port::AgentBinary
        | Port::AgentZipkin
        | Port::CollectorGrpc
        | Port::OtlpGrpc
        | Port::OtlpHttp => Origin::Proto,
        Port::Collector => Origin::Jaeger,
        Port::Zipkin => Origin::Zipkin,
        _ => return None,
    };
    Some(origin.labels())
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
fn sorted<'a>(labels: &[Label<'a>], more: &[Label<'a>]) -> Vec<Label<'a>> {
    let mut labels = [labels, more].concat();
    labels.sort_unstable();
    labels
}
