//! Spans as OTLP: in JSON, as files and `/api/v3` have them. The gRPC query API writes the same as
//! protocol buffers.

use std::fmt::Display;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Serialize, Serializer};

use crate::model::{KeyValue, Reference, SpanId, TraceId, Value};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceSpans<'a> {
    pub(crate) resource: Resource<'a>,
    pub(crate) scope_spans: Vec<ScopeSpans<'a>>,
}

#[derive(Serialize)]
pub(crate) struct Resource<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
pub(crate) struct ScopeSpans<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) spans: Vec<SpanJson<'a>>,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Scope<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpanJson<'a> {
    #[serde(serialize_with = "long_id")]
    pub(crate) trace_id: TraceId,
    #[serde(serialize_with = "as_text")]
    pub(crate) span_id: SpanId,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) trace_state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_as_text")]
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) kind: usize,
    #[serde(serialize_with = "as_text")]
    pub(crate) start_time_unix_nano: u64,
    #[serde(serialize_with = "as_text")]
    pub(crate) end_time_unix_nano: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) events: Vec<Event<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) links: Vec<Link>,
    pub(crate) status: Status<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event<'a> {
    #[serde(serialize_with = "as_text")]
    pub(crate) time_unix_nano: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Link {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_long_id")]
    pub(crate) trace_id: Option<TraceId>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_as_text")]
    pub(crate) span_id: Option<SpanId>,
}

#[derive(Default, Serialize)]
pub(crate) struct Status<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) message: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) code: usize,
}

#[derive(Serialize)]
pub(crate) struct Attribute<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: AnyValue<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AnyValue<'a> {
    StringValue(&'a str),
    /// Text that was made for this attribute.
    #[serde(rename = "stringValue")]
    Made(String),
    BoolValue(bool),
    #[serde(serialize_with = "as_text")]
    IntValue(i64),
    #[serde(serialize_with = "float")]
    DoubleValue(f64),
    #[serde(serialize_with = "base64")]
    BytesValue(&'a [u8]),
    ArrayValue(Array<'a>),
}

#[derive(Serialize)]
pub(crate) struct Array<'a> {
    pub(crate) values: Vec<AnyValue<'a>>,
}

/// The fields of OTLP that are among a span's tags.
pub(crate) struct Sent<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) attributes: Vec<&'a KeyValue>,
    pub(crate) kind: usize,
    pub(crate) status: Status<'a>,
    pub(crate) trace_state: &'a str,
}

impl<'a> Sent<'a> {
    /// Takes apart what the decoder of OTLP puts together: its tags precede the attributes (scope)
    /// or follow them (kind, status, trace state, format), and their order is fixed. `None` for a
    /// span of another format.
    pub(crate) fn of(tags: &'a [KeyValue]) -> Option<Self> {
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
        let (scope, status) = (Scope { name, version }, Status { message, code });
        Some(Sent { scope, attributes: tags.iter().collect(), kind, status, trace_state })
    }
}

pub(crate) fn is_text(tag: &KeyValue, key: &str, text: &str) -> bool {
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

/// The names of span kinds; OTLP counts them from 1.
pub(crate) const KINDS: [&str; 5] = ["internal", "server", "client", "producer", "consumer"];

/// The number that OTLP has for a tag `span.kind`; 0 for none.
pub(crate) fn kind(tag: &KeyValue) -> usize {
    let position = KINDS.iter().position(|kind| is_text(tag, "span.kind", kind));
    position.map_or(0, |position| position + 1)
}

/// An event, from a time in nanoseconds and the fields of a log. The decoder makes the name the
/// first field, `event`, unless that is among the attributes.
pub(crate) fn event(time: u64, fields: &[KeyValue]) -> Event<'_> {
    let named = fields.split_first().and_then(|(first, rest)| {
        let name = text(first, "event")?;
        rest.iter().all(|field| &*field.key != "event").then_some((name, rest))
    });
    let (name, fields) = named.unwrap_or(("", fields));
    let attributes = fields.iter().map(attribute).collect();
    Event { time_unix_nano: time, name, attributes }
}

/// A trace's id with all its 32 digits.
pub(crate) fn trace_id(id: TraceId) -> String {
    format!("{:016x}{:016x}", id.high, id.low)
}

pub(crate) fn link(reference: &Reference) -> Link {
    Link { trace_id: Some(reference.trace_id), span_id: Some(reference.span_id) }
}

pub(crate) fn attribute(tag: &KeyValue) -> Attribute<'_> {
    Attribute { key: &tag.key, value: value(&tag.value) }
}

pub(crate) fn value(value: &Value) -> AnyValue<'_> {
    match value {
        Value::String(text) => AnyValue::StringValue(text),
        Value::Bool(value) => AnyValue::BoolValue(*value),
        Value::Int64(value) => AnyValue::IntValue(*value),
        Value::Float64(value) => AnyValue::DoubleValue(*value),
        Value::Binary(bytes) => AnyValue::BytesValue(bytes),
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

/// Microseconds, and nanoseconds beyond them, in nanoseconds.
pub(crate) fn nanos(micros: u64, more: u16) -> u64 {
    micros.saturating_mul(1_000).saturating_add(more.into())
}

/// 64 bits are text in protobuf's JSON; OTLP's ids are hexadecimal.
fn as_text<S: Serializer>(value: &impl Display, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(value)
}

fn some_as_text<S: Serializer>(value: &Option<SpanId>, out: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => out.collect_str(value),
        None => out.serialize_none(),
    }
}

fn long_id<S: Serializer>(id: &TraceId, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&trace_id(*id))
}

fn some_long_id<S: Serializer>(id: &Option<TraceId>, out: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => long_id(id, out),
        None => out.serialize_none(),
    }
}

fn base64<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(&Base64Display::new(bytes, &BASE64))
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
