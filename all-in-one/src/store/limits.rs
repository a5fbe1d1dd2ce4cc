//! How much a store may hold, and how much it does.

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
