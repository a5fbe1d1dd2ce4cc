//! Translates Zipkin's spans to Jaeger's as Jaeger 1.35 does: through the annotations that Zipkin
//! had before version 2.
//!
//! A kind becomes two annotations with Zipkin's old short names (`cs` client send, `cr` client
//! receive, `sr`, `ss`, `ms` message send, `mr`). The four of a call become the tag `span.kind`;
//! the two of a message remain as logs.

use std::borrow::Cow;
use std::collections::HashMap;

use super::json::{Annotation, SpanKind, ZipkinEndpoint, ZipkinSpan};
use crate::model::{
    Batch, Bytes, Draft, DraftLog, DraftProcess, Part, RefKind, Reference, Tag, TagValue, append,
};
use crate::receive::warnings::{NEGATIVE_DURATION, NEGATIVE_START, not_negative};

/// The value of `internal.span.format` for spans from Zipkin.
const FORMAT: &str = "zipkin";
/// The service of spans without an endpoint.
const UNKNOWN_SERVICE: &str = "unknown-service-name";
/// The flag of a trace that the client asked for.
const DEBUG: u32 = 2;

/// Translates spans.
pub(super) fn spans(sent: &[ZipkinSpan]) -> Batch<'_> {
    let mut batch = Batch::recycled();
    for sent in sent {
        let span = span(sent, &mut batch);
        batch.spans.push(span);
    }
    batch
}

fn span<'a>(sent: &'a ZipkinSpan, batch: &mut Batch<'a>) -> Draft<'a> {
    let annotations = sent.annotations.iter().map(Event::of).chain(of_kind(sent));
    let annotations: Vec<Event<'a>> = annotations.collect();
    let mut tags = Tags::default();
    tags.of_span(sent, annotations.is_empty());
    let process = process(sent, tags.of_process, batch);
    batch.processes.push(process);
    let mut tags = tags.of_span;
    if let Some(kind) = annotations.iter().find_map(|annotation| side(annotation.value)) {
        tags.push(text("span.kind", kind));
    }
    let tags = append(&mut batch.tags, tags);
    let tags = tags.start..batch.format_tag(FORMAT).end;
    let first_log = batch.logs.len();
    for annotation in &annotations {
        log(*annotation, batch);
    }
    let first_warning = batch.warnings.len();
    let (start, duration) = times(sent, &annotations);
    let mut warn = |text: &'static str| batch.warnings.push(text.as_bytes().into());
    let start = not_negative(start, NEGATIVE_START, &mut warn);
    let duration = not_negative(duration, NEGATIVE_DURATION, &mut warn);
    let parent = sent.parent.filter(|parent| parent.0 != 0);
    let child_of = |span_id| Reference { kind: RefKind::ChildOf, trace_id: sent.trace_id, span_id };
    Draft {
        trace_id: sent.trace_id,
        span_id: sent.id,
        operation: sent.name.as_bytes().into(),
        references: append(&mut batch.references, parent.map(child_of)),
        flags: if sent.debug { DEBUG } else { 0 },
        start,
        duration,
        tags,
        logs: first_log..batch.logs.len(),
        process: batch.processes.len() - 1,
        warnings: first_warning..batch.warnings.len(),
        ..Draft::default()
    }
}

/// An annotation: sent as such, or standing for a kind.
#[derive(Clone, Copy)]
struct Event<'a> {
    timestamp: i64,
    value: &'a str,
}

impl<'a> Event<'a> {
    fn of(sent: &'a Annotation) -> Self {
        Event { timestamp: sent.timestamp, value: &sent.value }
    }
}

