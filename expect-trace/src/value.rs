//! The value of an attribute.

use std::fmt;

use crate::text::Quoted;

/// The value of an attribute, with its type.
///
/// Lists and maps are [`Value::Text`] in JSON, because Jaeger stores them like that. A value prints as in an
/// expectation.
///
/// ```
/// use expect_trace::Value;
///
/// assert_eq!(Value::from("402").to_string(), "\"402\"");
/// assert_eq!(Value::from(402).to_string(), "402");
/// assert_ne!(Value::from(2), Value::from(2.0));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// A text, written `"text"`.
    Text(String),
    /// A whole number, written `402`.
    Int(i64),
    /// A number with a fraction, written `1.5` or `2.0`.
    Float(f64),
    /// A boolean, written `true` or `false`.
    Bool(bool),
    /// Bytes in base64, written `base64"AQI="`.
    Bytes(String),
}

impl Value {
    /// The name of the type, for messages.
    ///
    /// ```
    /// assert_eq!(expect_trace::Value::from(402).type_name(), "integer");
    /// ```
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Int(_) => "integer",
            Self::Float(_) => "float",
            Self::Bool(_) => "boolean",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// Values are equal if their types are. Unlike in arithmetic, NaN equals NaN.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b || a.is_nan() && b.is_nan(),
            (Self::Bool(a), Self::Bool(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Int(number) => number.fmt(f),
            // `Debug` always writes a fraction or an exponent, which tells 2.0 from 2.
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Bool(yes) => yes.fmt(f),
            Self::Bytes(base64) => write!(f, "base64{}", Quoted(base64)),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}
