//! What the readers of all formats share.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

use serde_json::Value as Json;

use crate::span::{Event, Kind, Link, Span, Status};
use crate::text::Escaped;
use crate::trace::{Record, Trace};
use crate::value::Value;

/// Why spans cannot be read.
///
/// ```
/// let error = expect_trace::jaeger::traces("<html>").unwrap_err();
/// assert_eq!(error.to_string(), "not a trace in JSON: expected value at line 1 column 1");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is not JSON, or has another shape.
    Json(serde_json::Error),
    /// A number is out of range, or is none.
    Number(String),
    /// The text is JSON, but holds no traces.
    Shape(&'static str),
    /// The text is the error that a server answered, such as `trace not found`.
    Refused(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "not a trace in JSON: {error}"),
            Self::Number(text) => write!(f, "not a number in range: {}", Escaped(text)),
            Self::Shape(reason) => f.write_str(reason),
            Self::Refused(message) => write!(f, "the server answered: {}", Escaped(message)),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Number(_) | Self::Shape(_) | Self::Refused(_) => None,
        }
    }
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// Reads a number. It may be a text, because numbers in JSON are not exact beyond 2^53.
pub(crate) fn number<T: FromStr>(json: Json) -> Result<T, ReadError> {
    let text = match json {
        Json::String(text) => text,
        other => other.to_string(),
    };
    text.parse().map_err(|_| ReadError::Number(text))
}

/// Spans as they are read, of all traces.
#[derive(Default)]
pub(crate) struct Spans {
    spans: Vec<Read>,
}

/// A span, and the ids that it names.
pub struct Read {
    pub trace: String,
    pub record: Record,
    /// The trace and span ids of its links.
    pub links: Vec<(String, String)>,
}

impl Spans {
    pub(crate) fn push(&mut self, span: Read) {
        self.spans.push(span);
    }

    /// Resolves the links, and sorts the spans into their traces, the earliest first.
    pub(crate) fn into_traces(mut self) -> Vec<Trace> {
        let mut targets = HashMap::new();
        for read in &self.spans {
            let span = &read.record.span;
            let key = (read.trace.clone(), read.record.id.clone());
            targets.entry(key).or_insert_with(|| (span.service.clone(), span.operation.clone()));
        }
        for read in &mut self.spans {
            let links =
                read.links.drain(..).map(|link| Link { target: targets.get(&link).cloned() });
            read.record.span.links.extend(links);
        }
        let mut traces: HashMap<String, Vec<Record>> = HashMap::new();
        for read in self.spans {
            traces.entry(read.trace).or_default().push(read.record);
        }
        let start = |records: &[Record]| records.iter().map(|record| record.span.start).min();
        let mut traces: Vec<(String, Vec<Record>)> = traces.into_iter().collect();
        traces.sort_by(|(a_id, a), (b_id, b)| start(a).cmp(&start(b)).then_with(|| a_id.cmp(b_id)));
        let trace = |(id, records): (String, Vec<Record>)| match id.is_empty() {
            true => Trace::from_records(records),
            false => Trace::from_records(records).with_id(id),
        };
        traces.into_iter().map(trace).collect()
    }
}

/// Adds an attribute. Those that Jaeger makes of other fields become these fields again, so that a
/// span is the same from each source.
pub(crate) fn add_attribute(span: &mut Span, key: String, value: Value) {
    match (key.as_str(), &value) {
        ("span.kind", Value::Text(name)) => match Kind::from_name(name) {
            Some(kind) => span.kind = kind,
            None => span.attributes.push((key, value)),
        },
        ("error", Value::Bool(true)) => span.status = Status::Error,
        ("otel.status_code", Value::Text(code)) if code == "ERROR" => span.status = Status::Error,
        ("otel.status_code", Value::Text(code)) if code == "OK" => span.status = Status::Ok,
        (key, _) if is_left_out(key) => {}
        _ => span.attributes.push((key, value)),
    }
}

/// Whether an attribute says how a span was made and sent, which differs between the sources of one trace.
pub(crate) fn is_left_out(key: &str) -> bool {
    matches!(key, "internal.span.format" | "w3c.tracestate" | "@jaeger@warnings")
        || key.starts_with("otel.library.")
        || key.starts_with("otel.scope.")
}

/// Names an event by its field `event`, else by `message`, if it has no name, as in Jaeger.
pub(crate) fn name_event(event: &mut Event) {
    if !event.name.is_empty() {
        return;
    }
    let position = |name: &str| {
        let is_name =
            |(key, value): &(String, Value)| key == name && matches!(value, Value::Text(_));
        event.attributes.iter().position(is_name)
    };
    if let Some(at) = position("event").or_else(|| position("message"))
        && let (_, Value::Text(name)) = event.attributes.remove(at)
    {
        event.name = name;
    }
}

/// Puts events in order of time. Those of one time stay as they are.
pub(crate) fn in_order(mut events: Vec<(u64, Event)>) -> Vec<Event> {
    events.sort_by_key(|(time, _)| *time);
    events.into_iter().map(|(_, event)| event).collect()
}
