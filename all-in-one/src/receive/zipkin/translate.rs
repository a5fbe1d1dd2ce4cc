//! Zipkin's spans to Jaeger's, as Jaeger 1.35 does it: by way of the annotations that Zipkin had
//! before version 2.
//!
//! A kind becomes two annotations with Zipkin's old short names (`cs` client send, `cr` client
//! receive, `sr`, `ss`, `ms` message send, `mr`); the four of a call make the tag `span.kind`,
//! the two of a message remain as logs.

use std::collections::HashMap;

use super::json::{Annotation, Endpoint, Kind, Span as Sent};
use crate::model::{KeyValue, Log, Nanos, Process, RefKind, Reference, Span, Text, Value};
use crate::receive::intern::Interner;
use crate::receive::warnings::{NEGATIVE_DURATION, NEGATIVE_START, not_negative};

/// How Jaeger marks what came from Zipkin.
const FORMAT: &str = "zipkin";
/// The service of spans without an endpoint.
const UNKNOWN_SERVICE: &str = "unknown-service-name";
/// Set where the client asked for this trace.
const DEBUG: u32 = 2;

/// Translates spans. They share the processes that the interner knows.
pub(super) fn spans(sent: Vec<Sent>, interner: &mut Interner) -> Vec<Span> {
    interner.charge(sent.len() * size_of::<Span>());
    sent.into_iter().map(|sent| span(sent, interner)).collect()
}

fn span(mut sent: Sent, interner: &mut Interner) -> Span {
    let mut annotations = std::mem::take(&mut sent.annotations);
    annotations.extend(of_kind(&sent));
    let mut tags = Tags::default();
    tags.of_span(&sent, &annotations, interner);
    let process = process(&sent, tags.of_process, interner);
    let mut tags = tags.of_span;
    if let Some(kind) = annotations.iter().find_map(|annotation| side(&annotation.value)) {
        tags.push(text("span.kind", kind, interner));
    }
    tags.push(interner.format_tag(FORMAT));

    let mut warnings = Vec::new();
    let (start, duration) = times(&sent, &annotations);
    let start = not_negative(start, NEGATIVE_START, |text| warnings.push(text.into()));
    let duration = not_negative(duration, NEGATIVE_DURATION, |text| warnings.push(text.into()));
    let logs: Vec<Log> = annotations.iter().filter_map(|sent| log(sent, interner)).collect();
    let parent = sent.parent.filter(|parent| parent.0 != 0);
    let references: Vec<Reference> = parent
        .map(|span_id| Reference { kind: RefKind::ChildOf, trace_id: sent.trace_id, span_id })
        .into_iter()
        .collect();
    interner.charge(size_of_val(&*references) + size_of_val(&*tags) + size_of_val(&*logs));
    Span {
        trace_id: sent.trace_id,
        span_id: sent.id,
        operation: interner.text(sent.name.as_bytes()),
        references: references.into(),
        flags: if sent.debug { DEBUG } else { 0 },
        start,
        duration,
        nanos: Nanos::default(),
        tags: tags.into(),
        logs: logs.into(),
        process,
        warnings: warnings.into(),
    }
}

/// The annotations that a kind stands for.
fn of_kind(sent: &Sent) -> Vec<Annotation> {
    let at = |timestamp, value: &str| Annotation { timestamp, value: value.to_owned() };
    let start = sent.timestamp;
    let end = start.saturating_add(sent.duration);
    match sent.kind {
        Some(Kind::Client) => vec![at(start, "cs"), at(end, "cr")],
        Some(Kind::Server) => vec![at(start, "sr"), at(end, "ss")],
        Some(Kind::Producer) => vec![at(start, "ms")],
        Some(Kind::Consumer) => vec![at(start, "mr")],
        None => Vec::new(),
    }
}

/// The side of a call that an annotation belongs to.
fn side(annotation: &str) -> Option<&'static str> {
    match annotation {
        "cs" | "cr" => Some("client"),
        "sr" | "ss" => Some("server"),
        _ => None,
    }
}

/// Start and duration; from the annotations of a call where the span says none.
fn times(sent: &Sent, annotations: &[Annotation]) -> (i64, i64) {
    let at = |value: &str| annotations.iter().find(|a| a.value == value).map(|a| a.timestamp);
    if sent.timestamp != 0 {
        return (sent.timestamp, sent.duration);
    }
    let (start, end) = match (at("cs"), at("sr")) {
        (Some(start), _) => (start, at("cr")),
        (None, Some(start)) => (start, at("ss")),
        (None, None) => return (0, sent.duration),
    };
    match end {
        Some(end) if sent.duration == 0 => (start, end.saturating_sub(start)),
        _ => (start, sent.duration),
    }
}

/// The tags of a span, and those that describe its process.
#[derive(Default)]
struct Tags {
    of_span: Vec<KeyValue>,
    of_process: Vec<KeyValue>,
}

