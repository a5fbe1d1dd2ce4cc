//! Traces from Jaeger's query API: what `/api/traces` answers, and what its pages save as JSON.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::read::{Read, ReadError, Spans, add_attribute, in_order, name_event, number};
use crate::span::{Event, Span};
use crate::trace::{Record, Trace};
use crate::value::Value;

/// Reads the traces of an answer, the earliest first.
///
/// Kind and status, which Jaeger stores as tags, become [`Span::kind`] and [`Span::status`]. The tags that name
/// the library which made the span are left out. A log becomes an event: the field `event`, else
/// `message`, is its name. References beside the parent become links.
///
/// # Errors
///
/// If the text is not such an answer, or the answer is an error.
///
/// ```
/// let json = r#"{"data": [{
///     "spans": [{"traceID": "a", "spanID": "1", "operationName": "buy", "startTime": 1, "duration": 1,
///                "processID": "p1", "tags": [{"key": "span.kind", "type": "string", "value": "server"}]}],
///     "processes": {"p1": {"serviceName": "shop"}}}]}"#;
/// let traces = expect_trace::jaeger::traces(json)?;
/// assert_eq!(traces[0].to_string(), "shop: buy [server]\n");
/// # Ok::<(), expect_trace::ReadError>(())
/// ```
pub fn traces(json: &str) -> Result<Vec<Trace>, ReadError> {
    let answer: Answer = serde_json::from_str(json)?;
    if let (None, Some(error)) = (&answer.data, answer.errors.into_iter().flatten().next()) {
        return Err(ReadError::Refused(error.message));
    }
    let mut spans = Spans::default();
    for trace in answer.data.unwrap_or_default() {
        for span in trace.spans.unwrap_or_default() {
            let service = trace.processes.get(&span.process).map_or("", |process| &process.service);
            spans.push(read(span, service)?);
        }
    }
    Ok(spans.into_traces())
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Vec<TraceJson>>,
    errors: Option<Vec<ErrorJson>>,
}

#[derive(Deserialize)]
struct ErrorJson {
    #[serde(rename = "msg")]
    message: String,
}

#[derive(Deserialize)]
struct TraceJson {
    spans: Option<Vec<SpanJson>>,
    #[serde(default)]
    processes: HashMap<String, Process>,
}

#[derive(Deserialize)]
struct Process {
    #[serde(rename = "serviceName")]
    service: String,
}

#[derive(Deserialize)]
struct SpanJson {
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    id: String,
    #[serde(rename = "operationName")]
    operation: String,
    references: Option<Vec<Reference>>,
    #[serde(rename = "startTime")]
    start: u64,
    duration: u64,
    tags: Option<Vec<Tag>>,
    logs: Option<Vec<Log>>,
    #[serde(rename = "processID", default)]
    process: String,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "refType")]
    kind: String,
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    #[serde(rename = "type", default)]
    kind: String,
    value: Json,
}

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    timestamp: u64,
    fields: Option<Vec<Tag>>,
}

fn read(json: SpanJson, service: &str) -> Result<Read, ReadError> {
    let mut span = Span::new(service, json.operation);
    span.start = json.start.saturating_mul(1000);
    span.duration = Duration::from_micros(json.duration);
    for tag in json.tags.unwrap_or_default() {
        add_attribute(&mut span, tag.key, read_value(&tag.kind, tag.value)?);
    }
    let mut events = Vec::new();
    for log in json.logs.unwrap_or_default() {
        events.push((log.timestamp, read_log(log)?));
    }
    span.events = in_order(events);

    let mut links = json.references.unwrap_or_default();
    // A trace from OpenTelemetry has its links as FOLLOWS_FROM; some older clients mean a parent by it.
    let parent = links.iter().position(|link| link.kind == "CHILD_OF" && link.trace == json.trace);
    let parent = parent.or_else(|| links.iter().position(|link| link.trace == json.trace));
    let parent = parent.map(|at| links.remove(at).span);
    let links = links.into_iter().map(|link| (link.trace, link.span)).collect();
    Ok(Read { trace: json.trace, record: Record { id: json.id, parent, span }, links })
}

fn read_log(log: Log) -> Result<Event, ReadError> {
    let mut event = Event::default();
    for field in log.fields.unwrap_or_default() {
        event.attributes.push((field.key, read_value(&field.kind, field.value)?));
    }
    name_event(&mut event);
    Ok(event)
}

/// Reads a value by the type beside it.
fn read_value(kind: &str, value: Json) -> Result<Value, ReadError> {
    Ok(match (kind, value) {
        (_, Json::Bool(yes)) => Value::Bool(yes),
        ("int64", text @ Json::String(_)) => Value::Int(number(text)?),
        ("float64", value @ (Json::Number(_) | Json::String(_))) => Value::Float(number(value)?),
        (_, Json::Number(value)) => match value.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(number(Json::Number(value))?),
        },
        ("bool", Json::String(text)) if matches!(&*text, "true" | "false") => {
            Value::Bool(text == "true")
        }
        ("binary", Json::String(base64)) => Value::Bytes(base64),
        (_, Json::String(text)) => Value::Text(text),
        (_, other) => Value::Text(other.to_string()),
    })
}
