//! Zipkin's spans in JSON, checked as Jaeger checks them: by Zipkin's own description of the
//! format, in its order and its words.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::go_format::numbers::quote;
use crate::model::{SpanId, TraceId};
use crate::receive::json::Json;
use crate::server::body::MAX_DECODED;

/// A span as it was sent.
#[derive(Debug, Default)]
pub(super) struct ZipkinSpan {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    /// Zero is a parent too: Jaeger says so in a tag.
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

/// Which side of a call or a message a span is.
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

/// Something that happened during a span.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Annotation {
    /// In microseconds since the Unix epoch.
    pub(super) timestamp: i64,
    pub(super) value: String,
}

/// Reads a list of spans.
///
/// # Errors
/// Where the text is no such list, or a span is not as it should be.
pub(super) fn decode(body: &[u8]) -> Result<Vec<ZipkinSpan>, String> {
    match Json::parse(body).map_err(end_of_input)? {
        Json::List(items) if items.len() > MAX_DECODED / size_of::<ZipkinSpan>() => {
            Err("it holds too many spans".to_owned())
        }
        Json::List(items) => {
            items.into_iter().filter(|item| !matches!(item, Json::Null)).map(span).collect()
        }
        Json::Null => Ok(Vec::new()),
        other => Err(other.mismatch("models.ListOfSpans")),
    }
}

