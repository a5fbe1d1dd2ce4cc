//! The JSON of a span.

use super::adjust::View;
use super::answer::{LogJson, ReferenceJson, SpanJson, Tags};

/// The JSON of a span; `process_id` is the id of its process in the answer.
pub(super) fn span_json(view: &View, process_id: String) -> SpanJson<'_> {
    SpanJson {
        trace_id: view.trace_id,
        span_id: view.span_id,
        flags: view.flags,
        operation: &view.operation,
        references: view
            .references
            .iter()
            .map(|r| ReferenceJson { kind: r.kind, trace_id: r.trace_id, span_id: r.span_id })
            .collect(),
        start: view.start_micros(),
        duration: view.duration,
        tags: Tags(&view.tags),
        logs: view
            .logs
            .iter()
            .map(|log| LogJson { timestamp: log.micros(), fields: Tags(&log.fields) })
            .collect(),
        process_id,
        warnings: Some(&*view.warnings).filter(|warnings| !warnings.is_empty()),
    }
}