impl Tags {
    fn of_span(&mut self, sent: &Sent, annotations: &[Annotation], interner: &mut Interner) {
        let mut messages = Vec::new();
        for (key, value) in &sent.tags {
            match key.as_str() {
                "jaegerClient" | "jaeger.version" => {
                    self.of_process.push(text("jaeger.version", value, interner));
                }
                "jaeger.hostname" => self.of_process.push(text("hostname", value, interner)),
                "lc" => self.of_span.push(text("component", value, interner)),
                "sa" | "ca" | "ma" => self.peer(sent.local.as_ref(), interner),
                key if key.eq_ignore_ascii_case("error") => {
                    let (is_error, message) = error(value);
                    self.of_span.push(tag(key, Value::Bool(is_error), interner));
                    messages.extend(message);
                }
                key => self.of_span.push(text(key, value, interner)),
            }
        }
        if sent.kind.is_some() {
            self.peer(sent.remote.as_ref(), interner);
        }
        let bare = sent.tags.is_empty() && annotations.is_empty();
        if bare && sent.local.is_some() {
            self.of_span.push(text("component", "", interner));
        }
        if sent.parent.is_some_and(|parent| parent.0 == 0) {
            self.of_span.push(text("errZeroParentID", "0", interner));
        }
        for message in messages {
            self.of_span.push(text("error.message", message, interner));
        }
    }

    /// What is known of the other side of a call.
    fn peer(&mut self, peer: Option<&Endpoint>, interner: &mut Interner) {
        let Some(peer) = peer else {
            return;
        };
        let tags = &mut self.of_span;
        tags.push(text("peer.service", &peer.service, interner));
        if let Some(ipv4) = peer.ipv4.map(u32::from).filter(|ipv4| *ipv4 != 0) {
            tags.push(tag("peer.ipv4", Value::Int64(ipv4.into()), interner));
        }
        if let Some(ipv6) = peer.ipv6 {
            tags.push(tag("peer.ipv6", Value::Binary(ipv6.octets().into()), interner));
        }
        if peer.port != 0 {
            tags.push(tag("peer.port", Value::Int64(peer.port.into()), interner));
        }
    }
}

/// Whether a tag `error` means one, and its message where it holds more than that.
fn error(value: &str) -> (bool, Option<&str>) {
    if value.is_empty() || value.eq_ignore_ascii_case("true") {
        return (true, None);
    }
    if value.eq_ignore_ascii_case("false") {
        return (false, None);
    }
    (true, Some(value))
}

/// The process is the local endpoint, or for want of its name the remote one.
fn process(
    sent: &Sent,
    mut tags: Vec<KeyValue>,
    interner: &mut Interner,
) -> std::sync::Arc<Process> {
    let named = |endpoint: &&Endpoint| !endpoint.service.is_empty();
    let remote = sent.remote.as_ref().filter(|_| sent.kind.is_some());
    let Some(host) = sent.local.as_ref().filter(named).or(remote.filter(named)) else {
        let unknown = interner.text(UNKNOWN_SERVICE.as_bytes());
        return interner.process(unknown, tags);
    };
    if let Some(ipv4) = host.ipv4.map(u32::from).filter(|ipv4| *ipv4 != 0) {
        // Jaeger's own clients send it as a signed integer of 32 bits.
        tags.push(tag("ip", Value::Int64((ipv4 as i32).into()), interner));
    }
    let service = interner.text(host.service.as_bytes());
    interner.process(service, tags)
}

fn log(annotation: &Annotation, interner: &mut Interner) -> Option<Log> {
    if annotation.value.is_empty() || side(&annotation.value).is_some() {
        return None;
    }
    let fields = fields(&annotation.value, interner);
    interner.charge(size_of_val(&*fields));
    let timestamp = u64::try_from(annotation.timestamp).unwrap_or(0);
    Some(Log { timestamp, fields: fields.into() })
}

/// Some clients send a log of several fields as a JSON object of texts.
fn fields(value: &str, interner: &mut Interner) -> Vec<KeyValue> {
    let object: Result<Option<HashMap<String, Option<String>>>, _> = serde_json::from_str(value);
    let Ok(object) = object else {
        return vec![text("event", value, interner)];
    };
    let mut fields: Vec<_> = object.unwrap_or_default().into_iter().collect();
    fields.sort();
    fields.iter().map(|(k, v)| text(k, v.as_deref().unwrap_or(""), interner)).collect()
}

fn text(key: &str, value: &str, interner: &mut Interner) -> KeyValue {
    let value: Text = interner.text(value.as_bytes());
    tag(key, Value::String(value), interner)
}

fn tag(key: &str, value: Value, interner: &mut Interner) -> KeyValue {
    KeyValue { key: interner.text(key.as_bytes()), value }
}
