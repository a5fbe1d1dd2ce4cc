//! Traces from OTLP in JSON: an export, what the Collector's file exporter writes, and the answers of
//! Jaeger's `/api/v3`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::read::{Read, ReadError, Spans, add_attribute, in_order, name_event, number};
use crate::span::{Event, Kind, Span, Status};
use crate::trace::{Record, Trace};
use crate::value::Value;

/// Reads all traces, the earliest first.
///
/// The text is one export (`{"resourceSpans": […]}`), several one after another (one a line, say), or
/// an array of them. Each may stand in `{"result": …}`, as Jaeger's `/api/v3/traces` answers.
///
/// The message of a status becomes the attribute `otel.status_description`, and lists and maps become texts
/// in JSON, as they do in Jaeger. Except for the service, nothing is read of the resource.
///
/// # Errors
///
/// If the text is not OTLP in JSON, or Jaeger's answer is an error.
///
/// ```
/// let json = r#"{"resourceSpans": [{
///     "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
///     "scopeSpans": [{"spans": [{"traceId": "0a", "spanId": "01", "name": "buy", "kind": 2}]}]}]}"#;
/// let traces = expect_trace::otlp::traces(json)?;
/// assert_eq!(traces[0].to_string(), "shop: buy [server]\n");
///
/// let answer = format!(r#"{{"result": {json}}}"#);
/// assert_eq!(expect_trace::otlp::traces(&answer)?.len(), 1);
/// # Ok::<(), expect_trace::ReadError>(())
/// ```
pub fn traces(json: &str) -> Result<Vec<Trace>, ReadError> {
    let mut spans = Spans::default();
    if json.trim_start().starts_with('[') {
        for export in serde_json::from_str::<Vec<Export>>(json)? {
            read_export(export, &mut spans)?;
        }
    } else {
        for export in serde_json::Deserializer::from_str(json).into_iter() {
            read_export(export?, &mut spans)?;
        }
    }
    Ok(spans.into_traces())
}

