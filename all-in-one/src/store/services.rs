//! The index of services: their operations, and their traces in order of time.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Span, Text, TraceId, Value};

/// An operation of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The spans' operation name.
    pub name: Text,
    /// Their tag `span.kind`, empty where they have none.
    pub kind: Text,
}

/// Where a trace stands among others: by the start of the span that arrived first, which is how
/// Jaeger finds the newest; then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) number: u64,
}

#[derive(Debug, Default)]
pub(super) struct Services {
    by_name: HashMap<Text, Service>,
}

#[derive(Debug, Default)]
struct Service {
    traces: BTreeMap<Place, TraceId>,
    operations: HashMap<Operation, usize>,
    spans: usize,
}

impl Services {
    /// A trace has its first span of this service.
    pub(super) fn enter(&mut self, service: &Text, place: Place, id: TraceId) {
        let service = self.by_name.entry(service.clone()).or_default();
        service.traces.insert(place, id);
    }

    /// A trace with spans of this service is gone.
    pub(super) fn leave(&mut self, name: &Text, place: Place) {
        if let Some(service) = self.by_name.get_mut(name) {
            service.traces.remove(&place);
            if service.traces.is_empty() {
                self.by_name.remove(name);
            }
        }
    }

    pub(super) fn add(&mut self, span: &Span) {
        if let Some(service) = self.by_name.get_mut(&span.process.service) {
            service.spans += 1;
            *service.operations.entry(operation(span)).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, span: &Span) {
        let Some(service) = self.by_name.get_mut(&span.process.service) else {
            return;
        };
        service.spans -= 1;
        let operation = operation(span);
        if let Some(count) = service.operations.get_mut(&operation) {
            *count -= 1;
            if *count == 0 {
                service.operations.remove(&operation);
            }
        }
    }

    pub(super) fn names(&self) -> Vec<Text> {
        let mut names: Vec<_> = self.by_name.keys().cloned().collect();
        names.sort();
        names
    }

    pub(super) fn operations(&self, service: &str) -> Vec<Operation> {
        let Some(service) = self.by_name.get(service) else {
            return Vec::new();
        };
        let mut operations: Vec<_> = service.operations.keys().cloned().collect();
        operations.sort_by(|a, b| (&a.name, &a.kind).cmp(&(&b.name, &b.kind)));
        operations
    }

    pub(super) fn span_count(&self, service: &str) -> usize {
        self.by_name.get(service).map_or(0, |service| service.spans)
    }

    pub(super) fn newest_first(&self, service: &str) -> impl Iterator<Item = TraceId> {
        let traces = self.by_name.get(service).map(|service| &service.traces);
        traces.into_iter().flat_map(|traces| traces.values().rev().copied())
    }
}

fn operation(span: &Span) -> Operation {
    let kind = match span.kind() {
        Some(Value::String(kind)) => kind.clone(),
        Some(other) => other.to_search_text().into(),
        None => Text::default(),
    };
    Operation { name: span.operation.clone(), kind }
}
