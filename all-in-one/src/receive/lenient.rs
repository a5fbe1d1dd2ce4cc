//! Reads the fields of spans in JSON, and mends what is clear: a number as text, text as a number, an
//! id without its leading zeros.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::json::{Json, JsonFields};

/// The fields of an object; null has none.
pub(super) fn object(value: Json<'_>) -> Result<JsonFields<'_>, String> {
    match value {
        Json::Object(fields) => Ok(fields),
        Json::Null => Ok(Vec::new()),
        other => Err(mismatch(&other, "an object")),
    }
}

/// The items of an array; null has none.
pub(super) fn list(value: Json<'_>) -> Result<Vec<Json<'_>>, String> {
    match value {
        Json::List(items) => Ok(items),
        Json::Null => Ok(Vec::new()),
        other => Err(mismatch(&other, "an array")),
    }
}

/// Text, or a number or boolean as text; null is empty.
pub(super) fn text(value: Json<'_>) -> Result<Cow<'_, str>, String> {
    match value {
        Json::Text(text) => Ok(text),
        Json::Null => Ok(Cow::Borrowed("")),
        Json::Bool(_) | Json::Int(_) | Json::Uint(_) | Json::Float(_) => {
            Ok(serde_json::to_string(&value).map_err(|error| error.to_string())?.into())
        }
        other => Err(mismatch(&other, "a string")),
    }
}

/// A boolean; its name, 0 and 1 too. Null is false.
pub(super) fn boolean(value: Json) -> Result<bool, String> {
    match value {
        Json::Bool(value) => Ok(value),
        Json::Null | Json::Int(0) => Ok(false),
        Json::Int(1) => Ok(true),
        Json::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Json::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(mismatch(&other, "a boolean")),
    }
}

/// An integer, also as text, as a float without a fraction, or as `{low, high}` of 32 bits each, as
/// JavaScript's Long is written. Null is zero.
pub(super) fn integer(value: Json) -> Result<i64, String> {
    let number = whole(value, false)?;
    i64::try_from(number).map_err(|_| out_of_range(&number.to_string()))
}

/// A time or a duration: an integer, or a number whose fraction is cut off.
pub(super) fn time(value: Json) -> Result<i64, String> {
    let number = whole(value, true)?;
    i64::try_from(number).map_err(|_| out_of_range(&number.to_string()))
}

/// The same without a sign.
pub(super) fn unsigned_time(value: Json) -> Result<u64, String> {
    let number = whole(value, true)?;
    u64::try_from(number).map_err(|_| out_of_range(&number.to_string()))
}

fn whole(value: Json, cut: bool) -> Result<i128, String> {
    match value {
        Json::Int(number) => Ok(number.into()),
        Json::Uint(number) => Ok(number.into()),
        Json::Null => Ok(0),
        Json::Float(number) => {
            whole_float(number, cut).ok_or_else(|| out_of_range(&number.to_string()))
        }
        Json::Text(text) => {
            let number = text.trim();
            let parsed = number.parse().ok();
            let parsed = parsed.or_else(|| whole_float(number.parse().ok()?, cut));
            parsed.ok_or_else(|| out_of_range(&text))
        }
        Json::Object(fields) => {
            long(&fields).ok_or_else(|| mismatch(&Json::Object(fields), "an integer"))
        }
        other => Err(mismatch(&other, "an integer")),
    }
}

fn whole_float(number: f64, cut: bool) -> Option<i128> {
    let fits = number.abs() < 2e19 && (cut || number.fract() == 0.0);
    fits.then_some(number as i128)
}

/// JavaScript's Long. Its halves are signed or not.
fn long(fields: &JsonFields<'_>) -> Option<i128> {
    let half = |name: &str| match fields.iter().find(|(key, _)| key == name)?.1 {
        Json::Int(half) if (-(1 << 31)..1 << 32).contains(&half) => Some(half),
        _ => None,
    };
    Some((half("high")? << 32 | i64::from(half("low")? as u32)).into())
}

/// A number, also as text.
pub(super) fn float(value: Json) -> Result<f64, String> {
    match value {
        Json::Float(number) => Ok(number),
        Json::Int(number) => Ok(number as f64),
        Json::Uint(number) => Ok(number as f64),
        Json::Text(text) => match &*text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            other => other.parse().map_err(|_| out_of_range(other)),
        },
        other => Err(mismatch(&other, "a number")),
    }
}

/// The name of an enum's value, or its number, as a number: its place in `names`. Names count without
/// `prefix` and in lower case too.
pub(super) fn enumeration(value: Json, prefix: &str, names: &[&str]) -> Result<u64, String> {
    let number = match value {
        Json::Text(name) => {
            let short = name.get(..prefix.len()).filter(|it| it.eq_ignore_ascii_case(prefix));
            let short = short.map_or(&*name, |_| &name[prefix.len()..]);
            let known = names.iter().position(|known| known.eq_ignore_ascii_case(short));
            match known.and_then(|place| i128::try_from(place).ok()) {
                Some(number) => number,
                None => name.parse().map_err(|_| format!("unknown enum value {name:?}"))?,
            }
        }
        other => whole(other, false)?,
    };
    let fits = i32::try_from(number).map_err(|_| out_of_range(&number.to_string()))?;
    Ok(i64::from(fits) as u64)
}

/// An id of `length` bytes: hexadecimal, perhaps without its leading zeros, or base64 of as many
/// bytes, or a list of them. An empty text or null is none.
pub(super) fn id(value: Json, length: usize) -> Result<Vec<u8>, String> {
    let digits = match value {
        Json::Text(digits) => digits,
        Json::Null => return Ok(Vec::new()),
        Json::List(items) => {
            return byte_list(&items).filter(|id| id.len() == length).ok_or_else(no_id);
        }
        other => return Err(mismatch(&other, "an id as a string")),
    };
    let digits = digits.trim();
    let wanted = || format!("{digits:?} is not an id of {} hexadecimal digits", 2 * length);
    if digits.is_empty() {
        return Ok(Vec::new());
    }
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        // Some pad the id of a span to the length of a trace's.
        let digits = digits.get(digits.len().saturating_sub(2 * length)..).filter(|short| {
            digits[..digits.len() - short.len()].bytes().all(|digit| digit == b'0')
        });
        return digits.map(|digits| hex(digits, length)).ok_or_else(wanted);
    }
    base64(digits).ok().filter(|id| id.len() == length).ok_or_else(wanted)
}

fn no_id() -> String {
    "a list that is not the bytes of an id".to_owned()
}

/// The bytes of at most `length` pairs of digits, with zeros before them.
fn hex(digits: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for (place, digit) in digits.bytes().rev().enumerate() {
        let value = char::from(digit).to_digit(16).unwrap_or(0) as u8;
        if let Some(byte) = bytes.iter_mut().rev().nth(place / 2) {
            *byte |= value << (4 * (place % 2));
        }
    }
    bytes
}

/// Bytes as base64, or as a list of numbers. Null has none.
pub(super) fn bytes(value: Json) -> Result<Vec<u8>, String> {
    match value {
        Json::List(items) => {
            byte_list(&items).ok_or_else(|| "a list that is not of bytes".to_owned())
        }
        other => base64(&text(other)?),
    }
}

fn byte_list(items: &[Json]) -> Option<Vec<u8>> {
    let byte = |item: &Json| match item {
        Json::Int(byte) => u8::try_from(*byte).ok(),
        _ => None,
    };
    items.iter().map(byte).collect()
}

/// Base64 in either alphabet, padded or not, as protobuf's JSON allows.
fn base64(text: &str) -> Result<Vec<u8>, String> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
    decoded.map_err(|error| format!("invalid base64: {error}"))
}

/// What was sent is of another type than the field.
pub(super) fn mismatch(value: &Json, wanted: &str) -> String {
    format!("expected {wanted}, found {}", value.kind())
}

/// The text is not a number, or does not fit into the field.
fn out_of_range(text: &str) -> String {
    let text: String = text.chars().take(40).collect();
    format!("{text:?} is not a number, or out of range")
}
