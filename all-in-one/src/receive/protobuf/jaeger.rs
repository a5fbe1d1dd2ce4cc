//! Jaeger's protocol buffers to the model.
//!
//! Source: model.proto and collector.proto in <https://github.com/jaegertracing/jaeger-idl>. A
//! field that is unknown is passed over, one that is missing is its type's zero: both as
//! protocol buffers want it.

use std::sync::Arc;

use super::wire::{Fields, Value as Wire};
use super::{Error, MAX_UNFOLDED};
use crate::model::{
    KeyValue, Log, Nanos, Process, RefKind, Reference, Span, SpanId, Text, TraceId, Value,
};
use crate::receive::intern::Interner;
use crate::receive::warnings::{NEGATIVE_DURATION, NEGATIVE_START, not_negative};

/// What the collector calls the service of a span without a process.
const NO_PROCESS: &str = "null-process-and-service-name";

/// The seconds from 0001-01-01 to 9999-12-31 that a timestamp may have.
const TIMESTAMPS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;
/// The seconds that a duration may have, in either direction: what Go holds as nanoseconds.
const LONGEST: i64 = i64::MAX / 1_000_000_000;

/// A batch: the spans that one process sent together.
#[derive(Debug)]
pub struct Batch {
    /// The spans, in the order sent.
    pub spans: Vec<Span>,
    /// About how many bytes they take in memory.
    pub bytes: usize,
}

/// Reads a `PostSpansRequest`. Every span gets the batch's process, where it has none of its
/// own, and the tag that names its format.
pub fn post_spans(message: &[u8], interner: &mut Interner, format: &str) -> Result<Batch, Error> {
    let before = interner.allocated();
    let nobody = interner.nobody();
    let mut decoder = Decoder { interner, before, format, nobody };
    let (mut spans, mut process) = (Vec::new(), None);
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            decoder.batch(value.bytes()?, &mut spans, &mut process)?;
        }
    }
    let process = process.unwrap_or_else(|| decoder.unknown_process());
    for span in &mut spans {
        if Arc::ptr_eq(&span.process, &decoder.nobody) {
            span.process = Arc::clone(&process);
        }
    }
    Ok(Batch { spans, bytes: decoder.unfolded() })
}

struct Decoder<'d> {
    interner: &'d mut Interner,
    /// What the interner had allocated before this message.
    before: usize,
    format: &'d str,
    /// Stands for the batch's process, which may come after the spans.
    nobody: Arc<Process>,
}

