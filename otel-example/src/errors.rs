//! An exception on a span, as OpenTelemetry for Python records it.

use std::error::Error;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanRef, Status};

/// Adds the event `exception` with the four attributes that Python writes, where Rust's
/// `Span::record_error` writes one, the message.
pub(crate) fn record_exception<E: Error>(span: &SpanRef<'_>, error: &E) {
    let attributes = vec![
        KeyValue::new("exception.type", kind(error)),
        KeyValue::new("exception.message", message(error)),
        KeyValue::new("exception.stacktrace", stack(error)),
        KeyValue::new("exception.escaped", "False"),
    ];
    span.add_event("exception", attributes);
}

/// Python records an exception once more as it leaves the `with` block of a span, and describes it
/// in the status. Rust has no such block, so the lesson says it in one line.
pub(crate) fn record_leaving<E: Error>(span: &SpanRef<'_>, error: &E) {
    record_exception(span, error);
    span.set_status(Status::error(description(error)));
}

/// The name of the error's type.
pub(crate) fn kind<E: Error>(_: &E) -> &'static str {
    std::any::type_name::<E>()
}

/// The error and its causes on one line. reqwest's own text stops at "error sending request";
/// that the connection was refused stands two causes deeper.
pub(crate) fn message(error: &dyn Error) -> String {
    causes(error).join(": ")
}

/// The error's causes, one a line, outermost first: an error value in Rust carries no other stack.
pub(crate) fn stack(error: &dyn Error) -> String {
    causes(error).join("\n")
}

/// What Python writes as the description of a span's status.
pub(crate) fn description<E: Error>(error: &E) -> String {
    format!("{}: {}", kind(error), message(error))
}

fn causes(error: &dyn Error) -> Vec<String> {
    let chain = std::iter::successors(Some(error), |error| (*error).source());
    chain.map(ToString::to_string).collect()
}
