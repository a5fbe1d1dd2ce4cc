//! The limits of a store, and how much of them is used.

/// The limits of a store.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The number of traces; 0 is no limit, as in Jaeger.
    pub traces: usize,
    /// The bytes of memory for spans and their indexes.
    pub bytes: usize,
}

/// What a store holds, and what it has evicted or dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Stored traces.
    pub traces: usize,
    /// Stored spans.
    pub spans: usize,
    /// The bytes of the spans and their indexes.
    pub bytes: usize,
    /// Traces evicted to make room.
    pub evicted_traces: u64,
    /// Spans evicted with them.
    pub evicted_spans: u64,
    /// Spans dropped because their trace was too large.
    pub dropped_spans: u64,
}

impl Usage {
    /// How many spans have arrived, with those that were evicted or dropped.
    #[doc(hidden)]
    pub fn arrived(&self) -> u64 {
        self.spans as u64 + self.evicted_spans + self.dropped_spans
    }
}

/// How many spans, traces or names are handled before others may have the lock: about half a
/// millisecond.
pub(super) const AT_ONCE: usize = 512;
/// How many bytes of records are read at a time.
pub(super) const BYTES_AT_ONCE: usize = 256 << 10;
