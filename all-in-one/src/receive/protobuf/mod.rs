//! Protocol buffers of Jaeger's own, read straight into the model.
//!
//! A generated reader would first build every message in memory, and an empty span or tag of two
//! bytes takes more than a hundred there: four megabytes become half a gigabyte. What is read
//! here is counted as it unfolds, and a request that takes more than [`MAX_UNFOLDED`] is refused.

pub(crate) mod grpc;
pub mod jaeger;
pub(in crate::receive) mod wire;

use std::fmt;

/// How many bytes the spans of one request may take in memory.
pub const MAX_UNFOLDED: usize = crate::server::body::MAX_DECODED;

/// Why bytes are no message of Jaeger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The bytes end within a value.
    Truncated,
    /// A length is larger than the bytes that are left.
    TooLong(u64),
    /// A variable-length integer does not end within ten bytes, or is out of its range.
    Varint,
    /// A field without a number.
    FieldNumber,
    /// A wire type that is unknown or no longer used.
    WireType(u8),
    /// A field holds another kind of value than it should.
    Kind,
    /// An id of another length than ids have.
    IdLength(&'static str),
    /// A time or duration beyond what the format allows.
    Time,
    /// More than [`MAX_UNFOLDED`] bytes of spans.
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
            Error::Kind => f.write_str("a field holds another kind of value than it should"),
            Error::IdLength(name) => write!(f, "invalid length for {name}"),
            Error::Time => f.write_str("a time or duration is out of range"),
            Error::TooMuch => {
                write!(f, "the spans take more than {MAX_UNFOLDED} bytes: send smaller batches")
            }
        }
    }
}

impl std::error::Error for Error {}
