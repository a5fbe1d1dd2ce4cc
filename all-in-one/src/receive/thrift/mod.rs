//! Apache Thrift, decoded from untrusted bytes.
//!
//! The generated readers of the Thrift crates trust the lengths in a packet: eight bytes make them
//! allocate gigabytes, and deep nesting overflows the stack. A [`Protocol`] here trusts nothing: a
//! length is bounded by the bytes that are left, a count by the least size of its elements, and
//! nesting by [`MAX_DEPTH`].

pub(crate) mod binary;
#[cfg(feature = "jaeger")]
pub(crate) mod compact;
mod cursor;
#[cfg(feature = "jaeger")]
pub(crate) mod http;
#[cfg(feature = "jaeger")]
pub(crate) mod jaeger;
#[cfg(feature = "jaeger")]
mod media_type;
mod sniff;
#[cfg(feature = "jaeger")]
pub(crate) mod udp;
pub(in crate::receive) mod zipkin;

use std::fmt;

/// How deep structs, lists and maps may nest: as deep as in Apache's own readers.
pub(crate) const MAX_DEPTH: usize = 64;

/// The types of Thrift. Each protocol has its own numbers for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// True or false.
    Bool,
    /// One byte.
    I8,
    /// An integer of 16 bits.
    I16,
    /// An integer of 32 bits.
    I32,
    /// An integer of 64 bits.
    I64,
    /// A floating point number of 64 bits.
    Double,
    /// Text or bytes: Thrift does not tell them apart.
    Binary,
    /// A list.
    List,
    /// A set, encoded as a list.
    Set,
    /// A map.
    Map,
    /// A struct.
    Struct,
}

/// A field's type and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// The number that the interface file gives the field.
    pub id: i16,
    /// The type of what follows.
    pub kind: Type,
}

/// The head of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// The method's name.
    pub name: &'a [u8],
    /// 1 call, 2 reply, 3 exception, 4 oneway.
    pub kind: u8,
}

/// What a decoder needs of a Thrift protocol. On unexpected bytes every method returns an error and
/// none panics.
pub(crate) trait Protocol<'a> {
    /// Reads the head of a message.
    fn message(&mut self) -> Result<Message<'a>, Error>;
    /// Begins a struct. What it returns goes to [`Protocol::end_struct`].
    fn begin_struct(&mut self) -> Result<Outer, Error>;
    /// Reads the head of the next field, or `None` at the end of the struct.
    fn field(&mut self) -> Result<Option<Field>, Error>;
    /// Ends a struct.
    fn end_struct(&mut self, outer: Outer);
    /// Reads the head of a list or set: the type of its elements and how many there are.
    fn list(&mut self) -> Result<(Type, usize), Error>;
    /// Reads a boolean.
    fn bool(&mut self) -> Result<bool, Error>;
    /// Reads an integer of 16 bits.
    fn i16(&mut self) -> Result<i16, Error>;
    /// Reads an integer of 32 bits.
    fn i32(&mut self) -> Result<i32, Error>;
    /// Reads an integer of 64 bits.
    fn i64(&mut self) -> Result<i64, Error>;
    /// Reads a floating point number.
    fn double(&mut self) -> Result<f64, Error>;
    /// Reads text or bytes.
    fn bytes(&mut self) -> Result<&'a [u8], Error>;
    /// Skips a value.
    fn skip(&mut self, kind: Type) -> Result<(), Error>;
    /// Skips a struct.
    fn skip_struct(&mut self) -> Result<(), Error> {
        let outer = self.begin_struct()?;
        while let Some(field) = self.field()? {
            self.skip(field.kind)?;
        }
        self.end_struct(outer);
        Ok(())
    }
}

/// What a protocol must remember of the enclosing struct.
#[derive(Debug)]
pub(crate) struct Outer(i16);

/// Why bytes are not a Thrift message of Jaeger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The bytes end within a value.
    Truncated,
    /// A length or count is larger than the bytes that are left, or negative.
    TooLong(u64),
    /// A variable-length integer is longer than ten bytes, or out of range.
    Varint,
    /// It nests deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A type number that the protocol does not define.
    UnknownType(u8),
    /// The bytes do not begin with a message of this protocol; the text says what they look like.
    Protocol(&'static str),
    /// The message is neither a call nor oneway.
    MessageKind(u8),
    /// The agent does not have this method.
    Method(String),
    /// A required field is missing.
    Missing(&'static str),
    /// The spans take more memory than one request may.
    TooMuch,
    /// The elements of a list have another type than they should.
    ElementType(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Truncated => f.write_str("it ends within a value"),
            Error::TooLong(length) => {
                write!(f, "it claims a length of {length}, more than is left")
            }
            Error::Varint => f.write_str("an integer in it is out of range"),
            Error::TooDeep => write!(f, "it nests deeper than {MAX_DEPTH} levels"),
            Error::UnknownType(number) => write!(f, "it contains the unknown type {number}"),
            Error::Protocol(looks) => f.write_str(looks),
            Error::MessageKind(kind) => write!(f, "it is a message of type {kind}, not a call"),
            Error::Method(name) => write!(f, "it calls {name}, which the agent does not have"),
            Error::Missing(field) => write!(f, "the required field {field} is missing"),
            Error::TooMuch => f.write_str("its spans take too much memory: send smaller batches"),
            Error::ElementType(list) => write!(f, "the elements of {list} have another type"),
        }
    }
}

impl std::error::Error for Error {}
