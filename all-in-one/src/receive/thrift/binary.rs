//! The binary protocol: fixed lengths, big-endian.
//!
//! Source: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md>

use super::cursor::Cursor;
use super::sniff::{self, looks_like};
use super::{Error, Field, Message, Outer, Protocol, Type};

/// The bit of a message's first word that marks a version; without it, the word is a length.
const STRICT: u32 = 1 << 31;

/// A reader over the bytes of one message.
#[derive(Debug)]
pub(crate) struct Binary<'a> {
    input: Cursor<'a>,
}

impl<'a> Binary<'a> {
    /// Reads from the start of `bytes`. What follows the message is ignored.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Binary { input: Cursor::new(bytes) }
    }

    fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.input.array()?))
    }

    /// A length or count. A negative one reads as a huge number, which is refused.
    fn length(&mut self) -> Result<u64, Error> {
        Ok(u64::from(self.u32()?))
    }

    /// The head that newer writers send: version, type, name, sequence number.
    fn strict(&mut self, packet: &[u8]) -> Result<Message<'a>, Error> {
        let [first, second, _, kind] = self.input.array()?;
        if [first, second] != sniff::BINARY {
            return Err(Error::Protocol(looks_like(packet)));
        }
        let name = self.bytes()?;
        self.u32()?; // the sequence number, which nobody needs
        Ok(Message { name, kind })
    }

    /// The head that older writers send: name, type, sequence number. Any four bytes can be read as
    /// the length of a name; if it is too large, the packet is something else.
    fn old(&mut self, packet: &[u8]) -> Result<Message<'a>, Error> {
        let name = match self.bytes() {
            Err(Error::TooLong(_)) => return Err(Error::Protocol(looks_like(packet))),
            name => name?,
        };
        let kind = self.input.byte()?;
        self.u32()?;
        Ok(Message { name, kind })
    }

    fn skip_list(&mut self) -> Result<(), Error> {
        let (kind, count) = self.list()?;
        self.input.descend()?;
        for _ in 0..count {
            self.skip(kind)?;
        }
        self.input.ascend();
        Ok(())
    }

    fn skip_map(&mut self) -> Result<(), Error> {
        let [key, value] = self.input.array()?;
        let count = self.length()?;
        if count == 0 {
            return Ok(());
        }
        let (key, value) = (value_type(key)?, value_type(value)?);
        let count = self.input.count(count, least_size(key) + least_size(value))?;
        self.input.descend()?;
        for _ in 0..count {
            self.skip(key)?;
            self.skip(value)?;
        }
        self.input.ascend();
        Ok(())
    }
}

impl<'a> Protocol<'a> for Binary<'a> {
    fn message(&mut self) -> Result<Message<'a>, Error> {
        let packet = self.input.rest();
        let (first, _) = packet.split_first_chunk().ok_or(Error::Truncated)?;
        match u32::from_be_bytes(*first) & STRICT {
            0 => self.old(packet),
            _ => self.strict(packet),
        }
    }

    fn begin_struct(&mut self) -> Result<Outer, Error> {
        self.input.descend()?;
        Ok(Outer(0))
    }

    #[inline(always)]
    fn field(&mut self) -> Result<Option<Field>, Error> {
        let number = self.input.byte()?;
        if number == 0 {
            return Ok(None);
        }
        let kind = value_type(number)?;
        let id = i16::from_be_bytes(self.input.array()?);
        Ok(Some(Field { id, kind }))
    }

    fn end_struct(&mut self, _: Outer) {
        self.input.ascend();
    }

    fn list(&mut self) -> Result<(Type, usize), Error> {
        let number = self.input.byte()?;
        let count = self.length()?;
        // Some writers send an empty list without an element type.
        if count == 0 {
            return Ok((value_type(number).unwrap_or(Type::Struct), 0));
        }
        let kind = value_type(number)?;
        Ok((kind, self.input.count(count, least_size(kind))?))
    }

    fn bool(&mut self) -> Result<bool, Error> {
        Ok(self.input.byte()? == 1)
    }

    fn i16(&mut self) -> Result<i16, Error> {
        Ok(i16::from_be_bytes(self.input.array()?))
    }

    fn i32(&mut self) -> Result<i32, Error> {
        Ok(i32::from_be_bytes(self.input.array()?))
    }

    fn i64(&mut self) -> Result<i64, Error> {
        Ok(i64::from_be_bytes(self.input.array()?))
    }

    fn double(&mut self) -> Result<f64, Error> {
        Ok(f64::from_be_bytes(self.input.array()?))
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let length = self.length()?;
        self.input.take(length)
    }

    fn skip(&mut self, kind: Type) -> Result<(), Error> {
        match kind {
            Type::Bool | Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Double => {
                let size = least_size(kind) as u64;
                self.input.take(size).map(drop).map_err(|_| Error::Truncated)
            }
            Type::Binary => self.bytes().map(drop),
            Type::List | Type::Set => self.skip_list(),
            Type::Map => self.skip_map(),
            Type::Struct => self.skip_struct(),
        }
    }
}

