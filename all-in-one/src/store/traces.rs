//! The traces, by id and in the order of arrival.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::cells::{Chain, Position};
use super::search_keys::KeyHasher;
use super::slots;
use crate::model::TraceId;

/// The bytes of a trace without its spans: its entries here and in the hash table.
pub(super) const TRACE: usize = 192;

/// The order of traces: by the start of the span that arrived first, which is how Jaeger finds the
/// newest, then by arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TraceRank {
    pub(super) start: u64,
    pub(super) number: u64,
}

#[derive(Debug, Default)]
pub(super) struct Traces {
    slots: Vec<Stored>,
    free: Vec<u32>,
    by_id: HashTable<u32>,
    oldest_first: VecDeque<u32>,
    next: u64,
    /// The slot of the trace that was found last: the next span is often of the same trace.
    last: u32,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stored {
    pub(super) id: TraceId,
    pub(super) place: TraceRank,
    /// What the starts of its spans count from.
    pub(super) base: u64,
    /// Its spans, each after its length.
    pub(super) chain: Chain,
    pub(super) spans: usize,
    /// The bytes that its spans added outside of the chain.
    pub(super) elsewhere: usize,
    /// The earliest and the latest start of its spans.
    pub(super) starts: (u64, u64),
}

/// The spans of evicted traces that are still to be released.
#[derive(Debug, Default)]
pub(super) struct Leaving(pub(super) VecDeque<LeavingTrace>);

#[derive(Debug)]
pub(super) struct LeavingTrace {
    pub(super) id: TraceId,
    pub(super) chain: Chain,
    /// The first span that is not released, and how many there are.
    pub(super) at: Position,
    pub(super) left: usize,
}

impl Stored {
    /// The bytes of the trace.
    pub(super) fn size(&self) -> usize {
        TRACE + self.chain.size() + self.elsewhere
    }
}

impl Traces {
    pub(super) fn len(&self) -> usize {
        self.oldest_first.len()
    }

    /// The bytes of all traces that ever existed at one time, without their spans.
    pub(super) fn size(&self) -> usize {
        self.slots.len() * TRACE
    }

    pub(super) fn find(&self, id: TraceId, hasher: &KeyHasher) -> Option<u32> {
        let hash = hasher.hash_of(&id);
        self.by_id.find(hash, |slot| self.slots[*slot as usize].id == id).copied()
    }

    /// The same; remembers the trace for the next span.
    pub(super) fn find_next(&mut self, id: TraceId, hasher: &KeyHasher) -> Option<u32> {
        let last = self.slots.get(self.last as usize);
        if last.is_some_and(|trace| trace.id == id && trace.place.number > 0) {
            return Some(self.last);
        }
        let found = self.find(id, hasher);
        self.last = found.unwrap_or(self.last);
        found
    }

    /// Adds a trace whose first span begins at `start`; the starts of its spans count from `base`.
    pub(super) fn add(&mut self, id: TraceId, start: u64, base: u64, hasher: &KeyHasher) -> u32 {
        self.next += 1;
        let place = TraceRank { start, number: self.next };
        let trace = Stored { id, place, base, starts: (u64::MAX, 0), ..Stored::default() };
        let slot = slots::fill(&mut self.slots, &mut self.free, trace);
        let hash = |slot: &u32| hasher.hash_of(&self.slots[*slot as usize].id);
        self.by_id.insert_unique(hasher.hash_of(&id), slot, hash);
        self.oldest_first.push_back(slot);
        self.last = slot;
        slot
    }

    pub(super) fn remove_oldest(&mut self, hasher: &KeyHasher) -> Option<Stored> {
        let slot = self.oldest_first.pop_front()?;
        let trace = std::mem::take(&mut self.slots[slot as usize]);
        let found = self.by_id.find_entry(hasher.hash_of(&trace.id), |other| *other == slot);
        if let Ok(found) = found {
            found.remove();
        }
        self.free.push(slot);
        Some(trace)
    }

    /// The trace in a slot, if it still has this number.
    pub(super) fn get(&self, slot: u32, number: u64) -> Option<&Stored> {
        self.slots.get(slot as usize).filter(|trace| trace.place.number == number)
    }

    pub(super) fn at(&self, slot: u32) -> &Stored {
        &self.slots[slot as usize]
    }

    pub(super) fn at_mut(&mut self, slot: u32) -> &mut Stored {
        &mut self.slots[slot as usize]
    }

    /// The traces from this number on, oldest first.
    pub(super) fn since(&self, number: u64) -> impl Iterator<Item = &Stored> {
        let is_before = |slot: &u32| self.at(*slot).place.number < number;
        let first = self.oldest_first.partition_point(is_before);
        self.oldest_first.range(first..).map(|slot| self.at(*slot))
    }

    /// The number of the oldest trace, or of the next one if there is none.
    pub(super) fn oldest_number(&self) -> u64 {
        self.oldest_first.front().map_or(self.next + 1, |slot| self.at(*slot).place.number)
    }
}
