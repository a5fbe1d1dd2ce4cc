//! What Jaeger changes in a trace before it shows it, unless `raw=true` asks for it as stored:
//! shared span ids, clock skew, addresses sent as numbers, the order of log fields and process
//! tags, and references to nothing.
//!
//! The first two look at all spans of a trace together: at their outlines, since a long trace does
//! not fit into memory many times. What they find is a plan of changes; it is carried out with the
//! other adjustments, which look at one span each.

mod clock_skew;
mod dedupe;
mod ip;
mod order;
mod outline;
mod plan;
mod references;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use dedupe::dedupe;
pub(super) use outline::{MOST, Outlines};
pub(super) use plan::Plan;

use crate::model::{KeyValue, Log, Process, RefKind, Reference, Span, SpanId, Text, TraceId};

/// A span that may be changed. The stored one stays as it is.
#[derive(Debug)]
pub(super) struct View {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) operation: Text,
    pub(super) references: Vec<Reference>,
    pub(super) flags: u32,
    /// In nanoseconds: half of an odd number of microseconds is no whole one.
    pub(super) start: i128,
    /// In microseconds.
    pub(super) duration: u64,
    pub(super) tags: Vec<KeyValue>,
    pub(super) logs: Vec<LogView>,
    pub(super) process: Arc<Process>,
    pub(super) warnings: Vec<String>,
}

/// A log that may be changed.
#[derive(Debug)]
pub(super) struct LogView {
    /// In nanoseconds.
    pub(super) timestamp: i128,
    pub(super) fields: Vec<KeyValue>,
}

impl LogView {
    pub(super) fn micros(&self) -> u64 {
        micros(self.timestamp)
    }
}

impl From<Log> for LogView {
    fn from(log: Log) -> Self {
        LogView { timestamp: nanos(log.timestamp), fields: log.fields.into_vec() }
    }
}

impl View {
    pub(super) fn new(span: Span) -> Self {
        View {
            trace_id: span.trace_id,
            span_id: span.span_id,
            operation: span.operation,
            references: span.references.into_vec(),
            flags: span.flags,
            start: nanos(span.start) + i128::from(span.nanos.start),
            duration: span.duration,
            tags: span.tags.into_vec(),
            logs: span.logs.into_iter().map(LogView::from).collect(),
            process: span.process,
            warnings: span.warnings.iter().map(|warning| warning.to_string()).collect(),
        }
    }

    pub(super) fn start_micros(&self) -> u64 {
        micros(self.start)
    }

    /// The parent in the same trace, 0 for none.
    fn parent(&self) -> SpanId {
        self.references
            .iter()
            .find(|r| r.trace_id == self.trace_id && r.kind == RefKind::ChildOf)
            .map_or(SpanId(0), |r| r.span_id)
    }

    /// Puts another span in the parent's place.
    fn set_parent(&mut self, parent: SpanId) {
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

/// Applies all adjustments, in Jaeger's order, to some of a trace's spans, the first of which has
/// this number in it.
pub(super) fn adjust(views: &mut [View], first: usize, plan: &Plan) {
    plan.apply(views, first);
    ip::adjust(views);
    order::adjust(views);
    references::adjust(views);
}

/// Changes every process of these spans, each of them once.
fn change_processes(views: &mut [View], change: impl Fn(&mut Process)) {
    // The processes from before are kept with those from after: a pointer stays taken.
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

fn nanos(micros: u64) -> i128 {
    i128::from(micros) * 1_000
}

fn micros(nanos: i128) -> u64 {
    u64::try_from(nanos / 1_000).unwrap_or(0)
}
