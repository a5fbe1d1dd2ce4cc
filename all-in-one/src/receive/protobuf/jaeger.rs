//! Jaeger's protocol buffers to the model.
//!
//! Source: model.proto and collector.proto in <https://github.com/jaegertracing/jaeger-idl>. As
//! protocol buffers demand, an unknown field is skipped, and a missing one is the zero of its type.

use super::{Error, MAX_UNFOLDED};
use crate::model::{
    Batch, Bytes, Draft, DraftLog, DraftProcess, Part, RefKind, Reference, SpanId, Tag, TagValue,
    TraceId, append,
};
use crate::protobuf::wire::{Fields, WireValue};
use crate::receive::warnings::{NEGATIVE_DURATION, NEGATIVE_START, not_negative};

/// The collector's name for the service of a span without a process.
const NO_PROCESS: &str = "null-process-and-service-name";

/// The range of a timestamp in seconds: 0001-01-01 to 9999-12-31.
const TIMESTAMPS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;
/// The largest duration in seconds, in either direction: what Go can hold as nanoseconds.
const LONGEST: i64 = i64::MAX / 1_000_000_000;

/// Reads a `PostSpansRequest`. Every span without a process of its own gets the batch's, and every
/// span the tag that names its format.
pub(crate) fn post_spans<'a>(message: &'a [u8], format: &'static str) -> Result<Batch<'a>, Error> {
    let mut decoder = Decoder { format, batch: Batch::recycled(), ..Decoder::default() };
    // The first process is the batch's. It may follow the spans.
    decoder.batch.processes.push(DraftProcess::new(NO_PROCESS.as_bytes().into(), 0..0));
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            decoder.batch(value.bytes()?)?;
        }
    }
    Ok(decoder.batch)
}

#[derive(Default)]
struct Decoder<'a> {
    format: &'static str,
    batch: Batch<'a>,
    /// The tags of the current span, then those of one of its logs.
    tags: Vec<Tag<'a>>,
    /// The memory that the request takes so far, in bytes.
    unfolded: usize,
}

impl<'a> Decoder<'a> {
    fn batch(&mut self, message: &'a [u8]) -> Result<(), Error> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => {
                    let span = self.span(value.bytes()?)?;
                    self.batch.spans.push(span);
                }
                2 => self.batch.processes[0] = self.process(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn process(&mut self, message: &'a [u8]) -> Result<DraftProcess<'a>, Error> {
        self.unfold(size_of::<DraftProcess<'_>>())?;
        let (mut service, before) = (Bytes::default(), self.tags.len());
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => service = value.bytes()?.into(),
                2 => self.tag(value)?,
                _ => {}
            }
        }
        Ok(DraftProcess::new(service, self.tags_from(before)))
    }

    fn span(&mut self, message: &'a [u8]) -> Result<Draft<'a>, Error> {
        self.unfold(size_of::<Draft<'_>>())?;
        let mut span = Draft::default();
        let (mut references, mut logs) = (Vec::new(), Vec::new());
        let mut warnings: Vec<Bytes<'a>> = Vec::new();
        self.tags.clear();
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => span.trace_id = trace_id(value)?,
                2 => span.span_id = span_id(value)?,
                3 => span.operation = value.bytes()?.into(),
                4 => {
                    self.unfold(size_of::<Reference>())?;
                    references.push(reference(value.bytes()?)?);
                }
                // Jaeger keeps the lower 32 bits.
                5 => span.flags = value.varint()? as u32,
                6 => {
                    let (start, nanos) = timestamp(value.bytes()?)?;
                    let warn = |text: &'static str| warnings.push(text.as_bytes().into());
                    span.nanos.start = nanos;
                    span.start = not_negative(start, NEGATIVE_START, warn);
                }
                7 => {
                    let (duration, nanos) = duration(value.bytes()?)?;
                    let warn = |text: &'static str| warnings.push(text.as_bytes().into());
                    span.nanos.duration = nanos;
                    span.duration = not_negative(duration, NEGATIVE_DURATION, warn);
                }
                8 => self.tag(value)?,
                9 => logs.push(self.log(value.bytes()?)?),
                10 => {
                    let process = self.process(value.bytes()?)?;
                    span.process = self.batch.processes.len();
                    self.batch.processes.push(process);
                }
                12 => {
                    self.unfold(size_of::<Bytes<'_>>())?;
                    warnings.push(value.bytes()?.into());
                }
                _ => {}
            }
        }
        let tags = self.tags_from(0);
        span.tags = tags.start..self.batch.format_tag(self.format).end;
        span.references = append(&mut self.batch.references, references);
        span.logs = append(&mut self.batch.logs, logs);
        span.warnings = append(&mut self.batch.warnings, warnings);
        Ok(span)
    }

    fn log(&mut self, message: &'a [u8]) -> Result<DraftLog, Error> {
        self.unfold(size_of::<DraftLog>())?;
        let (mut timestamp_of, before) = (0, self.tags.len());
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => timestamp_of = timestamp(value.bytes()?)?.0.max(0) as u64,
                2 => self.tag(value)?,
                _ => {}
            }
        }
        Ok(DraftLog { timestamp: timestamp_of, fields: self.tags_from(before) })
    }

