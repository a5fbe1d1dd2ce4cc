//! The parts of a request in JSON, converted to protobuf.
//!
//! Source: <https://protobuf.dev/programming-guides/json/>, with one exception of OTLP's: ids are
//! hexadecimal. Field names may be `traceId` or `trace_id`, 64-bit integers numbers or strings, and
//! enums numbers or names. Null counts as absent, and unknown fields are ignored.

use super::limits::MAX_DEPTH;
use crate::protobuf::message::Message;
use crate::receive::json::Json;
use crate::receive::lenient::{
    boolean, bytes, enumeration, float, id, integer, list, object, text, unsigned_time,
};

/// A resource. An attribute that cannot be read is left out and passed to `fault`.
pub(super) fn resource(value: Json, fault: &mut dyn FnMut(String)) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        if name != "attributes" {
            continue;
        }
        for value in list(value)? {
            match attribute(value, MAX_DEPTH - 1) {
                Ok(attribute) => out.message(1, &attribute),
                Err(why) => fault(format!("a resource attribute: {why}")),
            }
        }
    }
    Ok(out)
}

/// An instrumentation scope.
pub(super) fn scope(value: Json) -> Result<Message, String> {
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

/// A span.
pub(super) fn span(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        span_field(&mut out, &name, value).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(out)
}

fn span_field(out: &mut Message, name: &str, value: Json) -> Result<(), String> {
    match name {
        "traceId" | "trace_id" => out.bytes(1, &id(value, 16)?),
        "spanId" | "span_id" => out.bytes(2, &id(value, 8)?),
        "traceState" | "trace_state" => out.bytes(3, text(value)?.as_bytes()),
        "parentSpanId" | "parent_span_id" => out.bytes(4, &id(value, 8)?),
        "name" => out.bytes(5, text(value)?.as_bytes()),
        "kind" => out.varint(6, enumeration(value, "SPAN_KIND_", KINDS)?),
        "startTimeUnixNano" | "start_time_unix_nano" => out.fixed64(7, unsigned_time(value)?),
        "endTimeUnixNano" | "end_time_unix_nano" => out.fixed64(8, unsigned_time(value)?),
        "attributes" => each(out, 9, value, |value| attribute(value, MAX_DEPTH - 1))?,
        "events" => each(out, 11, value, event)?,
        "links" => each(out, 13, value, link)?,
        "status" => out.message(15, &status(value)?),
        _ => {}
    }
    Ok(())
}

fn event(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "timeUnixNano" | "time_unix_nano" => out.fixed64(1, unsigned_time(value)?),
            "name" => out.bytes(2, text(value)?.as_bytes()),
            "attributes" => each(&mut out, 3, value, |value| attribute(value, MAX_DEPTH - 2))?,
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
            "traceId" | "trace_id" => out.bytes(1, &id(value, 16)?),
            "spanId" | "span_id" => out.bytes(2, &id(value, 8)?),
            _ => {}
        }
    }
    Ok(out)
}

fn status(value: Json) -> Result<Message, String> {
    let mut out = Message::default();
    for (name, value) in object(value)? {
        match &*name {
            "code" => out.varint(3, enumeration(value, "STATUS_CODE_", CODES)?),
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

/// A value: the last one that is not null. Text, a number or a boolean may stand there as it is.
fn any(value: Json, depth: u32) -> Result<Message, String> {
    let bare = match &value {
        Json::Text(_) => "stringValue",
        Json::Bool(_) => "boolValue",
        Json::Int(_) => "intValue",
        Json::Uint(_) | Json::Float(_) => "doubleValue",
        Json::Null | Json::List(_) | Json::Object(_) => "",
    };
    let fields = if bare.is_empty() { object(value)? } else { vec![(bare.into(), value)] };
    let mut last = Message::default();
    for (name, value) in fields {
        if !matches!(value, Json::Null)
            && let Some(found) = of_type(&name, value, depth)?
        {
            last = found;
        }
    }
    Ok(last)
}

/// A value of the type that its field names, or `None` for an unknown field.
fn of_type(name: &str, value: Json, depth: u32) -> Result<Option<Message>, String> {
    let mut out = Message::default();
    match name {
        "stringValue" | "string_value" => out.bytes(1, text(value)?.as_bytes()),
        "boolValue" | "bool_value" => out.varint(2, boolean(value)?.into()),
        "intValue" | "int_value" => out.varint(3, integer(value)? as u64),
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
        _ => return Ok(None),
    }
    Ok(Some(out))
}

/// A list or a map, from its field `values`.
fn values<'a>(
    value: Json<'a>,
    read: impl Fn(Json<'a>) -> Result<Message, String>,
) -> Result<Message, String> {
    let mut out = Message::default();
    let found = object(value)?.into_iter().find(|(name, _)| name == "values");
    if let Some((_, value)) = found {
        each(&mut out, 1, value, read)?;
    }
    Ok(out)
}

fn deeper(depth: u32) -> Result<u32, String> {
    depth.checked_sub(1).ok_or_else(|| "it nests too deep".to_owned())
}

/// Appends each element of an array to a message, as the field `number`.
fn each<'a>(
    out: &mut Message,
    number: u32,
    value: Json<'a>,
    read: impl Fn(Json<'a>) -> Result<Message, String>,
) -> Result<(), String> {
    for item in list(value)? {
        out.message(number, &read(item)?);
    }
    Ok(())
}

/// The names of span kinds, in the order of their numbers.
const KINDS: &[&str] = &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

/// The names of status codes, in the order of their numbers.
const CODES: &[&str] = &["UNSET", "OK", "ERROR"];
