//! What is behind the store's lock: the traces, oldest first, and the index of services.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::services::{Place, Services};
use super::{Limits, Search, Usage};
use crate::model::{Span, Text, Trace, TraceId};

/// What a trace costs beside its spans: its entries in the map, the queue and the index.
const TRACE_BYTES: usize = 256;
/// What the store adds to each span: the shared allocation and the pointer to it.
const SPAN_BYTES: usize = 24;

#[derive(Debug)]
pub(super) struct Shelf {
    limits: Limits,
    traces: HashMap<TraceId, Stored>,
    oldest_first: VecDeque<TraceId>,
    services: Services,
    usage: Usage,
    next: u64,
}

#[derive(Debug)]
struct Stored {
    spans: Vec<Arc<Span>>,
    services: Vec<Text>,
    place: Place,
    bytes: usize,
    // The earliest and latest start, so that a search need not look at every span.
    earliest: u64,
    latest: u64,
}

impl Shelf {
    pub(super) fn new(limits: Limits) -> Self {
        Shelf {
            limits,
            traces: HashMap::new(),
            oldest_first: VecDeque::new(),
            services: Services::default(),
            usage: Usage::default(),
            next: 0,
        }
    }

    pub(super) fn insert(&mut self, span: Span, bytes: usize) {
        let bytes = bytes + SPAN_BYTES;
        let held = self.traces.get(&span.trace_id).map_or(0, |trace| trace.bytes);
        if held + bytes + TRACE_BYTES > self.limits.bytes / 2 {
            self.usage.dropped_spans += 1;
            return;
        }
        self.make_room(span.trace_id, bytes);
        self.add(span, bytes);
    }

    fn make_room(&mut self, id: TraceId, bytes: usize) {
        while self.usage.bytes + bytes + TRACE_BYTES > self.limits.bytes {
            if !self.evict_oldest() {
                break;
            }
        }
        let full =
            |shelf: &Self| shelf.limits.traces > 0 && shelf.usage.traces >= shelf.limits.traces;
        while !self.traces.contains_key(&id) && full(self) && self.evict_oldest() {}
    }

    fn add(&mut self, span: Span, bytes: usize) {
        let id = span.trace_id;
        let trace = self.traces.entry(id).or_insert_with(|| {
            self.oldest_first.push_back(id);
            self.next += 1;
            self.usage.traces += 1;
            self.usage.bytes += TRACE_BYTES;
            Stored {
                spans: Vec::with_capacity(1),
                services: Vec::with_capacity(1),
                place: Place { start: span.start, number: self.next },
                bytes: TRACE_BYTES,
                earliest: u64::MAX,
                latest: 0,
            }
        });
        trace.bytes += bytes;
        trace.earliest = trace.earliest.min(span.start);
        trace.latest = trace.latest.max(span.start);
        let service = &span.process.service;
        if !trace.services.contains(service) {
            trace.services.push(service.clone());
            self.services.enter(service, trace.place, id);
        }
        self.services.add(&span);
        trace.spans.push(Arc::new(span));
        self.usage.bytes += bytes;
        self.usage.spans += 1;
    }

    fn evict_oldest(&mut self) -> bool {
        let Some(id) = self.oldest_first.pop_front() else {
            return false;
        };
        if let Some(trace) = self.traces.remove(&id) {
            for span in &trace.spans {
                self.services.remove(span);
            }
            for service in &trace.services {
                self.services.leave(service, trace.place);
            }
            self.usage.traces -= 1;
            self.usage.bytes -= trace.bytes;
            self.usage.spans -= trace.spans.len();
            self.usage.evicted_traces += 1;
            self.usage.evicted_spans += trace.spans.len() as u64;
        }
        true
    }

    pub(super) fn trace(&self, id: TraceId) -> Option<Trace> {
        let stored = self.traces.get(&id)?;
        Some(Trace { id, spans: stored.spans.clone() })
    }

    pub(super) fn find(&self, search: &Search) -> Vec<Trace> {
        self.services
            .newest_first(&search.service)
            .filter_map(|id| Some((id, self.traces.get(&id)?)))
            .filter(|(_, trace)| search.may_match(trace.earliest, trace.latest))
            .filter(|(_, trace)| trace.spans.iter().any(|span| search.matches(span)))
            .map(|(id, trace)| Trace { id, spans: trace.spans.clone() })
            .take(search.limit.unwrap_or(usize::MAX))
            .collect()
    }

    pub(super) fn between(&self, after: i64, before: i64) -> Vec<Trace> {
        let between = |start: u64| i64::try_from(start).is_ok_and(|s| after < s && s < before);
        let candidate = |trace: &Stored| {
            i64::try_from(trace.latest).unwrap_or(i64::MAX) > after
                && i64::try_from(trace.earliest).is_ok_and(|earliest| earliest < before)
        };
        self.traces
            .iter()
            .filter(|(_, trace)| candidate(trace))
            .filter(|(_, trace)| trace.spans.iter().any(|span| between(span.start)))
            .map(|(id, trace)| Trace { id: *id, spans: trace.spans.clone() })
            .collect()
    }

    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }
}
