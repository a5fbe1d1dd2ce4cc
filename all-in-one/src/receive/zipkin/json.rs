//! Zipkin's spans in JSON, validated by Zipkin's own description of the format, as Jaeger does.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::{SpanId, TraceId};
use crate::receive::json::Json;
use crate::server::body::MAX_DECODED;

/// A span as it was sent.
#[derive(Debug, Default)]
pub(super) struct ZipkinSpan {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    /// A zero is a parent too: Jaeger adds a tag for it.
    pub(super) parent: Option<SpanId>,
    pub(super) name: String,
    pub(super) kind: Option<SpanKind>,
    /// In microseconds since the Unix epoch; 0 is unknown.
    pub(super) timestamp: i64,
    /// In microseconds; 0 is unknown.
    pub(super) duration: i64,
    pub(super) debug: bool,
    pub(super) local: Option<ZipkinEndpoint>,
    pub(super) remote: Option<ZipkinEndpoint>,
    pub(super) annotations: Vec<Annotation>,
    pub(super) tags: Vec<(String, String)>,
}

/// The role of a span in a call or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanKind {
    Client,
    Server,
    Producer,
    Consumer,
}

/// A program on the network.
#[derive(Debug, Default)]
pub(super) struct ZipkinEndpoint {
    pub(super) service: String,
    pub(super) ipv4: Option<Ipv4Addr>,
    pub(super) ipv6: Option<Ipv6Addr>,
    /// 0 is unknown.
    pub(super) port: u16,
}

/// An event during a span.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Annotation {
    /// In microseconds since the Unix epoch.
    pub(super) timestamp: i64,
    pub(super) value: String,
}

/// Reads a list of spans.
///
/// # Errors
/// Where the text is not such a list, or a span is invalid.
pub(super) fn decode(body: &[u8]) -> Result<Vec<ZipkinSpan>, String> {
    let items = list(Json::parse(body)?, "the body")?;
    if items.len() > MAX_DECODED / size_of::<ZipkinSpan>() {
        return Err("it holds too many spans".to_owned());
    }
    items.into_iter().filter(|item| !matches!(item, Json::Null)).map(span).collect()
}

/// The fields of a span that are strings in JSON and have another type in the span.
#[derive(Default)]
struct Texts {
    trace_id: String,
    id: String,
    parent: String,
    kind: String,
    local: Option<Addresses>,
    remote: Option<Addresses>,
}

/// An endpoint's addresses, as text.
#[derive(Default)]
struct Addresses {
    ipv4: String,
    ipv6: String,
}

fn span(value: Json) -> Result<ZipkinSpan, String> {
    let (mut span, mut texts) = (ZipkinSpan::default(), Texts::default());
    for (name, value) in object(value, "a span")? {
        match &*name {
            "traceId" => texts.trace_id = text(value, &name)?,
            "id" => texts.id = text(value, &name)?,
            "parentId" => texts.parent = text(value, "parentId")?,
            "name" => span.name = text(value, "name")?,
            "kind" => texts.kind = text(value, "kind")?,
            "timestamp" => span.timestamp = integer(value, "timestamp")?,
            "duration" => span.duration = integer(value, "duration")?,
            "debug" => span.debug = boolean(value, "debug")?,
            "localEndpoint" => {
                (span.local, texts.local) = endpoint(value, "localEndpoint")?.unzip()
            }
            "remoteEndpoint" => {
                (span.remote, texts.remote) = endpoint(value, "remoteEndpoint")?.unzip()
            }
            "annotations" => span.annotations = annotations(value)?,
            "tags" => span.tags = tags(value)?,
            _ => {}
        }
    }
    check(span, texts)
}

/// Validates a span, and parses the fields that were sent as text.
fn check(mut span: ZipkinSpan, texts: Texts) -> Result<ZipkinSpan, String> {
    let mut seen = HashSet::new();
    if !span.annotations.iter().all(|annotation| seen.insert(annotation)) {
        return Err("annotations: duplicates are not allowed".to_owned());
    }
    if span.duration < 0 {
        return Err("duration: it must not be negative".to_owned());
    }
    span.id = SpanId(id("id", &texts.id, 16)?.low);
    span.trace_id = id("traceId", &texts.trace_id, 32)?;
    if !texts.parent.is_empty() {
        span.parent = Some(SpanId(id("parentId", &texts.parent, 16)?.low));
    }
    span.kind = kind(&texts.kind)?;
    addresses(&mut span.local, texts.local)?;
    addresses(&mut span.remote, texts.remote)?;
    Ok(span)
}

