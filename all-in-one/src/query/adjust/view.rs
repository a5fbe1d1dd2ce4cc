//! Spans as they are shown.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{KeyValue, Log, Process, RefKind, Reference, Span, SpanId, Text, TraceId};

/// A span that may be changed. The stored one stays as it is.
#[derive(Debug)]
pub(in crate::query) struct View {
    pub(in crate::query) trace_id: TraceId,
    pub(in crate::query) span_id: SpanId,
    pub(in crate::query) operation: Text,
    pub(in crate::query) references: Vec<Reference>,
    pub(in crate::query) flags: u32,
    /// In nanoseconds: skew can be half a microsecond.
    pub(in crate::query) start: i128,
    /// In microseconds; `nanos` are those beyond.
    pub(in crate::query) duration: u64,
    pub(in crate::query) nanos: u16,
    pub(in crate::query) tags: Vec<KeyValue>,
    pub(in crate::query) logs: Vec<LogView>,
    pub(in crate::query) process: Arc<Process>,
    pub(in crate::query) warnings: Vec<String>,
}

/// A log that may be changed.
#[derive(Debug)]
pub(in crate::query) struct LogView {
    /// In nanoseconds.
    pub(in crate::query) timestamp: i128,
    pub(in crate::query) fields: Vec<KeyValue>,
}

impl LogView {
    /// Its time in nanoseconds since the Unix epoch.
    pub(in crate::query) fn nanos(&self) -> u64 {
        unsigned(self.timestamp)
    }

    pub(in crate::query) fn micros(&self) -> u64 {
        micros(self.timestamp)
    }
}

impl From<Log> for LogView {
    fn from(log: Log) -> Self {
        LogView { timestamp: nanos(log.timestamp), fields: log.fields.into_vec() }
    }
}

impl View {
    pub(in crate::query) fn new(span: Span) -> Self {
        View {
            trace_id: span.trace_id,
            span_id: span.span_id,
            operation: span.operation,
            references: span.references.into_vec(),
            flags: span.flags,
            start: nanos(span.start) + i128::from(span.nanos.start),
            duration: span.duration,
            nanos: span.nanos.duration,
            tags: span.tags.into_vec(),
            logs: span.logs.into_iter().map(LogView::from).collect(),
            process: span.process,
            warnings: span.warnings.iter().map(|warning| warning.to_string()).collect(),
        }
    }

    /// Its start in nanoseconds since the Unix epoch.
    pub(in crate::query) fn start_nanos(&self) -> u64 {
        unsigned(self.start)
    }

    /// Its end in nanoseconds since the Unix epoch.
    pub(in crate::query) fn end_nanos(&self) -> u64 {
        unsigned(self.start + nanos(self.duration) + i128::from(self.nanos))
    }

    pub(in crate::query) fn start_micros(&self) -> u64 {
        micros(self.start)
    }

    /// The parent in the same trace, 0 for none.
    pub(in crate::query) fn parent(&self) -> SpanId {
        self.references
            .iter()
            .find(|r| r.trace_id == self.trace_id && r.kind == RefKind::ChildOf)
            .map_or(SpanId(0), |r| r.span_id)
    }

    /// Replaces the parent.
    pub(super) fn set_parent(&mut self, parent: SpanId) {
        let (trace_id, old) = (self.trace_id, self.parent());
        let mut own = self.references.iter_mut().filter(|r| r.trace_id == trace_id);
        if let Some(reference) = own.find(|r| r.span_id == old) {
            reference.span_id = parent;
            return;
        }
        let known = |r: &Reference| r.trace_id == trace_id && r.span_id == parent;
        if parent.0 != 0 && !self.references.iter().any(known) {
            let kind = RefKind::ChildOf;
            self.references.insert(0, Reference { kind, trace_id, span_id: parent });
        }
    }
}

/// Changes every process of these spans once.
pub(super) fn change_processes(views: &mut [View], change: impl Fn(&mut Process)) {
    // The old process is kept with the new one, so that its address is not reused.
    let mut changed: HashMap<*const Process, (Arc<Process>, Arc<Process>)> = HashMap::new();
    for view in views {
        let before = Arc::clone(&view.process);
        let (_, after) = changed.entry(Arc::as_ptr(&before)).or_insert_with(|| {
            let mut process = (*before).clone();
            change(&mut process);
            (before, Arc::new(process))
        });
        view.process = Arc::clone(after);
    }
}

pub(super) fn nanos(micros: u64) -> i128 {
    i128::from(micros) * 1_000
}

/// The nearest number of 64 bits.
fn unsigned(nanos: i128) -> u64 {
    u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
}

pub(super) fn micros(nanos: i128) -> u64 {
    u64::try_from(nanos / 1_000).unwrap_or(0)
}
