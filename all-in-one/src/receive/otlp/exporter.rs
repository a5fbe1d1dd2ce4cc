//! What both OTLP doors do with a request.

use std::sync::Arc;

use axum::http::HeaderMap;

use super::answer::ExportAnswer;
use super::others::{Signal, Told};
use super::{json_request, proto};
use crate::model::Batch;
use crate::receive::by_service::Origin;
use crate::receive::faults::Faults;
use crate::receive::intake::Intake;
use crate::server::counters::{Counters, Reason};
use crate::server::threads::AT_ONCE;

/// How many spans of a large request are decoded before they are stored.
const SPANS_AT_ONCE: usize = 512;

/// Why spans are refused that are well formed.
const INVALID_IDS: &str = "trace ids have 16 bytes and span ids 8, and neither is all zero";

/// The longest reason in an answer, in characters: some errors name every level of nesting.
const LONGEST_REASON: usize = 200;

/// Decodes and stores the requests of a door.
pub(super) struct Exporter {
    pub(super) intake: Intake,
    pub(super) counters: Arc<Counters>,
    /// Which SDKs were told that other signals than traces are not kept.
    told: Told,
}

impl Exporter {
    pub(super) fn new(intake: &Intake, counters: &Arc<Counters>) -> Self {
        let (intake, counters) = (intake.clone(), Arc::clone(counters));
        Exporter { intake, counters, told: Told::default() }
    }

    /// Counts a request with another signal. Returns what its SDK is told, if it was not told before.
    pub(super) fn other(
        &self,
        signal: Signal,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<&'static str> {
        self.counters.refuse(Reason::Unsupported, signal.why());
        self.told.is_first(signal, headers, body).then_some(signal.why())
    }

    /// Decodes a request in protobuf and stores its spans; the answer says how many were refused.
    pub(super) fn export(&self, request: &[u8]) -> Result<ExportAnswer, String> {
        self.export_in_parts(
            request,
            if request.len() <= AT_ONCE { usize::MAX } else { SPANS_AT_ONCE },
        )
    }

    pub(super) fn export_in_parts(
        &self,
        request: &[u8],
        most: usize,
    ) -> Result<ExportAnswer, String> {
        if most < usize::MAX {
            // Decoded once before anything is stored: it may turn out to be malformed at its end.
            proto::decode(request, most, &mut |_| {})?;
        }
        let take = &mut |batch: Batch<'_>| self.intake.take(&self.counters, Origin::Proto, batch);
        let refused = proto::decode(request, most, take)?;
        let why = "an OTLP span with an id that is zero or has the wrong length";
        self.counters.refuse_many(Reason::InvalidSpan, refused, why);
        Ok(ExportAnswer { refused, why: (refused > 0).then(|| INVALID_IDS.to_owned()) })
    }

    /// The same for a request in JSON, which is converted to protobuf first. What cannot be read is
    /// left out.
    pub(super) fn export_json(&self, text: impl AsRef<[u8]>) -> Result<ExportAnswer, String> {
        let mut faults = Faults::default();
        let message = json_request::to_protobuf(text, &mut faults)?;
        let mut answer = self.export(&message)?;
        if let Some(why) = faults.first() {
            self.counters.refuse_many(Reason::InvalidSpan, faults.spans, why);
            self.counters.refuse_many(Reason::Malformed, faults.parts, why);
            answer.refused += faults.spans;
            answer.why = Some(shortened(why.to_owned()));
        }
        Ok(answer)
    }
}

/// The reason, cut to [`LONGEST_REASON`].
pub(super) fn shortened(mut reason: String) -> String {
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
