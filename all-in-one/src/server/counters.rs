//! Counts what came through a door, and what was refused and why.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::warn;

/// Why a packet, a request or a span was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has no bytes.
    Empty,
    /// It is larger than the door accepts.
    TooLarge,
    /// It could not be decoded.
    Malformed,
    /// It is in a format that this door does not accept.
    Unsupported,
    /// The span cannot be stored, for example because it has no id.
    InvalidSpan,
    /// The socket failed, or the connection ended too early.
    Socket,
    /// The span's trace already takes half of the store.
    TraceTooLarge,
    /// It did not arrive in time.
    Slow,
    /// Too many other requests were in progress.
    Busy,
    /// The connection was over budget.
    Connections,
    /// The TLS handshake failed, the client spoke plain text to a port with TLS, or TLS to one without.
    Tls,
}

impl Reason {
    /// Every reason, in the order of the counters.
    pub const ALL: [Reason; 11] = [
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
        Reason::Tls,
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
            Reason::Tls => "tls",
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
    /// The counters of the door with this name.
    pub(crate) fn of(door: &'static str) -> Arc<Self> {
        Arc::new(Counters { door, ..Counters::default() })
    }

    /// Counts a packet or request that has been dealt with. Called last, so that whoever sees this
    /// count also sees the packet's effect.
    pub(crate) fn received(&self) {
        self.packets.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts spans that were passed to the store.
    pub(crate) fn took(&self, spans: usize) {
        self.spans.fetch_add(spans as u64, Ordering::AcqRel);
    }

    /// Counts a refusal, and returns how many there have been for this reason.
    pub(crate) fn refused(&self, reason: Reason) -> u64 {
        self.refused[reason as usize].fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Counts a refusal and logs the first one of each reason: a flood of bad packets must not
    /// flood the log.
    pub(crate) fn refuse(&self, reason: Reason, why: impl fmt::Display) {
        self.refuse_many(reason, 1, why);
    }

    /// Counts several refusals at once.
    pub(crate) fn refuse_many(&self, reason: Reason, count: u64, why: impl fmt::Display) {
        let before = self.refused[reason as usize].fetch_add(count, Ordering::AcqRel);
        if before == 0 && count > 0 {
            let (door, reason) = (self.door, reason.name());
            warn!(door, reason, "refused: {why} (/metrics counts the next ones)");
        }
    }

    /// The current counts.
    pub(crate) fn snapshot(&self) -> DoorStats {
        DoorStats {
            packets: self.packets.load(Ordering::Acquire),
            spans: self.spans.load(Ordering::Acquire),
            refused: Reason::ALL
                .map(|reason| self.refused[reason as usize].load(Ordering::Acquire)),
        }
    }
}

/// The counts of a door at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorStats {
    /// Packets or requests that were received and dealt with.
    pub packets: u64,
    /// Spans that were passed to the store.
    pub spans: u64,
    refused: [u64; Reason::ALL.len()],
}

impl DoorStats {
    /// How many packets, requests or spans were refused for this reason.
    #[must_use]
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused[reason as usize]
    }
}
