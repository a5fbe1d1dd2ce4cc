//! Remembers which trace was made, to end the program's output with the link to it.

use std::sync::{Arc, OnceLock};

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceId, TraceResult};
use opentelemetry_sdk::export::trace::SpanData;
use opentelemetry_sdk::trace::{Span, SpanProcessor};

/// A span processor that exports nothing: it only notes the trace that the first root span began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    trace_id: Arc<OnceLock<TraceId>>,
}

impl Link {
    /// Prints where Jaeger shows the trace.
    pub(crate) fn print(&self) {
        if let Some(trace_id) = self.trace_id.get() {
            println!("main_process: http://localhost:16686/trace/{trace_id}");
        }
    }
}

impl SpanProcessor for Link {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.parent_span_id == SpanId::INVALID {
            self.trace_id.get_or_init(|| span.span_context.trace_id());
        }
    }

    fn force_flush(&self) -> TraceResult<()> {
        Ok(())
    }

    fn shutdown(&mut self) -> TraceResult<()> {
        Ok(())
    }
}
