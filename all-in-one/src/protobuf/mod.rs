//! Protocol buffers: the wire format read and written. What the fields mean is known where the messages
//! are decoded and made.

pub(crate) mod message;
pub(crate) mod wire;

use std::fmt;

/// The most memory that the spans of one request may take, in bytes.
pub(crate) const MAX_UNFOLDED: usize = crate::server::body::MAX_DECODED;

/// Why bytes are not a message of Jaeger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The bytes end within a value.
    Truncated,
    /// A length is larger than the bytes that are left.
    TooLong(u64),
    /// A variable-length integer is longer than ten bytes, or out of range.
    Varint,
    /// A field without a number.
    FieldNumber,
    /// A wire type that is unknown or no longer used.
    WireType(u8),
    /// A field has another kind of value than it should.
    Kind,
    /// An id has the wrong length.
    IdLength(&'static str),
    /// A time or duration is out of the format's range.
    Time,
    /// The spans take more than [`MAX_UNFOLDED`] bytes.
    TooMuch,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Truncated => f.write_str("the message ends within a value"),
            Error::TooLong(length) => {
                write!(f, "a field claims a length of {length}, more than the message holds")
            }
            Error::Varint => f.write_str("an integer is out of range"),
            Error::FieldNumber => f.write_str("a field has the number 0"),
            Error::WireType(number) => write!(f, "a field has the wire type {number}"),
            Error::Kind => f.write_str("a field has another kind of value than it should"),
            Error::IdLength(name) => write!(f, "invalid length for {name}"),
            Error::Time => f.write_str("a time or duration is out of range"),
            Error::TooMuch => {
                write!(f, "the spans take more than {MAX_UNFOLDED} bytes: send smaller batches")
            }
        }
    }
}

impl std::error::Error for Error {}
