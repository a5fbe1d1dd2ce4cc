//! Ids, and how Jaeger writes them: hexadecimal, padded to 16 or 32 digits.

use std::fmt;
use std::str::FromStr;

/// A trace's id: 128 bits, of which older clients send only the lower 64.
///
/// ```
/// use jaeger_all_in_one::TraceId;
///
/// let id: TraceId = "1f00".parse()?;
/// assert_eq!(id, TraceId::from(0x1f00_u128)); // or from 16 bytes, as OpenTelemetry has them
/// assert_eq!(id.to_string(), "0000000000001f00");
/// # Ok::<(), jaeger_all_in_one::InvalidId>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId {
    /// The upper 64 bits; zero from clients that use only 64.
    pub high: u64,
    /// The lower 64 bits.
    pub low: u64,
}

impl TraceId {
    /// Whether it is zero, which is not a valid id.
    pub fn is_zero(self) -> bool {
        self.high == 0 && self.low == 0
    }
}

impl From<u128> for TraceId {
    fn from(id: u128) -> Self {
        TraceId { high: (id >> 64) as u64, low: id as u64 }
    }
}

impl From<[u8; 16]> for TraceId {
    /// From bytes in network order.
    fn from(id: [u8; 16]) -> Self {
        u128::from_be_bytes(id).into()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.high != 0 {
            digits(self.high, f)?;
        }
        digits(self.low, f)
    }
}

/// Writes 16 digits. `{:016x}` is slower, and a page of traces has thousands of ids.
fn digits(number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digits: [u8; 16] = std::array::from_fn(|place| {
        b"0123456789abcdef"[(number >> (60 - 4 * place)) as usize & 15]
    });
    f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
}

impl FromStr for TraceId {
    type Err = InvalidId;

    /// Accepts 1 to 32 hexadecimal digits: short and padded ids are the same.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.as_bytes();
        if digits.len() > 32 {
            return Err(InvalidId::TooLong(text.to_owned()));
        }
        let (high, low) = digits.split_at(digits.len().saturating_sub(16));
        let high = if high.is_empty() { 0 } else { hex(high)? };
        Ok(TraceId { high, low: hex(low)? })
    }
}

/// A span's id, unique within its trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub u64);

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits(self.0, f)
    }
}

/// Why a text is not a trace id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidId {
    /// More than 32 digits.
    TooLong(String),
    /// A character that is not a hexadecimal digit, or no digits.
    NotHex(String),
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidId::TooLong(text) => {
                write!(f, "TraceID cannot be longer than 32 hex characters: {text}")
            }
            InvalidId::NotHex(text) => {
                write!(f, "TraceID is not a hexadecimal number: {text:?}")
            }
        }
    }
}

impl std::error::Error for InvalidId {}

fn hex(digits: &[u8]) -> Result<u64, InvalidId> {
    let invalid = || InvalidId::NotHex(String::from_utf8_lossy(digits).into_owned());
    if digits.is_empty() {
        return Err(invalid());
    }
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or_else(invalid)?;
        Ok(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_padded_ids_are_the_same() {
        let id = TraceId { high: 0, low: 0x1f00 };
        for text in ["1f00", "1F00", "0000000000001f00", "00000000000000000000000000001f00"] {
            assert_eq!(text.parse(), Ok(id), "{text}");
        }
        assert_eq!(id.to_string(), "0000000000001f00");
        let long = TraceId { high: 1, low: 2 };
        assert_eq!(long.to_string(), "00000000000000010000000000000002");
        assert_eq!("10000000000000002".parse(), Ok(long));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "zz", "0x1", "+1", "-1", " 1", &"0".repeat(33)] {
            assert!(text.parse::<TraceId>().is_err(), "{text:?}");
        }
    }
}
