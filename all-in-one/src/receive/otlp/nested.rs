//! Nested attribute values, as text.
//!
//! Jaeger has neither lists nor maps: they become JSON, with the keys of maps sorted. In it bytes
//! are base64, and NaN and the infinities are strings.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use opentelemetry_proto::tonic::common::v1 as otlp;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use prost::Message;
use serde::{Serialize, Serializer};

use super::limits::{ErrorText, spend};
use super::proto::each;
use crate::go_format::json;

/// The JSON of an `AnyValue` that holds a list or a map, at most `depth` levels deep. The memory
/// that decoding takes is subtracted from `budget`.
///
/// # Errors
/// Where it nests too deep, takes too much memory, or is malformed.
pub(super) fn nested(value: &[u8], depth: u32, budget: &mut usize) -> Result<Vec<u8>, ErrorText> {
    spend(budget, value.len())?;
    MessageType::AnyValue.measure(value, depth, budget)?;
    let value = otlp::AnyValue::decode(value).map_err(|error| error.to_string())?;
    // Writing to memory cannot fail.
    let json = json::compact(&Nested(value.value.as_ref())).unwrap_or_default();
    spend(budget, json.len())?;
    Ok(json)
}

/// The messages that make up a value.
#[derive(Clone, Copy)]
enum MessageType {
    AnyValue,
    ArrayValue,
    KeyValueList,
    KeyValue,
}

impl MessageType {
    /// The type of the message in a field.
    fn child(self, field: u32) -> Option<MessageType> {
        match (self, field) {
            (MessageType::AnyValue, 5) => Some(MessageType::ArrayValue),
            (MessageType::AnyValue, 6) => Some(MessageType::KeyValueList),
            (MessageType::ArrayValue, 1) | (MessageType::KeyValue, 2) => {
                Some(MessageType::AnyValue)
            }
            (MessageType::KeyValueList, 1) => Some(MessageType::KeyValue),
            _ => None,
        }
    }

    /// Subtracts from `budget` the memory that this message will take besides its text, at most
    /// `depth` levels deep.
    fn measure(self, bytes: &[u8], depth: u32, budget: &mut usize) -> Result<(), ErrorText> {
        spend(budget, size_of::<otlp::KeyValue>())?;
        each(bytes, |number, value| {
            let child = self.child(number).zip(value.bytes().ok());
            child.map_or(Ok(()), |(child, bytes)| {
                let depth = depth.checked_sub(1).ok_or("it nests too deep")?;
                child.measure(bytes, depth, budget)
            })
        })
    }
}

/// A value within a list or a map. Its depth was checked before.
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

/// The entries, sorted. Of a repeated key the last value counts.
fn sorted(map: &otlp::KeyValueList) -> BTreeMap<&str, Nested<'_>> {
    map.values.iter().map(entry).collect()
}

fn entry(entry: &otlp::KeyValue) -> (&str, Nested<'_>) {
    (&entry.key, entry.value.as_ref().map_or(Nested(None), Nested::of))
}

/// The spelling of OTLP's JSON.
fn infinite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}
