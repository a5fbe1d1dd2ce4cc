//! Zipkin's spans in Thrift, from clients of 2016.
//!
//! Source: zipkincore.thrift and agent.thrift in <https://github.com/jaegertracing/jaeger-idl>. A
//! missing field is zero or empty, as in Jaeger.

use std::rc::Rc;

use super::{Error, Protocol, Type};
use crate::model::{SpanId, TraceId};
use crate::receive::zipkin_core::{
    Annotation, BinaryAnnotation, CoreSpan, Endpoint, Host, ValueType,
};
use crate::server::body::MAX_DECODED;

/// Reads a list of spans and passes them to `take`, at most `most` at a time.
///
/// # Errors
/// Where the bytes are malformed, or take too much memory when they are decoded.
pub(in crate::receive) fn spans<'a>(
    input: &mut impl Protocol<'a>,
    most: usize,
    take: &mut dyn FnMut(Vec<CoreSpan<'a>>),
) -> Result<(), Error> {
    let mut decoder = Decoder { input, budget: MAX_DECODED };
    let mut spans = Vec::new();
    let count = decoder.list("the spans")?;
    if count > MOST {
        return Err(Error::TooMuch);
    }
    for _ in 0..count {
        spans.push(decoder.span()?);
        if spans.len() >= most {
            take(std::mem::take(&mut spans));
            decoder.budget = MAX_DECODED;
        }
    }
    take(spans);
    Ok(())
}

/// How many spans a message may have: three times what a body of the largest size really holds.
const MOST: usize = 1 << 20;

struct Decoder<'d, P> {
    input: &'d mut P,
    /// The memory that the rest of the spans may take, in bytes.
    budget: usize,
}

impl<'a, P: Protocol<'a>> Decoder<'_, P> {
    fn spend<T>(&mut self) -> Result<(), Error> {
        self.budget = self.budget.checked_sub(size_of::<T>()).ok_or(Error::TooMuch)?;
        Ok(())
    }

    fn list(&mut self, name: &'static str) -> Result<usize, Error> {
        match self.input.list()? {
            (Type::Struct, count) | (_, count @ 0) => Ok(count),
            _ => Err(Error::ElementType(name)),
        }
    }

    fn span(&mut self) -> Result<CoreSpan<'a>, Error> {
        self.spend::<CoreSpan<'_>>()?;
        let mut span = CoreSpan::default();
        let (mut low, mut high) = (0, 0);
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::I64) => low = self.input.i64()? as u64,
                (3, Type::Binary) => span.name = self.input.bytes()?.into(),
                (4, Type::I64) => span.id = SpanId(self.input.i64()? as u64),
                (5, Type::I64) => span.parent = Some(SpanId(self.input.i64()? as u64)),
                (6, Type::List) => {
                    for _ in 0..self.list("Span.annotations")? {
                        let annotation = self.annotation()?;
                        span.annotations.push(annotation);
                    }
                }
                (8, Type::List) => {
                    for _ in 0..self.list("Span.binary_annotations")? {
                        let annotation = self.binary_annotation()?;
                        span.binary.push(annotation);
                    }
                }
                (9, Type::Bool) => span.debug = self.input.bool()?,
                (10, Type::I64) => span.timestamp = Some(self.input.i64()?),
                (11, Type::I64) => span.duration = Some(self.input.i64()?),
                (12, Type::I64) => high = self.input.i64()? as u64,
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        span.trace_id = TraceId { high, low };
        Ok(span)
    }

    fn annotation(&mut self) -> Result<Annotation<'a>, Error> {
        self.spend::<Annotation<'_>>()?;
        let mut found = Annotation { timestamp: 0, value: b""[..].into(), host: None };
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::I64) => found.timestamp = self.input.i64()?,
                (2, Type::Binary) => found.value = self.input.bytes()?.into(),
                (3, Type::Struct) => found.host = self.endpoint()?,
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        Ok(found)
    }

    fn binary_annotation(&mut self) -> Result<BinaryAnnotation<'a>, Error> {
        self.spend::<BinaryAnnotation<'_>>()?;
        let (key, value) = (b""[..].into(), b""[..].into());
        let mut found = BinaryAnnotation { key, value, kind: ValueType::BOOL, host: None };
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::Binary) => found.key = self.input.bytes()?.into(),
                (2, Type::Binary) => found.value = self.input.bytes()?.into(),
                (3, Type::I32) => found.kind = ValueType(self.input.i32()?),
                (4, Type::Struct) => found.host = self.endpoint()?,
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        Ok(found)
    }

    fn endpoint(&mut self) -> Result<Host<'a>, Error> {
        self.spend::<Endpoint<'_>>()?;
        let mut found = Endpoint::default();
        let outer = self.input.begin_struct()?;
        while let Some(field) = self.input.field()? {
            match (field.id, field.kind) {
                (1, Type::I32) => found.ipv4 = self.input.i32()? as u32,
                (2, Type::I16) => found.port = self.input.i16()? as u16,
                (3, Type::Binary) => found.service = self.input.bytes()?.into(),
                (4, Type::Binary) => found.ipv6 = Some(self.input.bytes()?.into()),
                _ => self.input.skip(field.kind)?,
            }
        }
        self.input.end_struct(outer);
        Ok(Some(Rc::new(found)))
    }
}
