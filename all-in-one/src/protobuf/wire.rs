//! The wire format of protocol buffers: a sequence of fields, each a number and a value.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>

use super::Error;

/// A reader over the bytes of one message. A nested message is only the bytes of a field, so the
/// reader itself never recurses.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// A field's value, as far as the wire format tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum WireValue<'a> {
    /// An integer of variable length, a boolean, or an enum.
    Varint(u64),
    /// A double, or an integer of fixed size.
    Fixed64(u64),
    /// Text, bytes, or a message.
    Bytes(&'a [u8]),
    /// Four bytes; no message of Jaeger's has such a field.
    Fixed32,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    /// The next field's number and value, or `None` at the end.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, WireValue<'a>)>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| Error::Varint)?;
        if number == 0 {
            return Err(Error::FieldNumber);
        }
        let value = match key & 7 {
            0 => WireValue::Varint(self.varint()?),
            1 => WireValue::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                WireValue::Bytes(self.take(length)?)
            }
            5 => {
                self.array::<4>()?;
                WireValue::Fixed32
            }
            // 3 and 4 are groups, which are long deprecated.
            other => return Err(Error::WireType(other as u8)),
        };
        Ok(Some((number, value)))
    }

    /// An unsigned integer in groups of seven bits, the lowest first: at most ten bytes.
    #[inline]
    fn varint(&mut self) -> Result<u64, Error> {
        // Most keys and lengths are one byte.
        if let Some((byte, rest)) = self.rest.split_first()
            && *byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
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

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], Error> {
        let taken =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = taken.ok_or(Error::TooLong(length))?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> WireValue<'a> {
    /// The number of its wire type.
    pub(crate) fn wire_type(self) -> u8 {
        match self {
            WireValue::Varint(_) => 0,
            WireValue::Fixed64(_) => 1,
            WireValue::Bytes(_) => 2,
            WireValue::Fixed32 => 5,
        }
    }

    pub(crate) fn varint(self) -> Result<u64, Error> {
        match self {
            WireValue::Varint(value) => Ok(value),
            _ => Err(Error::Kind),
        }
    }

    pub(crate) fn double(self) -> Result<f64, Error> {
        match self {
            WireValue::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(Error::Kind),
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], Error> {
        match self {
            WireValue::Bytes(bytes) => Ok(bytes),
            _ => Err(Error::Kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(message: &[u8]) -> Result<Option<(u32, WireValue<'_>)>, Error> {
        Fields::of(message).next()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        assert_eq!(first(&[]), Ok(None));
        assert_eq!(first(&[0x08, 0x96, 0x01]), Ok(Some((1, WireValue::Varint(150)))));
        assert_eq!(first(&[0x09, 1, 0, 0, 0, 0, 0, 0, 0]), Ok(Some((1, WireValue::Fixed64(1)))));
        assert_eq!(first(&[0x12, 2, b'h', b'i']), Ok(Some((2, WireValue::Bytes(b"hi")))));
        assert_eq!(first(&[0x0d, 0, 0, 0, 0]), Ok(Some((1, WireValue::Fixed32))));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for (message, error) in [
            (&[0x08][..], Error::Truncated),
            (&[0x08, 0x80], Error::Truncated),
            (&[0x09, 1, 2, 3], Error::Truncated),
            (&[0x0d, 1, 2, 3], Error::Truncated),
            (&[0x12, 1], Error::TooLong(1)),
            (&[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f], Error::TooLong(0xffff_ffff)),
            (&[0x00, 1], Error::FieldNumber),
            (&[0x0b], Error::WireType(3)),
            (&[0x0f], Error::WireType(7)),
            (&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2], Error::Varint),
            (&[0x80; 11], Error::Varint),
        ] {
            assert_eq!(first(message), Err(error), "{message:?}");
        }
        let largest = [0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(first(&largest), Ok(Some((1, WireValue::Varint(u64::MAX)))));
    }
}