fn value_type(number: u8) -> Result<Type, Error> {
    Ok(match number {
        2 => Type::Bool,
        3 => Type::I8,
        4 => Type::Double,
        6 => Type::I16,
        8 => Type::I32,
        10 => Type::I64,
        11 => Type::Binary,
        12 => Type::Struct,
        13 => Type::Map,
        14 => Type::Set,
        15 => Type::List,
        other => return Err(Error::UnknownType(other)),
    })
}

/// The least number of bytes that a value of this type takes.
fn least_size(kind: Type) -> usize {
    match kind {
        Type::Bool | Type::I8 | Type::Struct => 1,
        Type::I16 => 2,
        Type::I32 | Type::Binary => 4,
        Type::List | Type::Set => 5,
        Type::Map => 6,
        Type::I64 | Type::Double => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_DEPTH;
    use super::*;

    #[test]
    fn a_claimed_length_beyond_the_bytes_left_is_refused() {
        for claim in [0x7fff_ffffu32, 0xffff_ffff, 0x8000_0000, 4] {
            let bytes = [&claim.to_be_bytes()[..], b"abc"].concat();
            assert_eq!(Binary::new(&bytes).bytes(), Err(Error::TooLong(claim.into())));
            for kind in [2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15] {
                let list = [&[kind][..], &bytes].concat();
                assert_eq!(Binary::new(&list).list(), Err(Error::TooLong(claim.into())), "{kind}");
                let map = [&[kind, kind][..], &bytes].concat();
                let map = Binary::new(&map).skip(Type::Map);
                assert_eq!(map, Err(Error::TooLong(claim.into())), "{kind}");
            }
        }
        let doubles = [&[4, 0, 0, 0, 2][..], &[0; 15]].concat();
        assert_eq!(Binary::new(&doubles).list(), Err(Error::TooLong(2)), "15 bytes hold one");
    }

    #[test]
    fn nesting_ends_at_a_fixed_depth() {
        let levels_of = |levels: usize| {
            [
                (Type::Struct, [12, 0, 1].repeat(levels)),
                (Type::List, [15, 0, 0, 0, 1].repeat(levels)),
                (Type::Map, [&[3, 13, 0, 0, 0, 1, 0][..]].concat().repeat(levels)),
            ]
        };
        for levels in [MAX_DEPTH + 2, 10_000, 65_000] {
            for (kind, bytes) in levels_of(levels) {
                assert_eq!(Binary::new(&bytes).skip(kind), Err(Error::TooDeep), "{kind:?}");
            }
        }
        for (kind, bytes) in levels_of(MAX_DEPTH - 1) {
            let shallow = Binary::new(&bytes).skip(kind);
            assert!(matches!(shallow, Err(Error::Truncated | Error::TooLong(1))), "{shallow:?}");
        }
    }

    #[test]
    fn an_unknown_type_is_named() {
        for number in [1, 5, 7, 9, 16, 17, 0x7f, 0x80, 0xff] {
            let error = Err(Error::UnknownType(number));
            assert_eq!(Binary::new(&[number, 0, 1]).field(), error);
            assert_eq!(Binary::new(&[number, 0, 0, 0, 1, 0]).list().map(drop), error.map(drop));
        }
        assert_eq!(Binary::new(&[0, 0, 0, 0, 0]).list(), Ok((Type::Struct, 0)));
    }

    #[test]
    fn both_heads_are_read() {
        let strict = b"\x80\x01\x00\x04\0\0\0\x09emitBatch\0\0\0\x07";
        let old = b"\0\0\0\x09emitBatch\x04\0\0\0\x07";
        for head in [&strict[..], old] {
            let message = Binary::new(head).message();
            assert_eq!(message, Ok(Message { name: b"emitBatch", kind: 4 }));
            for length in 0..head.len() {
                assert!(Binary::new(&head[..length]).message().is_err(), "{length}");
            }
        }
    }

    #[test]
    fn another_protocol_is_recognised() {
        for (packet, text) in [
            (&b"\x82\x81\x00\x09emitBatch"[..], "6831"),
            (b"\x80\x02\x00\x04\0\0\0\x01", "unknown version"),
            (b"GET / HTTP/1.1", "HTTP"),
            (b"PRI * HTTP/2.0", "gRPC"),
            (b"{\"a\":1}", "JSON"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\x0a\x64\x0a\x32", "OTLP"),
            (b"\x16\x03\x01\x02", "TLS"),
            (b"hello, world", "not a Thrift message"),
        ] {
            let message = Binary::new(packet).message();
            assert!(matches!(message, Err(Error::Protocol(t)) if t.contains(text)), "{message:?}");
        }
    }

    #[test]
    fn what_is_passed_over_is_passed_whole() {
        let nested = [
            &[12, 0, 9, 15, 0, 1, 3, 0, 0, 0, 2, 1, 2, 0][..], // a struct with a list of bytes
            &[13, 0, 2, 11, 2, 0, 0, 0, 1, 0, 0, 0, 1, b'k', 1], // a map of text to a boolean
            &[6, 0, 3, 1, 2, 4, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], // an integer, a double, the end
        ]
        .concat();
        for length in 0..nested.len() {
            assert!(Binary::new(&nested[..length]).skip(Type::Struct).is_err(), "{length}");
        }
        let mut reader = Binary::new(&nested);
        assert_eq!(reader.skip(Type::Struct), Ok(()));
        assert!(reader.input.rest().is_empty());
    }
}
