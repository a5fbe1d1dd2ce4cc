//! Jaeger's Thrift structs to the model.
//!
//! Source: jaeger.thrift and agent.thrift in <https://github.com/jaegertracing/jaeger-idl>. As in
//! Jaeger, a field that is unknown or has an unexpected type is skipped, and a missing required
//! field makes the whole batch invalid.

use super::{Error, Protocol, Type, zipkin};
use crate::model::{
    Batch, Bytes, Draft, DraftLog, DraftProcess, Part, RefKind, Reference, SpanId, Tag, TagValue,
    TraceId, append, push_tag,
};
use crate::receive::warnings::{NEGATIVE_DURATION, NEGATIVE_START, not_negative};
use crate::receive::zipkin_core;
use crate::server::body::MAX_DECODED;

/// Reads a message of the agent's, as a call or oneway: `emitBatch(Batch)`, or
/// `emitZipkinBatch(list<zipkincore.Span>)`.
pub(crate) fn emit_batch<'a>(
    input: &mut impl Protocol<'a>,
    format: &'static str,
) -> Result<Batch<'a>, Error> {
    let message = input.message()?;
    if !matches!(message.kind, 1 | 4) {
        return Err(Error::MessageKind(message.kind));
    }
    let is_zipkin = match message.name {
        b"emitBatch" => false,
        b"emitZipkinBatch" => true,
        other => return Err(Error::Method(shown(other))),
    };
    let mut found = None;
    let outer = input.begin_struct()?;
    while let Some(field) = input.field()? {
        match (field.id, field.kind) {
            (1, Type::Struct) if !is_zipkin => found = Some(batch(input, format)?),
            (1, Type::List) if is_zipkin => found = Some(zipkin_batch(input, format)?),
            _ => input.skip(field.kind)?,
        }
    }
    input.end_struct(outer);
    found.ok_or(Error::Missing(if is_zipkin { "spans" } else { "batch" }))
}

/// Reads Zipkin's spans.
fn zipkin_batch<'a>(
    input: &mut impl Protocol<'a>,
    format: &'static str,
) -> Result<Batch<'a>, Error> {
    let mut whole = Vec::new();
    zipkin::spans(input, usize::MAX, &mut |spans| whole = spans)?;
    Ok(zipkin_core::spans(whole, format))
}

/// Reads a `Batch`. Every span gets the batch's process, and the tag that names its format.
pub(crate) fn batch<'a>(
    input: &mut impl Protocol<'a>,
    format: &'static str,
) -> Result<Batch<'a>, Error> {
    let mut whole = None;
    parts(input, format, usize::MAX, None, &mut |batch| whole = Some(batch))?;
    Ok(whole.unwrap_or_default())
}

/// The process of a batch.
#[derive(Debug, Default)]
pub(crate) struct BatchProcess<'a> {
    service: Bytes<'a>,
    tags: Vec<Tag<'a>>,
}

/// Reads a `Batch`, and passes its spans to `take`, at most `most` at a time. The process may
/// follow its spans, so a large body is read twice: the first reading returns the process, the
/// second takes it as `known`.
pub(crate) fn parts<'a>(
    input: &mut impl Protocol<'a>,
    format: &'static str,
    most: usize,
    known: Option<BatchProcess<'a>>,
    take: &mut dyn FnMut(Batch<'a>),
) -> Result<BatchProcess<'a>, Error> {
    let batch = Batch::recycled();
    let mut decoder = Decoder { input, batch, format, most, budget: MAX_DECODED, known, take };
    let (mut process, mut spans) = (None, None);
    let outer = decoder.input.begin_struct()?;
    while let Some(field) = decoder.input.field()? {
        match (field.id, field.kind) {
            (1, Type::Struct) => process = Some(decoder.process()?),
            (2, Type::List) => spans = Some(decoder.spans()?),
            _ => decoder.input.skip(field.kind)?,
        }
    }
    decoder.input.end_struct(outer);
    let process = need(process, "process")?;
    need(spans, "spans")?;
    decoder.known.get_or_insert(process);
    decoder.hand_over();
    Ok(decoder.known.unwrap_or_default())
}

struct Decoder<'d, 'a, P> {
    input: &'d mut P,
    batch: Batch<'a>,
    format: &'static str,
    most: usize,
    /// The memory that the rest of the batch may take, in bytes.
    budget: usize,
    known: Option<BatchProcess<'a>>,
    take: &'d mut dyn FnMut(Batch<'a>),
}

