//! Nested attribute values, as text.
//!
//! Jaeger has neither lists nor maps: they become JSON, with the keys of maps sorted. In it bytes
//! are base64, and NaN and the infinities are strings.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::limits::{ErrorText, spend};
use super::proto::{each, fixed, message, varint};
use crate::go_format::json;

/// The JSON of an `AnyValue` that holds a list or a map, at most `depth` levels deep. The memory
/// that decoding takes is subtracted from `budget`.
///
/// # Errors
/// Where it nests too deep, takes too much memory, or is malformed.
pub(super) fn nested(value: &[u8], depth: u32, budget: &mut usize) -> Result<Vec<u8>, ErrorText> {
    spend(budget, value.len())?;
    let mut found = Nested::Null;
    found.read(value, Limits { depth, budget })?;
    // Writing to memory cannot fail.
    let json = json::compact(&found).unwrap_or_default();
    spend(budget, json.len())?;
    Ok(json)
}

/// How deep the messages of a value may nest, and how much memory they may take.
struct Limits<'b> {
    depth: u32,
    budget: &'b mut usize,
}

impl Limits<'_> {
    /// Begins a message.
    fn begin(&mut self) -> Result<(), ErrorText> {
        spend(self.budget, size_of::<Entry<'_>>())
    }

    /// The limits of a message within this one.
    fn deeper(&mut self) -> Result<Limits<'_>, ErrorText> {
        let depth = self.depth.checked_sub(1).ok_or("it nests too deep")?;
        Ok(Limits { depth, budget: self.budget })
    }
}

/// An `AnyValue` within a list or a map, or one that holds a list or a map.
enum Nested<'a> {
    Null,
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    List(Vec<Nested<'a>>),
    Map(Vec<Entry<'a>>),
}

/// A `KeyValue`.
struct Entry<'a> {
    key: &'a str,
    value: Nested<'a>,
}

impl<'a> Nested<'a> {
    /// Reads an `AnyValue`. Of several values the last one counts, but lists continue each other,
    /// and so do maps, as protobuf merges messages.
    fn read(&mut self, bytes: &'a [u8], mut limits: Limits<'_>) -> Result<(), ErrorText> {
        limits.begin()?;
        each(bytes, |number, value| {
            match number {
                1 => *self = Nested::Text(text(message(value, "StringValue")?)?),
                2 => *self = Nested::Bool(varint(value, "BoolValue")? != 0),
                3 => *self = Nested::Int(varint(value, "IntValue")? as i64),
                4 => *self = Nested::Double(f64::from_bits(fixed(value, "DoubleValue")?)),
                5 => self.read_list(message(value, "ArrayValue")?, limits.deeper()?)?,
                6 => self.read_map(message(value, "KvlistValue")?, limits.deeper()?)?,
                7 => *self = Nested::Bytes(message(value, "BytesValue")?),
                _ => {}
            }
            Ok(())
        })
    }

    fn read_list(&mut self, bytes: &'a [u8], mut limits: Limits<'_>) -> Result<(), ErrorText> {
        limits.begin()?;
        let mut items = match std::mem::replace(self, Nested::Null) {
            Nested::List(items) => items,
            _ => Vec::new(),
        };
        each(bytes, |number, value| {
            if number == 1 {
                let mut item = Nested::Null;
                item.read(message(value, "Values")?, limits.deeper()?)?;
                items.push(item);
            }
            Ok(())
        })?;
        *self = Nested::List(items);
        Ok(())
    }

    fn read_map(&mut self, bytes: &'a [u8], mut limits: Limits<'_>) -> Result<(), ErrorText> {
        limits.begin()?;
        let mut entries = match std::mem::replace(self, Nested::Null) {
            Nested::Map(entries) => entries,
            _ => Vec::new(),
        };
        each(bytes, |number, value| {
            if number == 1 {
                entries.push(Entry::read(message(value, "Values")?, limits.deeper()?)?);
            }
            Ok(())
        })?;
        *self = Nested::Map(entries);
        Ok(())
    }
}

impl<'a> Entry<'a> {
    fn read(bytes: &'a [u8], mut limits: Limits<'_>) -> Result<Self, ErrorText> {
        limits.begin()?;
        let mut entry = Entry { key: "", value: Nested::Null };
        each(bytes, |number, value| {
            match number {
                1 => entry.key = text(message(value, "Key")?)?,
                2 => entry.value.read(message(value, "Value")?, limits.deeper()?)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(entry)
    }
}

fn text(bytes: &[u8]) -> Result<&str, ErrorText> {
    std::str::from_utf8(bytes).map_err(|_| "a text in a list or a map is not UTF-8".into())
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Nested::Text(text) => out.serialize_str(text),
            Nested::Bool(value) => out.serialize_bool(*value),
            Nested::Int(value) => out.serialize_i64(*value),
            // A zero in a list keeps its sign, in Jaeger too.
            Nested::Double(value) if *value == 0.0 && value.is_sign_negative() => {
                let zero = RawValue::from_string("-0".to_owned()).map_err(S::Error::custom)?;
                zero.serialize(out)
            }
            Nested::Double(value) if value.is_finite() => out.serialize_f64(*value),
            Nested::Double(value) => out.serialize_str(infinite(*value)),
            Nested::Bytes(bytes) => out.serialize_str(&BASE64.encode(bytes)),
            Nested::List(items) => out.collect_seq(items),
            Nested::Map(entries) => out.collect_map(sorted(entries)),
            Nested::Null => out.serialize_unit(),
        }
    }
}

/// The entries, sorted. Of a repeated key the last value counts.
fn sorted<'e>(entries: &'e [Entry<'_>]) -> BTreeMap<&'e str, &'e Nested<'e>> {
    let mut sorted = BTreeMap::new();
    for entry in entries {
        sorted.insert(entry.key, &entry.value);
    }
    sorted
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