/// The fields of a span that are text in JSON and something else behind it.
#[derive(Default)]
struct Texts {
    trace_id: Option<String>,
    id: Option<String>,
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

/// Of a text that ends too early, Jaeger says something else here than in OTLP.
fn end_of_input(error: String) -> String {
    match error.as_str() {
        "EOF" | "unexpected EOF" => "unexpected end of JSON input".to_owned(),
        _ => error,
    }
}

fn span(value: Json) -> Result<ZipkinSpan, String> {
    let (mut span, mut texts) = (ZipkinSpan::default(), Texts::default());
    for (name, value) in object(value, "models.Span")? {
        match &*name {
            "traceId" => texts.trace_id = optional(value, "Span.traceId")?,
            "id" => texts.id = optional(value, "Span.id")?,
            "parentId" => texts.parent = text(value, "Span.parentId")?,
            "name" => span.name = text(value, "Span.name")?,
            "kind" => texts.kind = text(value, "Span.kind")?,
            "timestamp" => span.timestamp = integer(value, "Span.timestamp")?,
            "duration" => span.duration = integer(value, "Span.duration")?,
            "debug" => span.debug = boolean(value, "Span.debug")?,
            "localEndpoint" => {
                (span.local, texts.local) = endpoint(value, "Span.localEndpoint")?.unzip()
            }
            "remoteEndpoint" => {
                (span.remote, texts.remote) = endpoint(value, "Span.remoteEndpoint")?.unzip()
            }
            "annotations" => span.annotations = annotations(value)?,
            "tags" => span.tags = tags(value)?,
            _ => {}
        }
    }
    check(span, texts)
}

/// Checks what the description of the format demands, and reads what came as text.
fn check(mut span: ZipkinSpan, texts: Texts) -> Result<ZipkinSpan, String> {
    let mut wrong = Vec::new();
    let mut seen = HashSet::new();
    if !span.annotations.iter().all(|annotation| seen.insert(annotation)) {
        wrong.push("annotations in body shouldn't contain duplicates".to_owned());
    }
    if span.duration < 0 {
        wrong.push("duration in body should be greater than or equal to 1".to_owned());
    }
    check_id("id", texts.id.as_deref(), 16, &mut wrong);
    span.kind = kind(&texts.kind, &mut wrong);
    addresses(&mut span.local, texts.local, &mut wrong);
    if !texts.parent.is_empty() {
        check_id("parentId", Some(&texts.parent), 16, &mut wrong);
    }
    addresses(&mut span.remote, texts.remote, &mut wrong);
    check_id("traceId", texts.trace_id.as_deref(), 32, &mut wrong);
    if !wrong.is_empty() {
        return Err(failures(&wrong));
    }
    let id = |text: &str| text.parse::<TraceId>().map_err(|error| error.to_string());
    span.id = SpanId(id(&texts.id.unwrap_or_default())?.low);
    span.trace_id = id(&texts.trace_id.unwrap_or_default())?;
    if !texts.parent.is_empty() {
        span.parent = Some(SpanId(id(&texts.parent)?.low));
    }
    Ok(span)
}

fn failures(wrong: &[String]) -> String {
    format!("validation failure list:\n{}", wrong.join("\n"))
}

/// Checks an id that is 16 to `longest` characters long: the first thing that is wrong with it.
fn check_id(name: &str, id: Option<&str>, longest: usize, wrong: &mut Vec<String>) {
    let Some(id) = id else {
        wrong.push(format!("{name} in body is required"));
        return;
    };
    let length = id.chars().count();
    let plain = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if length < 16 {
        wrong.push(format!("{name} in body should be at least 16 chars long"));
    } else if length > longest {
        wrong.push(format!("{name} in body should be at most {longest} chars long"));
    } else if !plain {
        let range = if longest == 16 { "16".to_owned() } else { format!("16,{longest}") };
        wrong.push(format!("{name} in body should match '[a-z0-9]{{{range}}}'"));
    }
}

fn kind(name: &str, wrong: &mut Vec<String>) -> Option<SpanKind> {
    match name {
        "CLIENT" => Some(SpanKind::Client),
        "SERVER" => Some(SpanKind::Server),
        "PRODUCER" => Some(SpanKind::Producer),
        "CONSUMER" => Some(SpanKind::Consumer),
        "" => None,
        _ => {
            let kinds = "[CLIENT SERVER PRODUCER CONSUMER]";
            wrong.push(format!("kind in body should be one of {kinds}"));
            None
        }
    }
}

/// Reads an endpoint's addresses.
fn addresses(
    endpoint: &mut Option<ZipkinEndpoint>,
    texts: Option<Addresses>,
    wrong: &mut Vec<String>,
) {
    let (Some(endpoint), Some(texts)) = (endpoint, texts) else {
        return;
    };
    let mut of_this = Vec::new();
    endpoint.ipv4 = address("ipv4", &texts.ipv4, &mut of_this);
    endpoint.ipv6 = address("ipv6", &texts.ipv6, &mut of_this);
    if !of_this.is_empty() {
        wrong.push(failures(&of_this));
    }
}

fn address<A: std::str::FromStr>(kind: &str, text: &str, wrong: &mut Vec<String>) -> Option<A> {
    let address = text.parse().ok();
    if address.is_none() && !text.is_empty() {
        wrong.push(format!("{kind} in body must be of type {kind}: {}", quote(text)));
    }
    address
}

fn endpoint(value: Json, field: &str) -> Result<Option<(ZipkinEndpoint, Addresses)>, String> {
    let fields = match value {
        Json::Object(fields) => fields,
        Json::Null => return Ok(None),
        other => return Err(other.no_field(field, "models.Endpoint")),
    };
    let (mut endpoint, mut texts) = (ZipkinEndpoint::default(), Addresses::default());
    for (name, value) in fields {
        match &*name {
            "serviceName" => endpoint.service = text(value, "Endpoint.serviceName")?,
            "ipv4" => texts.ipv4 = text(value, "Endpoint.ipv4")?,
            "ipv6" => texts.ipv6 = text(value, "Endpoint.ipv6")?,
            // Its lower 16 bits, as Jaeger takes them.
            "port" => endpoint.port = integer(value, "Endpoint.port")? as u16,
            _ => {}
        }
    }
    Ok(Some((endpoint, texts)))
}

fn annotations(value: Json) -> Result<Vec<Annotation>, String> {
    list(value, "[]*models.Annotation")?.into_iter().map(annotation).collect()
}

fn annotation(value: Json) -> Result<Annotation, String> {
    let mut found = Annotation { timestamp: 0, value: String::new() };
    for (name, value) in object(value, "models.Annotation")? {
        match &*name {
            "timestamp" => found.timestamp = integer(value, "Annotation.timestamp")?,
            "value" => found.value = text(value, "Annotation.value")?,
            _ => {}
        }
    }
    Ok(found)
}

/// The tags in the order sent; of a key that comes twice, the last.
fn tags(value: Json) -> Result<Vec<(String, String)>, String> {
    let mut seen = HashSet::new();
    let mut tags = Vec::new();
    for (key, value) in object(value, "models.Tags")?.into_iter().rev() {
        let value = text(value, "Span.tags")?;
        if seen.insert(key.clone()) {
            tags.push((key.into_owned(), value));
        }
    }
    tags.reverse();
    Ok(tags)
}

type Fields<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

fn object<'a>(value: Json<'a>, wanted: &str) -> Result<Fields<'a>, String> {
    match value {
        Json::Object(fields) => Ok(fields),
        Json::Null => Ok(Vec::new()),
        other => Err(other.mismatch(wanted)),
    }
}

fn list<'a>(value: Json<'a>, wanted: &str) -> Result<Vec<Json<'a>>, String> {
    match value {
        Json::List(items) => Ok(items),
        Json::Null => Ok(Vec::new()),
        other => Err(other.mismatch(wanted)),
    }
}

fn optional(value: Json, field: &str) -> Result<Option<String>, String> {
    match value {
        Json::Null => Ok(None),
        other => text(other, field).map(Some),
    }
}

fn text(value: Json, field: &str) -> Result<String, String> {
    match value {
        Json::Text(text) => Ok(text.into_owned()),
        Json::Null => Ok(String::new()),
        other => Err(other.no_field(field, "string")),
    }
}

fn integer(value: Json, field: &str) -> Result<i64, String> {
    match value {
        Json::Int(number) => Ok(number),
        Json::Null => Ok(0),
        other => Err(other.no_field(field, "int64")),
    }
}

fn boolean(value: Json, field: &str) -> Result<bool, String> {
    match value {
        Json::Bool(value) => Ok(value),
        Json::Null => Ok(false),
        other => Err(other.no_field(field, "bool")),
    }
}
