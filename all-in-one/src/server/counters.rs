//! What came through a door, and why it let something go.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::warn;

/// Why a packet, a request or a span was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Without a byte.
    Empty,
    /// Larger than the door takes.
    TooLarge,
    /// It could not be decoded.
    Malformed,
    /// Of a format that this door does not take.
    Unsupported,
    /// A span that cannot be kept, such as one without an id.
    InvalidSpan,
    /// The socket itself failed, or the connection ended too early.
    Socket,
    /// A span whose trace takes half of the store already.
    TraceTooLarge,
    /// It did not come in time.
    Slow,
    /// Too much else was on its way.
    Busy,
    /// A connection, since too many are open.
    Connections,
}

impl Reason {
    /// Every reason, in the order of the counters.
    pub const ALL: [Reason; 10] = [
        Reason::Empty,
        Reason::TooLarge,
        Reason::Malformed,
        Reason::Unsupported,
        Reason::InvalidSpan,
        Reason::Socket,
        Reason::TraceTooLarge,
        Reason::Slow,
        Reason::Busy,
        Reason::Connections,
    ];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Empty => "empty",
            Reason::TooLarge => "too-large",
            Reason::Malformed => "malformed",
            Reason::Unsupported => "unsupported",
            Reason::InvalidSpan => "invalid-span",
            Reason::Socket => "socket",
            Reason::TraceTooLarge => "trace-too-large",
            Reason::Slow => "slow",
            Reason::Busy => "busy",
            Reason::Connections => "connections",
        }
    }
}

/// The counters of a door.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// The door's name.
    pub(crate) door: &'static str,
    packets: AtomicU64,
    spans: AtomicU64,
    refused: [AtomicU64; Reason::ALL.len()],
}

impl Counters {
    /// Those of the door with this name.
    pub(crate) fn of(door: &'static str) -> Arc<Self> {
        Arc::new(Counters { door, ..Counters::default() })
    }

    /// Counts a packet or request that was dealt with. Call it last, so that whoever sees the
    /// count sees what became of the packet too.
    pub(crate) fn received(&self) {
        self.packets.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts spans that go to the store.
    pub(crate) fn took(&self, spans: usize) {
        self.spans.fetch_add(spans as u64, Ordering::AcqRel);
    }

    /// Counts what was not taken, and returns how often that was so.
    pub(crate) fn refused(&self, reason: Reason) -> u64 {
        self.refused[reason as usize].fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Counts what was not taken, and says so in the log the first time: a flood of bad packets is
    /// no flood of lines.
    pub(crate) fn refuse(&self, reason: Reason, why: impl fmt::Display) {
        self.refuse_many(reason, 1, why);
    }

    /// The same for so many at once.
    pub(crate) fn refuse_many(&self, reason: Reason, count: u64, why: impl fmt::Display) {
        let before = self.refused[reason as usize].fetch_add(count, Ordering::AcqRel);
        if before == 0 && count > 0 {
            let (door, reason) = (self.door, reason.name());
            warn!(door, reason, "not taken: {why} (/metrics counts what follows)");
        }
    }

    /// The counts of this moment.
    pub(crate) fn snapshot(&self) -> DoorStats {
        DoorStats {
            packets: self.packets.load(Ordering::Acquire),
            spans: self.spans.load(Ordering::Acquire),
            refused: Reason::ALL
                .map(|reason| self.refused[reason as usize].load(Ordering::Acquire)),
        }
    }
}

/// What has come through a door, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorStats {
    /// Packets or requests received and dealt with.
    pub packets: u64,
    /// Spans that went to the store.
    pub spans: u64,
    refused: [u64; Reason::ALL.len()],
}

impl DoorStats {
    /// How many packets, requests or spans were not taken for this reason.
    #[must_use]
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused[reason as usize]
    }
}
