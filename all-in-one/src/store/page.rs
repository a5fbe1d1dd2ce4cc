//! Spans that arrived one after the other, whatever traces they belong to, and what is known of
//! all of them: a search looks at this before it looks at any span.

use super::cells::Position;
use super::filter::{FULL, Filter};
use super::search::Search;

/// How many spans a page has at most.
pub(super) const SPANS: usize = 256;

#[derive(Debug)]
pub(super) struct Page {
    pub(super) filter: Filter,
    pub(super) runs: Vec<Run>,
    spans: usize,
    found_by: usize,
    /// The latest start among its traces.
    pub(super) newest: u64,
    /// The number of the youngest of its traces: once that has gone, all have.
    pub(super) youngest: u64,
    starts: (u64, u64),
    durations: (u64, u64),
    /// The hash of the process whose tags are in the filter already.
    pub(super) process: Option<u64>,
}

/// Spans of one trace and one service in a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The trace's place in the store's list, and its number, lest another trace be there now.
    pub(super) slot: u32,
    pub(super) number: u64,
    pub(super) service: u32,
    /// Where the first of them lies.
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

    /// Adds what a span is found by. Those of another span are in already: most keys are the
    /// same at the same place.
    pub(super) fn find_by(&mut self, keys: &[u64], before: &[u64]) {
        let others = keys.iter().enumerate().filter(|(n, key)| before.get(*n) != Some(key));
        self.found_by += others.filter(|(_, key)| self.filter.insert(**key)).count();
    }

    /// Adds a span that lies at `run.at`; its trace began at `newest`.
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

    /// Whether one of its spans may be in the time and as long as the search wants.
    pub(super) fn may_match(&self, search: &Search) -> bool {
        search.may_start(self.starts) && search.may_last(self.durations)
    }
}

fn around((least, most): (u64, u64), value: u64) -> (u64, u64) {
    (least.min(value), most.max(value))
}
