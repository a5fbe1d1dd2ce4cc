//! A request in protobuf.
//!
//! Its outer frame is walked here, and its parts are decoded one by one, for three reasons: what
//! the parts will take in memory is known before any of it is allocated (an empty attribute is
//! 2 bytes on the wire and 72 in memory); attributes may nest as deep as the decoder allows
//! within a span, wherever the span lies; and spans are still read from where OTLP had them
//! until 2022, under `instrumentation_library_spans`.

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::{MAX_DEPTH, Room};

/// Where OTLP had spans before version 0.15: in an `InstrumentationLibrarySpans`, whose fields
/// are those of a `ScopeSpans`.
const INSTRUMENTATION_LIBRARY_SPANS: u32 = 1000;

/// Decodes an `ExportTraceServiceRequest`.
///
/// # Errors
/// Where the bytes are no such message, or it nests too deep or becomes too large.
pub(super) fn decode(request: &[u8]) -> Result<Vec<ResourceSpans>, String> {
    let room = Room::default();
    let mut found = Vec::new();
    for field in fields(request) {
        if let Some(bytes) = field?.message(1, "ResourceSpans")? {
            found.push(resource_spans(bytes, &room)?);
        }
    }
    Ok(found)
}

fn resource_spans(bytes: &[u8], room: &Room) -> Result<ResourceSpans, String> {
    let mut found = ResourceSpans::default();
    for field in fields(bytes) {
        let field = field?;
        if let Some(bytes) = field.message(1, "Resource")? {
            found.resource = Some(part(Part::Resource, bytes, room)?);
        }
        let old = field.message(INSTRUMENTATION_LIBRARY_SPANS, "InstrumentationLibrarySpans")?;
        if let Some(bytes) = field.message(2, "ScopeSpans")?.or(old) {
            found.scope_spans.push(scope_spans(bytes, room)?);
        }
    }
    Ok(found)
}

fn scope_spans(bytes: &[u8], room: &Room) -> Result<ScopeSpans, String> {
    let mut found = ScopeSpans::default();
    for field in fields(bytes) {
        let field = field?;
        if let Some(bytes) = field.message(1, "Scope")? {
            found.scope = Some(part::<InstrumentationScope>(Part::Scope, bytes, room)?);
        }
        if let Some(bytes) = field.message(2, "Spans")? {
            found.spans.push(part(Part::Span, bytes, room)?);
        }
    }
    Ok(found)
}

/// Decodes a part, once it is known to fit.
fn part<M: Message + Default>(kind: Part, bytes: &[u8], room: &Room) -> Result<M, String> {
    kind.measure(bytes, MAX_DEPTH, room)?;
    M::decode(bytes).map_err(|error| error.to_string())
}

/// The messages that a request consists of.
#[derive(Clone, Copy)]
enum Part {
    Resource,
    Scope,
    Span,
    Event,
    Link,
    Status,
    KeyValue,
    AnyValue,
    ArrayValue,
    KeyValueList,
}

impl Part {
    /// The message that lies in a field.
    fn child(self, field: u32) -> Option<Part> {
        match (self, field) {
            (Part::Resource, 1)
            | (Part::Scope, 3)
            | (Part::Span, 9)
            | (Part::Event, 3)
            | (Part::Link, 4)
            | (Part::KeyValueList, 1) => Some(Part::KeyValue),
            (Part::Span, 11) => Some(Part::Event),
            (Part::Span, 13) => Some(Part::Link),
            (Part::Span, 15) => Some(Part::Status),
            (Part::KeyValue, 2) | (Part::ArrayValue, 1) => Some(Part::AnyValue),
            (Part::AnyValue, 5) => Some(Part::ArrayValue),
            (Part::AnyValue, 6) => Some(Part::KeyValueList),
            _ => None,
        }
    }

    /// The bytes that it takes in memory, without what it points to.
    fn size(self) -> usize {
        match self {
            Part::Resource => size_of::<Resource>(),
            Part::Scope => size_of::<InstrumentationScope>(),
            Part::Span => size_of::<Span>(),
            Part::Event => size_of::<Event>(),
            Part::Link => size_of::<Link>(),
            Part::KeyValue => size_of::<KeyValue>(),
            Part::AnyValue => size_of::<AnyValue>(),
            // These lie within what holds them.
            Part::Status | Part::ArrayValue | Part::KeyValueList => size_of::<Status>(),
        }
    }

    /// Takes from `room` what the message with these bytes will take, going `depth` levels
    /// deeper at most.
    fn measure(self, bytes: &[u8], depth: u32, room: &Room) -> Result<(), String> {
        room.take(self.size() + bytes.len())?;
        for field in fields(bytes) {
            let field = field?;
            let child = self.child(field.number).zip(field.bytes);
            if let Some((child, bytes)) = child {
                let depth = depth.checked_sub(1).ok_or("it nests too deep")?;
                child.measure(bytes, depth, room)?;
            }
        }
        Ok(())
    }
}

/// A field as it lies on the wire.
struct Field<'a> {
    number: u32,
    wire_type: u64,
    /// What it holds, where it has a length of its own.
    bytes: Option<&'a [u8]>,
}

impl<'a> Field<'a> {
    /// The message in it, if it has this number.
    fn message(&self, number: u32, name: &str) -> Result<Option<&'a [u8]>, String> {
        if self.number != number {
            return Ok(None);
        }
        let wrong = || format!("proto: wrong wireType = {} for field {name}", self.wire_type);
        self.bytes.map(Some).ok_or_else(wrong)
    }
}

/// The fields of a message. The first error ends them.
fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<Field<'_>, String>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = field(&mut rest);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

/// Reads a field, with the words that Jaeger has for what is none.
fn field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, String> {
    let key = varint(rest)?;
    let number = u32::try_from(key >> 3).map_err(|_| "proto: integer overflow")?;
    let wire_type = key & 7;
    if number == 0 {
        return Err(format!("proto: illegal tag {number} (wire type {wire_type})"));
    }
    let length = match wire_type {
        0 => {
            varint(rest)?;
            return Ok(Field { number, wire_type, bytes: None });
        }
        1 => 8,
        2 => usize::try_from(varint(rest)?).unwrap_or(usize::MAX),
        5 => 4,
        other => return Err(format!("proto: illegal wireType {other}")),
    };
    let (bytes, after) = rest.split_at_checked(length).ok_or("unexpected EOF")?;
    *rest = after;
    Ok(Field { number, wire_type, bytes: Some(bytes).filter(|_| wire_type == 2) })
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or("unexpected EOF")?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Ok(value);
        }
    }
    Err("proto: integer overflow".to_owned())
}
