//! Spans in Jaeger's own protocol buffers.

use super::super::adjust::View;
use crate::model::{KeyValue, Process, RefKind, Reference, TraceId, Value};
use crate::protobuf::message::Message;

pub(super) fn span(view: &View) -> Message {
    let mut span = Message::default();
    span.bytes(1, &trace_id(view.trace_id));
    span.bytes(2, &view.span_id.0.to_be_bytes());
    span.text(3, &view.operation);
    for reference in &view.references {
        span.message(4, &span_ref(reference));
    }
    span.number(5, view.flags.into());
    span.message(6, &seconds(view.start));
    let duration = i128::from(view.duration) * 1_000 + i128::from(view.nanos);
    span.message(7, &seconds(duration));
    for tag in &view.tags {
        span.message(8, &key_value(tag));
    }
    for log in &view.logs {
        let mut message = Message::default();
        message.message(1, &seconds(log.timestamp));
        for field in &log.fields {
            message.message(2, &key_value(field));
        }
        span.message(9, &message);
    }
    span.message(10, &process(&view.process));
    for warning in &view.warnings {
        span.bytes(12, warning.as_bytes());
    }
    span
}

fn trace_id(id: TraceId) -> [u8; 16] {
    (u128::from(id.high) << 64 | u128::from(id.low)).to_be_bytes()
}

fn span_ref(reference: &Reference) -> Message {
    let mut message = Message::default();
    message.bytes(1, &trace_id(reference.trace_id));
    message.bytes(2, &reference.span_id.0.to_be_bytes());
    let kind = match reference.kind {
        RefKind::ChildOf => 0,
        RefKind::FollowsFrom => 1,
        RefKind::Other(number) => number,
    };
    message.number(3, i64::from(kind) as u64);
    message
}

fn process(process: &Process) -> Message {
    let mut message = Message::default();
    message.text(1, &process.service);
    for tag in &process.tags {
        message.message(2, &key_value(tag));
    }
    message
}

fn key_value(tag: &KeyValue) -> Message {
    let mut message = Message::default();
    message.text(1, &tag.key);
    match &tag.value {
        Value::String(text) => message.text(3, text),
        Value::Bool(value) => {
            message.varint(2, 1);
            message.number(4, u64::from(*value));
        }
        Value::Int64(value) => {
            message.varint(2, 2);
            message.number(5, *value as u64);
        }
        Value::Float64(value) => {
            message.varint(2, 3);
            if *value != 0.0 || value.is_sign_negative() {
                message.fixed64(6, value.to_bits());
            }
        }
        Value::Binary(bytes) => {
            message.varint(2, 4);
            if !bytes.is_empty() {
                message.bytes(7, bytes);
            }
        }
    }
    message
}

/// A time or a duration.
fn seconds(nanos: i128) -> Message {
    const SECOND: i128 = 1_000_000_000;
    let mut message = Message::default();
    message.number(1, nanos.div_euclid(SECOND) as u64);
    message.number(2, nanos.rem_euclid(SECOND) as u64);
    message
}
