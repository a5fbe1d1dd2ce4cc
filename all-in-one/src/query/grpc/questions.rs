//! Decodes questions.

use std::collections::BTreeMap;

use crate::protobuf::Error;
use crate::protobuf::wire::{Fields, WireValue};

/// The times that Go can write, in seconds since the Unix epoch.
const SECONDS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;
/// The most seconds of a duration, ten thousand years.
const MOST_SECONDS: i64 = 315_576_000_000;
const NANOS: i64 = 1_000_000_000;

/// A question for one trace.
#[derive(Debug, Default)]
pub(super) struct OneTrace<'a> {
    /// Bytes in the second version of the API, text in the third.
    pub(super) id: &'a [u8],
    pub(super) raw: bool,
}

impl<'a> OneTrace<'a> {
    pub(super) fn read(message: &'a [u8]) -> Result<Self, Error> {
        let mut one = OneTrace::default();
        each(message, |number, value| {
            match number {
                1 => one.id = value.bytes()?,
                // The times are not needed here: all traces are in memory.
                2 | 3 => drop(time(value.bytes()?)?),
                4 => one.raw = value.varint()? != 0,
                _ => {}
            }
            Ok(())
        })?;
        Ok(one)
    }
}

/// A search. Both versions have the same fields.
#[derive(Debug, Default)]
pub(super) struct TraceQuery {
    pub(super) service: String,
    pub(super) operation: String,
    pub(super) tags: BTreeMap<String, String>,
    /// In nanoseconds since the Unix epoch.
    pub(super) earliest: Option<i128>,
    pub(super) latest: Option<i128>,
    /// In nanoseconds; zero is no limit.
    pub(super) shortest: i64,
    pub(super) longest: i64,
    pub(super) depth: i32,
    pub(super) raw: bool,
}

impl TraceQuery {
    /// The search in a `FindTracesRequest`.
    pub(super) fn read(message: &[u8]) -> Result<Option<Self>, Error> {
        let mut query = None;
        each(message, |number, value| {
            if number == 1 {
                query.get_or_insert_with(TraceQuery::default).merge(value.bytes()?)?;
            }
            Ok(())
        })?;
        Ok(query)
    }

    fn merge(&mut self, message: &[u8]) -> Result<(), Error> {
        each(message, |number, value| {
            match number {
                1 => self.service = text(value)?,
                2 => self.operation = text(value)?,
                3 => {
                    let [key, tag] = texts(value.bytes()?)?;
                    self.tags.insert(key, tag);
                }
                4 => self.earliest = time(value.bytes()?)?,
                5 => self.latest = time(value.bytes()?)?,
                6 => self.shortest = duration(value.bytes()?)?,
                7 => self.longest = duration(value.bytes()?)?,
                // An int32 is cut to its lower half.
                8 => self.depth = value.varint()? as i32,
                9 => self.raw = value.varint()? != 0,
                _ => {}
            }
            Ok(())
        })
    }
}

/// Two texts, the fields 1 and 2.
pub(super) fn texts(message: &[u8]) -> Result<[String; 2], Error> {
    let mut texts = [String::new(), String::new()];
    each(message, |number, value| {
        if let 1 | 2 = number {
            texts[number as usize - 1] = text(value)?;
        }
        Ok(())
    })?;
    Ok(texts)
}

/// Two times, the fields 1 and 2.
pub(super) fn times(message: &[u8]) -> Result<[Option<i128>; 2], Error> {
    let mut times = [None; 2];
    each(message, |number, value| {
        if let 1 | 2 = number {
            times[number as usize - 1] = time(value.bytes()?)?;
        }
        Ok(())
    })?;
    Ok(times)
}

/// Reads a message for nothing but its faults.
pub(super) fn check(message: &[u8]) -> Result<(), Error> {
    each(message, |_, _| Ok(()))
}

fn each<'a>(
    message: &'a [u8],
    mut visit: impl FnMut(u32, WireValue<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        visit(number, value)?;
    }
    Ok(())
}