impl<'a, P: Protocol<'a>> Decoder<'_, 'a, P> {
    fn process(&mut self) -> Result<BatchProcess<'a>, Error> {
        let (mut service, before) = (None, self.batch.tags.len());
        let mut tags = before..before;
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::Binary) => service = Some(self.input.bytes()?),
                (2, Type::List) => tags = self.tags()?,
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        let service = need(service, "Process.serviceName")?.into();
        let tags = self.batch.tags.drain(tags).collect();
        self.batch.tags.truncate(before);
        Ok(BatchProcess { service, tags })
    }

    fn spans(&mut self) -> Result<(), Error> {
        self.batch.spans.clear();
        let count = self.list("Batch.spans")?;
        for _ in 0..count {
            self.unfold::<Draft<'_>>()?;
            self.span()?;
            if self.batch.len() == self.most {
                self.hand_over();
            }
        }
        Ok(())
    }

    /// Passes on the spans read so far.
    fn hand_over(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        if let Some(BatchProcess { service, tags }) = &self.known {
            let tags = append(&mut batch.tags, tags.iter().cloned());
            batch.processes.push(DraftProcess::new(service.clone(), tags));
        }
        (self.take)(batch);
        self.budget = MAX_DECODED;
    }

    /// Counts the memory that an item takes, within the limit.
    fn unfold<T>(&mut self) -> Result<(), Error> {
        self.budget = self.budget.checked_sub(size_of::<T>()).ok_or(Error::TooMuch)?;
        Ok(())
    }

    /// Reads a span into the batch.
    fn span(&mut self) -> Result<(), Error> {
        let (mut low, mut high, mut id, mut parent) = (None, None, None, None);
        let (mut operation, mut flags, mut start, mut duration) = (None, None, None, None);
        let (mut references, mut tags, mut logs) = (0..0, None, 0..0);
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::I64) => low = Some(self.input.i64()?),
                (2, Type::I64) => high = Some(self.input.i64()?),
                (3, Type::I64) => id = Some(self.input.i64()?),
                (4, Type::I64) => parent = Some(self.input.i64()?),
                (5, Type::Binary) => operation = Some(self.input.bytes()?),
                (6, Type::List) => references = self.references()?,
                (7, Type::I32) => flags = Some(self.input.i32()?),
                (8, Type::I64) => start = Some(self.input.i64()?),
                (9, Type::I64) => duration = Some(self.input.i64()?),
                (10, Type::List) => tags = Some(self.span_tags()?),
                (11, Type::List) => logs = self.logs()?,
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        let trace_id = TraceId {
            low: need(low, "Span.traceIdLow")? as u64,
            high: need(high, "Span.traceIdHigh")? as u64,
        };
        let span_id = SpanId(need(id, "Span.spanId")? as u64);
        let parent = SpanId(need(parent, "Span.parentSpanId")? as u64);
        let first_warning = self.batch.warnings.len();
        let span = Draft {
            trace_id,
            span_id,
            operation: need(operation, "Span.operationName")?.into(),
            references: self.with_parent(references, trace_id, parent),
            flags: need(flags, "Span.flags")? as u32,
            start: self.time(start, "Span.startTime", NEGATIVE_START)?,
            duration: self.time(duration, "Span.duration", NEGATIVE_DURATION)?,
            tags: tags.unwrap_or_else(|| self.batch.format_tag(self.format)),
            logs,
            warnings: first_warning..self.batch.warnings.len(),
            ..Draft::default()
        };
        self.batch.spans.push(span);
        Ok(())
    }

    /// The tags of a span, and the one that names its format.
    fn span_tags(&mut self) -> Result<Part, Error> {
        let sent = self.tags()?;
        let format = self.batch.format_tag(self.format);
        Ok(sent.start..format.end)
    }

    fn time(
        &mut self,
        time: Option<i64>,
        field: &'static str,
        warning: &'static str,
    ) -> Result<u64, Error> {
        let warn = |text: &'static str| self.batch.warnings.push(text.as_bytes().into());
        Ok(not_negative(need(time, field)?, warning, warn))
    }

    fn references(&mut self) -> Result<Part, Error> {
        let first = self.batch.references.len();
        for _ in 0..self.list("Span.references")? {
            self.unfold::<Reference>()?;
            let reference = self.reference()?;
            self.batch.references.push(reference);
        }
        Ok(first..self.batch.references.len())
    }

    fn reference(&mut self) -> Result<Reference, Error> {
        let (mut kind, mut low, mut high, mut id) = (None, None, None, None);
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::I32) => kind = Some(self.input.i32()?),
                (2, Type::I64) => low = Some(self.input.i64()?),
                (3, Type::I64) => high = Some(self.input.i64()?),
                (4, Type::I64) => id = Some(self.input.i64()?),
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        Ok(Reference {
            kind: RefKind::from_number(need(kind, "SpanRef.refType")?),
            trace_id: TraceId {
                low: need(low, "SpanRef.traceIdLow")? as u64,
                high: need(high, "SpanRef.traceIdHigh")? as u64,
            },
            span_id: SpanId(need(id, "SpanRef.spanId")? as u64),
        })
    }

    /// The model has no field for the parent: it becomes the first reference, unless one of the
    /// references already points to it.
    fn with_parent(&mut self, references: Part, trace_id: TraceId, parent: SpanId) -> Part {
        let list = &mut self.batch.references;
        let known = |r: &Reference| r.span_id == parent && r.trace_id == trace_id;
        if parent.0 == 0 || list[references.clone()].iter().any(known) {
            return references;
        }
        // The references of this span are at the end of the list.
        let first = if references.is_empty() { list.len() } else { references.start };
        let kind = RefKind::ChildOf;
        list.insert(first, Reference { kind, trace_id, span_id: parent });
        first..first + references.len() + 1
    }

    fn logs(&mut self) -> Result<Part, Error> {
        let first = self.batch.logs.len();
        for _ in 0..self.list("Span.logs")? {
            self.unfold::<DraftLog>()?;
            let log = self.log()?;
            self.batch.logs.push(log);
        }
        Ok(first..self.batch.logs.len())
    }

    fn log(&mut self) -> Result<DraftLog, Error> {
        let (mut timestamp, mut fields) = (None, None);
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::I64) => timestamp = Some(self.input.i64()?),
                (2, Type::List) => fields = Some(self.tags()?),
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        let fields = need(fields, "Log.fields")?;
        Ok(DraftLog { timestamp: need(timestamp, "Log.timestamp")?.max(0) as u64, fields })
    }

    fn tags(&mut self) -> Result<Part, Error> {
        let first = self.batch.tags.len();
        for _ in 0..self.list("tags")? {
            self.unfold::<Tag<'_>>()?;
            self.tag()?;
        }
        Ok(first..self.batch.tags.len())
    }

    /// Reads a tag into the batch.
    fn tag(&mut self) -> Result<(), Error> {
        let (mut key, mut kind, mut text, mut double) = (None, None, None, None);
        let (mut boolean, mut long, mut binary) = (None, None, None);
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::Binary) => key = Some(self.input.bytes()?),
                (2, Type::I32) => kind = Some(self.input.i32()?),
                (3, Type::Binary) => text = Some(self.input.bytes()?),
                (4, Type::Double) => double = Some(self.input.double()?),
                (5, Type::Bool) => boolean = Some(self.input.bool()?),
                (6, Type::I64) => long = Some(self.input.i64()?),
                (7, Type::Binary) => binary = Some(self.input.bytes()?),
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        let kind = need(kind, "Tag.vType")?;
        let (key, tags) = (need(key, "Tag.key")?, &mut self.batch.tags);
        // A missing value is the zero of its type.
        match kind {
            0 => push_tag(tags, key, text.unwrap_or_default()),
            1 => push_tag(tags, key, double.unwrap_or(0.0)),
            2 => push_tag(tags, key, boolean.unwrap_or(false)),
            3 => push_tag(tags, key, long.unwrap_or(0)),
            4 => push_tag(tags, key, TagValue::Binary(binary.unwrap_or_default().into())),
            other => {
                let text = format!("Unknown VType: {other}").into_bytes();
                push_tag(tags, key, TagValue::String(text.into()));
            }
        }
        Ok(())
    }

    /// Reads the head of a list of structs.
    fn list(&mut self, name: &'static str) -> Result<usize, Error> {
        match self.input.list()? {
            (Type::Struct, count) | (_, count @ 0) => Ok(count),
            _ => Err(Error::ElementType(name)),
        }
    }
}

fn need<T>(value: Option<T>, field: &'static str) -> Result<T, Error> {
    value.ok_or(Error::Missing(field))
}

fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}
