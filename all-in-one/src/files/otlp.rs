//! Spans as OTLP in JSON.
//!
//! A span that came as OTLP is written as it came, except that lists and maps in attributes are
//! text by now. Others are written with all their tags as attributes; kind and status are written
//! too, for other readers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Serialize, Serializer};

use super::extra::{EXTRA, Extra, SERVICE_NAME, is_parent};
use crate::model::{KeyValue, Log, Process, Reference, Span, Value};

/// An `ExportTraceServiceRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    resource_spans: Vec<ResourceSpans<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: Vec<ScopeSpans<'a>>,
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope<'a>,
    spans: Vec<SpanJson<'a>>,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize)]
struct Scope<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    trace_state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    kind: usize,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<Event<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    status: Status<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    time_unix_nano: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    trace_id: String,
    span_id: String,
}

#[derive(Default, Serialize)]
struct Status<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    code: usize,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: AnyValue<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum AnyValue<'a> {
    StringValue(&'a str),
    /// Text that was made for this attribute.
    #[serde(rename = "stringValue")]
    Made(String),
    BoolValue(bool),
    /// 64 bits are text in protobuf's JSON.
    IntValue(String),
    #[serde(serialize_with = "float")]
    DoubleValue(f64),
    BytesValue(String),
}

/// The request that holds these spans, in their order.
pub(super) fn request(spans: &[Span]) -> Request<'_> {
    let mut resource_spans: Vec<ResourceSpans<'_>> = Vec::new();
    let mut last: Option<(&Arc<Process>, Scope<'_>)> = None;
    for span in spans {
        let (scope, json) = span_json(span);
        let same_process = last.is_some_and(|(process, _)| Arc::ptr_eq(process, &span.process));
        let same_scope = same_process && last.is_some_and(|(_, before)| before == scope);
        last = Some((&span.process, scope));
        if !same_process {
            let attributes = resource(&span.process);
            let resource = Resource { attributes };
            resource_spans.push(ResourceSpans { resource, scope_spans: Vec::new() });
        }
        let Some(ResourceSpans { scope_spans, .. }) = resource_spans.last_mut() else { continue };
        match scope_spans.last_mut() {
            Some(scope) if same_scope => scope.spans.push(json),
            _ => scope_spans.push(ScopeSpans { scope, spans: vec![json] }),
        }
    }
    Request { resource_spans }
}

fn resource(process: &Process) -> Vec<Attribute<'_>> {
    let service = AnyValue::StringValue(&process.service);
    let service = Attribute { key: "service.name", value: service };
    let tags = process.tags.iter().map(|tag| match &*tag.key {
        "service.name" => Attribute { key: SERVICE_NAME, value: value(&tag.value) },
        _ => attribute(tag),
    });
    std::iter::once(service).chain(tags).collect()
}

fn span_json(span: &Span) -> (Scope<'_>, SpanJson<'_>) {
    let extra = Extra::of(span);
    let sent = extra.is_none().then(|| Sent::of(&span.tags)).flatten();
    let exact = sent.is_none();
    let sent = sent.unwrap_or_else(|| Sent::exact(span));
    let mut attributes: Vec<_> = sent.attributes.iter().map(attribute).collect();
    if exact {
        let extra = serde_json::to_string(&extra.unwrap_or_default()).unwrap_or_default();
        attributes.push(Attribute { key: EXTRA, value: AnyValue::Made(extra) });
    }
    let start = nanos(span.start, span.nanos.start);
    let end = start.saturating_add(nanos(span.duration, span.nanos.duration));
    let references = span.references.iter();
    let parent = references.clone().find(|reference| is_parent(reference, span));
    let is_link =
        |reference: &&Reference| !parent.is_some_and(|parent| std::ptr::eq(parent, *reference));
    let json = SpanJson {
        trace_id: format!("{:016x}{:016x}", span.trace_id.high, span.trace_id.low),
        span_id: span.span_id.to_string(),
        trace_state: sent.trace_state,
        parent_span_id: parent.map(|parent| parent.span_id.to_string()),
        name: &span.operation,
        kind: sent.kind,
        start_time_unix_nano: start.to_string(),
        end_time_unix_nano: end.to_string(),
        attributes,
        events: span.logs.iter().map(event).collect(),
        links: references.filter(is_link).map(link).collect(),
        status: sent.status,
    };
    (sent.scope, json)
}

/// The fields of OTLP that are among a span's tags.
struct Sent<'a> {
    scope: Scope<'a>,
    attributes: &'a [KeyValue],
    kind: usize,
    status: Status<'a>,
    trace_state: &'a str,
}

