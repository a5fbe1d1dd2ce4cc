//! OpenTelemetry's own protocol, over gRPC (4317) and HTTP (4318).
//!
//! Source: opentelemetry/proto/{collector/trace,trace,common,resource}/v1 in
//! <https://github.com/open-telemetry/opentelemetry-proto>, as the crate opentelemetry-proto has
//! them, and <https://opentelemetry.io/docs/specs/otlp/>.
//!
//! A request is decoded, each of its spans becomes one of Jaeger's (`proto`), and the answer says
//! how many could not. One in JSON becomes protobuf first (`json`).

mod attribute;
mod grpc;
mod http;
mod json;
mod proto;

pub use crate::grpc::MAX_MESSAGE;

#[cfg(any(test, fuzzing))]
pub(super) use grpc::fuzz as fuzz_message;
#[cfg(any(test, fuzzing))]
pub(super) use http::fuzz as fuzz_json;

pub(crate) use grpc::grpc;
pub(crate) use http::http;

use std::cell::Cell;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;

use super::body::MAX_DECODED;
use super::{Counters, Intake, Reason};
use crate::model::Batch;
use crate::threads::AT_ONCE;

/// How deep messages may nest within a span or a resource, counted in messages as the protobuf
/// decoder counts them, and in JSON the same: 49 lists in one another, or 32 maps.
const MAX_DEPTH: u32 = 100;

/// How much a request in JSON may take, which is decoded as a whole: some ten thousand spans.
const MAX_JSON: usize = MAX_DECODED;

/// How many spans of a large request are decoded before they are stored.
const SPANS_AT_ONCE: usize = 512;

/// Why a request is refused. It is smaller than a `String`: readers hand it up at every field.
type Refusal = Box<str>;

/// How much of an error's reason is said, in characters: some name every level of a nesting.
const LONGEST_REASON: usize = 200;

/// Takes bytes from what is left.
fn take_room(room: &mut usize, bytes: usize) -> Result<(), Refusal> {
    *room = room.checked_sub(bytes).ok_or("it becomes too large when it is decoded")?;
    Ok(())
}

/// What is left of [`MAX_JSON`] while a request in JSON is decoded.
struct Room(Cell<usize>);

impl Default for Room {
    fn default() -> Self {
        Room(Cell::new(MAX_JSON))
    }
}

impl Room {
    fn take(&self, bytes: usize) -> Result<(), String> {
        let mut left = self.0.get();
        take_room(&mut left, bytes)?;
        self.0.set(left);
        Ok(())
    }
}

/// What the spans of a door go through.
struct Exporter {
    intake: Intake,
    counters: Arc<Counters>,
}

impl Exporter {
    fn new(intake: &Intake, counters: &Arc<Counters>) -> Self {
        let (intake, counters) = (intake.clone(), Arc::clone(counters));
        Exporter { intake, counters }
    }

    /// Decodes a request in protobuf, stores what can be kept, and says how much could not.
    fn export(&self, request: &[u8]) -> Result<ExportTraceServiceResponse, String> {
        self.export_in_parts(
            request,
            if request.len() <= AT_ONCE { usize::MAX } else { SPANS_AT_ONCE },
        )
    }

    fn export_in_parts(
        &self,
        request: &[u8],
        most: usize,
    ) -> Result<ExportTraceServiceResponse, String> {
        if most < usize::MAX {
            // Nothing of a request is stored that turns out to be none at its end.
            proto::decode(request, most, &mut |_| {})?;
        }
        let take = &mut |batch: Batch<'_>| self.intake.take(&self.counters, batch);
        let refused = proto::decode(request, most, take)?;
        Ok(ExportTraceServiceResponse { partial_success: self.refuse(refused) })
    }

    /// The same for a request in JSON, which becomes one in protobuf first.
    fn export_json(&self, text: impl AsRef<[u8]>) -> Result<ExportTraceServiceResponse, String> {
        let request = ExportTraceServiceRequest { resource_spans: json::decode(text.as_ref())? };
        drop(text);
        let message = request.encode_to_vec();
        drop(request);
        self.export(&message)
    }

    fn refuse(&self, spans: u64) -> Option<ExportTracePartialSuccess> {
        for _ in 0..spans {
            let why = "an OTLP span whose ids are zero or of the wrong length";
            self.counters.refuse(Reason::InvalidSpan, why);
        }
        (spans > 0).then(|| ExportTracePartialSuccess {
            rejected_spans: i64::try_from(spans).unwrap_or(i64::MAX),
            error_message: "trace ids have 16 bytes and span ids 8, and neither is all zero"
                .to_owned(),
        })
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
