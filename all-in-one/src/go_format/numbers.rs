//! Numbers.

use std::num::IntErrorKind;

/// A signed integer of `bits` bits (`strconv.ParseInt`, base 10).
pub(crate) fn parse_int(text: &str, bits: u32) -> Result<i64, String> {
    let error = |why| Err(format!("{why}: {text:?}"));
    let fits = |value: i64| value >> (bits - 1) == value >> 63;
    match text.parse::<i64>() {
        Ok(value) if fits(value) => Ok(value),
        Ok(_) => error("integer out of range"),
        Err(e) => match e.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => error("integer out of range"),
            _ => error("not an integer"),
        },
    }
}

/// A boolean (`strconv.ParseBool`).
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("not a boolean: {text:?}")),
    }
}

/// A floating-point number (`strconv.ParseFloat`), without the spellings that nobody sends.
pub(crate) fn parse_float(text: &str) -> Result<f64, String> {
    let error = |why| Err(format!("{why}: {text:?}"));
    match text.parse::<f64>() {
        // Only the names of infinity are accepted for it.
        Ok(value) if value.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) => {
            error("number out of range")
        }
        Ok(value) => Ok(value),
        Err(_) => error("not a number"),
    }
}

/// A number as Go's `encoding/json` writes it: with an exponent only below 1e-6 and from 1e21.
pub(crate) fn json_float(value: f64) -> String {
    let size = value.abs();
    // Protocol buffers leave out a zero, and so its sign.
    if size == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&size) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        _ => text,
    }
}

/// A number with at most ten significant digits (`strconv.FormatFloat(…, 'g', 10, 64)`).
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:.9e}");
    let Some((digits, power)) = scientific.split_once('e') else {
        return scientific;
    };
    let power: i32 = power.parse().unwrap_or(0);
    if (-4..10).contains(&power) {
        let decimals = usize::try_from(9 - power).unwrap_or(0);
        return without_trailing_zeros(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if power < 0 { '-' } else { '+' };
    let digits = without_trailing_zeros(digits);
    format!("{digits}e{sign}{:02}", power.abs())
}

fn without_trailing_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_read_as_go_reads_them() {
        assert_eq!(parse_float(".5"), Ok(0.5));
        assert_eq!(parse_float("-inf"), Ok(f64::NEG_INFINITY));
        for text in ["1e999", "x", ""] {
            assert!(parse_float(text).is_err(), "{text}");
        }
    }

    #[test]
    fn floats_are_written_as_go_writes_them() {
        for (value, json, search) in [
            (0.0, "0", "0"),
            (-0.0, "0", "-0"),
            (2.0, "2", "2"),
            (0.5, "0.5", "0.5"),
            (1e20, "100000000000000000000", "1e+20"),
            (1e21, "1e+21", "1e+21"),
            (1e-6, "0.000001", "1e-06"),
            (1e-7, "1e-7", "1e-07"),
            (1.0 / 3.0, "0.3333333333333333", "0.3333333333"),
            (1_234_567_890.0, "1234567890", "1234567890"),
            (12_345_678_901.0, "12345678901", "1.23456789e+10"),
            (f64::MAX, "1.7976931348623157e+308", "1.797693135e+308"),
            (5e-324, "5e-324", "4.940656458e-324"),
        ] {
            assert_eq!(json_float(value), json);
            assert_eq!(float_text(value), search);
        }
    }

    #[test]
    fn integers_are_read_as_go_reads_them() {
        assert_eq!(parse_int("+2", 32), Ok(2));
        assert_eq!(parse_int("-1", 32), Ok(-1));
        assert_eq!(parse_int("2147483647", 32), Ok(2_147_483_647));
        for (text, bits) in
            [("2147483648", 32), ("9223372036854775808", 64), ("1.5", 64), ("0x3", 64), ("", 64)]
        {
            assert!(parse_int(text, bits).is_err(), "{text}");
        }
    }
}
