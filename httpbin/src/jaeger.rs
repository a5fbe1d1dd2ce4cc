//! Reads and writes the headers of the Jaeger clients: `uber-trace-id`, and `uberctx-…` for baggage
//! (<https://www.jaegertracing.io/docs/1.35/client-libraries/#propagation-format>).
//!
//! The propagator of opentelemetry-jaeger-propagator handles `uber-trace-id`. It puts `uberctx-…`
//! into the trace state, where no code reads them, and a value that is invalid there makes it drop
//! the whole trace. So this module hides these headers from it and turns them into baggage.

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::{Key, KeyValue};
#[expect(deprecated, reason = "the Jaeger clients are deprecated too, but some still call")]
use opentelemetry_jaeger_propagator::Propagator as TraceIdPropagator;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const TRACE_ID: &str = "uber-trace-id";
const BAGGAGE_PREFIX: &str = "uberctx-";

/// The propagator for the headers of the Jaeger clients.
#[derive(Debug)]
pub(crate) struct JaegerPropagator {
    #[expect(deprecated, reason = "as above")]
    trace_id: TraceIdPropagator,
}

impl JaegerPropagator {
    pub(crate) fn new() -> Self {
        #[expect(deprecated, reason = "as above")]
        Self { trace_id: TraceIdPropagator::new() }
    }
}

impl TextMapPropagator for JaegerPropagator {
    fn inject_context(&self, context: &Context, headers: &mut dyn Injector) {
        self.trace_id.inject_context(context, headers);
        for (key, (value, _)) in context.baggage() {
            let value = utf8_percent_encode(value.as_str(), NON_ALPHANUMERIC).to_string();
            headers.set(&format!("{BAGGAGE_PREFIX}{key}"), value);
        }
    }

    fn extract_with_context(&self, context: &Context, headers: &dyn Extractor) -> Context {
        let context = match headers.get(TRACE_ID) {
            Some(value) => self.trace_id.extract_with_context(context, &OnlyTraceId::new(value)),
            None => context.clone(),
        };
        let baggage: Vec<KeyValue> =
            headers.keys().into_iter().filter_map(|name| baggage_item(headers, name)).collect();
        if baggage.is_empty() {
            return context;
        }
        let existing = context.baggage().iter();
        let existing: Vec<_> =
            existing.map(|(key, (value, _))| KeyValue::new(key.clone(), value.clone())).collect();
        context.with_baggage(existing.into_iter().chain(baggage))
    }

    fn fields(&self) -> FieldIter<'_> {
        self.trace_id.fields()
    }
}

/// The baggage item in this header, if it holds one. Jaeger clients percent-encode the value.
fn baggage_item(headers: &dyn Extractor, name: &str) -> Option<KeyValue> {
    let key = name.strip_prefix(BAGGAGE_PREFIX).filter(|key| !key.is_empty())?;
    let value = percent_decode_str(headers.get(name)?).decode_utf8_lossy().into_owned();
    Some(KeyValue::new(Key::new(key.to_owned()), value))
}

/// Hides all headers except `uber-trace-id`, which some proxies send with `%3a` for its colons. The
/// propagator of opentelemetry-jaeger-propagator reads only `%3A`.
struct OnlyTraceId(String);

impl OnlyTraceId {
    fn new(value: &str) -> Self {
        OnlyTraceId(value.replace("%3a", "%3A"))
    }
}

impl Extractor for OnlyTraceId {
    fn get(&self, name: &str) -> Option<&str> {
        (name == TRACE_ID).then_some(&self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACE_ID]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::trace::TraceContextExt;

    use super::*;

    fn extract(headers: &[(&str, &str)]) -> Context {
        let headers: HashMap<String, String> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        JaegerPropagator::new().extract_with_context(&Context::new(), &headers)
    }

    #[test]
    fn an_id_of_64_bits_is_padded() {
        let context = extract(&[("uber-trace-id", "abc:5:0:1")]);
        let span = context.span().span_context().clone();
        assert_eq!(span.trace_id().to_string(), "00000000000000000000000000000abc");
        assert_eq!(span.span_id().to_string(), "0000000000000005");
        assert!(span.is_remote() && span.is_sampled());
    }

    #[test]
    fn colons_may_be_encoded_by_a_proxy() {
        for value in ["abc%3A5%3A0%3A1", "abc%3a5%3a0%3a1"] {
            let context = extract(&[("uber-trace-id", value)]);
            assert_eq!(context.span().span_context().span_id().to_string(), "0000000000000005");
        }
    }

    #[test]
    fn baggage_does_not_invalidate_the_trace() {
        // A trace state may not contain a comma.
        let context = extract(&[("uber-trace-id", "abc:5:0:1"), ("uberctx-user", "a%2Cb, c")]);
        assert!(context.span().span_context().is_valid());
        assert_eq!(context.baggage().get("user").map(|value| value.as_str()), Some("a,b, c"));
    }

    #[test]
    fn baggage_is_read_without_a_trace() {
        let context = extract(&[("uberctx-user", "ada")]);
        assert!(!context.span().span_context().is_valid());
        assert_eq!(context.baggage().get("user").map(|value| value.as_str()), Some("ada"));
    }

    #[test]
    fn an_invalid_trace_id_is_ignored() {
        for value in ["", "abc", "x:5:0:1", "abc:5:0", "0:5:0:1", "abc:0:0:1", &"f".repeat(9000)] {
            assert!(
                !extract(&[("uber-trace-id", value)]).span().span_context().is_valid(),
                "{value}"
            );
        }
    }

    #[test]
    fn inject_and_extract_round_trip() {
        let context = extract(&[("uber-trace-id", "abc:5:0:1"), ("uberctx-user", "a%2Cb")]);
        let mut headers = HashMap::new();
        JaegerPropagator::new().inject_context(&context, &mut headers);
        let read = JaegerPropagator::new().extract_with_context(&Context::new(), &headers);
        assert_eq!(read.span().span_context(), context.span().span_context());
        assert_eq!(read.baggage().get("user"), context.baggage().get("user"));
    }
}
