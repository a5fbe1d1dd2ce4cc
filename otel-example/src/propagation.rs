//! Which headers carry the trace to the next program, as `OTEL_PROPAGATORS` says.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

/// A format of headers, by its name in `OTEL_PROPAGATORS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `traceparent` and `tracestate`, the standard of the W3C.
    TraceContext,
    /// `baggage`, of the W3C as well.
    Baggage,
    /// `uber-trace-id`, which the Jaeger clients read and write.
    Jaeger,
}

impl Format {
    /// The names that `OTEL_PROPAGATORS` may list.
    pub(crate) const NAMES: &str = "tracecontext, baggage, jaeger, none";

    /// What a list of names asks for; `none` asks for nothing.
    ///
    /// # Errors
    ///
    /// The first name that means nothing here.
    pub(crate) fn parse_list(list: &str) -> Result<Vec<Self>, &str> {
        let names = list.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "none"));
        names.map(|name| Self::parse(name).ok_or(name)).collect()
    }

    fn parse(name: &str) -> Option<Self> {
        match name {
            "tracecontext" => Some(Self::TraceContext),
            "baggage" => Some(Self::Baggage),
            "jaeger" => Some(Self::Jaeger),
            _ => None,
        }
    }

    fn propagator(self) -> Box<dyn TextMapPropagator + Send + Sync> {
        match self {
            Self::TraceContext => Box::new(TraceContextPropagator::new()),
            Self::Baggage => Box::new(BaggagePropagator::new()),
            Self::Jaeger => Box::new(opentelemetry_jaeger_propagator::Propagator::new()),
        }
    }
}

/// The propagator that writes all of these headers. While a fleet moves from the Jaeger clients
/// to OpenTelemetry, list both `tracecontext` and `jaeger`: each service reads the one that it
/// knows, and the trace stays one.
pub(crate) fn propagator(formats: &[Format]) -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(formats.iter().map(|format| format.propagator()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_their_order() {
        let read = Format::parse_list(" jaeger,tracecontext , baggage");
        assert_eq!(read, Ok(vec![Format::Jaeger, Format::TraceContext, Format::Baggage]));
        assert_eq!(Format::parse_list("none"), Ok(vec![]));
        assert_eq!(Format::parse_list("jaeger,b3"), Err("b3"));
    }
}
