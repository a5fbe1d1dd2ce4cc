//! How Go reads and writes numbers, durations and quoted text: Jaeger's answers contain them.

use std::fmt::Write as _;
use std::num::IntErrorKind;

/// Text in Go's double quotes (`strconv.Quote`).
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A signed integer of so many bits (`strconv.ParseInt`, base 10).
pub(crate) fn parse_int(text: &str, bits: u32) -> Result<i64, String> {
    let error = |why| Err(format!("strconv.ParseInt: parsing {}: {why}", quote(text)));
    let fits = |value: i64| value >> (bits - 1) == value >> 63;
    match text.parse::<i64>() {
        Ok(value) if fits(value) => Ok(value),
        Ok(_) => error("value out of range"),
        Err(e) => match e.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => error("value out of range"),
            _ => error("invalid syntax"),
        },
    }
}

/// A boolean (`strconv.ParseBool`).
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text))),
    }
}

/// A floating point number (`strconv.ParseFloat`), as far as anyone sends one.
pub(crate) fn parse_float(text: &str) -> Result<f64, String> {
    let error = |why| Err(format!("strconv.ParseFloat: parsing {}: {why}", quote(text)));
    match text.parse::<f64>() {
        // Infinity can be asked for by its name only.
        Ok(value) if value.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) => {
            error("value out of range")
        }
        Ok(value) => Ok(value),
        Err(_) => error("invalid syntax"),
    }
}

/// A duration such as `1h30m` or `1.5ms`, in nanoseconds (`time.ParseDuration`).
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote_ascii(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0i128;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(number_length(rest));
        let nanos_of = decimal(number).ok_or_else(invalid)?;
        let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit());
        let (unit, after) = after.split_at(unit_end.unwrap_or(after.len()));
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote_ascii(text)));
        }
        let Some(scale) = unit_nanos(unit) else {
            let (unit, text) = (quote_ascii(unit), quote_ascii(text));
            return Err(format!("time: unknown unit {unit} in duration {text}"));
        };
        total = total
            .checked_add(nanos_of.times(scale))
            .filter(|total| *total <= i128::from(i64::MAX) + i128::from(negative))
            .ok_or_else(invalid)?;
        rest = after;
    }
    let total = if negative { -total } else { total };
    i64::try_from(total).map_err(|_| invalid())
}

/// How many bytes the digits at the front take, with one point among them.
fn number_length(text: &str) -> usize {
    let mut points = 0;
    let end = text.find(|c: char| {
        points += usize::from(c == '.');
        points > 1 || c != '.' && !c.is_ascii_digit()
    });
    end.unwrap_or(text.len())
}

/// Nanoseconds as Go prints a duration: `1h0m0.045s`, `33.3345ms`, `-5ms`.
pub(crate) fn format_duration(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let text = match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{size}ns"),
        1_000..1_000_000 => scaled(size, 1_000, "µs"),
        1_000_000..1_000_000_000 => scaled(size, 1_000_000, "ms"),
        _ => hours(size),
    };
    format!("{sign}{text}")
}

fn hours(nanos: u128) -> String {
    const SECOND: u128 = 1_000_000_000;
    let seconds = scaled(nanos % (60 * SECOND), SECOND, "s");
    let minutes = nanos / (60 * SECOND);
    match minutes {
        0 => seconds,
        1..60 => format!("{minutes}m{seconds}"),
        _ => format!("{}h{}m{seconds}", minutes / 60, minutes % 60),
    }
}

fn scaled(nanos: u128, unit: u128, name: &str) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    let width = unit.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}{name}"),
        digits => format!("{whole}.{digits}{name}"),
    }
}

/// A number as JSON in Go writes it (`encoding/json`): exponents only below 1e-6 and from 1e21.
pub(crate) fn json_float(value: f64) -> String {
    let size = value.abs();
    // Protocol buffers leave a zero out, and with it its sign.
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

/// A decimal number: its digits, and how many of them follow the point.
struct Decimal {
    digits: i128,
    decimals: u32,
}

impl Decimal {
    fn times(&self, scale: i64) -> i128 {
        self.digits * i128::from(scale) / 10i128.pow(self.decimals)
    }
}

fn decimal(number: &str) -> Option<Decimal> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // Digits below a nanosecond of an hour are lost in Go too.
    let fraction = &fraction[..fraction.len().min(15)];
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let parts: i64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let decimals = u32::try_from(fraction.len()).ok()?;
    let digits = i128::from(whole) * 10i128.pow(decimals) + i128::from(parts);
    Some(Decimal { digits, decimals })
}

fn unit_nanos(unit: &str) -> Option<i64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Text in quotes as the time package writes it: everything beyond ASCII byte by byte.
fn quote_ascii(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' | 0x7f => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\x{byte:02x}");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("0", 0),
            ("5ms", 5_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5us", 1_500),
            (".5ms", 500_000),
            ("-1ms", -1_000_000),
            ("+1µs", 1_000),
            ("4.9999ms", 4_999_900),
            ("-2562047h47m16.854775808s", i64::MIN),
        ] {
            assert_eq!(parse_duration(text), Ok(nanos), "{text}");
        }
        for (text, error) in [
            ("", "time: invalid duration \"\""),
            ("abc", "time: invalid duration \"abc\""),
            (".", "time: invalid duration \".\""),
            ("5", "time: missing unit in duration \"5\""),
            ("1.5.5s", "time: missing unit in duration \"1.5.5s\""),
            ("5 ms", "time: unknown unit \" ms\" in duration \"5 ms\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            ("1é", "time: unknown unit \"\\xc3\\xa9\" in duration \"1\\xc3\\xa9\""),
            ("9999999h", "time: invalid duration \"9999999h\""),
        ] {
            assert_eq!(parse_duration(text), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn floats_are_read_as_go_reads_them() {
        assert_eq!(parse_float(".5"), Ok(0.5));
        assert_eq!(parse_float("-inf"), Ok(f64::NEG_INFINITY));
        for (text, why) in [("1e999", "value out of range"), ("x", "invalid syntax")] {
            let error = format!("strconv.ParseFloat: parsing \"{text}\": {why}");
            assert_eq!(parse_float(text), Err(error));
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (nanos, text) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (55_000_000, "55ms"),
            (-5_000_000, "-5ms"),
            (33_334_500, "33.3345ms"),
            (1_982_500_000, "1.9825s"),
            (61_000_000_000, "1m1s"),
            (3_600_045_000_000, "1h0m0.045s"),
        ] {
            assert_eq!(format_duration(nanos), text);
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
        for (text, bits, why) in [
            ("2147483648", 32, "value out of range"),
            ("9223372036854775808", 64, "value out of range"),
            ("1.5", 64, "invalid syntax"),
            ("0x3", 64, "invalid syntax"),
            ("", 64, "invalid syntax"),
        ] {
            let error = format!("strconv.ParseInt: parsing \"{text}\": {why}");
            assert_eq!(parse_int(text, bits), Err(error));
        }
    }
}
