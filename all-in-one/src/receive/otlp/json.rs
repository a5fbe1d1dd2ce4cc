//! Requests in JSON.
//!
//! Source: <https://protobuf.dev/programming-guides/json/>, with one exception of OTLP's: ids are
//! hexadecimal. Field names may be `traceId` or `trace_id`, 64-bit integers numbers or strings, and
//! enums numbers or names. Null counts as absent, and unknown fields are ignored.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::limits::MAX_DEPTH;
use crate::receive::json::Json;
use crate::receive::protobuf::message::Message;

/// Converts an `ExportTraceServiceRequest` to protobuf. That takes no more memory than the text,
/// and what it becomes is bounded where protobuf is decoded.
///
/// # Errors
/// Where the text is not JSON, or a field holds something else than it should.
pub(super) fn to_protobuf(request: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Message::default();
    for (name, value) in object(Json::parse(request)?)? {
        match &*name {
            "resourceSpans" | "resource_spans" => list(&mut out, 1, value, resource_spans)?,
            _ => {}
        }
    }
    Ok(out.into_bytes())
}

fn resource_spans(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "resource" => out.message(1, &resource(value)?),
            "scopeSpans"
            | "scope_spans"
            // Their names until 2022.
            | "instrumentationLibrarySpans"
            | "instrumentation_library_spans" => list(&mut out, 2, value, scope_spans)?,
            _ => {}
        }
    }
    Ok(out)
}

fn resource(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        if name == "attributes" {
            list(&mut out, 1, value, |value| attribute(value, MAX_DEPTH - 1))?;
        }
    }
    Ok(out)
}

fn scope_spans(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "scope" | "instrumentationLibrary" | "instrumentation_library" => {
                out.message(1, &scope(value)?);
            }
            "spans" => list(&mut out, 2, value, span)?,
            _ => {}
        }
    }
    Ok(out)
}

fn scope(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "name" => out.bytes(1, text(value)?.as_bytes()),
            "version" => out.bytes(2, text(value)?.as_bytes()),
            _ => {}
        }
    }
    Ok(out)
}

fn span(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "traceId" | "trace_id" => out.bytes(1, &id(value)?),
            "spanId" | "span_id" => out.bytes(2, &id(value)?),
            "traceState" | "trace_state" => out.bytes(3, text(value)?.as_bytes()),
            "parentSpanId" | "parent_span_id" => out.bytes(4, &id(value)?),
            "name" => out.bytes(5, text(value)?.as_bytes()),
            "kind" => out.varint(6, enumeration(value, KINDS)?),
            "startTimeUnixNano" | "start_time_unix_nano" => out.fixed64(7, unsigned(value)?),
            "endTimeUnixNano" | "end_time_unix_nano" => out.fixed64(8, unsigned(value)?),
            "attributes" => list(&mut out, 9, value, |value| attribute(value, MAX_DEPTH - 1))?,
            "events" => list(&mut out, 11, value, event)?,
            "links" => list(&mut out, 13, value, link)?,
            "status" => out.message(15, &status(value)?),
            _ => {}
        }
    }
    Ok(out)
}

fn event(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "timeUnixNano" | "time_unix_nano" => out.fixed64(1, unsigned(value)?),
            "name" => out.bytes(2, text(value)?.as_bytes()),
            "attributes" => list(&mut out, 3, value, |value| attribute(value, MAX_DEPTH - 2))?,
            _ => {}
        }
    }
    Ok(out)
}

/// A link's attributes are ignored: Jaeger has no place for them.
fn link(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "traceId" | "trace_id" => out.bytes(1, &id(value)?),
            "spanId" | "span_id" => out.bytes(2, &id(value)?),
            _ => {}
        }
    }
    Ok(out)
}

fn status(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "code" => out.varint(3, enumeration(value, CODES)?),
            "message" => out.bytes(2, text(value)?.as_bytes()),
            _ => {}
        }
    }
    Ok(out)
}

/// An attribute whose value may nest `depth` levels deep.
fn attribute(value: Json, depth: u32) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "key" => out.bytes(1, text(value)?.as_bytes()),
            "value" => out.message(2, &any(value, deeper(depth)?)?),
            _ => {}
        }
    }
    Ok(out)
}

/// A value: the last one that is not null.
fn any(value: Json, depth: u32) -> Result<Message, String> {
    let mut last = Message::default();
    for (name, value) in object(value)? {
        if matches!(value, Json::Null) {
            continue;
        }
        let mut out = Message::default();
        match &*name {
            "stringValue" | "string_value" => out.bytes(1, text(value)?.as_bytes()),
            "boolValue" | "bool_value" => out.varint(2, boolean(value)?.into()),
            "intValue" | "int_value" => out.varint(3, signed(value)? as u64),
            "doubleValue" | "double_value" => out.fixed64(4, float(value)?.to_bits()),
            "bytesValue" | "bytes_value" => out.bytes(7, &bytes(value)?),
            "arrayValue" | "array_value" => {
                let depth = deeper(deeper(depth)?)?;
                out.message(5, &values(value, |value| any(value, depth))?);
            }
            "kvlistValue" | "kvlist_value" => {
                let depth = deeper(deeper(depth)?)?;
                out.message(6, &values(value, |value| attribute(value, depth))?);
            }
            _ => continue,
        }
        last = out;
    }
    Ok(last)
}

/// A list or a map, from its field `values`.
fn values<'a>(
    value: Json<'a>,
    each: impl Fn(Json<'a>) -> Result<Message, String>,
) -> Result<Message, String> {
    let mut out = Message::default();
    let found = object(value)?.into_iter().find(|(name, _)| name == "values");
    if let Some((_, value)) = found {
        list(&mut out, 1, value, each)?;
    }
    Ok(out)
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

/// Appends each element of an array to a message, as the field `number`.
fn list<'a>(
    out: &mut Message,
    number: u32,
    value: Json<'a>,
    each: impl Fn(Json<'a>) -> Result<Message, String>,
) -> Result<(), String> {
    match value {
        Json::List(items) => {
            for item in items {
                out.message(number, &each(item)?);
            }
            Ok(())
        }
        Json::Null => Ok(()),
        other => Err(mismatch(&other, "an array")),
    }
}

fn text(value: Json<'_>) -> Result<Cow<'_, str>, String> {
    match value {
        Json::Text(text) => Ok(text),
        Json::Null => Ok(Cow::Borrowed("")),
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

/// The names of span kinds, in the order of their numbers.
const KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// The names of status codes, in the order of their numbers.
const CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

/// A number, or one of these names.
fn enumeration(value: Json, names: &[&str]) -> Result<u64, String> {
    match value {
        Json::Int(number) => match i32::try_from(number) {
            Ok(number) => Ok(i64::from(number) as u64),
            Err(_) => Err(out_of_range(&number.to_string())),
        },
        Json::Text(name) => match names.iter().position(|known| *known == name) {
            Some(number) => Ok(number as u64),
            None => Err(format!("unknown enum value {name:?}")),
        },
        Json::Null => Ok(0),
        other => Err(mismatch(&other, "an enum value")),
    }
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
    let decoded = STANDARD.decode(&*text).or_else(|_| URL_SAFE.decode(&*text));
    decoded.map_err(|error| format!("invalid base64: {error}"))
}
