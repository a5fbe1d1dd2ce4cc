//! What Jaeger corrects in Zipkin's spans before it translates them.

use super::span::{BinaryAnnotation, CoreSpan, ValueType};
use crate::model::{Bytes, SpanId};

/// Fills in a missing start and duration, and corrects a negative duration, a parent of zero, and
/// the tag `error`.
pub(super) fn sanitize(span: &mut CoreSpan<'_>) {
    start(span);
    duration(span);
    if span.parent == Some(SpanId(0)) {
        span.parent = None;
        span.binary.push(BinaryAnnotation::text("errZeroParentID", &b"0"[..]));
    }
    errors(span);
}

fn start(span: &mut CoreSpan<'_>) {
    if span.timestamp.is_some() {
        return;
    }
    for annotation in &span.annotations {
        match &*annotation.value {
            b"cs" => {
                span.timestamp = Some(annotation.timestamp);
                return;
            }
            // The client's may follow, and counts more.
            b"sr" if span.parent.is_none() => span.timestamp = Some(annotation.timestamp),
            _ => {}
        }
    }
}

/// A missing duration lasts from the first to the last annotation, else one microsecond.
fn duration(span: &mut CoreSpan<'_>) {
    match span.duration {
        Some(duration) if duration >= 0 => {}
        Some(negative) => {
            span.duration = Some(1);
            let sent = negative.to_string().into_bytes();
            span.binary.push(BinaryAnnotation::text("errNegativeDuration", sent));
        }
        None => {
            let (first, last) = ends(span);
            span.duration = Some(1);
            if first < last {
                span.duration = Some(last.saturating_sub(first));
                span.timestamp.get_or_insert(first);
            }
        }
    }
}

/// The client's side of a call, else the first and the last annotation.
fn ends(span: &CoreSpan<'_>) -> (i64, i64) {
    let [begin, .., end] = &span.annotations[..] else { return (0, 0) };
    let (mut first, mut last) = (begin.timestamp, end.timestamp);
    for annotation in &span.annotations {
        match &*annotation.value {
            b"cs" => first = annotation.timestamp,
            b"cr" => last = annotation.timestamp,
            _ => {}
        }
    }
    (first, last)
}

/// The tag `error` becomes a boolean; its text moves to `error.message`.
fn errors(span: &mut CoreSpan<'_>) {
    let mut messages = Vec::new();
    for tag in &mut span.binary {
        if tag.kind == ValueType::BOOL || !tag.key.eq_ignore_ascii_case(b"error") {
            continue;
        }
        tag.kind = ValueType::BOOL;
        let is_error = !tag.value.eq_ignore_ascii_case(b"false");
        let says = std::mem::replace(&mut tag.value, Bytes::Owned(vec![is_error.into()]));
        if is_error && !says.is_empty() && !says.eq_ignore_ascii_case(b"true") {
            messages.push(BinaryAnnotation::text("error.message", says));
        }
    }
    span.binary.append(&mut messages);
}
