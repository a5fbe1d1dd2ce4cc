//! Requests in JSON.
//!
//! Source: <https://protobuf.dev/programming-guides/json/>, with one exception of OTLP's: ids are
//! hexadecimal. Field names may be `traceId` or `trace_id`, 64-bit integers numbers or strings, and
//! enums numbers or names. Null counts as absent, and unknown fields are ignored.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::limits::{JsonBudget, MAX_DEPTH};
use crate::receive::json::Json;

/// Decodes an `ExportTraceServiceRequest`.
///
/// # Errors
/// Where the text is not JSON, or a field holds something else than it should.
pub(super) fn decode(request: &[u8]) -> Result<Vec<ResourceSpans>, String> {
    let budget = JsonBudget::default();
    let mut traces = Vec::new();
    for (name, value) in object(Json::parse(request)?)? {
        match &*name {
            "resourceSpans" | "resource_spans" => traces = list(value, &budget, resource_spans)?,
            _ => {}
        }
    }
    Ok(traces)
}

fn resource_spans(value: Json, budget: &JsonBudget) -> Result<ResourceSpans, String> {
    let mut found = ResourceSpans::default();
    for (name, value) in object(value)? {
        match &*name {
            "resource" => found.resource = Some(resource(value, budget)?),
            "scopeSpans"
            | "scope_spans"
            // Their names until 2022.
            | "instrumentationLibrarySpans"
            | "instrumentation_library_spans" => {
                found.scope_spans.append(&mut list(value, budget, scope_spans)?);
            }
            _ => {}
        }
    }
    Ok(found)
}

fn resource(value: Json, budget: &JsonBudget) -> Result<Resource, String> {
    let mut found = Resource::default();
    for (name, value) in object(value)? {
        if name == "attributes" {
            found.attributes =
                list(value, budget, |value, budget| attribute(value, budget, MAX_DEPTH - 1))?;
        }
    }
    Ok(found)
}

fn scope_spans(value: Json, budget: &JsonBudget) -> Result<ScopeSpans, String> {
    let mut found = ScopeSpans::default();
    for (name, value) in object(value)? {
        match &*name {
            "scope" | "instrumentationLibrary" | "instrumentation_library" => {
                found.scope = Some(scope(value)?);
            }
            "spans" => found.spans = list(value, budget, span)?,
            _ => {}
        }
    }
    Ok(found)
}

fn scope(value: Json) -> Result<InstrumentationScope, String> {
    let mut found = InstrumentationScope::default();
    for (name, value) in object(value)? {
        match &*name {
            "name" => found.name = text(value)?,
            "version" => found.version = text(value)?,
            _ => {}
        }
    }
    Ok(found)
}

fn span(value: Json, budget: &JsonBudget) -> Result<Span, String> {
    let mut found = Span::default();
    for (name, value) in object(value)? {
        match &*name {
            "traceId" | "trace_id" => found.trace_id = id(value)?,
            "spanId" | "span_id" => found.span_id = id(value)?,
            "parentSpanId" | "parent_span_id" => found.parent_span_id = id(value)?,
            "traceState" | "trace_state" => found.trace_state = text(value)?,
            "name" => found.name = text(value)?,
            "kind" => found.kind = enumeration(value, kind)?,
            "startTimeUnixNano" | "start_time_unix_nano" => {
                found.start_time_unix_nano = unsigned(value)?;
            }
            "endTimeUnixNano" | "end_time_unix_nano" => found.end_time_unix_nano = unsigned(value)?,
            "attributes" => {
                found.attributes =
                    list(value, budget, |value, budget| attribute(value, budget, MAX_DEPTH - 1))?
            }
            "events" => found.events = list(value, budget, event)?,
            "links" => found.links = list(value, budget, link)?,
            "status" => found.status = Some(status(value)?),
            _ => {}
        }
    }
    Ok(found)
}

fn event(value: Json, budget: &JsonBudget) -> Result<Event, String> {
    let mut found = Event::default();
    for (name, value) in object(value)? {
        match &*name {
            "timeUnixNano" | "time_unix_nano" => found.time_unix_nano = unsigned(value)?,
            "name" => found.name = text(value)?,
            "attributes" => {
                found.attributes =
                    list(value, budget, |value, budget| attribute(value, budget, MAX_DEPTH - 2))?
            }
            _ => {}
        }
    }
    Ok(found)
}

/// A link's attributes are ignored: Jaeger has no place for them.
fn link(value: Json, _: &JsonBudget) -> Result<Link, String> {
    let mut found = Link::default();
    for (name, value) in object(value)? {
        match &*name {
            "traceId" | "trace_id" => found.trace_id = id(value)?,
            "spanId" | "span_id" => found.span_id = id(value)?,
            _ => {}
        }
    }
    Ok(found)
}

fn status(value: Json) -> Result<Status, String> {
    let mut found = Status::default();
    for (name, value) in object(value)? {
        match &*name {
            "code" => found.code = enumeration(value, code)?,
            "message" => found.message = text(value)?,
            _ => {}
        }
    }
    Ok(found)
}

/// An attribute whose value may nest `depth` levels deep.
fn attribute(value: Json, budget: &JsonBudget, depth: u32) -> Result<KeyValue, String> {
    let mut found = KeyValue::default();
    for (name, value) in object(value)? {
        match &*name {
            "key" => found.key = text(value)?,
            "value" => found.value = Some(any(value, budget, deeper(depth)?)?),
            _ => {}
        }
    }
    Ok(found)
}