impl<'a> Sent<'a> {
    /// Takes apart what the decoder of OTLP puts together: its tags precede the attributes (scope)
    /// or follow them (kind, status, trace state, format), and their order is fixed. `None` for a
    /// span of another format.
    fn of(tags: &'a [KeyValue]) -> Option<Self> {
        let mut tags = tags;
        if take_last(&mut tags, "internal.span.format")? != "proto" {
            return None;
        }
        let trace_state = take_last(&mut tags, "w3c.tracestate").unwrap_or_default();
        let message = take_last(&mut tags, "otel.status_description").unwrap_or_default();
        let code = match tags {
            [rest @ .., status, error]
                if is_text(status, "otel.status_code", "ERROR")
                    && &*error.key == "error"
                    && matches!(error.value, Value::Bool(true)) =>
            {
                tags = rest;
                2
            }
            [rest @ .., status] if is_text(status, "otel.status_code", "OK") => {
                tags = rest;
                1
            }
            _ => 0,
        };
        let kind = tags.last().map_or(0, kind);
        if kind > 0 {
            tags = &tags[..tags.len() - 1];
        }
        let name = take_first(&mut tags, "otel.library.name").unwrap_or_default();
        let version = take_first(&mut tags, "otel.library.version").unwrap_or_default();
        if tags.iter().any(|tag| &*tag.key == EXTRA) {
            return None;
        }
        let (scope, status) = (Scope { name, version }, Status { message, code });
        Some(Sent { scope, attributes: tags, kind, status, trace_state })
    }

    /// All tags as attributes.
    fn exact(span: &'a Span) -> Self {
        let error = span.tag("error");
        let is_error = matches!(error, Some(Value::Bool(true)))
            || error.and_then(Value::as_str).is_some_and(|text| text == "true");
        Sent {
            scope: Scope::default(),
            attributes: &span.tags,
            kind: span.tags.iter().map(kind).find(|kind| *kind > 0).unwrap_or_default(),
            status: Status { message: "", code: if is_error { 2 } else { 0 } },
            trace_state: "",
        }
    }
}

fn is_text(tag: &KeyValue, key: &str, text: &str) -> bool {
    &*tag.key == key && tag.value.as_str() == Some(text)
}

/// The text of a tag with this key, unless it is empty: the decoder adds no empty ones.
fn text<'a>(tag: &'a KeyValue, key: &str) -> Option<&'a str> {
    tag.value.as_str().filter(|text| &*tag.key == key && !text.is_empty())
}

fn take_last<'a>(tags: &mut &'a [KeyValue], key: &str) -> Option<&'a str> {
    let (last, rest) = tags.split_last()?;
    let text = text(last, key)?;
    *tags = rest;
    Some(text)
}

fn take_first<'a>(tags: &mut &'a [KeyValue], key: &str) -> Option<&'a str> {
    let (first, rest) = tags.split_first()?;
    let text = text(first, key)?;
    *tags = rest;
    Some(text)
}

/// The number that OTLP has for a tag `span.kind`; 0 for none.
fn kind(tag: &KeyValue) -> usize {
    const KINDS: [&str; 5] = ["internal", "server", "client", "producer", "consumer"];
    let position = KINDS.iter().position(|kind| is_text(tag, "span.kind", kind));
    position.map_or(0, |position| position + 1)
}

/// The decoder makes the name the first field, `event`, unless that is among the attributes.
fn event(log: &Log) -> Event<'_> {
    let named = log.fields.split_first().and_then(|(first, rest)| {
        let name = text(first, "event")?;
        rest.iter().all(|field| &*field.key != "event").then_some((name, rest))
    });
    let (name, fields) = named.unwrap_or(("", &log.fields));
    let attributes = fields.iter().map(attribute).collect();
    Event { time_unix_nano: nanos(log.timestamp, 0).to_string(), name, attributes }
}

fn link(reference: &Reference) -> Link {
    let id = reference.trace_id;
    let trace_id = format!("{:016x}{:016x}", id.high, id.low);
    Link { trace_id, span_id: reference.span_id.to_string() }
}

fn attribute(tag: &KeyValue) -> Attribute<'_> {
    Attribute { key: &tag.key, value: value(&tag.value) }
}

fn value(value: &Value) -> AnyValue<'_> {
    match value {
        Value::String(text) => AnyValue::StringValue(text),
        Value::Bool(value) => AnyValue::BoolValue(*value),
        Value::Int64(value) => AnyValue::IntValue(value.to_string()),
        Value::Float64(value) => AnyValue::DoubleValue(*value),
        Value::Binary(bytes) => AnyValue::BytesValue(BASE64.encode(bytes)),
    }
}

/// A number, or protobuf's text for those that JSON has not.
fn float<S: Serializer>(value: &f64, out: S) -> Result<S::Ok, S::Error> {
    match value {
        value if value.is_nan() => out.serialize_str("NaN"),
        value if value.is_infinite() => {
            out.serialize_str(if *value > 0.0 { "Infinity" } else { "-Infinity" })
        }
        value => out.serialize_f64(*value),
    }
}

fn nanos(micros: u64, more: u16) -> u64 {
    micros.saturating_mul(1_000).saturating_add(more.into())
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
