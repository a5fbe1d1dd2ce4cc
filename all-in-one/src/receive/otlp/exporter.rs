//! What both OTLP doors do with a request.

use std::sync::Arc;

use super::answer::ExportAnswer;
use super::{json, proto};
use crate::model::Batch;
use crate::receive::intake::Intake;
use crate::server::counters::{Counters, Reason};
use crate::server::threads::AT_ONCE;

/// How many spans of a large request are decoded before they are stored.
const SPANS_AT_ONCE: usize = 512;

/// The longest reason in an answer, in characters: some errors name every level of nesting.
const LONGEST_REASON: usize = 200;

/// Decodes and stores the requests of a door.
pub(super) struct Exporter {
    pub(super) intake: Intake,
    pub(super) counters: Arc<Counters>,
}

impl Exporter {
    pub(super) fn new(intake: &Intake, counters: &Arc<Counters>) -> Self {
        let (intake, counters) = (intake.clone(), Arc::clone(counters));
        Exporter { intake, counters }
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
        let take = &mut |batch: Batch<'_>| self.intake.take(&self.counters, batch);
        let refused = proto::decode(request, most, take)?;
        for _ in 0..refused {
            let why = "an OTLP span with an id that is zero or has the wrong length";
            self.counters.refuse(Reason::InvalidSpan, why);
        }
        Ok(ExportAnswer { refused })
    }

    /// The same for a request in JSON, which is converted to protobuf first.
    pub(super) fn export_json(&self, text: impl AsRef<[u8]>) -> Result<ExportAnswer, String> {
        let message = json::to_protobuf(text.as_ref())?;
        drop(text);
        self.export(&message)
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
