//! An exception on a span, as OpenTelemetry for Python records it.

use std::error::Error;
use std::iter::successors;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanRef, Status};

/// Adds the event `exception` with the attributes that Python writes. Rust's `record_error` writes
/// the message alone.
pub(crate) fn record_exception<E: Error>(span: &SpanRef<'_>, error: &E) {
    let attributes = vec![
        KeyValue::new("exception.type", kind(error)),
        KeyValue::new("exception.message", message(error)),
        KeyValue::new("exception.stacktrace", causes(error).join("\n")),
        KeyValue::new("exception.escaped", "False"),
    ];
    span.add_event("exception", attributes);
}

/// Python records an exception again as it leaves the `with` block of a span, and describes it in
/// the span's status.
pub(crate) fn record_leaving<E: Error>(span: &SpanRef<'_>, error: &E) {
    record_exception(span, error);
    span.set_status(Status::error(format!("{}: {}", kind(error), message(error))));
}

/// The name of the error's type.
pub(crate) fn kind<E: Error>(_: &E) -> &'static str {
    std::any::type_name::<E>()
}

/// The error and its causes in one line. reqwest's own message stops at "error sending request";
/// "Connection refused" is two causes deeper.
pub(crate) fn message(error: &dyn Error) -> String {
    causes(error).join(": ")
}

/// The error and its causes, in place of the stack that an error value in Rust does not have.
pub(crate) fn causes(error: &dyn Error) -> Vec<String> {
    successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect()
}
