//! The compact protocol: zigzag varints, field numbers as differences.
//!
//! Source: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

use super::cursor::Cursor;
use super::sniff::{self, looks_like};
use super::{Error, Field, Message, Outer, Protocol, Type};

const VERSION: u8 = 1;

/// A reader over the bytes of one message.
#[derive(Debug)]
pub(crate) struct Compact<'a> {
    input: Cursor<'a>,
    last_field: i16,
    // A boolean field's value is in the field's head; it is kept here until it is read.
    pending_bool: Option<bool>,
}

impl<'a> Compact<'a> {
    /// Reads from the start of `bytes`. What follows the message is ignored.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Compact { input: Cursor::new(bytes), last_field: 0, pending_bool: None }
    }

    /// An unsigned integer in groups of seven bits, the lowest first: at most ten bytes.
    #[inline]
    fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.input.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte can hold one bit only.
            if shift == 63 && bits > 1 {
                return Err(Error::Varint);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Error::Varint)
    }

    fn zigzag(&mut self) -> Result<i64, Error> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn skip_list(&mut self) -> Result<(), Error> {
        let (kind, count) = self.list()?;
        self.input.descend()?;
        for _ in 0..count {
            self.skip_element(kind)?;
        }
        self.input.ascend();
        Ok(())
    }

    fn skip_map(&mut self) -> Result<(), Error> {
        let count = self.varint()?;
        if count == 0 {
            return Ok(());
        }
        let types = self.input.byte()?;
        let (key, value) = (element_type(types >> 4)?, element_type(types & 0x0f)?);
        let count = self.input.count(count, least_size(key) + least_size(value))?;
        self.input.descend()?;
        for _ in 0..count {
            self.skip_element(key)?;
            self.skip_element(value)?;
        }
        self.input.ascend();
        Ok(())
    }

    // As an element of a list, a boolean takes a byte.
    fn skip_element(&mut self, kind: Type) -> Result<(), Error> {
        match kind {
            Type::Bool => self.input.byte().map(drop),
            kind => self.skip(kind),
        }
    }
}

impl<'a> Protocol<'a> for Compact<'a> {
    fn message(&mut self) -> Result<Message<'a>, Error> {
        let packet = self.input.rest();
        if self.input.byte()? != sniff::COMPACT {
            return Err(Error::Protocol(looks_like(packet)));
        }
        let head = self.input.byte()?;
        if head & 0x1f != VERSION {
            return Err(Error::Protocol("it has an unknown version of compact Thrift"));
        }
        self.varint()?; // the sequence number, which nobody needs
        Ok(Message { name: self.bytes()?, kind: head >> 5 })
    }

    fn begin_struct(&mut self) -> Result<Outer, Error> {
        self.input.descend()?;
        Ok(Outer(std::mem::take(&mut self.last_field)))
    }

    fn field(&mut self) -> Result<Option<Field>, Error> {
        let head = self.input.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let kind = match head & 0x0f {
            1 => {
                self.pending_bool = Some(true);
                Type::Bool
            }
            2 => {
                self.pending_bool = Some(false);
                Type::Bool
            }
            number => element_type(number)?,
        };
        let id = match i16::from(head >> 4) {
            0 => i16::try_from(self.zigzag()?).map_err(|_| Error::Varint)?,
            step => self.last_field.checked_add(step).ok_or(Error::Varint)?,
        };
        self.last_field = id;
        Ok(Some(Field { id, kind }))
    }

    fn end_struct(&mut self, outer: Outer) {
        self.last_field = outer.0;
        self.input.ascend();
    }

    fn list(&mut self) -> Result<(Type, usize), Error> {
        let head = self.input.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        // Some writers send an empty list without an element type.
        if count == 0 {
            return Ok((element_type(head & 0x0f).unwrap_or(Type::Struct), 0));
        }
        let kind = element_type(head & 0x0f)?;
        Ok((kind, self.input.count(count, least_size(kind))?))
    }

    fn bool(&mut self) -> Result<bool, Error> {
        match self.pending_bool.take() {
            Some(value) => Ok(value),
            None => Ok(self.input.byte()? == 1),
        }
    }

    fn i16(&mut self) -> Result<i16, Error> {
        i16::try_from(self.zigzag()?).map_err(|_| Error::Varint)
    }

    fn i32(&mut self) -> Result<i32, Error> {
        i32::try_from(self.zigzag()?).map_err(|_| Error::Varint)
    }

    fn i64(&mut self) -> Result<i64, Error> {
        self.zigzag()
    }

    fn double(&mut self) -> Result<f64, Error> {
        Ok(f64::from_le_bytes(self.input.array()?))
    }

    fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let length = self.varint()?;
        self.input.take(length)
    }

    fn skip(&mut self, kind: Type) -> Result<(), Error> {
        match kind {
            Type::Bool => self.bool().map(drop),
            Type::I8 => self.input.byte().map(drop),
            Type::I16 | Type::I32 | Type::I64 => self.varint().map(drop),
            Type::Double => self.input.take(8).map(drop),
            Type::Binary => self.bytes().map(drop),
            Type::List | Type::Set => self.skip_list(),
            Type::Map => self.skip_map(),
            Type::Struct => self.skip_struct(),
        }
    }
}

