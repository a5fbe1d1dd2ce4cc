//! A span of Zipkin's, before version 2 of its formats.

use std::rc::Rc;

use crate::model::{Bytes, SpanId, TraceId};

/// A span as it was sent.
#[derive(Debug, Default)]
pub(in crate::receive) struct CoreSpan<'a> {
    pub(in crate::receive) trace_id: TraceId,
    pub(in crate::receive) id: SpanId,
    pub(in crate::receive) parent: Option<SpanId>,
    pub(in crate::receive) name: Bytes<'a>,
    /// In microseconds since the Unix epoch.
    pub(in crate::receive) timestamp: Option<i64>,
    /// In microseconds.
    pub(in crate::receive) duration: Option<i64>,
    pub(in crate::receive) debug: bool,
    pub(in crate::receive) annotations: Vec<Annotation<'a>>,
    pub(in crate::receive) binary: Vec<BinaryAnnotation<'a>>,
}

/// An event during a span. Those with the short names of [`side`] are the ends of a call.
#[derive(Clone, Debug)]
pub(in crate::receive) struct Annotation<'a> {
    /// In microseconds since the Unix epoch.
    pub(in crate::receive) timestamp: i64,
    pub(in crate::receive) value: Bytes<'a>,
    pub(in crate::receive) host: Host<'a>,
}

/// A tag.
#[derive(Clone, Debug)]
pub(in crate::receive) struct BinaryAnnotation<'a> {
    pub(in crate::receive) key: Bytes<'a>,
    /// A number is big-endian.
    pub(in crate::receive) value: Bytes<'a>,
    pub(in crate::receive) kind: ValueType,
    pub(in crate::receive) host: Host<'a>,
}

/// The program that recorded an annotation; many share one.
pub(in crate::receive) type Host<'a> = Option<Rc<Endpoint<'a>>>;

/// A program on the network.
#[derive(Clone, Debug, Default)]
pub(in crate::receive) struct Endpoint<'a> {
    pub(in crate::receive) service: Bytes<'a>,
    /// 0 is unknown.
    pub(in crate::receive) ipv4: u32,
    pub(in crate::receive) ipv6: Option<Bytes<'a>>,
    /// 0 is unknown.
    pub(in crate::receive) port: u16,
}

/// The type of a tag's value, by its number in zipkinCore.thrift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::receive) struct ValueType(pub(in crate::receive) i32);

impl ValueType {
    pub(in crate::receive) const BOOL: Self = ValueType(0);
    pub(in crate::receive) const BYTES: Self = ValueType(1);
    pub(in crate::receive) const I16: Self = ValueType(2);
    pub(in crate::receive) const I32: Self = ValueType(3);
    pub(in crate::receive) const I64: Self = ValueType(4);
    pub(in crate::receive) const DOUBLE: Self = ValueType(5);
    pub(in crate::receive) const STRING: Self = ValueType(6);
}

impl<'a> BinaryAnnotation<'a> {
    /// A tag that holds text.
    pub(in crate::receive) fn text(key: &'static str, value: impl Into<Bytes<'a>>) -> Self {
        let (key, value) = (key.as_bytes().into(), value.into());
        BinaryAnnotation { key, value, kind: ValueType::STRING, host: None }
    }
}

impl CoreSpan<'_> {
    /// The first annotation with this value.
    pub(super) fn annotation(&self, value: &[u8]) -> Option<&Annotation<'_>> {
        self.annotations.iter().find(|annotation| *annotation.value == *value)
    }
}

/// The side of a call that an annotation belongs to: `cs` client send, `cr` client receive, `sr`
/// server receive, `ss` server send.
pub(super) fn side(annotation: &[u8]) -> Option<&'static str> {
    match annotation {
        b"cs" | b"cr" => Some("client"),
        b"sr" | b"ss" => Some("server"),
        _ => None,
    }
}
