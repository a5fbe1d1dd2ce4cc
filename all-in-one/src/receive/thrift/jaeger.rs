//! Jaeger's Thrift structs to the model.
//!
//! Source: jaeger.thrift and agent.thrift in <https://github.com/jaegertracing/jaeger-idl>.
//! A field that is unknown, or of another type than the interface file gives it, is passed over;
//! a required field that is missing spoils the whole batch. Both are what Jaeger does.

use std::sync::Arc;

use super::{Error, Protocol, Type};
use crate::model::{
    KeyValue, Log, Nanos, Process, RefKind, Reference, Span, SpanId, Text, TraceId, Value,
};
use crate::receive::intern::Interner;
use crate::receive::warnings::{NEGATIVE_DURATION, NEGATIVE_START, not_negative};

/// A batch: the spans that one process sent together.
#[derive(Debug)]
pub struct Batch {
    /// The spans, in the order sent.
    pub spans: Vec<Span>,
    /// About how many bytes they take in memory.
    pub bytes: usize,
}

/// Reads a message of the agent: `emitBatch(Batch)`, as call or oneway.
pub fn emit_batch<'a>(
    input: &mut impl Protocol<'a>,
    interner: &mut Interner,
    format: &str,
) -> Result<Batch, Error> {
    let message = input.message()?;
    if !matches!(message.kind, 1 | 4) {
        return Err(Error::MessageKind(message.kind));
    }
    match message.name {
        b"emitBatch" => {}
        b"emitZipkinBatch" => return Err(Error::ZipkinBatch),
        other => return Err(Error::Method(shown(other))),
    }
    let mut found = None;
    let outer = input.begin_struct()?;
    while let Some(field) = input.field()? {
        match (field.id, field.kind) {
            (1, Type::Struct) => found = Some(batch(input, interner, format)?),
            _ => input.skip(field.kind)?,
        }
    }
    input.end_struct(outer);
    found.ok_or(Error::Missing("batch"))
}

/// Reads a `Batch` and gives every span its process, and the tag that names its format.
pub fn batch<'a>(
    input: &mut impl Protocol<'a>,
    interner: &mut Interner,
    format: &str,
) -> Result<Batch, Error> {
    let before = interner.allocated();
    let mut decoder = Decoder { input, interner };
    let mut process = None;
    let mut spans = None;
    let outer = decoder.input.begin_struct()?;
    while let Some(field) = decoder.input.field()? {
        match (field.id, field.kind) {
            (1, Type::Struct) => process = Some(decoder.process()?),
            (2, Type::List) => spans = Some(decoder.spans(format)?),
            _ => decoder.input.skip(field.kind)?,
        }
    }
    decoder.input.end_struct(outer);
    let process = process.ok_or(Error::Missing("process"))?;
    let mut spans: Vec<Span> = spans.ok_or(Error::Missing("spans"))?;
    for span in &mut spans {
        span.process = Arc::clone(&process);
    }
    let bytes = interner.allocated().wrapping_sub(before);
    Ok(Batch { spans, bytes })
}

struct Decoder<'d, P> {
    input: &'d mut P,
    interner: &'d mut Interner,
}

