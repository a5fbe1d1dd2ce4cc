//! Spans to traces, in bounded memory.
//!
//! The store is limited by a number of traces and a number of bytes. When it is full, the oldest
//! trace is evicted as a whole. One trace may use half of the bytes; its further spans are dropped
//! and counted. Services and operations are removed with their last span.
//!
//! | part | what it is |
//! |---|---|
//! | `inner` | what is behind the lock: adds spans, evicts traces; it consists of the parts below |
//! | `evict` | removes traces, in steps |
//! | `traces` | the traces by id and in the order of arrival |
//! | `cells` | the memory for records, which does not fragment |
//! | `record`, `reader` | a span as bytes, and back |
//! | `symbols`, `common`, `interner` | text, operations and processes that many spans share |
//! | `slots` | tables with numbered rows, used by three of the above |
//! | `pages`, `page`, `filter`, `search_keys` | the index that a search uses before it reads spans |
//! | `search` | the conditions of a search, and a search in progress |
//! | `scan` | a pass over the spans of some services, for metrics |
//!
//! The lock is never held for long: large work is done in steps.

mod cells;
mod common;
mod evict;
mod filter;
mod inner;
mod interner;
mod limits;
mod page;
mod pages;
mod reader;
mod record;
mod scan;
mod search;
mod search_keys;
mod slots;
mod symbols;
mod traces;

use std::ops::Range;
use std::sync::Arc;

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

pub use common::Operation;
pub(crate) use inner::Reading;
pub use limits::{Limits, Usage};
pub(crate) use scan::{Scan, ScanVisitor};
pub use search::Search;

use crate::model::{Batch, Draft, Span, Text, Trace, TraceId};
use inner::Inner;
use limits::{AT_ONCE, BYTES_AT_ONCE};