    fn tag(&mut self, message: WireValue<'a>) -> Result<(), Error> {
        self.unfold(size_of::<Tag<'_>>())?;
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
            0 => TagValue::String(text.into()),
            1 => TagValue::Bool(boolean),
            2 => TagValue::Int64(int),
            3 => TagValue::Float64(double),
            4 => TagValue::Binary(binary.into()),
            other => TagValue::String(format!("unknown type {}", other as i32).into_bytes().into()),
        };
        self.tags.push(Tag { key: key.into(), value });
        Ok(())
    }

    /// Moves the tags from `before` on into the batch.
    fn tags_from(&mut self, before: usize) -> Part {
        append(&mut self.batch.tags, self.tags.drain(before..))
    }

    /// Counts the memory that the request takes, within its limit.
    fn unfold(&mut self, bytes: usize) -> Result<(), Error> {
        self.unfolded += bytes;
        if self.unfolded > MAX_UNFOLDED { Err(Error::TooMuch) } else { Ok(()) }
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

fn trace_id(value: WireValue<'_>) -> Result<TraceId, Error> {
    let bytes = value.bytes()?;
    let (high, low) = bytes.split_at(bytes.len().saturating_sub(8));
    let id = match high.len() {
        0 => eight(low).map(|low| TraceId { high: 0, low }),
        _ => eight(high).zip(eight(low)).map(|(high, low)| TraceId { high, low }),
    };
    id.ok_or(Error::IdLength("TraceID"))
}

fn span_id(value: WireValue<'_>) -> Result<SpanId, Error> {
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

/// Splits off whole microseconds, and the remaining nanoseconds where they are not negative.
fn micros(seconds: i64, nanos: i32) -> (i64, u16) {
    let beyond = u16::try_from(nanos % 1_000).unwrap_or(0);
    (seconds * 1_000_000 + i64::from(nanos / 1_000), beyond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::store::{Limits, Store};

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

    /// The spans of a batch as they are stored.
    fn post(batch: &[u8]) -> Result<Vec<Span>, Error> {
        let message = field(1, batch);
        let store = Store::new(Limits { traces: 0, bytes: 64 << 20 });
        store.take(&post_spans(&message, "proto")?);
        let traces = store.ids().into_iter().filter_map(|id| store.trace(id));
        Ok(traces.flat_map(|trace| trace.spans).map(|span| Span::clone(&span)).collect())
    }

    fn one_span(fields: &[u8]) -> Result<Span, Error> {
        Ok(post(&field(1, fields))?.remove(0))
    }

    #[test]
    fn the_process_may_come_after_the_spans_or_be_a_span_s_own() {
        let own = field(1, &field(10, &field(1, b"own")));
        let batch = [field(1, b""), own, field(2, &field(1, b"shared"))].concat();
        let services: Vec<_> =
            post(&batch).expect("a batch").iter().map(|s| s.service().to_owned()).collect();
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
