//! Zipkin's old model of a span, which all of its formats become, and its translation to Jaeger's.
//!
//! The model is that of zipkinCore.thrift, with annotations for everything: Jaeger 1.35 turns Zipkin
//! v2 into it, too. Source: <https://github.com/openzipkin/zipkin-api/blob/master/thrift/zipkinCore.thrift>

mod sanitize;
mod span;
mod translate;
mod v2;

pub(in crate::receive) use span::{
    Annotation, BinaryAnnotation, CoreSpan, Endpoint, Host, ValueType,
};
pub(in crate::receive) use translate::spans;
pub(in crate::receive) use v2::{Kind, SpanV2};
