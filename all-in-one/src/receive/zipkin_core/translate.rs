//! Translates Zipkin's spans to Jaeger's as Jaeger 1.35 does.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::sanitize::sanitize;
use super::span::{Annotation, BinaryAnnotation, CoreSpan, Endpoint, ValueType, side};
use crate::model::{
    Batch, Bytes, Draft, DraftLog, DraftProcess, Part, RefKind, Reference, Tag, TagValue, append,
};
use crate::receive::warnings::{NEGATIVE_DURATION, NEGATIVE_START, not_negative};

/// The service of spans without an endpoint.
const UNKNOWN_SERVICE: &[u8] = b"unknown-service-name";
/// The flag of a trace that the client asked for.
const DEBUG: u32 = 2;

/// Corrects and translates spans; `format` is the value of their tag `internal.span.format`. A span of both sides
/// of a call becomes two.
pub(in crate::receive) fn spans<'a>(sent: Vec<CoreSpan<'a>>, format: &'static str) -> Batch<'a> {
    let mut batch = Batch::recycled();
    for mut sent in sent {
        sanitize(&mut sent);
        span(sent, format, &mut batch);
    }
    batch
}

fn span<'a>(mut sent: CoreSpan<'a>, format: &'static str, batch: &mut Batch<'a>) {
    let (start, duration) = times(&sent);
    let sides = sides(&sent);
    let kind = sent.annotations.iter().find_map(|annotation| side(&annotation.value));
    let (of_process, of_span): (Vec<_>, Vec<_>) =
        std::mem::take(&mut sent.binary).into_iter().partition(|tag| process_key(tag).is_some());
    process(&sent, &of_span, &of_process, batch);
    let mut tags = Vec::new();
    of_span.into_iter().for_each(|tag| push_tag(tag, &mut tags));
    tags.extend(kind.map(|kind| Tag::text("span.kind", kind)));
    let is_client = is_client(&tags);
    let tags = append(&mut batch.tags, tags).start..batch.format_tag(format).end;
    let first_log = batch.logs.len();
    for annotation in std::mem::take(&mut sent.annotations) {
        log(annotation, batch);
    }
    let logs = first_log..batch.logs.len();
    let whole = draft(&sent, start, duration, batch);
    batch.spans.push(Draft { tags, logs, ..whole });
    if let Some([client, server]) = sides {
        let (kind, (start, duration)) =
            if is_client { ("server", server) } else { ("client", client) };
        let tags = append(&mut batch.tags, [Tag::text("span.kind", kind)]);
        let tags = tags.start..batch.format_tag(format).end;
        let other = draft(&sent, start, duration, batch);
        batch.spans.push(Draft { tags, ..other });
    }
}

/// A span without tags and logs, of the last process.
fn draft<'a>(sent: &CoreSpan<'a>, start: i64, duration: i64, batch: &mut Batch<'a>) -> Draft<'a> {
    let first_warning = batch.warnings.len();
    let mut warn = |text: &'static str| batch.warnings.push(text.as_bytes().into());
    let start = not_negative(start, NEGATIVE_START, &mut warn);
    let duration = not_negative(duration, NEGATIVE_DURATION, &mut warn);
    let parent = sent.parent.filter(|parent| parent.0 != 0);
    let child_of = |span_id| Reference { kind: RefKind::ChildOf, trace_id: sent.trace_id, span_id };
    Draft {
        trace_id: sent.trace_id,
        span_id: sent.id,
        operation: sent.name.clone(),
        references: append(&mut batch.references, parent.map(child_of)),
        flags: if sent.debug { DEBUG } else { 0 },
        start,
        duration,
        process: batch.processes.len() - 1,
        warnings: first_warning..batch.warnings.len(),
        ..Draft::default()
    }
}

/// Start and duration; from the annotations of a call if the span has none.
fn times(sent: &CoreSpan<'_>) -> (i64, i64) {
    let (start, duration) = (sent.timestamp.unwrap_or(0), sent.duration.unwrap_or(0));
    if start != 0 {
        return (start, duration);
    }
    let (begin, end) = match (sent.annotation(b"cs"), sent.annotation(b"sr")) {
        (Some(begin), _) => (begin, sent.annotation(b"cr")),
        (None, Some(begin)) => (begin, sent.annotation(b"ss")),
        (None, None) => return (start, duration),
    };
    match end {
        Some(end) if duration == 0 => {
            (begin.timestamp, end.timestamp.saturating_sub(begin.timestamp))
        }
        _ => (begin.timestamp, duration),
    }
}

/// Start and duration of client and server, if the span is of both.
fn sides(sent: &CoreSpan<'_>) -> Option<[(i64, i64); 2]> {
    let side = |begin: &[u8], end: &[u8]| {
        let begin = sent.annotation(begin)?.timestamp;
        let end = sent.annotation(end).map_or(begin, |end| end.timestamp);
        Some((begin, end.saturating_sub(begin)))
    };
    Some([side(b"cs", b"cr")?, side(b"sr", b"ss")?])
}

