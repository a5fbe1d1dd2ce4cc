//! A page: an index over spans that arrived one after the other, of any traces. A search checks a
//! page before it reads any of its spans.

use super::cells::Position;
use super::filter::{FULL, Filter};
use super::search::Search;
use super::search_keys::AnyOf;

/// The most spans of a page.
pub(super) const SPANS: usize = 256;

#[derive(Debug)]
pub(super) struct Page {
    pub(super) filter: Filter,
    pub(super) runs: Vec<Run>,
    spans: usize,
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
            spans: 0,
            found_by: 0,
            newest: 0,
            youngest: 0,
            starts: (u64::MAX, 0),
            durations: (u64::MAX, 0),
            process: None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.spans == SPANS || self.found_by >= FULL
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// Inserts a span's search keys. Those that the previous span has at the same place are in the
    /// filter already.
    pub(super) fn find_by(&mut self, keys: &[u64], before: &[u64]) {
        let others = keys.iter().enumerate().filter(|(n, key)| before.get(*n) != Some(key));
        self.found_by += others.filter(|(_, key)| self.filter.insert(**key)).count();
    }

    /// Adds a span at `run.at`, of a trace that began at `newest`.
    pub(super) fn add(&mut self, run: Run, newest: u64, start: u64, duration: u64) {
        match self.runs.last_mut() {
            Some(last) if last.number == run.number && last.service == run.service => {
                last.spans += 1;
            }
            _ => self.runs.push(run),
        }
        self.spans += 1;
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

    /// Whether one of its spans may end between two times.
    pub(super) fn may_end(&self, (earliest, latest): (u64, u64)) -> bool {
        self.starts.0 <= latest && self.starts.1.saturating_add(self.durations.1) >= earliest
    }
}

fn around((least, most): (u64, u64), value: u64) -> (u64, u64) {
    (least.min(value), most.max(value))
}
