//! The JSON of the query API: its fields have Jaeger's names and order.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Serialize, Serializer};

use super::adjust::LogView;
use crate::go_format::json::Mark;
use crate::go_format::numbers::float_text;
use crate::model::{KeyValue, RefKind, Reference, SpanId, TraceId, Value};

/// The envelope of every answer.
#[derive(Debug, Serialize)]
pub(super) struct Answer<T> {
    pub(super) data: Option<T>,
    pub(super) total: usize,
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) errors: Option<Vec<Problem>>,
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Answer { data: None, total: 0, limit: 0, offset: 0, errors: None }
    }
}

impl<T> Answer<T> {
    pub(super) fn of(data: T) -> Self {
        Answer { data: Some(data), ..Answer::default() }
    }
}

impl<T> Answer<Vec<T>> {
    /// An answer with the number of its items.
    pub(super) fn counted(data: Vec<T>) -> Self {
        Answer { total: data.len(), ..Answer::of(data) }
    }
}

/// An error within an answer.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) code: u16,
    pub(super) msg: String,
    #[serde(rename = "traceID", skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    pub(super) trace_id: Option<TraceId>,
}

/// A trace without its spans and processes.
#[derive(Debug, Serialize)]
pub(super) struct TraceJson {
    #[serde(rename = "traceID", serialize_with = "display")]
    pub(super) trace_id: TraceId,
    pub(super) spans: [Mark; 2],
    pub(super) processes: MarkedEntries,
    pub(super) warnings: Option<[String; 1]>,
}

/// A placeholder for an object, of two entries.
#[derive(Debug)]
pub(super) struct MarkedEntries;

impl Serialize for MarkedEntries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(Mark, Mark); 2])
    }
}

#[derive(Debug, Serialize)]
pub(super) struct SpanJson<'a> {
    #[serde(rename = "traceID", serialize_with = "display")]
    pub(super) trace_id: TraceId,
    #[serde(rename = "spanID", serialize_with = "display")]
    pub(super) span_id: SpanId,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) flags: u32,
    #[serde(rename = "operationName")]
    pub(super) operation: &'a str,
    pub(super) references: References<'a>,
    #[serde(rename = "startTime")]
    pub(super) start: u64,
    pub(super) duration: u64,
    pub(super) tags: Tags<'a>,
    pub(super) logs: Logs<'a>,
    #[serde(rename = "processID")]
    pub(super) process_id: &'a str,
    pub(super) warnings: Option<&'a [String]>,
}

/// A span's references.
#[derive(Clone, Copy, Debug)]
pub(super) struct References<'a>(pub(super) &'a [Reference]);

impl Serialize for References<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|reference| ReferenceJson {
            kind: reference.kind,
            trace_id: reference.trace_id,
            span_id: reference.span_id,
        }))
    }
}

#[derive(Serialize)]
struct ReferenceJson {
    #[serde(rename = "refType", serialize_with = "kind")]
    kind: RefKind,
    #[serde(rename = "traceID", serialize_with = "display")]
    trace_id: TraceId,
    #[serde(rename = "spanID", serialize_with = "display")]
    span_id: SpanId,
}

/// A span's logs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logs<'a>(pub(super) &'a [LogView]);

impl Serialize for Logs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.0.iter().map(|log| LogJson { timestamp: log.micros(), fields: Tags(&log.fields) }),
        )
    }
}

#[derive(Serialize)]
struct LogJson<'a> {
    timestamp: u64,
    fields: Tags<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct ProcessJson<'a> {
    #[serde(rename = "serviceName")]
    pub(super) service: &'a str,
    pub(super) tags: Tags<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct OperationJson<'a> {
    pub(super) name: &'a str,
    #[serde(rename = "spanKind")]
    pub(super) kind: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct DependencyJson<'a> {
    pub(super) parent: &'a str,
    pub(super) child: &'a str,
    #[serde(rename = "callCount")]
    pub(super) calls: u64,
}

/// Tags, or a log's fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tags<'a>(pub(super) &'a [KeyValue]);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|tag| TagJson {
            key: &tag.key,
            kind: tag.value.type_name(),
            value: ValueJson(&tag.value),
        }))
    }
}

#[derive(Serialize)]
struct TagJson<'a> {
    key: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: ValueJson<'a>,
}

struct ValueJson<'a>(&'a Value);

impl Serialize for ValueJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => serializer.serialize_str(text),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int64(value) => serializer.serialize_i64(*value),
            // JSON has no such numbers. Jaeger fails the whole search because of one.
            Value::Float64(value) if !value.is_finite() => {
                serializer.serialize_str(&float_text(*value))
            }
            Value::Float64(value) => serializer.serialize_f64(*value),
            Value::Binary(bytes) if bytes.is_empty() => serializer.serialize_none(),
            Value::Binary(bytes) => serializer.collect_str(&Base64Display::new(bytes, &BASE64)),
        }
    }
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn display<S: Serializer>(id: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn shown<S: Serializer>(id: &Option<TraceId>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}

fn kind<S: Serializer>(kind: &RefKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match kind {
        RefKind::FollowsFrom => "FOLLOWS_FROM",
        RefKind::ChildOf | RefKind::Other(_) => "CHILD_OF",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_base64() {
        let json = |bytes: &[u8]| serde_json::to_string(&ValueJson(&Value::Binary(bytes.into())));
        assert_eq!(json(b"h").expect("JSON"), "\"aA==\"");
        assert_eq!(json(b"\x00\x01\x02\xfe\xff").expect("JSON"), "\"AAEC/v8=\"");
    }

    #[test]
    fn what_json_has_no_number_for_is_text() {
        let json = |value| serde_json::to_string(&ValueJson(&value)).expect("JSON");
        assert_eq!(json(Value::Float64(f64::NAN)), "\"NaN\"");
        assert_eq!(json(Value::Float64(f64::NEG_INFINITY)), "\"-Inf\"");
    }
}