fn is_client(tags: &[Tag<'_>]) -> bool {
    let kind = tags.iter().find(|tag| *tag.key == *b"span.kind");
    kind.is_some_and(|tag| matches!(&tag.value, TagValue::String(kind) if **kind == *b"client"))
}

/// The name that a tag has in the process, if it describes that.
fn process_key(tag: &BinaryAnnotation<'_>) -> Option<&'static [u8]> {
    match &*tag.key {
        b"jaegerClient" | b"jaeger.version" => Some(b"jaeger.version"),
        b"jaeger.hostname" => Some(b"hostname"),
        _ => None,
    }
}

/// Adds the process to the batch.
fn process<'a>(
    sent: &CoreSpan<'a>,
    of_span: &[BinaryAnnotation<'a>],
    of_process: &[BinaryAnnotation<'a>],
    batch: &mut Batch<'a>,
) {
    let mut tags = Vec::new();
    for tag in of_process {
        let key = process_key(tag).unwrap_or_default().into();
        tags.push(Tag { key, value: value(tag.value.clone(), tag.kind) });
    }
    let host = host(sent, of_span, of_process);
    if let Some(host) = host
        && host.ipv4 != 0
    {
        // Jaeger's own clients send it as a signed 32-bit integer.
        let ip = TagValue::Int64((host.ipv4 as i32).into());
        tags.push(Tag { key: b"ip"[..].into(), value: ip });
    }
    tags.sort_by(order);
    let service = host.map_or(UNKNOWN_SERVICE.into(), |host| host.service.clone());
    let process = DraftProcess::new(service, append(&mut batch.tags, tags));
    batch.processes.push(process);
}

/// Jaeger's order of the tags of a process: by key, and texts by value.
fn order(a: &Tag<'_>, b: &Tag<'_>) -> Ordering {
    let by_value = match (&a.value, &b.value) {
        (TagValue::String(a), TagValue::String(b)) => a.cmp(b),
        (TagValue::String(_), _) => Ordering::Less,
        (_, TagValue::String(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    };
    a.key.cmp(&b.key).then(by_value)
}

/// The host that names the service: of the end of a call, the local component, any other annotation,
/// or any tag.
fn host<'s, 'a>(
    sent: &'s CoreSpan<'a>,
    of_span: &'s [BinaryAnnotation<'a>],
    of_process: &'s [BinaryAnnotation<'a>],
) -> Option<&'s Endpoint<'a>> {
    let named = |host: &'s Option<Rc<Endpoint<'a>>>| {
        host.as_deref().filter(|host| !host.service.is_empty())
    };
    let mut annotations = sent.annotations.iter();
    let mut tags = of_span.iter().chain(of_process);
    annotations
        .clone()
        .filter(|it| side(&it.value).is_some())
        .find_map(|it| named(&it.host))
        .or_else(|| {
            of_span.iter().filter(|tag| *tag.key == *b"lc").find_map(|tag| named(&tag.host))
        })
        .or_else(|| annotations.find_map(|it| named(&it.host)))
        .or_else(|| tags.find_map(|tag| named(&tag.host)))
}

fn push_tag<'a>(sent: BinaryAnnotation<'a>, tags: &mut Vec<Tag<'a>>) {
    match &*sent.key {
        b"lc" => {
            let value = TagValue::String(sent.value);
            tags.push(Tag { key: b"component"[..].into(), value });
        }
        b"sa" | b"ca" | b"ma" => peer(sent.host.as_deref(), tags),
        _ => tags.push(Tag { key: sent.key, value: value(sent.value, sent.kind) }),
    }
}

/// Adds the tags that describe the other side of a call.
fn peer<'a>(peer: Option<&Endpoint<'a>>, tags: &mut Vec<Tag<'a>>) {
    let Some(peer) = peer else { return };
    let mut push = |key: &'static str, value| {
        tags.push(Tag { key: key.as_bytes().into(), value });
    };
    push("peer.service", TagValue::String(peer.service.clone()));
    if peer.ipv4 != 0 {
        push("peer.ipv4", TagValue::Int64(peer.ipv4.into()));
    }
    if let Some(ipv6) = &peer.ipv6 {
        push("peer.ipv6", TagValue::Binary(ipv6.clone()));
    }
    if peer.port != 0 {
        push("peer.port", TagValue::Int64(peer.port.into()));
    }
}

/// The value of a tag. One that has too few bytes for its type becomes a text that says so.
fn value(bytes: Bytes<'_>, kind: ValueType) -> TagValue<'_> {
    let found = match kind {
        ValueType::BOOL => return TagValue::Bool(*bytes == [1]),
        ValueType::BYTES => return TagValue::Binary(bytes),
        ValueType::STRING => return TagValue::String(bytes),
        ValueType::I16 => first(&bytes).map(|n| TagValue::Int64(i16::from_be_bytes(n).into())),
        ValueType::I32 => first(&bytes).map(|n| TagValue::Int64(i32::from_be_bytes(n).into())),
        ValueType::I64 => first(&bytes).map(|n| TagValue::Int64(i64::from_be_bytes(n))),
        ValueType::DOUBLE => first(&bytes).map(|n| TagValue::Float64(f64::from_be_bytes(n))),
        ValueType(other) => Err(format!("unknown zipkin annotation type: {other}")),
    };
    found.unwrap_or_else(|why| {
        let text = format!("Cannot parse Zipkin value {}: {why}", BASE64.encode(&bytes));
        TagValue::String(text.into_bytes().into())
    })
}

/// The first bytes, as many as the number has.
fn first<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    let why = if bytes.is_empty() { "EOF" } else { "unexpected EOF" };
    bytes.first_chunk().copied().ok_or_else(|| why.to_owned())
}

fn log<'a>(annotation: Annotation<'a>, batch: &mut Batch<'a>) {
    if annotation.value.is_empty() || side(&annotation.value).is_some() {
        return;
    }
    let fields = fields(annotation.value, batch);
    let timestamp = u64::try_from(annotation.timestamp).unwrap_or(0);
    batch.logs.push(DraftLog { timestamp, fields });
}

/// Some clients send a log with several fields as a JSON object of strings.
fn fields<'a>(value: Bytes<'a>, batch: &mut Batch<'a>) -> Part {
    let object: Result<Option<HashMap<String, Option<String>>>, _> = serde_json::from_slice(&value);
    let Ok(object) = object else {
        let key = Cow::Borrowed(&b"event"[..]);
        return append(&mut batch.tags, [Tag { key, value: TagValue::String(value) }]);
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
