//! Remembers which trace was made and what became of its spans, to end the program's output with
//! the link to it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry::global::Error;
use opentelemetry::trace::{SpanId, TraceError, TraceId, TraceResult};
use opentelemetry_sdk::export::trace::SpanData;
use opentelemetry_sdk::runtime::TrySendError;
use opentelemetry_sdk::trace::{Span, SpanProcessor};

use crate::agent::warn;

/// How many spans the batch processor holds beside its queue, by default.
const MAX_BATCH: usize = 512;

/// How long the batch processor may take to get its queue below that.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// A span processor that exports nothing: it notes the trace that the first root span began, and
/// counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    noted: Arc<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    trace_id: OnceLock<TraceId>,
    ended: AtomicUsize,
    dropped: AtomicUsize,
    exported: AtomicUsize,
    sent: AtomicUsize,
}

impl Link {
    /// Counts what the batch processor gave to the exporter, and what of it was sent.
    pub(crate) fn exported(&self, spans: usize, sent: usize) {
        self.noted.exported.fetch_add(spans, Ordering::Relaxed);
        self.noted.sent.fetch_add(sent, Ordering::Relaxed);
    }

    /// Takes an error of the batch processor, which has one for each span that finds its queue full.
    /// Those are counted; `print` tells how many there were.
    pub(crate) fn failed(&self, error: &Error) {
        match error {
            Error::Trace(TraceError::Other(error)) if is_full(error.downcast_ref()) => {
                self.noted.dropped.fetch_add(1, Ordering::Relaxed);
            }
            error => warn(&error.to_string()),
        }
    }

    /// How many spans never left the batch processor's queue, or found no place in it.
    pub(crate) fn lost(&self) -> usize {
        self.noted.ended.load(Ordering::Relaxed) - self.noted.exported.load(Ordering::Relaxed)
    }

    /// Prints where Jaeger shows the trace, if anything of it was sent.
    pub(crate) fn print(&self) {
        let lost = self.lost();
        if lost > 0 {
            let ended = self.noted.ended.load(Ordering::Relaxed);
            warn(&format!(
                "{lost} of {ended} spans never left: the queue was full \
                 (OTEL_BSP_MAX_QUEUE_SIZE), or the provider was not shut down"
            ));
        }
        if self.noted.sent.load(Ordering::Relaxed) > 0
            && let Some(trace_id) = self.noted.trace_id.get()
        {
            let link = format!("main_process: http://localhost:16686/trace/{trace_id}");
            let _ = writeln!(io::stdout(), "{link}"); // who does not read it, does not need it
        }
    }

    /// How many spans are in the batch processor's queue and beside it.
    fn pending(&self) -> usize {
        self.lost().saturating_sub(self.noted.dropped.load(Ordering::Relaxed))
    }
}

fn is_full(error: Option<&TrySendError>) -> bool {
    matches!(error, Some(TrySendError::ChannelFull))
}

impl SpanProcessor for Link {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.parent_span_id == SpanId::INVALID {
            self.noted.trace_id.get_or_init(|| span.span_context.trace_id());
        }
        self.noted.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn force_flush(&self) -> TraceResult<()> {
        Ok(())
    }

    /// Waits while the batch processor's queue is full: the word that it is to shut down would find
    /// no place in it, and the spans would be lost. That processor is the next one to be told.
    fn shutdown(&mut self) -> TraceResult<()> {
        let start = Instant::now();
        while self.pending() >= MAX_BATCH && start.elapsed() < DRAIN_LIMIT {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}
