//! Spans to traces, in memory, within bounds.
//!
//! The store holds at most so many traces and about so many bytes; whatever comes in when it is
//! full pushes the oldest trace out, whole. One trace may take half of the bytes: the spans that
//! it brings beyond that are dropped and counted. Services and operations are forgotten with
//! their last span.

mod search;
mod services;
mod shelf;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::Notify;

pub use search::Search;
pub use services::Operation;

use crate::model::{Span, Text, Trace, TraceId};
use shelf::Shelf;

/// How much a store may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Traces; 0 is no limit, as in Jaeger.
    pub traces: usize,
    /// Bytes of spans, as they lie in memory; an estimate.
    pub bytes: usize,
}

/// How much a store holds and has let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Traces held.
    pub traces: usize,
    /// Spans held.
    pub spans: usize,
    /// Bytes held, an estimate.
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

    /// Adds the spans of a batch that takes about `bytes` bytes.
    pub fn insert(&self, spans: Vec<Span>, bytes: usize) {
        if spans.is_empty() {
            return;
        }
        let each = bytes / spans.len();
        let mut shelf = self.write();
        for span in spans {
            shelf.insert(span, each);
        }
        drop(shelf);
        self.inserted.notify_waiters();
    }

    /// The trace with this id.
    pub fn trace(&self, id: TraceId) -> Option<Trace> {
        self.read().trace(id)
    }

    /// The traces that `search` asks for, the newest first.
    pub fn find(&self, search: &Search) -> Vec<Trace> {
        self.read().find(search)
    }

    /// The names of all services that have spans.
    pub fn services(&self) -> Vec<Text> {
        self.read().services().names()
    }

    /// The operations of a service.
    pub fn operations(&self, service: &str) -> Vec<Operation> {
        self.read().services().operations(service)
    }

    /// How many spans of a service are held.
    pub fn span_count(&self, service: &str) -> usize {
        self.read().services().span_count(service)
    }

    /// Calls `visit` for every trace that has a span strictly between two times, in
    /// microseconds since the Unix epoch.
    pub fn each_between(&self, after: i64, before: i64, visit: impl FnMut(&Trace)) {
        let traces = self.read().between(after, before);
        traces.iter().for_each(visit);
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
