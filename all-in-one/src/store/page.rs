//! A page: an index over spans that arrived one after the other, of any traces. A search checks a
//! page before it reads any of its spans.

use super::cells::Position;
use super::filter::{FULL, Filter, Signature};
use super::search::Search;
use super::search_keys::AnyOf;

/// The most spans of a page.
const SPANS: usize = 512;

/// The bytes of the lists of a page that is not full.
pub(super) const LISTS: usize = SPANS * (size_of::<Run>() + size_of::<Signature>());

#[derive(Debug)]
pub(super) struct Page {
    pub(super) filter: Filter,
    runs: Vec<Run>,
    /// Of each span.
    signatures: Vec<Signature>,
    found_by: usize,
    /// The latest start of its traces.
    pub(super) newest: u64,
    /// The number of its newest trace: once that is evicted, all are.
    pub(super) youngest: u64,
    starts: (u64, u64),
    durations: (u64, u64),
    /// The hashes of the last process whose keys were inserted, and of its service's name.
    pub(super) process: Option<(u64, u64)>,
}

/// Consecutive spans of one trace and one service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The trace's slot, and its number, which tells whether the slot still has the same trace.
    pub(super) slot: u32,
    pub(super) number: u64,
    pub(super) service: u32,
    /// The position of the first of them.
    pub(super) at: Position,
    pub(super) spans: u32,
}

impl Page {
    pub(super) fn new(filter: Filter) -> Self {
        Page {
            filter,
            runs: Vec::with_capacity(SPANS),
            signatures: Vec::with_capacity(SPANS),
            found_by: 0,
            newest: 0,
            youngest: 0,
            starts: (u64::MAX, 0),
            durations: (u64::MAX, 0),
            process: None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.signatures.len() == SPANS || self.found_by >= FULL
    }

    pub(super) fn is_empty(&self) -> bool {
        self.signatures.is_empty()
    }

    /// Gives back the memory that is reserved for more spans.
    pub(super) fn close(&mut self) {
        self.runs.shrink_to_fit();
        self.signatures.shrink_to_fit();
    }

    /// The bytes of its lists.
    pub(super) fn lists(&self) -> usize {
        size_of::<Run>() * self.runs.capacity()
            + size_of::<Signature>() * self.signatures.capacity()
    }

    /// Inserts a span's search keys. Those that the previous span has at the same place are in the
    /// filter already.
    pub(super) fn find_by(&mut self, keys: &[u64], before: &[u64]) {
        let others = keys.iter().enumerate().filter(|(n, key)| before.get(*n) != Some(key));
        self.found_by += others.filter(|(_, key)| self.filter.insert(**key)).count();
    }

    /// Adds a span at `run.at` with a signature, of a trace that began at `newest`.
    pub(super) fn add(
        &mut self,
        run: Run,
        signature: Signature,
        newest: u64,
        (start, duration): (u64, u64),
    ) {
        match self.runs.last_mut() {
            Some(last) if last.number == run.number && last.service == run.service => {
                last.spans += 1;
            }
            _ => self.runs.push(run),
        }
        self.signatures.push(signature);
        self.newest = self.newest.max(newest);
        self.youngest = self.youngest.max(run.number);
        self.starts = around(self.starts, start);
        self.durations = around(self.durations, duration);
    }

    /// Whether one of its spans may match the search by its time and duration.
    pub(super) fn may_match(&self, search: &Search) -> bool {
        search.may_start(self.starts) && search.may_last(self.durations)
    }

    /// Whether it may have one key of each list.
    pub(super) fn may_have(&self, wants: &[AnyOf]) -> bool {
        wants.iter().rev().all(|any| any.iter().any(|key| self.filter.may_contain(*key)))
    }

    /// Its runs, each with the signatures of its spans.
    pub(super) fn runs(&self) -> impl Iterator<Item = (&Run, &[Signature])> {
        self.runs.iter().scan(&*self.signatures, |left, run| {
            let (own, others) = left.split_at(run.spans as usize);
            *left = others;
            Some((run, own))
        })
    }

    /// The run with this index.
    pub(super) fn run(&self, index: usize) -> Option<&Run> {
        self.runs.get(index)
    }

    /// Whether one of its spans may end between two times.
    pub(super) fn may_end(&self, (earliest, latest): (u64, u64)) -> bool {
        self.starts.0 <= latest && self.starts.1.saturating_add(self.durations.1) >= earliest
    }
}

fn around((least, most): (u64, u64), value: u64) -> (u64, u64) {
    (least.min(value), most.max(value))
}
