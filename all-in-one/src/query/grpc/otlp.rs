//! Spans as OTLP in protocol buffers. Fields that the store does not keep are missing.

use crate::model::{SpanId, TraceId};
use crate::otlp_json::{
    AnyValue, Attribute, Event, Link, ResourceSpans, Scope, ScopeSpans, SpanJson,
};
use crate::protobuf::message::Message;

/// The part `resource_spans` of a `TracesData`.
pub(super) fn resource_spans(spans: &ResourceSpans<'_>) -> Message {
    let mut resource = Message::default();
    attributes(&mut resource, 1, &spans.resource.attributes);
    let mut message = Message::default();
    message.message(1, &resource);
    for scope in &spans.scope_spans {
        message.message(2, &scope_spans(scope));
    }
    message
}

fn scope_spans(spans: &ScopeSpans<'_>) -> Message {
    let Scope { name, version } = spans.scope;
    let mut scope = Message::default();
    scope.text(1, name);
    scope.text(2, version);
    let mut message = Message::default();
    message.message(1, &scope);
    for one in &spans.spans {
        message.message(2, &span(one));
    }
    message
}

fn span(span: &SpanJson<'_>) -> Message {
    let mut message = Message::default();
    message.bytes(1, &trace_id(span.trace_id));
    message.bytes(2, &span_id(span.span_id));
    message.text(3, span.trace_state);
    if let Some(parent) = span.parent_span_id {
        message.bytes(4, &span_id(parent));
    }
    message.text(5, span.name);
    message.number(6, span.kind as u64);
    message.fixed64(7, span.start_time_unix_nano);
    message.fixed64(8, span.end_time_unix_nano);
    attributes(&mut message, 9, &span.attributes);
    for one in &span.events {
        message.message(11, &event(one));
    }
    for one in &span.links {
        message.message(13, &link(one));
    }
    let mut status = Message::default();
    status.text(2, span.status.message);
    status.number(3, span.status.code as u64);
    message.message(15, &status);
    message
}

fn event(event: &Event<'_>) -> Message {
    let mut message = Message::default();
    message.fixed64(1, event.time_unix_nano);
    message.text(2, event.name);
    attributes(&mut message, 3, &event.attributes);
    message
}

fn link(link: &Link) -> Message {
    let mut message = Message::default();
    if let Some(id) = link.trace_id {
        message.bytes(1, &trace_id(id));
    }
    if let Some(id) = link.span_id {
        message.bytes(2, &span_id(id));
    }
    message
}

fn attributes(message: &mut Message, number: u32, attributes: &[Attribute<'_>]) {
    for attribute in attributes {
        let mut pair = Message::default();
        pair.text(1, attribute.key);
        pair.message(2, &any_value(&attribute.value));
        message.message(number, &pair);
    }
}

/// One of its fields is always there, even with a zero: else the value would be none.
fn any_value(value: &AnyValue<'_>) -> Message {
    let mut message = Message::default();
    match value {
        AnyValue::StringValue(text) => message.bytes(1, text.as_bytes()),
        AnyValue::Made(text) => message.bytes(1, text.as_bytes()),
        AnyValue::BoolValue(value) => message.varint(2, u64::from(*value)),
        AnyValue::IntValue(value) => message.varint(3, *value as u64),
        AnyValue::DoubleValue(value) => message.fixed64(4, value.to_bits()),
        AnyValue::ArrayValue(array) => {
            let mut values = Message::default();
            for value in &array.values {
                values.message(1, &any_value(value));
            }
            message.message(5, &values);
        }
        AnyValue::BytesValue(bytes) => message.bytes(7, bytes),
    }
    message
}

fn trace_id(id: TraceId) -> [u8; 16] {
    (u128::from(id.high) << 64 | u128::from(id.low)).to_be_bytes()
}

fn span_id(id: SpanId) -> [u8; 8] {
    id.0.to_be_bytes()
}