/// Parses an id of 16 to `longest` digits, which must be in lower case.
fn id(field: &str, text: &str, longest: usize) -> Result<TraceId, String> {
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let id = text.parse().ok().filter(|_| is_lower && (16..=longest).contains(&text.len()));
    id.ok_or_else(|| {
        format!("{field}: it must be 16 to {longest} hexadecimal digits, in lower case")
    })
}

fn kind(name: &str) -> Result<Option<SpanKind>, String> {
    match name {
        "CLIENT" => Ok(Some(SpanKind::Client)),
        "SERVER" => Ok(Some(SpanKind::Server)),
        "PRODUCER" => Ok(Some(SpanKind::Producer)),
        "CONSUMER" => Ok(Some(SpanKind::Consumer)),
        "" => Ok(None),
        _ => Err("kind: it must be CLIENT, SERVER, PRODUCER or CONSUMER".to_owned()),
    }
}

/// Parses an endpoint's addresses.
fn addresses(
    endpoint: &mut Option<ZipkinEndpoint>,
    texts: Option<Addresses>,
) -> Result<(), String> {
    if let (Some(endpoint), Some(texts)) = (endpoint, texts) {
        endpoint.ipv4 = address("ipv4", &texts.ipv4)?;
        endpoint.ipv6 = address("ipv6", &texts.ipv6)?;
    }
    Ok(())
}

fn address<A: std::str::FromStr>(field: &str, text: &str) -> Result<Option<A>, String> {
    match text.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) if text.is_empty() => Ok(None),
        Err(_) => Err(format!("{field}: {text:?} is not an address")),
    }
}

fn endpoint(value: Json, field: &str) -> Result<Option<(ZipkinEndpoint, Addresses)>, String> {
    let fields = match value {
        Json::Object(fields) => fields,
        Json::Null => return Ok(None),
        other => return Err(mismatch(&other, field, "an object")),
    };
    let (mut endpoint, mut texts) = (ZipkinEndpoint::default(), Addresses::default());
    for (name, value) in fields {
        match &*name {
            "serviceName" => endpoint.service = text(value, "serviceName")?,
            "ipv4" => texts.ipv4 = text(value, "ipv4")?,
            "ipv6" => texts.ipv6 = text(value, "ipv6")?,
            // Its lower 16 bits, as in Jaeger.
            "port" => endpoint.port = integer(value, "port")? as u16,
            _ => {}
        }
    }
    Ok(Some((endpoint, texts)))
}

fn annotations(value: Json) -> Result<Vec<Annotation>, String> {
    list(value, "annotations")?.into_iter().map(annotation).collect()
}

fn annotation(value: Json) -> Result<Annotation, String> {
    let mut found = Annotation { timestamp: 0, value: String::new() };
    for (name, value) in object(value, "an annotation")? {
        match &*name {
            "timestamp" => found.timestamp = integer(value, "timestamp")?,
            "value" => found.value = text(value, "value")?,
            _ => {}
        }
    }
    Ok(found)
}

/// The tags in the order sent; of a repeated key the last value counts.
fn tags(value: Json) -> Result<Vec<(String, String)>, String> {
    let mut seen = HashSet::new();
    let mut tags = Vec::new();
    for (key, value) in object(value, "tags")?.into_iter().rev() {
        let value = text(value, "tags")?;
        if seen.insert(key.clone()) {
            tags.push((key.into_owned(), value));
        }
    }
    tags.reverse();
    Ok(tags)
}

type Fields<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

fn object<'a>(value: Json<'a>, field: &str) -> Result<Fields<'a>, String> {
    match value {
        Json::Object(fields) => Ok(fields),
        Json::Null => Ok(Vec::new()),
        other => Err(mismatch(&other, field, "an object")),
    }
}

fn list<'a>(value: Json<'a>, field: &str) -> Result<Vec<Json<'a>>, String> {
    match value {
        Json::List(items) => Ok(items),
        Json::Null => Ok(Vec::new()),
        other => Err(mismatch(&other, field, "an array")),
    }
}

fn mismatch(value: &Json, field: &str, wanted: &str) -> String {
    format!("{field}: expected {wanted}, found {}", value.kind())
}

fn text(value: Json, field: &str) -> Result<String, String> {
    match value {
        Json::Text(text) => Ok(text.into_owned()),
        Json::Null => Ok(String::new()),
        other => Err(mismatch(&other, field, "a string")),
    }
}

fn integer(value: Json, field: &str) -> Result<i64, String> {
    match value {
        Json::Int(number) => Ok(number),
        Json::Null => Ok(0),
        other => Err(mismatch(&other, field, "an integer")),
    }
}

fn boolean(value: Json, field: &str) -> Result<bool, String> {
    match value {
        Json::Bool(value) => Ok(value),
        Json::Null => Ok(false),
        other => Err(mismatch(&other, field, "a boolean")),
    }
}