/// The stored traces.
#[derive(Debug)]
pub struct Store {
    inner: RwLock<Inner>,
    inserted: Notify,
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        Store { inner: RwLock::new(Inner::new(limits)), inserted: Notify::new() }
    }

    /// Adds spans.
    pub fn insert(&self, spans: &[Span]) {
        for part in spans.chunks(AT_ONCE) {
            self.take(&Batch::of(part));
        }
    }

    /// Adds the spans of a batch; returns how many were dropped because their trace is too large.
    pub(crate) fn take(&self, batch: &Batch<'_>) -> u64 {
        let mut dropped = 0;
        self.take_or_drop(batch, &mut |_| dropped += 1);
        dropped
    }

    /// The same; tells which spans were dropped.
    pub(crate) fn take_or_drop<'b, 'a>(
        &self,
        batch: &'b Batch<'a>,
        dropped: &mut dyn FnMut(&'b Draft<'a>),
    ) {
        for spans in batch.spans.chunks(AT_ONCE) {
            self.inner.write().insert(spans, batch, dropped);
        }
        if !batch.spans.is_empty() {
            self.inserted.notify_waiters();
        }
    }

    /// The trace with this id. If it is evicted meanwhile, only a part of it.
    pub fn trace(&self, id: TraceId) -> Option<Trace> {
        let mut reading = self.begin(id)?;
        let mut spans = Vec::new();
        while let Some(more) = self.read_on(&mut reading).filter(|more| !more.is_empty()) {
            spans.extend(more.into_iter().map(Arc::new));
        }
        Some(Trace { id, spans }).filter(|trace| !trace.spans.is_empty())
    }

    /// Begins to read the trace with this id.
    pub(crate) fn begin(&self, id: TraceId) -> Option<Reading> {
        self.inner.read().begin(id)
    }

    /// The next spans of a trace: none at its end, `None` if it was evicted.
    pub(crate) fn read_on(&self, reading: &mut Reading) -> Option<Vec<Span>> {
        self.step(|inner| inner.read(reading, AT_ONCE, BYTES_AT_ONCE))
    }

    /// Whether there is a trace with this id.
    pub(crate) fn has(&self, id: TraceId) -> bool {
        self.begin(id).is_some()
    }

    /// The traces that `search` asks for, the newest first.
    pub fn find(&self, search: &Search) -> Vec<Trace> {
        self.find_ids(search).into_iter().filter_map(|id| self.trace(id)).collect()
    }

    /// The ids of the traces that `search` asks for, the newest first.
    pub(crate) fn find_ids(&self, search: &Search) -> Vec<TraceId> {
        let mut cursor = self.inner.read().cursor(search);
        while !self.step(|inner| inner.advance(&mut cursor, AT_ONCE)) {}
        cursor.found.into_values().rev().collect()
    }

    /// The names of all services that have spans, sorted.
    pub fn services(&self) -> Vec<Text> {
        let mut names = Vec::new();
        self.release_all();
        self.in_steps(|inner, numbers| inner.services(numbers, &mut names));
        names.sort();
        // A service that was removed and added again meanwhile is found twice.
        names.dedup();
        names
    }

    /// The operations of a service, sorted by name.
    pub fn operations(&self, service: &str) -> Vec<Operation> {
        let mut found = Vec::new();
        self.release_all();
        self.in_steps(|inner, numbers| inner.operations(service, numbers, &mut found));
        found.sort();
        found.dedup();
        found
    }

    /// How many spans of a service are held.
    pub fn span_count(&self, service: &str) -> usize {
        self.release_all();
        self.inner.read().span_count(service)
    }

    /// The ids of all traces, in the order in which they began to arrive.
    pub(crate) fn ids(&self) -> Vec<TraceId> {
        self.between(i128::MIN, i128::MAX)
    }

    /// The ids of the traces that may have a span strictly between two times, in microseconds
    /// since the Unix epoch.
    pub(crate) fn between(&self, after: i128, before: i128) -> Vec<TraceId> {
        let (mut found, mut next) = (Vec::new(), Some(0));
        while let Some(from) = next {
            next = self.step(|inner| inner.between((after, before), from, &mut found, AT_ONCE));
        }
        found
    }

    /// Passes the spans that are there now to a visitor.
    pub(crate) fn scan(&self, scan: &Scan, visitor: &mut impl ScanVisitor) {
        let mut cursor = self.inner.read().scan_cursor();
        let most = (AT_ONCE, BYTES_AT_ONCE);
        while !self.step(|inner| inner.scan_on(scan, &mut cursor, most, visitor)) {}
    }

    /// The time after which no span was evicted, in microseconds since the Unix epoch: the latest
    /// start of a span that was. 0 if there was none.
    pub(crate) fn complete_since(&self) -> u64 {
        self.inner.read().complete_since()
    }

    /// How much the store holds.
    pub fn usage(&self) -> Usage {
        self.inner.read().usage()
    }

    /// Removes all traces that are there now. They do not count as evicted.
    pub(crate) fn clear(&self) {
        let mut left = self.usage().traces;
        while left > 0 {
            let removed = self.inner.write().clear(left.min(AT_ONCE));
            left = if removed == 0 { 0 } else { left - removed };
        }
        self.release_all();
    }

    /// Ends at the next insert after this call, even one before it is first polled.
    pub(crate) fn inserted(&self) -> Notified<'_> {
        self.inserted.notified()
    }

    /// Releases what evicted traces still hold, such as the names of their services.
    fn release_all(&self) {
        while self.inner.read().has_leaving() {
            let mut inner = self.inner.write();
            inner.release_some();
            RwLockWriteGuard::unlock_fair(inner);
        }
    }

    /// Calls `look` with ranges of numbers until it returns true.
    fn in_steps(&self, mut look: impl FnMut(&Inner, Range<u32>) -> bool) {
        let mut next = 0;
        while !self.step(|inner| look(inner, next..next + AT_ONCE as u32)) {
            next += AT_ONCE as u32;
        }
    }

    /// Reads a little, then passes the lock to the next waiter. After a plain unlock, the next step
    /// often takes it again before the waiters wake up.
    fn step<T>(&self, read: impl FnOnce(&Inner) -> T) -> T {
        let inner = self.inner.read();
        let read = read(&inner);
        RwLockReadGuard::unlock_fair(inner);
        read
    }
}
