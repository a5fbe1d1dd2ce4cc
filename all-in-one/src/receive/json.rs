//! JSON that a client sent, as a tree of bounded size.
//!
//! The tree stands between the text and the formats that are read from it (OTLP, Zipkin): they
//! take a number that was sent as text, ignore what they do not know, and say what is wrong in
//! the words of Go's `encoding/json`, in which Jaeger answers.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

/// How deep lists and objects may nest: more than any format here needs for its own.
const MAX_DEPTH: u16 = 256;
/// How many values a text may hold: some seven thousand spans. A value takes up to 56 bytes, and
/// the shortest text for one is 2 bytes long: without a limit 20 MiB of text would become half a
/// gigabyte.
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
    /// The fields in the order sent, one of a name perhaps twice.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Reads one value; only white space may follow it.
    ///
    /// # Errors
    /// Where the text is no JSON, or nests deeper or holds more than the limits above.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, String> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        // Counted below: the reader's own limit of 128 is less than OTLP may need.
        reader.disable_recursion_limit();
        let left = Cell::new(MAX_VALUES);
        let value = TreeBuilder { depth: MAX_DEPTH, left: &left }.deserialize(&mut reader);
        let value = value.and_then(|value| reader.end().map(|()| value));
        value.map_err(|error| in_the_words_of_go(text, &error))
    }

    /// What Go calls it.
    fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "bool",
            Json::Int(_) | Json::Uint(_) | Json::Float(_) => "number",
            Json::Text(_) => "string",
            Json::List(_) => "array",
            Json::Object(_) => "object",
        }
    }

    /// That this value cannot be taken for a `wanted`, a type of Go's.
    pub(super) fn mismatch(&self, wanted: &str) -> String {
        self.no("Go value", wanted)
    }

    /// That this value cannot be taken for what a field of a struct holds.
    pub(super) fn no_field(&self, field: &str, wanted: &str) -> String {
        self.no(&format!("Go struct field {field}"), wanted)
    }

    fn no(&self, place: &str, wanted: &str) -> String {
        let kind = match self {
            // A number of the wrong kind is shown.
            Json::Float(number) if wanted.contains("int") => format!("number {number}"),
            _ => self.kind().to_owned(),
        };
        format!("json: cannot unmarshal {kind} into {place} of type {wanted}")
    }
}

/// Builds the tree; it goes `depth` levels deeper at most.
#[derive(Clone, Copy)]
struct TreeBuilder<'l> {
    depth: u16,
    left: &'l Cell<usize>,
}

impl TreeBuilder<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("exceeded max depth"))?;
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

/// A field's name, borrowed where it holds no escape.
struct Key;

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

const VALUE: &str = "looking for beginning of value";
const OBJECT_KEY: &str = "looking for beginning of object key string";

/// What Go would say where it says nearly the same, else what serde says.
fn in_the_words_of_go(text: &[u8], error: &serde_json::Error) -> String {
    let said = error.to_string();
    if error.classify() == Category::Eof {
        let nothing = text.iter().all(u8::is_ascii_whitespace);
        return if nothing { "EOF" } else { "unexpected EOF" }.to_owned();
    }
    const WORDS: [(&str, &str); 6] = [
        ("expected value", VALUE),
        ("key must be a string", OBJECT_KEY),
        ("expected `:`", "after object key"),
        ("expected `,` or `}`", "after object key:value pair"),
        ("expected `,` or `]`", "after array element"),
        ("trailing characters", "after top-level value"),
    ];
    let words = WORDS.iter().find(|(serde, _)| said.starts_with(serde));
    match (words, character(text, error)) {
        (_, Some('}')) if said.starts_with("trailing comma") => unexpected('}', OBJECT_KEY),
        (_, Some(c)) if said.starts_with("trailing comma") => unexpected(c, VALUE),
        (Some((_, go)), Some(c)) => unexpected(c, go),
        _ => said,
    }
}

/// That a character stands where it may not.
pub(super) fn unexpected(character: char, place: &str) -> String {
    let quoted = match character {
        '\'' => r"'\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => format!("'{}'", c.escape_debug()),
    };
    format!("invalid character {quoted} {place}")
}

fn character(text: &[u8], error: &serde_json::Error) -> Option<char> {
    let line = text.split(|byte| *byte == b'\n').nth(error.line().checked_sub(1)?)?;
    let rest = line.get(error.column().checked_sub(1)?..)?;
    // Go looks at bytes.
    rest.first().map(|byte| char::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_go_s() {
        for (text, said) in [
            ("", "EOF"),
            (" \n", "EOF"),
            ("{\"a\":", "unexpected EOF"),
            ("{bad", "invalid character 'b' looking for beginning of object key string"),
            ("T", "invalid character 'T' looking for beginning of value"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 2}", "invalid character '2' after object key:value pair"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("[1\n 2]", "invalid character '2' after array element"),
            ("{} x", "invalid character 'x' after top-level value"),
        ] {
            assert_eq!(Json::parse(text.as_bytes()).expect_err(text), said, "{text}");
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
