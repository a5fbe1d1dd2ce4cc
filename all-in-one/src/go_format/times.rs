//! Times as Go writes them.

use std::time::{SystemTime, UNIX_EPOCH};

/// A time in UTC as Go writes it in JSON, such as `2026-11-23T01:36:21.6158Z`.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let nanos = format!(".{:09}", since.subsec_nanos());
    let fraction = nanos.trim_end_matches('0').trim_end_matches('.');
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The layout that Go names in errors.
const LAYOUT: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// A time such as `2026-11-23T01:36:21.6158+01:00`, in nanoseconds since the Unix epoch
/// (`time.Parse(time.RFC3339Nano, …)`); the error has Go's words.
pub(crate) fn parse_rfc3339(text: &str) -> Result<i128, String> {
    let mut rest = text;
    let year = number(&mut rest, 4, "2006").map_err(|error| error.of(text))?;
    let mut date = [0; 5];
    let elements = [("-", "01"), ("-", "02"), ("T", "15"), (":", "04"), (":", "05")];
    for ((separator, element), value) in elements.into_iter().zip(&mut date) {
        *value = literal(&mut rest, separator)
            .and_then(|()| number(&mut rest, 2, element))
            .map_err(|error| error.of(text))?;
    }
    let [month, day, hour, minute, second] = date;
    let nanos = fraction(&mut rest);
    let offset = offset(&mut rest).map_err(|error| error.of(text))?;
    if !rest.is_empty() {
        return Err(format!("parsing time {text:?}: extra text: {rest:?}"));
    }
    let ranges = [
        ("month", (1..=12).contains(&month)),
        ("day", (1..=days_of(year, month)).contains(&day)),
        ("hour", hour < 24),
        ("minute", minute < 60),
        ("second", second < 60),
    ];
    if let Some((what, _)) = ranges.into_iter().find(|(_, is_within)| !is_within) {
        return Err(format!("parsing time {text:?}: {what} out of range"));
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Ok(i128::from(seconds - offset) * 1_000_000_000 + i128::from(nanos))
}

/// Where a text differs from an element of the layout.
struct Unlike<'t> {
    rest: &'t str,
    element: &'static str,
}

impl Unlike<'_> {
    fn of(self, text: &str) -> String {
        let Unlike { rest, element } = self;
        format!("parsing time {text:?} as {LAYOUT:?}: cannot parse {rest:?} as {element:?}")
    }
}

fn literal<'t>(rest: &mut &'t str, element: &'static str) -> Result<(), Unlike<'t>> {
    *rest = rest.strip_prefix(element).ok_or(Unlike { rest, element })?;
    Ok(())
}

/// Exactly `length` digits.
fn number<'t>(rest: &mut &'t str, length: usize, element: &'static str) -> Result<i64, Unlike<'t>> {
    let digits = rest.get(..length).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let value = digits.and_then(|digits| digits.parse().ok());
    let value = value.ok_or(Unlike { rest, element })?;
    *rest = &rest[length..];
    Ok(value)
}

/// The nanoseconds after a point or a comma; further digits are passed over.
fn fraction(rest: &mut &str) -> i64 {
    let Some(digits) = rest.strip_prefix(['.', ',']) else { return 0 };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return 0;
    }
    *rest = &digits[length..];
    format!("{:0<9.9}", &digits[..length]).parse().unwrap_or_default()
}

/// The zone's offset in seconds.
fn offset<'t>(rest: &mut &'t str) -> Result<i64, Unlike<'t>> {
    const ELEMENT: &str = "Z07:00";
    let all = *rest;
    if let Some(after) = all.strip_prefix('Z') {
        *rest = after;
        return Ok(0);
    }
    let unlike = || Unlike { rest: all, element: ELEMENT };
    let sign = match all.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(unlike()),
    };
    let mut after = &all[1..];
    let hours = number(&mut after, 2, ELEMENT).map_err(|_| unlike())?;
    literal(&mut after, ":").map_err(|_| unlike())?;
    let minutes = number(&mut after, 2, ELEMENT).map_err(|_| unlike())?;
    if hours > 24 || minutes > 60 {
        return Err(unlike());
    }
    *rest = after;
    Ok(sign * (hours * 3_600 + minutes * 60))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year.unsigned_abs())),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // The days of the years before, with their leap days; the years are 0 to 9999.
    let leap_days = |year: i64| (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let before = year * 365 + leap_days(year) - (1970 * 365 + leap_days(1970));
    before + (1..month).map(|month| days_of(year, month)).sum::<i64>() + day - 1
}

/// The date `days` days after 1970-01-01.
fn date(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_500_000_000, "2000-02-29T00:00:00.5Z"),
            (1_795_395_600_000_000_001, "2026-11-23T01:00:00.000000001Z"),
            (1_798_761_599_120_000_000, "2026-12-31T23:59:59.12Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn times_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00.5Z", 951_782_400_500_000_000),
            ("2026-11-23T02:00:00.000000001+01:00", 1_795_395_600_000_000_001),
            ("2026-11-23T01:00:00,0000000019Z", 1_795_395_600_000_000_001),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000_000_000),
            ("1969-12-31T23:59:59Z", -1_000_000_000),
            ("0000-03-01T00:00:00Z", -62_162_035_200_000_000_000),
        ] {
            assert_eq!(parse_rfc3339(text), Ok(nanos), "{text}");
        }
        for text in [
            "",
            "2026-11-26",
            "2026-11-26T17:00:00",
            "2026-11-26t17:00:00Z",
            "2026-02-29T17:00:00Z",
            "2026-13-01T17:00:00Z",
            "2026-11-26T24:00:00Z",
            "2026-11-26T17:00:00+01",
            "2026-11-26T17:00:00Zx",
            "ü026-11-26T17:00:00Z",
        ] {
            assert!(parse_rfc3339(text).is_err(), "{text}");
        }
    }
}