/// The annotations that stand for a kind.
fn of_kind(sent: &ZipkinSpan) -> Vec<Event<'static>> {
    let at = |timestamp, value: &'static str| Event { timestamp, value };
    let start = sent.timestamp;
    let end = start.saturating_add(sent.duration);
    match sent.kind {
        Some(SpanKind::Client) => vec![at(start, "cs"), at(end, "cr")],
        Some(SpanKind::Server) => vec![at(start, "sr"), at(end, "ss")],
        Some(SpanKind::Producer) => vec![at(start, "ms")],
        Some(SpanKind::Consumer) => vec![at(start, "mr")],
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

/// Start and duration; from the annotations of a call if the span has none.
fn times(sent: &ZipkinSpan, annotations: &[Event<'_>]) -> (i64, i64) {
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
struct Tags<'a> {
    of_span: Vec<Tag<'a>>,
    of_process: Vec<Tag<'a>>,
}

impl<'a> Tags<'a> {
    /// Sorts a span's tags the way Jaeger does, with or without annotations.
    fn of_span(&mut self, sent: &'a ZipkinSpan, no_annotations: bool) {
        let mut messages = Vec::new();
        for (key, value) in &sent.tags {
            match key.as_str() {
                "jaegerClient" | "jaeger.version" => {
                    self.of_process.push(text("jaeger.version", value));
                }
                "jaeger.hostname" => self.of_process.push(text("hostname", value)),
                "lc" => self.of_span.push(text("component", value)),
                "sa" | "ca" | "ma" => self.peer(sent.local.as_ref()),
                key if key.eq_ignore_ascii_case("error") => {
                    let (is_error, message) = error(value);
                    self.of_span.push(tag(key, TagValue::Bool(is_error)));
                    messages.extend(message);
                }
                key => self.of_span.push(text(key, value)),
            }
        }
        if sent.kind.is_some() {
            self.peer(sent.remote.as_ref());
        }
        let bare = sent.tags.is_empty() && no_annotations;
        if bare && sent.local.is_some() {
            self.of_span.push(text("component", ""));
        }
        if sent.parent.is_some_and(|parent| parent.0 == 0) {
            self.of_span.push(text("errZeroParentID", "0"));
        }
        for message in messages {
            self.of_span.push(text("error.message", message));
        }
    }

    /// The tags that describe the other side of a call.
    fn peer(&mut self, peer: Option<&'a ZipkinEndpoint>) {
        let Some(peer) = peer else {
            return;
        };
        let tags = &mut self.of_span;
        tags.push(text("peer.service", &peer.service));
        if let Some(ipv4) = peer.ipv4.map(u32::from).filter(|ipv4| *ipv4 != 0) {
            tags.push(tag("peer.ipv4", TagValue::Int64(ipv4.into())));
        }
        if let Some(ipv6) = peer.ipv6 {
            tags.push(tag("peer.ipv6", TagValue::Binary(ipv6.octets().to_vec().into())));
        }
        if peer.port != 0 {
            tags.push(tag("peer.port", TagValue::Int64(peer.port.into())));
        }
    }
}

/// Whether the tag `error` means an error, and its message where it has one.
fn error(value: &str) -> (bool, Option<&str>) {
    if value.is_empty() || value.eq_ignore_ascii_case("true") {
        return (true, None);
    }
    if value.eq_ignore_ascii_case("false") {
        return (false, None);
    }
    (true, Some(value))
}

/// The process: the local endpoint, or the remote one if the local has no name.
fn process<'a>(
    sent: &'a ZipkinSpan,
    mut tags: Vec<Tag<'a>>,
    batch: &mut Batch<'a>,
) -> DraftProcess<'a> {
    let named = |endpoint: &&ZipkinEndpoint| !endpoint.service.is_empty();
    let remote = sent.remote.as_ref().filter(|_| sent.kind.is_some());
    let host = sent.local.as_ref().filter(named).or(remote.filter(named));
    if let Some(ipv4) = host.and_then(|host| host.ipv4).map(u32::from).filter(|ipv4| *ipv4 != 0) {
        // Jaeger's own clients send it as a signed 32-bit integer.
        tags.push(tag("ip", TagValue::Int64((ipv4 as i32).into())));
    }
    let service = host.map_or(UNKNOWN_SERVICE, |host| &host.service);
    DraftProcess::new(service.as_bytes().into(), append(&mut batch.tags, tags))
}

fn log<'a>(annotation: Event<'a>, batch: &mut Batch<'a>) {
    if annotation.value.is_empty() || side(annotation.value).is_some() {
        return;
    }
    let fields = fields(annotation.value, batch);
    let timestamp = u64::try_from(annotation.timestamp).unwrap_or(0);
    batch.logs.push(DraftLog { timestamp, fields });
}

/// Some clients send a log with several fields as a JSON object of strings.
fn fields<'a>(value: &'a str, batch: &mut Batch<'a>) -> Part {
    let object: Result<Option<HashMap<String, Option<String>>>, _> = serde_json::from_str(value);
    let Ok(object) = object else {
        return append(&mut batch.tags, [text("event", value)]);
    };
    let mut fields: Vec<_> = object.unwrap_or_default().into_iter().collect();
    fields.sort();
    let bytes = |text: String| Bytes::from(text.into_bytes());
    let fields = fields.into_iter().map(|(key, value)| Tag {
        key: bytes(key),
        value: TagValue::String(bytes(value.unwrap_or_default())),
    });
    append(&mut batch.tags, fields)
}

fn text<'a>(key: &'a str, value: &'a str) -> Tag<'a> {
    tag(key, TagValue::String(value.as_bytes().into()))
}

fn tag<'a>(key: &'a str, value: TagValue<'a>) -> Tag<'a> {
    Tag { key: Cow::Borrowed(key.as_bytes()), value }
}