fn text(value: WireValue<'_>) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(value.bytes()?).into_owned())
}

/// Seconds and nanoseconds.
fn seconds(message: &[u8]) -> Result<[i64; 2], Error> {
    let mut parts = [0; 2];
    each(message, |number, value| {
        if let 1 | 2 = number {
            parts[number as usize - 1] = value.varint()? as i64;
        }
        Ok(())
    })?;
    Ok([parts[0], i64::from(parts[1] as i32)])
}

/// A time in nanoseconds since the Unix epoch. The beginning of the year 1 is Go's zero: no time.
fn time(message: &[u8]) -> Result<Option<i128>, Error> {
    let [seconds, nanos] = seconds(message)?;
    if !SECONDS.contains(&seconds) || !(0..NANOS).contains(&nanos) {
        return Err(Error::Time);
    }
    let time = i128::from(seconds) * i128::from(NANOS) + i128::from(nanos);
    Ok(Some(time).filter(|_| (seconds, nanos) != (SECONDS.start, 0)))
}

/// A duration in nanoseconds.
fn duration(message: &[u8]) -> Result<i64, Error> {
    let [seconds, nanos] = seconds(message)?;
    let in_range = (-MOST_SECONDS..=MOST_SECONDS).contains(&seconds)
        && (-NANOS + 1..NANOS).contains(&nanos)
        && seconds.signum() * nanos.signum() >= 0;
    let duration = seconds.checked_mul(NANOS).and_then(|whole| whole.checked_add(nanos));
    duration.filter(|_| in_range).ok_or(Error::Time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::message::Message;

    fn parts(seconds: i64, nanos: i64) -> Vec<u8> {
        let mut message = Message::default();
        message.varint(1, seconds as u64);
        message.varint(2, nanos as u64);
        message.into_bytes()
    }

    #[test]
    fn times_and_durations_have_go_s_ranges() {
        assert_eq!(time(&[]), Ok(Some(0)));
        assert_eq!(time(&parts(-1, 5)), Ok(Some(-999_999_995)));
        assert_eq!(time(&parts(SECONDS.start, 0)), Ok(None));
        assert_eq!(duration(&parts(-1, -5)), Ok(-1_000_000_005));
        for (seconds, nanos) in
            [(SECONDS.start - 1, 0), (SECONDS.end, 0), (0, -1), (0, NANOS), (i64::MAX, 0)]
        {
            assert_eq!(time(&parts(seconds, nanos)), Err(Error::Time), "{seconds} {nanos}");
        }
        for (seconds, nanos) in
            [(1, -1), (-1, 1), (0, NANOS), (MOST_SECONDS + 1, 0), (MOST_SECONDS, 0), (i64::MIN, 0)]
        {
            assert_eq!(duration(&parts(seconds, nanos)), Err(Error::Time), "{seconds} {nanos}");
        }
    }

    #[test]
    fn the_last_value_counts_and_messages_are_merged() {
        let mut first = Message::default();
        first.bytes(1, b"a");
        first.bytes(2, b"op");
        let mut tag = Message::default();
        tag.bytes(1, b"k");
        tag.bytes(2, b"\xff");
        first.message(3, &tag);
        let mut second = Message::default();
        second.bytes(1, b"b");
        second.varint(8, (-1_i64) as u64);
        second.varint(99, 1);
        let mut message = Message::default();
        message.message(1, &first);
        message.message(1, &second);
        let query = TraceQuery::read(&message.into_bytes()).expect("a query").expect("a query");
        assert_eq!((&*query.service, &*query.operation, query.depth), ("b", "op", -1));
        assert_eq!(query.tags["k"], "\u{fffd}");
        assert!(TraceQuery::read(&[]).expect("a message").is_none());
        assert_eq!(TraceQuery::read(&[0x08, 1]).err(), Some(Error::Kind));
    }
}
