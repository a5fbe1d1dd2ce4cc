//! Baggage on spans: what a caller sent along with the trace becomes visible in Jaeger.

use std::time::Duration;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::Span as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

/// Puts each item of baggage on every span that starts, as the attribute `baggage.<key>`: under a
/// prefix, since the key is the caller's and could be that of an attribute of ours. How many and
/// how large they are is bounded by [`opentelemetry::baggage::Baggage`]: 64 items, 8,192 bytes.
#[derive(Debug)]
pub(crate) struct BaggageSpanProcessor;

impl SpanProcessor for BaggageSpanProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        for (key, (value, _)) in context.baggage() {
            span.set_attribute(KeyValue::new(format!("baggage.{key}"), value.as_str().to_owned()));
        }
    }

    fn on_end(&self, _span: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _limit: Duration) -> OTelSdkResult {
        Ok(())
    }
}
