//! Zipkin's spans in JSON, of version 2 and of version 1.
//!
//! Source: <https://zipkin.io/zipkin-api/>. What is clear is mended: a number as a tag, text as a
//! port, an id without its leading zeros. A span with anything else wrong is refused alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use serde_json::value::RawValue;

use super::last_of_each;
use crate::model::SpanId;
use crate::receive::faults::Faults;
use crate::receive::json::{Json, each, read};
use crate::receive::lenient::{self, boolean, id, integer, list, mismatch, object, time};
use crate::receive::mend::as_json;
use crate::receive::zipkin_core::{
    Annotation, BinaryAnnotation, CoreSpan, Endpoint, Kind, SpanV2, ValueType,
};

/// How much text is decoded at a time, in bytes, and how many spans.
const TEXT_AT_ONCE: usize = 1 << 20;
const SPANS_AT_ONCE: usize = 512;

/// The versions of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// Reads a list of spans, or one span, and passes them to `take`, some at a time. What is refused is
/// in `faults`.
///
/// # Errors
/// Where the text is not JSON, or not a list.
pub(super) fn decode<'a>(
    body: &[u8],
    version: Version,
    faults: &mut Faults,
    take: &mut dyn FnMut(Vec<CoreSpan<'a>>),
) -> Result<(), String> {
    let text = as_json(body)?;
    let whole: &RawValue = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let (mut spans, mut size) = (Vec::new(), 0);
    let mut one = |item: &RawValue| {
        let text = item.get();
        if text == "null" {
            return Ok(());
        }
        match read(text, |value| span(value, version)) {
            Ok(span) => spans.push(span),
            Err(why) => faults.refuse_span(text, &why),
        }
        size += text.len();
        if spans.len() >= SPANS_AT_ONCE || size >= TEXT_AT_ONCE {
            take(std::mem::take(&mut spans));
            size = 0;
        }
        Ok(())
    };
    if whole.get().starts_with('{') {
        one(whole)?;
    } else {
        each(whole, &mut one)?;
    }
    take(spans);
    Ok(())
}

/// A span of version 1 or 2: only its fields say which.
#[derive(Default)]
struct Sent {
    v2: SpanV2<'static>,
    /// Its tags as version 1 has them.
    tags_v1: Vec<BinaryAnnotation<'static>>,
    has_ids: [bool; 2],
    is_v1: bool,
}

fn span(value: Json, version: Version) -> Result<CoreSpan<'static>, String> {
    let Json::Object(fields) = value else { return Err(mismatch(&value, "an object")) };
    let mut sent = Sent { is_v1: version == Version::V1, ..Sent::default() };
    for (name, value) in fields {
        sent.field(&name, value).map_err(|why| format!("{name}: {why}"))?;
    }
    for (is_there, name) in sent.has_ids.iter().zip(["traceId", "id"]) {
        if !is_there {
            return Err(format!("{name} is missing"));
        }
    }
    Ok(sent.into_core())
}

