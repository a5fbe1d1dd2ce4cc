//! Remembers which trace was made and whether it got out, to end the program's output with the link
//! to it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::settings::Otlp;

/// A span processor that exports nothing: it notes the trace that the first root span began, and
/// counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    noted: Arc<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    trace_id: OnceLock<TraceId>,
    failure: OnceLock<String>,
    no_exporter: AtomicBool,
    ended: AtomicUsize,
    exported: AtomicUsize,
}

impl Link {
    /// Notes that spans are lost. The first reason is the one that is told.
    pub(crate) fn failed(&self, error: &OTelSdkError) {
        self.noted.failure.get_or_init(|| error.to_string());
    }

    /// Notes that there is no exporter, which was told: no link, then, and nothing more to tell.
    pub(crate) fn nowhere_to_go(&self) {
        self.noted.no_exporter.store(true, Ordering::Relaxed);
    }

    /// Counts what the batch processor gave to the exporter.
    pub(crate) fn exported(&self, spans: usize) {
        self.noted.exported.fetch_add(spans, Ordering::Relaxed);
    }

    /// How many spans found no place in the batch processor's queue. It counts them itself, but
    /// tells only who takes its own log.
    pub(crate) fn lost(&self) -> usize {
        self.noted
            .ended
            .load(Ordering::Relaxed)
            .saturating_sub(self.noted.exported.load(Ordering::Relaxed))
    }

    /// Prints where Jaeger shows the trace, or why it does not.
    pub(crate) fn print(&self, otlp: &Otlp) {
        if let Some(failure) = self.noted.failure.get() {
            return warn(&format!(
                "Nobody takes OTLP at {} ({SETTINGS}): spans are lost. `make jaeger` starts a \
                 Jaeger; in a container, localhost is the container itself. {failure}",
                otlp.endpoint,
            ));
        }
        if self.noted.no_exporter.load(Ordering::Relaxed) {
            return;
        }
        let (lost, ended) = (self.lost(), self.noted.ended.load(Ordering::Relaxed));
        if lost > 0 {
            warn(&never_left(lost, ended));
        }
        // Without a trace, the sampler kept none.
        if lost < ended
            && let Some(trace_id) = self.noted.trace_id.get()
        {
            let link = format!("main_process: http://localhost:16686/trace/{trace_id}");
            let _ = writeln!(io::stdout(), "{link}"); // who does not read it, does not need it
        }
    }
}

fn never_left(lost: usize, ended: usize) -> String {
    format!(
        "{lost} of {ended} spans never left: the queue was full (OTEL_BSP_MAX_QUEUE_SIZE), or the \
         provider was not shut down"
    )
}

/// Unlike `eprintln!`, does not panic when nobody reads it any more.
pub(crate) fn warn(message: &str) {
    let _ = writeln!(io::stderr(), "WARNING:otlp-example:{message}");
}

const SETTINGS: &str = "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL";

impl SpanProcessor for Link {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.parent_span_id == SpanId::INVALID {
            self.noted.trace_id.get_or_init(|| span.span_context.trace_id());
        }
        self.noted.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _limit: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever leaves the shutdown out sees what the tutorial shows.
    #[test]
    fn the_tutorial_shows_the_warning() {
        let shown = format!("\nWARNING:otlp-example:{}\n", never_left(3, 3));
        assert!(include_str!("../../README.md").contains(&shown), "{shown}");
    }
}
