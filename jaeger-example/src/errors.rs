//! An error in words, and what Python logs when an exception leaves the `with` block of a span.

use std::error::Error;
use std::iter::successors;

use rustracing::tag::StdTag;
use rustracing_jaeger::Span;

/// The error and its causes in one line. reqwest's own message stops at "error sending request";
/// "Connection refused" is two causes deeper.
pub(crate) fn message(error: &dyn Error) -> String {
    causes(error).join(": ")
}

/// Logs the error as jaeger-client does when an exception leaves the `with` block of a span. Rust
/// has no stack in an error value; the causes take its place.
pub(crate) fn log_leaving<E: Error>(span: &mut Span, error: &E) {
    span.set_tag(StdTag::error);
    span.log(|log| {
        log.error().kind(std::any::type_name::<E>()).message(message(error));
        log.field(("error.object", message(error)));
        log.field(("stack", causes(error).join("\n")));
    });
}

fn causes(error: &dyn Error) -> Vec<String> {
    successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect()
}