fn any(value: Json, budget: &JsonBudget, depth: u32) -> Result<AnyValue, String> {
    let mut found = None;
    for (name, value) in object(value)? {
        if matches!(value, Json::Null) {
            continue;
        }
        found = match &*name {
            "stringValue" | "string_value" => Some(Any::StringValue(text(value)?)),
            "boolValue" | "bool_value" => Some(Any::BoolValue(boolean(value)?)),
            "intValue" | "int_value" => Some(Any::IntValue(signed(value)?)),
            "doubleValue" | "double_value" => Some(Any::DoubleValue(float(value)?)),
            "bytesValue" | "bytes_value" => Some(Any::BytesValue(bytes(value)?)),
            "arrayValue" | "array_value" => {
                let depth = deeper(deeper(depth)?)?;
                let values = values(value, budget, |value, budget| any(value, budget, depth))?;
                Some(Any::ArrayValue(ArrayValue { values }))
            }
            "kvlistValue" | "kvlist_value" => {
                let depth = deeper(deeper(depth)?)?;
                let values =
                    values(value, budget, |value, budget| attribute(value, budget, depth))?;
                Some(Any::KvlistValue(KeyValueList { values }))
            }
            _ => found,
        };
    }
    Ok(AnyValue { value: found })
}

/// The field `values` of a list or a map.
fn values<'a, T>(
    value: Json<'a>,
    budget: &JsonBudget,
    each: impl Fn(Json<'a>, &JsonBudget) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let fields = object(value)?;
    let found = fields.into_iter().find(|(name, _)| name == "values");
    found.map_or(Ok(Vec::new()), |(_, value)| list(value, budget, each))
}

fn deeper(depth: u32) -> Result<u32, String> {
    depth.checked_sub(1).ok_or_else(|| "it nests too deep".to_owned())
}

type JsonFields<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

fn object(value: Json<'_>) -> Result<JsonFields<'_>, String> {
    match value {
        Json::Object(fields) => Ok(fields),
        Json::Null => Ok(Vec::new()),
        other => Err(mismatch(&other, "an object")),
    }
}

fn list<'a, T>(
    value: Json<'a>,
    budget: &JsonBudget,
    each: impl Fn(Json<'a>, &JsonBudget) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    match value {
        Json::List(items) => {
            budget.take(items.len() * size_of::<T>())?;
            items.into_iter().map(|item| each(item, budget)).collect()
        }
        Json::Null => Ok(Vec::new()),
        other => Err(mismatch(&other, "an array")),
    }
}

fn text(value: Json) -> Result<String, String> {
    match value {
        Json::Text(text) => Ok(text.into_owned()),
        Json::Null => Ok(String::new()),
        other => Err(mismatch(&other, "a string")),
    }
}

fn boolean(value: Json) -> Result<bool, String> {
    match value {
        Json::Bool(value) => Ok(value),
        other => Err(mismatch(&other, "a boolean")),
    }
}

fn signed(value: Json) -> Result<i64, String> {
    match value {
        Json::Int(number) => Ok(number),
        Json::Text(text) => text.parse().map_err(|_| out_of_range(&text)),
        Json::Null => Ok(0),
        other => Err(mismatch(&other, "an integer")),
    }
}

fn unsigned(value: Json) -> Result<u64, String> {
    match value {
        Json::Int(number) => u64::try_from(number).map_err(|_| out_of_range(&number.to_string())),
        Json::Uint(number) => Ok(number),
        Json::Text(text) => text.parse().map_err(|_| out_of_range(&text)),
        Json::Null => Ok(0),
        other => Err(mismatch(&other, "an unsigned integer")),
    }
}

fn float(value: Json) -> Result<f64, String> {
    match value {
        Json::Float(number) => Ok(number),
        Json::Int(number) => Ok(number as f64),
        Json::Uint(number) => Ok(number as f64),
        Json::Text(text) => match &*text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            other => other.parse().map_err(|_| out_of_range(other)),
        },
        other => Err(mismatch(&other, "a number")),
    }
}

fn mismatch(value: &Json, wanted: &str) -> String {
    format!("expected {wanted}, found {}", value.kind())
}

/// The text is not a number, or does not fit into the field.
fn out_of_range(text: &str) -> String {
    format!("{text:?} is not a number, or out of range")
}

/// A number, or a name that `known` knows.
fn enumeration(value: Json, known: fn(&str) -> Option<i32>) -> Result<i32, String> {
    match value {
        Json::Int(number) => i32::try_from(number).map_err(|_| out_of_range(&number.to_string())),
        Json::Text(name) => known(&name).ok_or_else(|| format!("unknown enum value {name:?}")),
        Json::Null => Ok(0),
        other => Err(mismatch(&other, "an enum value")),
    }
}

fn kind(name: &str) -> Option<i32> {
    SpanKind::from_str_name(name).map(i32::from)
}

fn code(name: &str) -> Option<i32> {
    StatusCode::from_str_name(name).map(i32::from)
}

/// A hexadecimal id. Its length is checked where the span is stored, as it is for protobuf.
fn id(value: Json) -> Result<Vec<u8>, String> {
    let digits = text(value)?;
    hex(&digits).ok_or_else(|| format!("{digits:?} is not a hexadecimal id"))
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

/// Base64 in either alphabet, padded or not, as protobuf's JSON allows.
fn bytes(value: Json) -> Result<Vec<u8>, String> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let text = text(value)?;
    let decoded = STANDARD.decode(&text).or_else(|_| URL_SAFE.decode(&text));
    decoded.map_err(|error| format!("invalid base64: {error}"))
}
