//! The JSON of a span.

use super::adjust::View;
use super::answer::{Logs, References, SpanJson, Tags};

/// The JSON of a span; `process_id` is the id of its process in the answer.
pub(super) fn span_json<'a>(view: &'a View, process_id: &'a str) -> SpanJson<'a> {
    SpanJson {
        trace_id: view.trace_id,
        span_id: view.span_id,
        flags: view.flags,
        operation: &view.operation,
        references: References(&view.references),
        start: view.start_micros(),
        duration: view.duration,
        tags: Tags(&view.tags),
        logs: Logs(&view.logs),
        process_id,
        warnings: Some(&*view.warnings).filter(|warnings| !warnings.is_empty()),
    }
}
