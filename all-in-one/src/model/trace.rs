//! The spans of one trace, in the order in which they arrived.

use std::sync::Arc;

use super::ids::TraceId;
use super::span::Span;

/// A trace as it was stored at one moment. Copies are cheap: the spans are shared.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The id of the trace.
    pub id: TraceId,
    /// The spans in the order of their arrival.
    pub spans: Vec<Arc<Span>>,
}

impl Trace {
    /// The first span with this operation name.
    pub fn span(&self, operation: &str) -> Option<&Span> {
        self.spans.iter().map(|span| &**span).find(|span| &*span.operation == operation)
    }

    /// The spans without a parent in this trace's references.
    pub fn roots(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter().map(|span| &**span).filter(|span| span.parent().is_none())
    }

    /// The direct children of a span of this trace.
    pub fn children(&self, parent: &Span) -> impl Iterator<Item = &Span> {
        let parent = parent.span_id;
        self.spans.iter().map(|span| &**span).filter(move |span| span.parent() == Some(parent))
    }
}
