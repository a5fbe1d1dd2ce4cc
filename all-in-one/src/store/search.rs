//! What a search asks for, and whether a span is it.

use std::time::Duration;

use crate::model::{KeyValue, Span};

/// A search for traces. A trace is found when one of its spans meets every condition.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The service; required.
    pub service: String,
    /// The operation; empty is any.
    pub operation: String,
    /// Tags, each to be found among the span's tags, its process's tags or its logs' fields.
    pub tags: Vec<(String, String)>,
    /// The earliest start, inclusive, in microseconds since the Unix epoch.
    pub earliest: i64,
    /// The latest start, inclusive.
    pub latest: i64,
    /// The shortest duration, inclusive, in nanoseconds; it may be negative, as in Go.
    pub shortest: Option<i64>,
    /// The longest duration, inclusive, in nanoseconds.
    pub longest: Option<i64>,
    /// How many traces at most, the newest first; `None` is all.
    pub limit: Option<usize>,
}

impl Search {
    /// Whether a trace whose spans start between these times can have a span that matches.
    pub(super) fn may_match(&self, earliest: u64, latest: u64) -> bool {
        i128::from(latest) >= i128::from(self.earliest)
            && i128::from(earliest) <= i128::from(self.latest)
    }

    pub(super) fn matches(&self, span: &Span) -> bool {
        *self.service == *span.process.service
            && (self.operation.is_empty() || *self.operation == *span.operation)
            && self.may_match(span.start, span.start)
            && self.lasts(Duration::from_micros(span.duration))
            && self.tags.iter().all(|(key, value)| has_tag(span, key, value))
    }

    fn lasts(&self, duration: Duration) -> bool {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        self.shortest.is_none_or(|shortest| nanos >= shortest)
            && self.longest.is_none_or(|longest| nanos <= longest)
    }
}

fn has_tag(span: &Span, key: &str, value: &str) -> bool {
    let is_it = |tag: &KeyValue| &*tag.key == key && tag.value.matches(value);
    span.tags.iter().any(is_it)
        || span.process.tags.iter().any(is_it)
        || span.logs.iter().flat_map(|log| &log.fields).any(is_it)
}
