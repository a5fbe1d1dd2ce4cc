//! Tags: a key and a typed value.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};

use super::text::Text;

/// A tag of a span or a process, or a field of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyValue {
    /// The tag's name, which need not be unique.
    pub key: Text,
    /// Its value.
    pub value: Value,
}

impl KeyValue {
    /// A tag that holds text.
    pub fn text(key: impl Into<Text>, value: impl Into<Text>) -> Self {
        KeyValue { key: key.into(), value: Value::String(value.into()) }
    }
}

/// The five types that a tag's value can have in Jaeger.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text.
    String(Text),
    /// True or false.
    Bool(bool),
    /// A signed integer of 64 bits.
    Int64(i64),
    /// A floating-point number, including infinities and NaN.
    Float64(f64),
    /// Bytes.
    Binary(Box<[u8]>),
}

impl Value {
    /// The name that the query API gives the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            Value::Int64(_) => "int64",
            Value::Float64(_) => "float64",
            Value::Binary(_) => "binary",
        }
    }

    /// The text, where the value is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as text for a search by tag: numbers in decimal with at most ten significant
    /// digits, bytes in hexadecimal.
    pub fn to_search_text(&self) -> String {
        match self {
            Value::String(text) => text.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Int64(value) => value.to_string(),
            Value::Float64(value) => crate::go_format::numbers::float_text(*value),
            Value::Binary(bytes) => hex(bytes),
        }
    }

    /// Whether a search for `text` finds this value.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Value::String(own) => &**own == text,
            Value::Bool(own) => text == if *own { "true" } else { "false" },
            _ => self.to_search_text() == text,
        }
    }

    /// Jaeger's order of values: by type, then by value.
    pub fn order(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Int64(a), Value::Int64(b)) => a.cmp(b),
            (Value::Float64(a), Value::Float64(b)) => a.total_cmp(b),
            (Value::Binary(a), Value::Binary(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::String(_) => 0,
            Value::Bool(_) => 1,
            Value::Int64(_) => 2,
            Value::Float64(_) => 3,
            Value::Binary(_) => 4,
        }
    }
}

// Floats compare by their bits, so that equal processes are found even if they hold a NaN.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Value::String(text) => text.hash(state),
            Value::Bool(value) => value.hash(state),
            Value::Int64(value) => value.hash(state),
            Value::Float64(value) => value.to_bits().hash(state),
            Value::Binary(bytes) => bytes.hash(state),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