fn read_export(export: Export, spans: &mut Spans) -> Result<(), ReadError> {
    let all = match (export.resource_spans, export.result, export.error) {
        (Some(all), ..) => all,
        (_, Some(result), _) => result.resource_spans,
        (_, _, Some(error)) => return Err(ReadError::Refused(error.message())),
        _ => return Err(ReadError::Shape("neither `resourceSpans` nor `result` is there")),
    };
    for resource_spans in all {
        let attributes = &resource_spans.resource.attributes;
        let service = attributes.iter().find(|attribute| attribute.key == "service.name");
        let service = match service.and_then(|attribute| attribute.value.get("stringValue")) {
            Some(Json::String(name)) => name.as_str(),
            _ => "",
        };
        for span in resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(read(span, service)?);
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    resource_spans: Option<Vec<ResourceSpans>>,
    result: Option<ResultJson>,
    error: Option<ErrorJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultJson {
    resource_spans: Vec<ResourceSpans>,
}

/// Jaeger 1 has errors that are a text, and errors that are an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorJson {
    Text(String),
    Object { message: String },
}

impl ErrorJson {
    fn message(self) -> String {
        match self {
            Self::Text(message) | Self::Object { message } => message,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResourceSpans {
    resource: Resource,
    /// Jaeger 1.35 uses the older name.
    #[serde(alias = "instrumentationLibrarySpans")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScopeSpans {
    spans: Vec<SpanJson>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SpanJson {
    trace_id: String,
    span_id: String,
    parent_span_id: String,
    name: String,
    kind: Json,
    start_time_unix_nano: Json,
    end_time_unix_nano: Json,
    attributes: Vec<Attribute>,
    events: Vec<EventJson>,
    links: Vec<LinkJson>,
    status: StatusJson,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attribute {
    key: String,
    value: Map<String, Json>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EventJson {
    name: String,
    time_unix_nano: Json,
    attributes: Vec<Attribute>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LinkJson {
    trace_id: String,
    span_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusJson {
    code: Json,
    message: String,
}

fn read(json: SpanJson, service: &str) -> Result<Read, ReadError> {
    let mut span = Span::new(service, json.name);
    span.start = read_time(json.start_time_unix_nano)?;
    span.duration =
        Duration::from_nanos(read_time(json.end_time_unix_nano)?.saturating_sub(span.start));
    for attribute in json.attributes {
        add_attribute(&mut span, attribute.key, read_value(attribute.value)?);
    }
    if let Some(kind) = kind(&json.kind) {
        span.kind = kind;
    }
    match (json.status.code.as_str(), json.status.code.as_u64()) {
        (Some("STATUS_CODE_OK"), _) | (_, Some(1)) => span.status = Status::Ok,
        (Some("STATUS_CODE_ERROR"), _) | (_, Some(2)) => span.status = Status::Error,
        _ => {}
    }
    if !json.status.message.is_empty() {
        let description = Value::Text(json.status.message);
        span.attributes.push(("otel.status_description".to_owned(), description));
    }
    let mut events = Vec::new();
    for event in json.events {
        let mut read = Event::new(event.name);
        for attribute in event.attributes {
            read.attributes.push((attribute.key, read_value(attribute.value)?));
        }
        name_event(&mut read);
        events.push((read_time(event.time_unix_nano)?, read));
    }
    span.events = in_order(events);
    let links = json.links.into_iter().map(|link| (id(link.trace_id), id(link.span_id))).collect();
    // Zeros, in hex or in base64.
    let is_none = |parent: &String| parent.bytes().all(|byte| matches!(byte, b'0' | b'A' | b'='));
    let parent = Some(id(json.parent_span_id)).filter(|parent| !is_none(parent));
    Ok(Read {
        trace: id(json.trace_id),
        record: Record { id: id(json.span_id), parent, span },
        links,
    })
}

/// The kind, if the span has one.
fn kind(json: &Json) -> Option<Kind> {
    match (json, json.as_u64()) {
        (Json::String(name), _) => {
            Kind::from_name(&name.trim_start_matches("SPAN_KIND_").to_ascii_lowercase())
        }
        (_, Some(1)) => Some(Kind::Internal),
        (_, Some(2)) => Some(Kind::Server),
        (_, Some(3)) => Some(Kind::Client),
        (_, Some(4)) => Some(Kind::Producer),
        (_, Some(5)) => Some(Kind::Consumer),
        _ => None,
    }
}

/// The same id may be written in capitals elsewhere. Those in base64, of some exporters, are another matter.
fn id(mut text: String) -> String {
    if text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        text.make_ascii_lowercase();
    }
    text
}

fn read_time(json: Json) -> Result<u64, ReadError> {
    if json.is_null() { Ok(0) } else { number(json) }
}

fn read_value(any: Map<String, Json>) -> Result<Value, ReadError> {
    let Some((kind, value)) = any.into_iter().next() else { return Ok(Value::Text(String::new())) };
    Ok(match (kind.as_str(), value) {
        ("stringValue", Json::String(text)) => Value::Text(text),
        ("boolValue", Json::Bool(yes)) => Value::Bool(yes),
        ("bytesValue", Json::String(base64)) => Value::Bytes(base64),
        ("intValue", value) => Value::Int(number(value)?),
        ("doubleValue", value) => Value::Float(number(value)?),
        (_, value) => Value::Text(plain(value).to_string()),
    })
}

/// Turns a list or map of OTLP into one of JSON. The parser of JSON limits how deep it is.
fn plain(json: Json) -> Json {
    match json {
        Json::Object(mut object) => {
            if let Some(Json::Array(values)) = object.remove("values") {
                let is_map = values.first().is_some_and(|value| value.get("key").is_some());
                if !is_map {
                    return Json::Array(values.into_iter().map(plain).collect());
                }
                let entry = |mut value: Json| {
                    let key = value.get("key")?.as_str()?.to_owned();
                    Some((key, plain(value.get_mut("value")?.take())))
                };
                return Json::Object(values.into_iter().filter_map(entry).collect());
            }
            match object.into_iter().next() {
                Some((kind, Json::String(number))) if kind == "intValue" => {
                    number.parse::<i64>().map_or(Json::String(number), Json::from)
                }
                Some((_, value @ Json::Object(_))) => plain(value),
                Some((_, value)) => value,
                None => Json::Null,
            }
        }
        other => other,
    }
}
