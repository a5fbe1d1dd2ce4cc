//! The doors: each turns what its port receives into spans of the model.
//!
//! | door | port | format |
//! |---|---|---|
//! | [`agent`] | 6831/udp | Thrift, compact protocol |

pub mod agent;
mod intern;
pub mod thrift;

use std::sync::atomic::{AtomicU64, Ordering};

/// What a door has received and why it let something go.
#[derive(Debug, Default)]
pub struct Counters {
    /// Packets or requests received and dealt with.
    pub packets: AtomicU64,
    /// Spans that went to the store.
    pub spans: AtomicU64,
    /// Packets without a byte.
    pub empty: AtomicU64,
    /// Packets larger than the door takes.
    pub too_large: AtomicU64,
    /// Packets that could not be decoded.
    pub malformed: AtomicU64,
    /// Errors of the socket itself.
    pub read_errors: AtomicU64,
}

impl Counters {
    /// The counts of this moment.
    pub fn snapshot(&self) -> DoorStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        DoorStats {
            packets: get(&self.packets),
            spans: get(&self.spans),
            empty: get(&self.empty),
            too_large: get(&self.too_large),
            malformed: get(&self.malformed),
            read_errors: get(&self.read_errors),
        }
    }
}

/// What a door has received, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorStats {
    /// Packets or requests received and dealt with.
    pub packets: u64,
    /// Spans that went to the store.
    pub spans: u64,
    /// Packets without a byte.
    pub empty: u64,
    /// Packets larger than the door takes.
    pub too_large: u64,
    /// Packets that could not be decoded.
    pub malformed: u64,
    /// Errors of the socket itself.
    pub read_errors: u64,
}

fn count(counter: &AtomicU64, by: u64) -> u64 {
    counter.fetch_add(by, Ordering::AcqRel) + by
}
