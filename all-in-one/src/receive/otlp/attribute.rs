//! OTLP's attributes to Jaeger's tags.
//!
//! Jaeger has neither lists nor maps: they become text, as JSON with the keys of maps sorted.
//! Within it bytes are base64, and the three numbers that JSON does not have are text.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use opentelemetry_proto::tonic::common::v1 as otlp;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use serde::{Serialize, Serializer};

use crate::model::{KeyValue, Value};
use crate::query::go_json;
use crate::receive::intern::Interner;

/// The tags of these attributes, in their order, with room for `more` behind them.
pub(super) fn tags(
    attributes: Vec<otlp::KeyValue>,
    more: usize,
    interner: &mut Interner,
) -> Vec<KeyValue> {
    let mut tags = Vec::with_capacity(attributes.len() + more);
    tags.extend(attributes.into_iter().map(|attribute| tag(attribute, interner)));
    tags
}

fn tag(attribute: otlp::KeyValue, interner: &mut Interner) -> KeyValue {
    let key = interner.text(attribute.key.as_bytes());
    KeyValue { key, value: value(attribute.value, interner) }
}

fn value(value: Option<otlp::AnyValue>, interner: &mut Interner) -> Value {
    match value.and_then(|value| value.value) {
        Some(Any::StringValue(text)) => Value::String(interner.text(text.as_bytes())),
        Some(Any::BoolValue(value)) => Value::Bool(value),
        Some(Any::IntValue(value)) => Value::Int64(value),
        Some(Any::DoubleValue(value)) => Value::Float64(value),
        Some(Any::BytesValue(bytes)) => {
            interner.charge(bytes.len());
            Value::Binary(bytes.into())
        }
        Some(nested @ (Any::ArrayValue(_) | Any::KvlistValue(_))) => {
            // Writing to memory does not fail.
            let json = go_json(&Nested(Some(&nested))).unwrap_or_default();
            Value::String(interner.text(&json))
        }
        // An index into a table that only profiles have says nothing here.
        Some(Any::StringValueStrindex(_)) | None => Value::String(interner.text(b"")),
    }
}

/// A value within a list or a map. It nests no deeper than what was decoded.
struct Nested<'a>(Option<&'a Any>);

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(Any::StringValue(text)) => out.serialize_str(text),
            Some(Any::BoolValue(value)) => out.serialize_bool(*value),
            Some(Any::IntValue(value)) => out.serialize_i64(*value),
            Some(Any::DoubleValue(value)) if value.is_finite() => out.serialize_f64(*value),
            Some(Any::DoubleValue(value)) => out.serialize_str(infinite(*value)),
            Some(Any::BytesValue(bytes)) => out.serialize_str(&BASE64.encode(bytes)),
            Some(Any::ArrayValue(list)) => out.collect_seq(list.values.iter().map(Nested::of)),
            Some(Any::KvlistValue(map)) => out.collect_map(sorted(map)),
            Some(Any::StringValueStrindex(_)) | None => out.serialize_unit(),
        }
    }
}

impl<'a> Nested<'a> {
    fn of(value: &'a otlp::AnyValue) -> Self {
        Nested(value.value.as_ref())
    }
}

/// Of a key that comes twice, the last value.
fn sorted(map: &otlp::KeyValueList) -> BTreeMap<&str, Nested<'_>> {
    map.values.iter().map(entry).collect()
}

fn entry(entry: &otlp::KeyValue) -> (&str, Nested<'_>) {
    (&entry.key, entry.value.as_ref().map_or(Nested(None), Nested::of))
}

/// As OTLP's own JSON writes them.
fn infinite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}