impl Decoder<'_> {
    fn unknown_process(&mut self) -> Arc<Process> {
        let service = self.interner.text(NO_PROCESS.as_bytes());
        self.interner.process(service, Vec::new())
    }

    fn batch(
        &mut self,
        message: &[u8],
        spans: &mut Vec<Span>,
        process: &mut Option<Arc<Process>>,
    ) -> Result<(), Error> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => {
                    let span = self.span(value.bytes()?)?;
                    self.push(spans, span)?;
                }
                2 => *process = Some(self.process(value.bytes()?)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn process(&mut self, message: &[u8]) -> Result<Arc<Process>, Error> {
        let (mut service, mut tags) = (None, Vec::new());
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => service = Some(self.text(value)?),
                2 => self.tag(value, &mut tags)?,
                _ => {}
            }
        }
        let service = service.unwrap_or_else(|| self.interner.text(b""));
        Ok(self.interner.process(service, tags))
    }

    fn span(&mut self, message: &[u8]) -> Result<Span, Error> {
        let mut span = Span {
            trace_id: TraceId::default(),
            span_id: SpanId(0),
            operation: self.interner.text(b""),
            references: Box::default(),
            flags: 0,
            start: 0,
            duration: 0,
            nanos: Nanos::default(),
            tags: Box::default(),
            logs: Box::default(),
            process: Arc::clone(&self.nobody),
            warnings: Box::default(),
        };
        let (mut references, mut tags, mut logs) = (Vec::new(), Vec::new(), Vec::new());
        let mut warnings = Vec::new();
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => span.trace_id = trace_id(value)?,
                2 => span.span_id = span_id(value)?,
                3 => span.operation = self.text(value)?,
                4 => self.push(&mut references, reference(value.bytes()?)?)?,
                // Jaeger's flags are the lower 32 bits.
                5 => span.flags = value.varint()? as u32,
                6 => {
                    let (start, nanos) = timestamp(value.bytes()?)?;
                    span.nanos.start = nanos;
                    span.start =
                        not_negative(start, NEGATIVE_START, |text| warnings.push(text.into()));
                }
                7 => {
                    let (duration, nanos) = duration(value.bytes()?)?;
                    span.nanos.duration = nanos;
                    span.duration = not_negative(duration, NEGATIVE_DURATION, |text| {
                        warnings.push(text.into())
                    });
                }
                8 => self.tag(value, &mut tags)?,
                9 => {
                    let log = self.log(value.bytes()?)?;
                    self.push(&mut logs, log)?;
                }
                10 => span.process = self.process(value.bytes()?)?,
                12 => {
                    let warning = self.text(value)?;
                    self.push(&mut warnings, warning)?;
                }
                _ => {}
            }
        }
        let format = self.interner.format_tag(self.format);
        self.push(&mut tags, format)?;
        span.references = references.into();
        span.tags = tags.into();
        span.logs = logs.into();
        span.warnings = warnings.into();
        Ok(span)
    }

    fn log(&mut self, message: &[u8]) -> Result<Log, Error> {
        let (mut time, mut tags) = (0, Vec::new());
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => time = timestamp(value.bytes()?)?.0.max(0) as u64,
                2 => self.tag(value, &mut tags)?,
                _ => {}
            }
        }
        Ok(Log { timestamp: time, fields: tags.into() })
    }

    fn tag(&mut self, message: Wire<'_>, tags: &mut Vec<KeyValue>) -> Result<(), Error> {
        let (mut key, mut kind, mut text) = (&b""[..], 0, &b""[..]);
        let (mut boolean, mut int, mut double, mut binary) = (false, 0, 0.0, &b""[..]);
        let mut fields = Fields::of(message.bytes()?);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => key = value.bytes()?,
                2 => kind = value.varint()?,
                3 => text = value.bytes()?,
                4 => boolean = value.varint()? != 0,
                5 => int = value.varint()? as i64,
                6 => double = value.double()?,
                7 => binary = value.bytes()?,
                _ => {}
            }
        }
        let value = match kind {
            0 => Value::String(self.interner.text(text)),
            1 => Value::Bool(boolean),
            2 => Value::Int64(int),
            3 => Value::Float64(double),
            4 => {
                self.interner.charge(binary.len());
                Value::Binary(binary.into())
            }
            other => Value::String(format!("unknown type {}", other as i32).into()),
        };
        let key = self.interner.text(key);
        self.push(tags, KeyValue { key, value })
    }

    fn text(&mut self, value: Wire<'_>) -> Result<Text, Error> {
        Ok(self.interner.text(value.bytes()?))
    }

    /// Adds to a list, unless the message would unfold beyond its limit.
    fn push<T>(&mut self, list: &mut Vec<T>, item: T) -> Result<(), Error> {
        self.interner.charge(size_of::<T>());
        if self.unfolded() > MAX_UNFOLDED {
            return Err(Error::TooMuch);
        }
        list.push(item);
        Ok(())
    }

    fn unfolded(&self) -> usize {
        self.interner.allocated().wrapping_sub(self.before)
    }
}

fn reference(message: &[u8]) -> Result<Reference, Error> {
    let (mut trace, mut span, mut kind) = (TraceId::default(), SpanId(0), 0);
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => trace = trace_id(value)?,
            2 => span = span_id(value)?,
            3 => kind = value.varint()? as i32,
            _ => {}
        }
    }
    Ok(Reference { kind: RefKind::from_number(kind), trace_id: trace, span_id: span })
}

fn trace_id(value: Wire<'_>) -> Result<TraceId, Error> {
    let bytes = value.bytes()?;
    let (high, low) = bytes.split_at(bytes.len().saturating_sub(8));
    let id = match high.len() {
        0 => eight(low).map(|low| TraceId { high: 0, low }),
        _ => eight(high).zip(eight(low)).map(|(high, low)| TraceId { high, low }),
    };
    id.ok_or(Error::IdLength("TraceID"))
}

fn span_id(value: Wire<'_>) -> Result<SpanId, Error> {
    eight(value.bytes()?).map(SpanId).ok_or(Error::IdLength("SpanID"))
}