impl Sent {
    fn field(&mut self, name: &str, value: Json) -> Result<(), String> {
        let core = &mut self.v2.core;
        match name {
            "traceId" => core.trace_id = number(value, 16, &mut self.has_ids[0])?.into(),
            "id" => core.id = span_id(value, &mut self.has_ids[1])?,
            "parentId" => {
                let mut is_there = false;
                let parent = span_id(value, &mut is_there)?;
                core.parent = is_there.then_some(parent);
            }
            "name" => core.name = text(value)?.into(),
            "kind" => self.v2.kind = kind(value)?,
            "timestamp" => core.timestamp = optional_time(value)?,
            "duration" => core.duration = optional_time(value)?,
            "debug" => core.debug = boolean(value)?,
            "localEndpoint" => self.v2.local = endpoint(value)?,
            "remoteEndpoint" => self.v2.remote = endpoint(value)?,
            "annotations" => {
                core.annotations = list(value)?
                    .into_iter()
                    .map(|item| annotation(item, &mut self.is_v1))
                    .collect::<Result<_, _>>()?;
            }
            "tags" => core.binary = tags(value)?,
            "binaryAnnotations" => {
                self.is_v1 = true;
                self.tags_v1 =
                    list(value)?.into_iter().map(binary_annotation).collect::<Result<_, _>>()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn into_core(mut self) -> CoreSpan<'static> {
        self.v2.core.binary.extend(self.tags_v1);
        let is_v2 = !self.is_v1 || self.v2.kind.is_some() || self.v2.local.is_some();
        if is_v2 { self.v2.into_core() } else { self.v2.core }
    }
}

/// The number in an id of `length` bytes, and whether it is there.
fn number(value: Json, length: usize, is_there: &mut bool) -> Result<u128, String> {
    let bytes = id(value, length)?;
    *is_there = !bytes.is_empty();
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
}

/// A span's id. Of one with the length of a trace's, the lower half counts, as in Jaeger.
fn span_id(value: Json, is_there: &mut bool) -> Result<SpanId, String> {
    let length = match &value {
        Json::Text(text) if (17..=32).contains(&text.trim().len()) => 16,
        _ => 8,
    };
    number(value, length, is_there).map(|number| SpanId(number as u64))
}

/// A time; null is unknown.
fn optional_time(value: Json) -> Result<Option<i64>, String> {
    match value {
        Json::Null => Ok(None),
        value => time(value).map(Some),
    }
}

fn kind(value: Json) -> Result<Option<Kind>, String> {
    let name = lenient::text(value)?;
    match name.to_ascii_uppercase().as_str() {
        "CLIENT" => Ok(Some(Kind::Client)),
        "SERVER" => Ok(Some(Kind::Server)),
        "PRODUCER" => Ok(Some(Kind::Producer)),
        "CONSUMER" => Ok(Some(Kind::Consumer)),
        // The names for a span that is of no side.
        "" | "INTERNAL" | "LOCAL" | "UNSPECIFIED" | "SPAN_KIND_UNSPECIFIED" => Ok(None),
        _ => Err("it must be CLIENT, SERVER, PRODUCER or CONSUMER".to_owned()),
    }
}

fn endpoint(value: Json) -> Result<Option<Endpoint<'static>>, String> {
    if matches!(value, Json::Null) {
        return Ok(None);
    }
    let mut endpoint = Endpoint::default();
    for (name, value) in object(value)? {
        let read = match &*name {
            "serviceName" => text(value).map(|text| endpoint.service = text.into()),
            "ipv4" => address(value).and_then(|address| {
                endpoint.ipv4 = address.map(ipv4).transpose()?.map_or(0, u32::from);
                Ok(())
            }),
            "ipv6" => address(value).map(|address| {
                endpoint.ipv6 = address.map(|it| ipv6(it).octets().to_vec().into());
            }),
            // Its lower 16 bits, as in Jaeger.
            "port" => integer(value).map(|port| endpoint.port = port as u16),
            _ => Ok(()),
        };
        read.map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(Some(endpoint))
}

/// An address, without the scope that one of a link-local network may have.
fn address(value: Json) -> Result<Option<IpAddr>, String> {
    let text = lenient::text(value)?;
    let address = text.split('%').next().unwrap_or("").trim();
    match address.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) if address.is_empty() => Ok(None),
        Err(_) => Err(format!("{text:?} is not an address")),
    }
}

fn ipv4(address: IpAddr) -> Result<Ipv4Addr, String> {
    match address {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(long) => {
            long.to_ipv4_mapped().ok_or_else(|| format!("{long} is not an IPv4 address"))
        }
    }
}

fn ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn annotation(value: Json, is_v1: &mut bool) -> Result<Annotation<'static>, String> {
    let mut found = Annotation { timestamp: 0, value: Vec::new().into(), host: None };
    for (name, value) in object(value)? {
        match &*name {
            "timestamp" => found.timestamp = time(value)?,
            "value" => found.value = text(value)?.into(),
            "endpoint" => {
                *is_v1 = true;
                found.host = endpoint(value)?.map(Rc::new);
            }
            _ => {}
        }
    }
    Ok(found)
}

/// A tag of version 1.
fn binary_annotation(value: Json) -> Result<BinaryAnnotation<'static>, String> {
    let mut found = BinaryAnnotation::text("", Vec::new());
    let (mut kind, mut sent) = (String::new(), Json::Null);
    for (name, value) in object(value)? {
        match &*name {
            "key" => found.key = text(value)?.into(),
            "value" => sent = value,
            "type" => kind = lenient::text(value)?.to_ascii_uppercase(),
            "endpoint" => found.host = endpoint(value)?.map(Rc::new),
            _ => {}
        }
    }
    (found.value, found.kind) = match kind.as_str() {
        "BOOL" => (vec![boolean(sent)?.into()].into(), ValueType::BOOL),
        "I16" | "I32" | "I64" => (integer(sent)?.to_be_bytes().to_vec().into(), ValueType::I64),
        "DOUBLE" => (lenient::float(sent)?.to_be_bytes().to_vec().into(), ValueType::DOUBLE),
        "BYTES" => (lenient::bytes(sent)?.into(), ValueType::BYTES),
        // The address of the other side.
        "" if matches!(sent, Json::Bool(_)) => {
            (vec![boolean(sent)?.into()].into(), ValueType::BOOL)
        }
        _ => (text(sent)?.into(), ValueType::STRING),
    };
    Ok(found)
}

/// The tags of version 2.
fn tags(value: Json) -> Result<Vec<BinaryAnnotation<'static>>, String> {
    let mut tags = Vec::new();
    for (key, value) in object(value)? {
        let value = text(value).map_err(|why| format!("{key}: {why}"))?;
        let tag = BinaryAnnotation::text("", value);
        tags.push(BinaryAnnotation { key: key.into_owned().into_bytes().into(), ..tag });
    }
    last_of_each(&mut tags);
    Ok(tags)
}

fn text(value: Json) -> Result<Vec<u8>, String> {
    lenient::text(value).map(|text| text.into_owned().into_bytes())
}
