//! Durations.

/// A duration such as `1h30m` or `1.5ms`, in nanoseconds (`time.ParseDuration`).
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("invalid duration {text:?}");
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
            return Err(format!("missing unit in duration {text:?}"));
        }
        let Some(scale) = unit_nanos(unit) else {
            return Err(format!("unknown unit {unit:?} in duration {text:?}"));
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

/// The length of the digits at the front, with at most one point.
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
    // Go loses digits below a nanosecond of an hour too.
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
        for text in ["", "abc", ".", "5", "1.5.5s", "5 ms", "1d", "1é", "9999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
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
}
