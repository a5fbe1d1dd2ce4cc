//! Zipkin's spans in protobuf, version 2.
//!
//! Source: zipkin.proto in <https://github.com/openzipkin/zipkin-api>.

use super::last_of_each;
use crate::model::{SpanId, TraceId};
use crate::protobuf::Error;
use crate::protobuf::wire::{Fields, WireValue};
use crate::receive::faults::Faults;
use crate::receive::zipkin_core::{
    Annotation, BinaryAnnotation, CoreSpan, Endpoint, Kind, SpanV2, ValueType,
};
use crate::server::body::MAX_DECODED;

/// Reads a `ListOfSpans` and passes its spans to `take`, at most `most` at a time. A span with an
/// invalid id or address is refused alone; it is in `faults`.
///
/// # Errors
/// Where the bytes are malformed, or take too much memory when they are decoded.
pub(super) fn decode<'a>(
    body: &'a [u8],
    most: usize,
    faults: &mut Faults,
    take: &mut dyn FnMut(Vec<CoreSpan<'a>>),
) -> Result<(), Error> {
    let mut decoder = Decoder { budget: MAX_DECODED };
    let mut spans = Vec::new();
    each(body, |number, value| {
        if number != 1 {
            return Ok(());
        }
        match decoder.span(value.bytes()?)? {
            Ok(span) => spans.push(span.into_core()),
            Err(why) => faults.refuse(why),
        }
        if spans.len() >= most {
            take(std::mem::take(&mut spans));
            decoder.budget = MAX_DECODED;
        }
        Ok(())
    })?;
    take(spans);
    Ok(())
}

/// The memory that the rest of the spans may take, in bytes.
struct Decoder {
    budget: usize,
}

/// What was read, or why its span is refused.
type Read<T> = Result<Result<T, String>, Error>;

impl Decoder {
    fn spend<T>(&mut self) -> Result<(), Error> {
        self.budget = self.budget.checked_sub(size_of::<T>()).ok_or(Error::TooMuch)?;
        Ok(())
    }

    fn span<'a>(&mut self, bytes: &'a [u8]) -> Read<SpanV2<'a>> {
        self.spend::<SpanV2<'_>>()?;
        let (mut span, mut wrong) = (SpanV2::default(), None);
        let core = &mut span.core;
        let (mut trace, mut id) = (&b""[..], &b""[..]);
        each(bytes, |number, value| {
            match number {
                1 => trace = value.bytes()?,
                2 => match value.bytes()? {
                    [] => core.parent = None,
                    parent => match eight(parent) {
                        Some(parent) => core.parent = Some(SpanId(parent)),
                        None => wrong = Some("parent_id: it must have 8 bytes"),
                    },
                },
                3 => id = value.bytes()?,
                4 => span.kind = kind(value.varint()?),
                5 => core.name = value.bytes()?.into(),
                6 => core.timestamp = Some(fixed(value)? as i64),
                7 => core.duration = Some(value.varint()? as i64),
                8 => match endpoint(value.bytes()?)? {
                    Ok(found) => span.local = Some(found),
                    Err(why) => wrong = Some(why),
                },
                9 => match endpoint(value.bytes()?)? {
                    Ok(found) => span.remote = Some(found),
                    Err(why) => wrong = Some(why),
                },
                10 => {
                    self.spend::<Annotation<'_>>()?;
                    core.annotations.push(annotation(value.bytes()?)?);
                }
                11 => {
                    self.spend::<BinaryAnnotation<'_>>()?;
                    core.binary.push(tag(value.bytes()?)?);
                }
                12 => core.debug = value.varint()? != 0,
                _ => {}
            }
            Ok(())
        })?;
        last_of_each(&mut core.binary);
        // The two that a call's kind or an address adds.
        self.budget = self.budget.saturating_sub(2 * size_of::<Annotation<'_>>());
        match (trace_id(trace), eight(id), wrong) {
            (Some(trace_id), Some(id), None) => {
                (span.core.trace_id, span.core.id) = (trace_id, SpanId(id));
                Ok(Ok(span))
            }
            (None, ..) => Ok(Err("trace_id: it must have 8 or 16 bytes".to_owned())),
            (_, None, _) => Ok(Err("id: it must have 8 bytes".to_owned())),
            (_, _, Some(why)) => Ok(Err(why.to_owned())),
        }
    }
}

fn kind(number: u64) -> Option<Kind> {
    match number {
        1 => Some(Kind::Client),
        2 => Some(Kind::Server),
        3 => Some(Kind::Producer),
        4 => Some(Kind::Consumer),
        _ => None,
    }
}

fn endpoint(bytes: &[u8]) -> Result<Result<Endpoint<'_>, &'static str>, Error> {
    let (mut endpoint, mut wrong) = (Endpoint::default(), None);
    each(bytes, |number, value| {
        match number {
            1 => endpoint.service = value.bytes()?.into(),
            2 => match value.bytes()? {
                [] => endpoint.ipv4 = 0,
                [a, b, c, d] => endpoint.ipv4 = u32::from_be_bytes([*a, *b, *c, *d]),
                _ => wrong = Some("ipv4: it must have 4 bytes"),
            },
            3 => match value.bytes()? {
                [] => endpoint.ipv6 = None,
                address if address.len() == 16 => endpoint.ipv6 = Some(address.into()),
                _ => wrong = Some("ipv6: it must have 16 bytes"),
            },
            // Its lower 16 bits, as in JSON.
            4 => endpoint.port = value.varint()? as u16,
            _ => {}
        }
        Ok(())
    })?;
    Ok(wrong.map_or(Ok(endpoint), Err))
}

fn annotation(bytes: &[u8]) -> Result<Annotation<'_>, Error> {
    let mut found = Annotation { timestamp: 0, value: b""[..].into(), host: None };
    each(bytes, |number, value| {
        match number {
            1 => found.timestamp = fixed(value)? as i64,
            2 => found.value = value.bytes()?.into(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// An entry of the map of tags.
fn tag(bytes: &[u8]) -> Result<BinaryAnnotation<'_>, Error> {
    let (key, value) = (b""[..].into(), b""[..].into());
    let mut found = BinaryAnnotation { key, value, kind: ValueType::STRING, host: None };
    each(bytes, |number, value| {
        match number {
            1 => found.key = value.bytes()?.into(),
            2 => found.value = value.bytes()?.into(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// Calls `read` for each field of a message.
fn each<'a>(
    bytes: &'a [u8],
    mut read: impl FnMut(u32, WireValue<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut fields = Fields::of(bytes);
    while let Some((number, value)) = fields.next()? {
        read(number, value)?;
    }
    Ok(())
}

fn fixed(value: WireValue<'_>) -> Result<u64, Error> {
    value.double().map(f64::to_bits)
}

fn eight(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    match bytes.len() {
        8 => Some(TraceId { high: 0, low: eight(bytes)? }),
        16 => Some(TraceId { high: eight(&bytes[..8])?, low: eight(&bytes[8..])? }),
        _ => None,
    }
}
