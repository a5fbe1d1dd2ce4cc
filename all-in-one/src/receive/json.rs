//! JSON from a client, as a tree of bounded size.
//!
//! OTLP and Zipkin are decoded span by span, each from such a tree: they accept numbers that were
//! sent as text, and ignore unknown fields.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Serialize;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde_json::value::RawValue;

use super::mend::mended;

/// How deep arrays and objects may nest: deeper than any format here needs.
const MAX_DEPTH: u16 = 256;
/// How many values a span may hold. A value takes up to 56 bytes of memory and 2 bytes of text.
/// Without this limit, 20 MiB of text would become half a gigabyte.
const MAX_VALUES: usize = 400_000;

/// A value.
#[derive(Debug)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer beyond 63 bits.
    Uint(u64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    /// The fields in the order sent. A name can occur twice.
    Object(JsonFields<'a>),
}

/// The fields of an object.
pub(super) type JsonFields<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

impl<'a> Json<'a> {
    /// Parses one value; only white space may follow it.
    ///
    /// # Errors
    /// Where the text is not JSON, nests too deep or holds too many values.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, String> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        // `TreeBuilder` counts the depth: serde_json's own limit of 128 is less than OTLP may need.
        reader.disable_recursion_limit();
        let left = Cell::new(MAX_VALUES);
        let value = TreeBuilder { depth: MAX_DEPTH, left: &left }.deserialize(&mut reader);
        let value = value.and_then(|value| reader.end().map(|()| value));
        value.map_err(|error| error.to_string())
    }

    /// What JSON calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Int(_) | Json::Uint(_) => "an integer",
            Json::Float(_) => "a number",
            Json::Text(_) => "a string",
            Json::List(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

/// Parses a value and passes it to `read`; where that fails, once more with the text mended.
///
/// # Errors
/// That of `read`, or why the mended text is not JSON.
pub(super) fn read<T>(
    text: &str,
    read: impl Fn(Json<'_>) -> Result<T, String>,
) -> Result<T, String> {
    match Json::parse(text.as_bytes()) {
        Ok(value) => read(value),
        Err(_) => read(Json::parse(mended(text.as_bytes())?.as_bytes())?),
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => out.serialize_unit(),
            Json::Bool(value) => out.serialize_bool(*value),
            Json::Int(value) => out.serialize_i64(*value),
            Json::Uint(value) => out.serialize_u64(*value),
            Json::Float(value) => out.serialize_f64(*value),
            Json::Text(text) => out.serialize_str(text),
            Json::List(items) => out.collect_seq(items),
            Json::Object(fields) => {
                out.collect_map(fields.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

/// Builds the tree, at most `depth` levels deep.
#[derive(Clone, Copy)]
struct TreeBuilder<'l> {
    depth: u16,
    left: &'l Cell<usize>,
}

impl TreeBuilder<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("it nests too deep"))?;
        Ok(TreeBuilder { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for TreeBuilder<'_> {
    type Value = Json<'de>;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| de::Error::custom("it holds too many values"))?);
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TreeBuilder<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(i64::try_from(value).map_or(Json::Uint(value), Json::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(value.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let deeper = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(deeper)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let deeper = self.deeper()?;
        let mut fields = Vec::new();
        while let Some(key) = entries.next_key_seed(Key)? {
            fields.push((key, entries.next_value_seed(deeper)?));
        }
        Ok(Json::Object(fields))
    }
}

/// A field's name, borrowed unless it contains an escape.
pub(super) struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(value.to_owned().into())
    }
}

/// Visits the items of an array one by one; null is an empty array.
///
/// # Errors
/// Where it is not an array, or `visit` fails.
pub(crate) fn each<'a>(
    list: &'a RawValue,
    visit: &mut dyn FnMut(&'a RawValue) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = serde_json::Deserializer::from_str(list.get());
    Each { visit }.deserialize(&mut reader).map_err(|error| error.to_string())
}

struct Each<'v, 'a> {
    visit: &'v mut dyn FnMut(&'a RawValue) -> Result<(), String>,
}

impl<'de> DeserializeSeed<'de> for Each<'_, 'de> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Each<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&'de RawValue>()? {
            (self.visit)(item).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_value_is_taken() {
        for text in ["", " \n", "{\"a\":", "{bad", "{\"a\":1,}", "[1,]", "{} x"] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Json::parse(nested(MAX_DEPTH.into()).as_bytes()).is_ok());
        for depth in [usize::from(MAX_DEPTH) + 1, 100_000] {
            assert!(Json::parse(nested(depth).as_bytes()).is_err(), "{depth}");
        }
        let many = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        assert!(Json::parse(many(MAX_VALUES).as_bytes()).is_ok());
        assert!(Json::parse(many(MAX_VALUES + 1).as_bytes()).is_err());
    }
}