fn eight(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// A `google.protobuf.Timestamp`, in microseconds since the Unix epoch.
fn timestamp(message: &[u8]) -> Result<(i64, u16), Error> {
    let (seconds, nanos) = seconds_and_nanos(message)?;
    let fits = TIMESTAMPS.contains(&seconds) && (0..1_000_000_000).contains(&nanos);
    if fits { Ok(micros(seconds, nanos)) } else { Err(Error::Time) }
}

/// A `google.protobuf.Duration`, in microseconds.
fn duration(message: &[u8]) -> Result<(i64, u16), Error> {
    let (seconds, nanos) = seconds_and_nanos(message)?;
    let one_sign = seconds.signum() * i64::from(nanos.signum()) >= 0;
    let fits = (-LONGEST..=LONGEST).contains(&seconds) && nanos.unsigned_abs() < 1_000_000_000;
    if fits && one_sign { Ok(micros(seconds, nanos)) } else { Err(Error::Time) }
}

fn seconds_and_nanos(message: &[u8]) -> Result<(i64, i32), Error> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => seconds = value.varint()? as i64,
            2 => nanos = value.varint()? as i32,
            _ => {}
        }
    }
    Ok((seconds, nanos))
}

/// Whole microseconds, and the nanoseconds beyond them where they are not negative.
fn micros(seconds: i64, nanos: i32) -> (i64, u16) {
    let beyond = u16::try_from(nanos % 1_000).unwrap_or(0);
    (seconds * 1_000_000 + i64::from(nanos / 1_000), beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that holds bytes or a message.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(content);
        bytes
    }

    fn post(batch: &[u8]) -> Result<Batch, Error> {
        post_spans(&field(1, batch), &mut Interner::default(), "proto")
    }

    fn one_span(fields: &[u8]) -> Result<Span, Error> {
        Ok(post(&field(1, fields))?.spans.remove(0))
    }

    #[test]
    fn the_process_may_come_after_the_spans_or_be_a_span_s_own() {
        let own = field(1, &field(10, &field(1, b"own")));
        let batch = [field(1, b""), own, field(2, &field(1, b"shared"))].concat();
        let services: Vec<_> =
            post(&batch).expect("a batch").spans.iter().map(|s| s.service().to_owned()).collect();
        assert_eq!(services, ["shared", "own"]);
        assert_eq!(one_span(b"").expect("a span").service(), "null-process-and-service-name");
        let nameless = one_span(&field(10, b"")).expect("a span");
        assert_eq!(nameless.service(), "empty-service-name");
    }

    #[test]
    fn ids_have_their_lengths() {
        let span = one_span(&[field(1, &[1; 16]), field(2, &[2; 8])].concat()).expect("a span");
        assert_eq!(span.trace_id.to_string(), "01".repeat(16));
        assert_eq!(span.span_id.to_string(), "02".repeat(8));
        let short = one_span(&field(1, &[1; 8])).expect("a span").trace_id;
        assert_eq!(short, TraceId { high: 0, low: 0x0101_0101_0101_0101 });
        for length in [0, 1, 7, 9, 15, 17, 24] {
            let error = one_span(&field(1, &vec![1; length])).expect_err("a wrong length");
            assert_eq!(error, Error::IdLength("TraceID"), "{length}");
            if length != 8 {
                assert!(one_span(&field(2, &vec![1; length])).is_err());
            }
        }
    }

    #[test]
    fn times_have_their_bounds() {
        let minus_one = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let negative = [&[0x08][..], &minus_one].concat();
        let span = one_span(&[field(6, &negative), field(7, &negative)].concat()).expect("a span");
        assert_eq!((span.start, span.duration, span.warnings.len()), (0, 0, 2));
        let span = one_span(&field(6, &[0x08, 2, 0x10, 0xd0, 0x0f])).expect("a span");
        assert_eq!(span.start, 2_000_002, "2 s and 2000 ns");
        let largest = [&[0x08][..], &[0xff; 8], &[0x7f]].concat();
        for number in [6, 7] {
            assert_eq!(one_span(&field(number, &largest)).expect_err("too far"), Error::Time);
        }
        let mixed = [&[0x08, 1, 0x10][..], &minus_one].concat();
        assert_eq!(one_span(&field(7, &mixed)).expect_err("both signs"), Error::Time);
    }

    #[test]
    fn a_few_bytes_do_not_unfold_without_end() {
        for (what, empty) in [("spans", field(1, b"")), ("tags", field(1, &field(8, b"")))] {
            let count = (4 << 20) / empty.len();
            let error = post(&empty.repeat(count)).expect_err(what);
            assert_eq!(error, Error::TooMuch, "{what}");
        }
        let logs = field(1, &field(9, &field(2, b"").repeat(1 << 20)));
        assert_eq!(post(&logs.repeat(2)).expect_err("logs"), Error::TooMuch);
    }
}
