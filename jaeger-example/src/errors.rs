//! An error in words, and what Python's `with` leaves on a span when an exception goes through it.

use std::error::Error;

use rustracing::tag::StdTag;
use rustracing_jaeger::Span;

/// The error and its causes on one line. reqwest's own text stops at "error sending request";
/// that the connection was refused stands two causes deeper.
pub(crate) fn describe(error: &dyn Error) -> String {
    causes(error).join(": ")
}

/// jaeger-client logs an exception once more as it leaves the `with` block of a span. Rust has no
/// such block, so the lesson says it in one line. For the stack there are the causes, outermost
/// first: an error value in Rust does not carry one.
pub(crate) fn log_leaving<E: Error>(span: &mut Span, error: &E) {
    span.set_tag(StdTag::error);
    span.log(|log| {
        log.error().kind(std::any::type_name::<E>()).message(describe(error));
        log.field(("error.object", describe(error)));
        log.field(("stack", causes(error).join("\n")));
    });
}

fn causes(error: &dyn Error) -> Vec<String> {
    let chain = std::iter::successors(Some(error), |error| (*error).source());
    chain.map(ToString::to_string).collect()
}
