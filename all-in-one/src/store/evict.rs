//! Eviction: a trace leaves the index at once, and its memory is released in steps.
//!
//! The largest trace has half of the store's spans: to release them all takes a tenth of a second.
//! So a reader never sees a part of an evicted trace, and each insert releases a bounded number of
//! spans. Their memory counts towards the limit until it is released.

use std::time::{SystemTime, UNIX_EPOCH};

use super::inner::{Inner, next_record};
use super::limits::{AT_ONCE, BYTES_AT_ONCE, Usage};
use super::record::{self, Input};
use super::traces::LeavingTrace;
use crate::model::TraceId;

/// How many spans an insert of up to [`AT_ONCE`] spans releases. As it is more than that, what is
/// still to be released gets less with each insert.
const RELEASED_AT_ONCE: usize = 2 * AT_ONCE;
/// How many spans are released at a time to make room for one.
const FEW: usize = 16;

impl Inner {
    /// Makes room: releases a few spans of an evicted trace, or evicts the oldest. Returns whether
    /// there was one.
    pub(super) fn make_room(&mut self) -> bool {
        self.release_spans(FEW) || self.evict_oldest()
    }

    /// Evicts the oldest trace, if there is one. Its memory is released later.
    pub(super) fn evict_oldest(&mut self) -> bool {
        let Some(trace) = self.traces.remove_oldest(&self.hasher) else {
            return false;
        };
        let (id, chain, at) = (trace.id, trace.chain, trace.chain.start());
        self.leaving.0.push_back(LeavingTrace { id, chain, at, left: trace.spans });
        self.usage.spans -= trace.spans;
        self.usage.evicted_traces += 1;
        self.usage.evicted_spans += trace.spans as u64;
        if trace.starts.1 > self.complete_since {
            self.complete_since = self.complete_since.max(trace.starts.1.min(now()));
        }
        self.pages.retire(self.traces.oldest_number());
        true
    }

    /// Evicts the oldest traces, up to this many, without counting them; returns how many.
    pub(super) fn clear(&mut self, most: usize) -> usize {
        let Usage { evicted_traces, evicted_spans, .. } = self.usage;
        let complete_since = self.complete_since;
        let removed = (0..most).take_while(|_| self.evict_oldest()).count();
        self.usage = Usage { evicted_traces, evicted_spans, ..self.usage };
        self.complete_since = complete_since;
        removed
    }

    /// Releases some of what evicted traces hold; returns whether there was anything.
    pub(super) fn release_some(&mut self) -> bool {
        let retired = self.pages.retire(self.traces.oldest_number());
        self.release_spans(RELEASED_AT_ONCE) || retired
    }

    /// Whether evicted traces still hold anything.
    pub(super) fn has_leaving(&self) -> bool {
        !self.leaving.0.is_empty()
    }

    /// Releases up to this many spans of the trace that was evicted first, and less if they are
    /// long; returns whether there was one.
    fn release_spans(&mut self, most: usize) -> bool {
        let (mut spans, mut bytes, mut record) = (0, 0, Vec::new());
        while spans < most && bytes < BYTES_AT_ONCE {
            let Some(mut trace) = self.leaving.0.pop_front() else {
                break;
            };
            while trace.left > 0 && spans < most && bytes < BYTES_AT_ONCE {
                trace.at = next_record(&self.cells, trace.at, &mut record);
                self.release(&record, trace.id);
                (trace.left, spans, bytes) = (trace.left - 1, spans + 1, bytes + record.len());
            }
            if trace.left == 0 {
                self.cells.free(trace.chain);
            } else {
                self.cells.free_before(&mut trace.chain, trace.at);
                self.leaving.0.push_front(trace);
            }
        }
        spans > 0
    }

    /// Releases what a record refers to.
    pub(super) fn release(&mut self, record: &[u8], id: TraceId) {
        let head = Input(record).head(0); // its start is of no interest
        record::release(head.lists, id, &mut self.symbols);
        self.common.release_span(head.process, head.operation, &mut self.cells);
    }
}

/// Microseconds since the Unix epoch: a span may say that it begins later.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
