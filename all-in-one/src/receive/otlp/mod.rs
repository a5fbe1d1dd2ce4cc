//! OpenTelemetry's own protocol, over gRPC (4317) and HTTP (4318).
//!
//! Source: opentelemetry/proto/{collector/trace,trace,common,resource}/v1 in
//! <https://github.com/open-telemetry/opentelemetry-proto>, as the crate opentelemetry-proto has
//! them, and <https://opentelemetry.io/docs/specs/otlp/>.
//!
//! A request is decoded (`proto`, `json`), each of its spans becomes one of Jaeger's
//! (`translate`), and the answer says how many could not.

mod attribute;
mod grpc;
mod http;
mod json;
mod proto;
mod translate;

pub use crate::grpc::MAX_MESSAGE;

pub(crate) use grpc::grpc;
pub(crate) use http::http;

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use tracing::warn;

use super::intern::Interner;
use super::{Counters, Intake, Reason, rarely};

/// How deep messages may nest within a span or a resource, counted in messages as the protobuf
/// decoder counts them, and in JSON the same: 49 lists in one another, or 32 maps.
const MAX_DEPTH: u32 = 100;

/// How much the messages of a request may take when they are decoded, in bytes: twelve times the
/// largest size on the wire. Real requests take three to six times theirs.
const MAX_DECODED: usize = 256 << 20;

/// How much of an error's reason is said, in characters: some name every level of a nesting.
const LONGEST_REASON: usize = 200;

/// What is left of [`MAX_DECODED`] while a request is decoded.
struct Room(Cell<usize>);

impl Default for Room {
    fn default() -> Self {
        Room(Cell::new(MAX_DECODED))
    }
}

impl Room {
    fn take(&self, bytes: usize) -> Result<(), String> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.ok_or("it becomes too large when it is decoded")?);
        Ok(())
    }
}

/// What the spans of a door go through.
struct Exporter {
    intake: Intake,
    counters: Arc<Counters>,
    interner: Mutex<Interner>,
}

impl Exporter {
    fn new(intake: &Intake, counters: &Arc<Counters>) -> Self {
        let (intake, counters) = (intake.clone(), Arc::clone(counters));
        Exporter { intake, counters, interner: Mutex::default() }
    }

    /// Stores what can be kept, and says how much could not.
    fn export(&self, traces: Vec<ResourceSpans>) -> ExportTraceServiceResponse {
        // The table of texts is as good after a panic as before.
        let mut interner = self.interner.lock().unwrap_or_else(PoisonError::into_inner);
        let translated = translate::spans(traces, &mut interner);
        drop(interner);
        self.intake.take(&self.counters, &translated.spans);
        ExportTraceServiceResponse { partial_success: self.refuse(translated.refused) }
    }

    fn refuse(&self, spans: u64) -> Option<ExportTracePartialSuccess> {
        for _ in 0..spans {
            rarely(self.counters.refused(Reason::InvalidSpan), || {
                warn!("dropped an OTLP span: its ids are zero or of the wrong length");
            });
        }
        (spans > 0).then(|| ExportTracePartialSuccess {
            rejected_spans: i64::try_from(spans).unwrap_or(i64::MAX),
            error_message: "trace ids have 16 bytes and span ids 8, and neither is all zero"
                .to_owned(),
        })
    }

    /// Counts and logs a request that could not be decoded.
    fn malformed(&self, reason: &str) {
        rarely(self.counters.refused(Reason::Malformed), || {
            warn!("refused an OTLP request: {reason}");
        });
    }
}

/// A reason of bounded length.
fn shortened(mut reason: String) -> String {
    if let Some((end, _)) = reason.char_indices().nth(LONGEST_REASON) {
        let end = reason[..end].char_indices().next_back().map_or(0, |(last, _)| last);
        reason.truncate(end);
        reason.push('…');
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_shortened_by_characters() {
        assert_eq!(shortened("é".repeat(200)), "é".repeat(200));
        assert_eq!(shortened("é".repeat(201)), "é".repeat(199) + "…");
    }
}
