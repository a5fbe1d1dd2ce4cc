//! The header formats that continue a trace, as set by `OTEL_PROPAGATORS`.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

use crate::jaeger::JaegerPropagator;

/// A header format of `OTEL_PROPAGATORS`. If a request has several trace headers, the last format
/// in this order wins: the W3C standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// `uber-trace-id` and `uberctx-…` of the Jaeger clients.
    Jaeger,
    /// `baggage` of the W3C.
    Baggage,
    /// `traceparent` and `tracestate` of the W3C.
    TraceContext,
}

impl Format {
    /// All formats, for a server that old and new clients call.
    pub(crate) const ALL: [Self; 3] = [Self::Jaeger, Self::Baggage, Self::TraceContext];

    /// Returns the formats in a comma-separated list, and the unknown names. `none` adds no format.
    pub(crate) fn parse_list(list: &str) -> (Vec<Self>, Vec<&str>) {
        let names = list.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "none"));
        let (known, unknown) = names.partition::<Vec<_>, _>(|name| Self::parse(name).is_some());
        let mut formats: Vec<Self> = known.into_iter().filter_map(Self::parse).collect();
        formats.sort_unstable();
        (formats, unknown)
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
            Self::Jaeger => Box::new(JaegerPropagator::new()),
        }
    }
}

/// A propagator that reads and writes all of these formats.
pub fn propagator(formats: &[Format]) -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(formats.iter().map(|format| format.propagator()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::trace::TraceContextExt;

    use super::*;

    #[test]
    fn traceparent_wins_over_uber_trace_id() {
        let (formats, _) = Format::parse_list("tracecontext,jaeger");
        let traceparent = "00-11111111111111111111111111111111-2222222222222222-01".to_owned();
        let headers = HashMap::from([
            ("uber-trace-id".to_owned(), "abc:5:0:1".to_owned()),
            ("traceparent".to_owned(), traceparent),
        ]);
        let context = propagator(&formats).extract(&headers);
        let trace_id = context.span().span_context().trace_id();
        assert_eq!(trace_id.to_string(), "1".repeat(32));
    }

    #[test]
    fn unknown_names_are_listed_separately() {
        assert_eq!(Format::parse_list("jaeger, b3"), (vec![Format::Jaeger], vec!["b3"]));
        assert_eq!(Format::parse_list("none"), (vec![], vec![]));
    }
}
