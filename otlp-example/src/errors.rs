//! Records an error on a span, by the semantic conventions.

use std::error::Error;
use std::iter::successors;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanRef;

/// Adds the event `exception` with the attributes of the semantic conventions. Rust's
/// `record_error` writes the message alone.
pub(crate) fn record_exception<E: Error>(span: &SpanRef<'_>, error: &E) {
    let attributes = vec![
        KeyValue::new("exception.type", kind(error)),
        KeyValue::new("exception.message", message(error)),
        KeyValue::new("exception.stacktrace", causes(error).join("\n")),
    ];
    span.add_event("exception", attributes);
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
fn causes(error: &dyn Error) -> Vec<String> {
    successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect()
}