fn element_type(number: u8) -> Result<Type, Error> {
    Ok(match number {
        1 | 2 => Type::Bool,
        3 => Type::I8,
        4 => Type::I16,
        5 => Type::I32,
        6 => Type::I64,
        7 => Type::Double,
        8 => Type::Binary,
        9 => Type::List,
        10 => Type::Set,
        11 => Type::Map,
        12 => Type::Struct,
        other => return Err(Error::UnknownType(other)),
    })
}

/// The least number of bytes that a value of this type takes.
fn least_size(kind: Type) -> usize {
    match kind {
        Type::Double => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_DEPTH;
    use super::*;

    #[test]
    fn a_claimed_length_beyond_the_bytes_left_is_refused() {
        let mut list = Compact::new(&[0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 1, 2, 3]);
        assert_eq!(list.list(), Err(Error::TooLong(0x7fff_ffff)));
        let mut doubles = Compact::new(&[0x27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(doubles.list(), Err(Error::TooLong(2)), "15 bytes hold one double");
        for claim in [
            &[0xff, 0xff, 0xff, 0xff, 0x0f][..],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x80, 0x80, 0x80, 0x80, 0x08],
            &[0x01],
        ] {
            assert!(matches!(Compact::new(claim).bytes(), Err(Error::TooLong(_))), "{claim:?}");
        }
    }

    #[test]
    fn a_varint_ends_within_ten_bytes() {
        let longest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Compact::new(&longest).varint(), Ok(u64::MAX));
        assert_eq!(Compact::new(&longest).i64(), Ok(i64::MIN));
        let over = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(Compact::new(&over).varint(), Err(Error::Varint));
        assert_eq!(Compact::new(&[0x80; 11]).varint(), Err(Error::Varint));
        assert_eq!(Compact::new(&[0x80]).varint(), Err(Error::Truncated));
        assert_eq!(Compact::new(&longest).i32(), Err(Error::Varint));
    }

    #[test]
    fn nesting_ends_at_a_fixed_depth() {
        for levels in [MAX_DEPTH - 1, MAX_DEPTH, 10_000, 65_000] {
            let structs = [0x1c].repeat(levels);
            let lists = [0x19].repeat(levels);
            let maps = [1, 0xbb].repeat(levels);
            let expected = if levels < MAX_DEPTH { Error::Truncated } else { Error::TooDeep };
            assert_eq!(Compact::new(&structs).skip(Type::Struct), Err(expected.clone()));
            let lists = Compact::new(&lists).skip(Type::List);
            assert_eq!(
                lists,
                Err(if levels <= MAX_DEPTH { Error::TooLong(1) } else { Error::TooDeep })
            );
            assert!(Compact::new(&maps).skip(Type::Map).is_err());
        }
    }

    #[test]
    fn a_field_number_does_not_overflow() {
        // Field 32767 by its long form, then one more by difference.
        let mut reader = Compact::new(&[0x05, 0xfe, 0xff, 0x03, 0x00, 0x15, 0x00]);
        let first = reader.field().expect("a field").expect("not the end");
        assert_eq!(first.id, i16::MAX);
        assert_eq!(reader.i32(), Ok(0));
        assert_eq!(reader.field(), Err(Error::Varint));
    }

    #[test]
    fn an_unknown_type_is_named() {
        for number in 13..=15 {
            assert_eq!(Compact::new(&[0x10 | number]).field(), Err(Error::UnknownType(number)));
        }
    }

    #[test]
    fn another_protocol_is_recognised() {
        let binary = Compact::new(&[0x80, 1, 0, 4]).message();
        assert!(matches!(binary, Err(Error::Protocol(text)) if text.contains("6832")));
        let http = Compact::new(b"GET / HTTP/1.1").message();
        assert!(matches!(http, Err(Error::Protocol(text)) if text.contains("HTTP")));
    }
}
