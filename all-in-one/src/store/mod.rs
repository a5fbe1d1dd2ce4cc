//! Spans to traces, in memory, within bounds.
//!
//! The store holds at most so many traces and so many bytes; whatever comes in when it is full
//! pushes the oldest trace out, whole. One trace may take half of the bytes: the spans that it
//! brings beyond that are dropped and counted. Services and operations are forgotten with their
//! last span.
//!
//! | part | what it is |
//! |---|---|
//! | `shelf` | what is behind the lock, made of the parts below |
//! | `traces` | the traces by id, and in the order in which they came |
//! | `cells` | the memory that records lie in, which does not fragment |
//! | `record`, `reader` | a span as a row of bytes, and back |
//! | `symbols`, `common`, `pool` | text, operations and processes that many spans share |
//! | `slots` | tables whose rows have numbers, in three of the above |
//! | `pages`, `page`, `filter`, `tokens` | what a search looks at before it looks at spans |
//! | `search` | what is searched for, and a search under way |
//!
//! Nobody holds the lock for long: what is large is written, read and searched in steps.

mod cells;
mod common;
mod filter;
mod page;
mod pages;
mod pool;
mod reader;
mod record;
mod search;
mod shelf;
mod slots;
mod symbols;
mod tokens;
mod traces;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::Notify;

pub use common::Operation;
pub use search::Search;

use crate::model::{Batch, Span, Text, Trace, TraceId};
use shelf::Shelf;

/// How many spans are written, read or looked at before others may have the lock: about half a
/// millisecond.
const SPANS_AT_ONCE: usize = 512;

/// How much a store may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Traces; 0 is no limit, as in Jaeger.
    pub traces: usize,
    /// Bytes of memory, for the spans and for what finds them.
    pub bytes: usize,
}

/// How much a store holds and has let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Traces held.
    pub traces: usize,
    /// Spans held.
    pub spans: usize,
    /// Bytes that they and what finds them take.
    pub bytes: usize,
    /// Traces pushed out to make room.
    pub evicted_traces: u64,
    /// Spans pushed out with them.
    pub evicted_spans: u64,
    /// Spans refused because their trace was too large.
    pub dropped_spans: u64,
}

/// The traces received so far.
#[derive(Debug)]
pub struct Store {
    shelf: RwLock<Shelf>,
    inserted: Notify,
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        Store { shelf: RwLock::new(Shelf::new(limits)), inserted: Notify::new() }
    }

    /// Adds spans.
    pub fn insert(&self, spans: &[Span]) {
        for part in spans.chunks(SPANS_AT_ONCE) {
            self.take(&Batch::of(part));
        }
    }

    /// Adds the spans of a batch; tells how many were refused, since their trace is too large.
    pub(crate) fn take(&self, batch: &Batch<'_>) -> u64 {
        let mut dropped = 0;
        for spans in batch.spans.chunks(SPANS_AT_ONCE) {
            let mut shelf = self.write();
            let before = shelf.usage().dropped_spans;
            shelf.insert(spans, batch);
            dropped += shelf.usage().dropped_spans - before;
        }
        if !batch.spans.is_empty() {
            self.inserted.notify_waiters();
        }
        dropped
    }

    /// The trace with this id. Of one that is pushed out meanwhile it may be only a part.
    pub fn trace(&self, id: TraceId) -> Option<Trace> {
        let mut reading = self.read().begin(id)?;
        let mut spans = Vec::with_capacity(reading.left.min(SPANS_AT_ONCE));
        while reading.left > 0 {
            self.read().read(&mut reading, SPANS_AT_ONCE, &mut spans);
        }
        Some(Trace { id, spans }).filter(|trace| !trace.spans.is_empty())
    }

    /// Whether there is a trace with this id.
    pub(crate) fn has(&self, id: TraceId) -> bool {
        self.read().begin(id).is_some()
    }

    /// The traces that `search` asks for, the newest first.
    pub fn find(&self, search: &Search) -> Vec<Trace> {
        self.find_ids(search).into_iter().filter_map(|id| self.trace(id)).collect()
    }

    /// The ids of the traces that `search` asks for, the newest first.
    pub(crate) fn find_ids(&self, search: &Search) -> Vec<TraceId> {
        let mut hunt = self.read().hunt(search);
        while !self.read().hunt_on(&mut hunt, SPANS_AT_ONCE) {}
        hunt.found.into_values().rev().collect()
    }

    /// The names of all services that have spans, sorted.
    pub fn services(&self) -> Vec<Text> {
        let mut names = self.read().services();
        names.sort();
        names
    }

    /// The operations of a service, sorted by name.
    pub fn operations(&self, service: &str) -> Vec<Operation> {
        let mut operations = self.read().operations(service);
        operations.sort();
        operations
    }

    /// How many spans of a service are held.
    pub fn span_count(&self, service: &str) -> usize {
        self.read().span_count(service)
    }

    /// Calls `visit` for every trace that has a span strictly between two times, in
    /// microseconds since the Unix epoch.
    pub fn each_between(&self, after: i64, before: i64, mut visit: impl FnMut(&Trace)) {
        let between = |start: u64| i64::try_from(start).is_ok_and(|s| after < s && s < before);
        let candidates = self.read().between(after, before);
        for trace in candidates.into_iter().filter_map(|id| self.trace(id)) {
            if trace.spans.iter().any(|span| between(span.start)) {
                visit(&trace);
            }
        }
    }

    /// How full the store is.
    pub fn usage(&self) -> Usage {
        self.read().usage()
    }

    /// Waits until `done` is true. It is asked now and after every insert.
    pub async fn wait_until(&self, mut done: impl FnMut(&Self) -> bool) {
        loop {
            let mut inserted = std::pin::pin!(self.inserted.notified());
            // Listen before looking, or an insert between the two goes unnoticed.
            inserted.as_mut().enable();
            if done(self) {
                return;
            }
            inserted.await;
        }
    }

    // A panic while the lock is held would be our own bug; the store is worth more than the proof.
    fn read(&self) -> RwLockReadGuard<'_, Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shelf> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }
}
