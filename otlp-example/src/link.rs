//! Remembers which trace was made and whether it got out, to end the program's output with the link
//! to it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::settings::Otlp;

/// A span processor that exports nothing: it only notes the trace that the first root span began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    trace_id: Arc<OnceLock<TraceId>>,
    failure: Arc<OnceLock<String>>,
}

impl Link {
    /// Notes that spans are lost. The first reason is the one that is told.
    pub(crate) fn failed(&self, error: &OTelSdkError) {
        self.failure.get_or_init(|| error.to_string());
    }

    /// Prints where Jaeger shows the trace, or why it does not.
    pub(crate) fn print(&self, otlp: &Otlp) {
        match (self.failure.get(), self.trace_id.get()) {
            (Some(failure), _) => eprintln!(
                "WARNING:otlp-example:Nobody takes OTLP at {} ({SETTINGS}): spans are lost. \
                 `make jaeger` starts a Jaeger; in a container, localhost is the container itself. \
                 {failure}",
                otlp.endpoint,
            ),
            (None, Some(trace_id)) => {
                println!("main_process: http://localhost:16686/trace/{trace_id}");
            }
            (None, None) => (), // the sampler kept no trace
        }
    }
}

const SETTINGS: &str = "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL";

impl SpanProcessor for Link {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.parent_span_id == SpanId::INVALID {
            self.trace_id.get_or_init(|| span.span_context.trace_id());
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _limit: Duration) -> OTelSdkResult {
        Ok(())
    }
}
