//! What a search asks for, and whether a span is it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::record::{Head, Input, Value};
use super::shelf::Place;
use super::symbols::Symbols;
use super::tokens::{self, AnyOf, Tokens};
use crate::model::{self, TraceId};

/// A search for traces. A trace is found when one of its spans meets every condition.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The service; required.
    pub service: String,
    /// The operation; empty is any.
    pub operation: String,
    /// Tags, each to be found among the span's tags, its process's tags or its logs' fields.
    pub tags: Vec<(String, String)>,
    /// The earliest start, inclusive, in microseconds since the Unix epoch.
    pub earliest: i64,
    /// The latest start, inclusive.
    pub latest: i64,
    /// The shortest duration, inclusive, in nanoseconds; it may be negative, as in Go.
    pub shortest: Option<i64>,
    /// The longest duration, inclusive, in nanoseconds.
    pub longest: Option<i64>,
    /// How many traces at most, the newest first; `None` is all.
    pub limit: Option<usize>,
}

impl Search {
    /// Whether one of the spans that start within these times, both inclusive, may match.
    pub(super) fn may_start(&self, (first, last): (u64, u64)) -> bool {
        i128::from(last) >= i128::from(self.earliest)
            && i128::from(first) <= i128::from(self.latest)
    }

    /// Whether one of the spans that last so many microseconds, both inclusive, may match.
    pub(super) fn may_last(&self, (shortest, longest): (u64, u64)) -> bool {
        self.shortest.is_none_or(|wanted| nanos(longest) >= wanted)
            && self.longest.is_none_or(|wanted| nanos(shortest) <= wanted)
    }

    /// Whether the span meets the conditions that need no look at its tags.
    pub(super) fn fits(&self, head: &Head<'_>) -> bool {
        self.may_start((head.start, head.start)) && self.may_last((head.duration, head.duration))
    }

    /// What a page of spans must have; of each of these any.
    pub(super) fn wants(&self, tokens: &Tokens) -> Vec<AnyOf> {
        let service = tokens.hash(self.service.as_bytes());
        let mut wants = vec![vec![tokens::service(service)]];
        if !self.operation.is_empty() {
            let operation = tokens.hash(self.operation.as_bytes());
            wants.push(vec![tokens::operation(service, operation)]);
        }
        wants.extend(self.tags.iter().map(|(key, value)| tokens.any_tag(service, key, value)));
        wants
    }

    /// Whether each tag is in one of these lists of tags: the process's, or the span's own.
    pub(super) fn has_tags(&self, process: Input<'_>, span: Input<'_>, symbols: &Symbols) -> bool {
        self.tags.iter().all(|(key, value)| {
            let wanted = Wanted { key, value, symbols };
            wanted.among(&mut { process }) || wanted.in_span(span)
        })
    }
}

fn nanos(micros: u64) -> i64 {
    let nanos = Duration::from_micros(micros).as_nanos();
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

/// A tag that is looked for.
struct Wanted<'s> {
    key: &'s str,
    value: &'s str,
    symbols: &'s Symbols,
}

impl Wanted<'_> {
    /// Whether it is among a span's tags or its logs' fields.
    fn in_span(&self, mut lists: Input<'_>) -> bool {
        if self.among(&mut lists) {
            return true;
        }
        (0..lists.varint()).any(|_| {
            lists.zigzag();
            self.among(&mut lists)
        })
    }

    /// Whether it is in a list of tags, all of which is read.
    fn among(&self, list: &mut Input<'_>) -> bool {
        let mut found = false;
        for _ in 0..list.varint() {
            let (key, value) = list.tag();
            found = found || key.is(self.key, self.symbols) && self.is_value(value);
        }
        found
    }

    fn is_value(&self, value: Value<'_>) -> bool {
        let other = match value {
            Value::String(text) => return text.is(self.value, self.symbols),
            Value::Bool(value) => model::Value::Bool(value),
            Value::Int64(value) => model::Value::Int64(value),
            Value::Float64(value) => model::Value::Float64(value),
            Value::Binary(bytes) => model::Value::Binary(bytes.into()),
        };
        other.matches(self.value)
    }
}

/// A search under way. It goes from page to page in steps, between which the store is free for
/// others.
#[derive(Debug)]
pub(super) struct Hunt<'s> {
    pub(super) search: &'s Search,
    /// The pages to look at, by number, with the latest start among their traces: the newest
    /// last, which is the next.
    pub(super) pages: Vec<(u64, u64)>,
    /// The best so far.
    pub(super) found: BTreeMap<Place, TraceId>,
    /// How many spans were looked at.
    pub(super) inspected: usize,
}

impl<'s> Hunt<'s> {
    pub(super) fn new(search: &'s Search, mut pages: Vec<(u64, u64)>) -> Self {
        pages.sort_unstable();
        Hunt { search, pages, found: BTreeMap::new(), inspected: 0 }
    }

    /// The number of the next page to look at, unless none that is left can hold a better trace.
    pub(super) fn next_page(&mut self) -> Option<u64> {
        let (newest, page) = self.pages.pop()?;
        self.wants_start(newest).then_some(page)
    }

    /// Whether a trace that begins then can be among the best.
    fn wants_start(&self, start: u64) -> bool {
        self.worst().is_none_or(|worst| start >= worst.start)
    }

    /// Whether a trace at this place would be one more of the best.
    pub(super) fn wants(&self, place: Place) -> bool {
        !self.found.contains_key(&place) && self.worst().is_none_or(|worst| place > worst)
    }

    /// The last of the best, where there are as many as wanted.
    fn worst(&self) -> Option<Place> {
        let full = self.search.limit.is_some_and(|limit| self.found.len() >= limit);
        self.found.first_key_value().filter(|_| full).map(|(place, _)| *place)
    }

    pub(super) fn find(&mut self, place: Place, id: TraceId) {
        self.found.insert(place, id);
        if self.search.limit.is_some_and(|limit| self.found.len() > limit) {
            self.found.pop_first();
        }
    }
}
