//! Copies baggage, the key-value pairs that travel with a trace, to span attributes: Jaeger shows
//! them.

use std::time::Duration;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::Span as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

/// Sets each baggage item as the attribute `baggage.<key>` of every span that starts. The prefix
/// keeps a caller's key from overwriting another attribute. [`opentelemetry::baggage::Baggage`]
/// limits baggage to 64 items and 8,192 bytes.
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