impl<'a, P: Protocol<'a>> Decoder<'_, P> {
    fn process(&mut self) -> Result<Arc<Process>, Error> {
        let mut service = None;
        let mut tags = Vec::new();
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::Binary) => service = Some(self.text()?),
                (2, Type::List) => tags = self.tags(0)?,
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        let service = service.ok_or(Error::Missing("Process.serviceName"))?;
        Ok(self.interner.process(service, tags))
    }

    fn spans(&mut self, format: &str) -> Result<Vec<Span>, Error> {
        let nobody = self.interner.nobody();
        let count = self.list("Batch.spans")?;
        let mut spans = room(count);
        for _ in 0..count {
            spans.push(self.span(&nobody, format)?);
        }
        self.interner.charge(count * size_of::<Span>());
        Ok(spans)
    }

    fn span(&mut self, process: &Arc<Process>, format: &str) -> Result<Span, Error> {
        let (mut low, mut high, mut id, mut parent) = (None, None, None, None);
        let (mut operation, mut flags, mut start, mut duration) = (None, None, None, None);
        let (mut references, mut tags, mut logs) = (Vec::new(), Vec::new(), Vec::new());
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::I64) => low = Some(self.input.i64()?),
                (2, Type::I64) => high = Some(self.input.i64()?),
                (3, Type::I64) => id = Some(self.input.i64()?),
                (4, Type::I64) => parent = Some(self.input.i64()?),
                (5, Type::Binary) => operation = Some(self.text()?),
                (6, Type::List) => references = self.references()?,
                (7, Type::I32) => flags = Some(self.input.i32()?),
                (8, Type::I64) => start = Some(self.input.i64()?),
                (9, Type::I64) => duration = Some(self.input.i64()?),
                (10, Type::List) => tags = self.tags(1)?,
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
        add_parent(&mut references, trace_id, parent);
        tags.push(self.interner.format_tag(format));
        let mut warnings = Vec::new();
        let start = not_negative(need(start, "Span.startTime")?, NEGATIVE_START, &mut warnings);
        let duration =
            not_negative(need(duration, "Span.duration")?, NEGATIVE_DURATION, &mut warnings);
        self.interner.charge(
            references.len() * size_of::<Reference>()
                + (tags.len()) * size_of::<KeyValue>()
                + logs.len() * size_of::<Log>(),
        );
        Ok(Span {
            trace_id,
            span_id,
            operation: need(operation, "Span.operationName")?,
            references: references.into(),
            flags: need(flags, "Span.flags")? as u32,
            start,
            duration,
            nanos: Nanos::default(),
            tags: tags.into(),
            logs: logs.into(),
            process: Arc::clone(process),
            warnings: warnings.into(),
        })
    }

    fn references(&mut self) -> Result<Vec<Reference>, Error> {
        let count = self.list("Span.references")?;
        // One more than sent: the parent may join them.
        let mut references = room(count + 1);
        for _ in 0..count {
            references.push(self.reference()?);
        }
        Ok(references)
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

    fn logs(&mut self) -> Result<Vec<Log>, Error> {
        let count = self.list("Span.logs")?;
        let mut logs = room(count);
        for _ in 0..count {
            logs.push(self.log()?);
        }
        Ok(logs)
    }

    fn log(&mut self) -> Result<Log, Error> {
        let (mut timestamp, mut fields) = (None, None);
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::I64) => timestamp = Some(self.input.i64()?),
                (2, Type::List) => fields = Some(self.tags(0)?),
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        let fields = need(fields, "Log.fields")?;
        self.interner.charge(fields.len() * size_of::<KeyValue>());
        Ok(Log {
            timestamp: need(timestamp, "Log.timestamp")?.max(0) as u64,
            fields: fields.into(),
        })
    }

    /// Reads tags into a list with room for `more`.
    fn tags(&mut self, more: usize) -> Result<Vec<KeyValue>, Error> {
        let count = self.list("tags")?;
        let mut tags = room(count + more);
        for _ in 0..count {
            tags.push(self.tag()?);
        }
        Ok(tags)
    }

    fn tag(&mut self) -> Result<KeyValue, Error> {
        let (mut key, mut kind, mut text, mut double) = (None, None, None, None);
        let (mut boolean, mut long, mut binary) = (None, None, None);
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::Binary) => key = Some(self.text()?),
                (2, Type::I32) => kind = Some(self.input.i32()?),
                (3, Type::Binary) => text = Some(self.text()?),
                (4, Type::Double) => double = Some(self.input.double()?),
                (5, Type::Bool) => boolean = Some(self.input.bool()?),
                (6, Type::I64) => long = Some(self.input.i64()?),
                (7, Type::Binary) => binary = Some(self.input.bytes()?),
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        // A value that is missing is its type's zero.
        let value = match need(kind, "Tag.vType")? {
            0 => Value::String(text.unwrap_or_else(|| self.interner.text(b""))),
            1 => Value::Float64(double.unwrap_or(0.0)),
            2 => Value::Bool(boolean.unwrap_or(false)),
            3 => Value::Int64(long.unwrap_or(0)),
            4 => Value::Binary(self.binary(binary.unwrap_or(&[]))),
            other => Value::String(format!("Unknown VType: {other}").into()),
        };
        Ok(KeyValue { key: need(key, "Tag.key")?, value })
    }

    fn text(&mut self) -> Result<Text, Error> {
        Ok(self.interner.text(self.input.bytes()?))
    }

    fn binary(&mut self, bytes: &[u8]) -> Box<[u8]> {
        self.interner.charge(bytes.len());
        bytes.into()
    }

    /// Reads the head of a list of structs.
    fn list(&mut self, name: &'static str) -> Result<usize, Error> {
        match self.input.list()? {
            (Type::Struct, count) | (_, count @ 0) => Ok(count),
            _ => Err(Error::ElementType(name)),
        }
    }
}

/// A list with room for what it claims to hold, up to what a batch usually holds: a claim costs
/// the sender one byte an element, and would cost us a hundred times that.
fn room<T>(count: usize) -> Vec<T> {
    Vec::with_capacity(count.min(128))
}

fn need<T>(value: Option<T>, field: &'static str) -> Result<T, Error> {
    value.ok_or(Error::Missing(field))
}

/// The model has no parent field: the parent becomes the first reference, unless one of them
/// already points there.
fn add_parent(references: &mut Vec<Reference>, trace_id: TraceId, parent: SpanId) {
    let known = |r: &Reference| r.span_id == parent && r.trace_id == trace_id;
    if parent.0 == 0 || references.iter().any(known) {
        return;
    }
    let kind = RefKind::ChildOf;
    references.insert(0, Reference { kind, trace_id, span_id: parent });
}

fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}
