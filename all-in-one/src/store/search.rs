//! The conditions of a search, and how it goes through the pages.

use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::filter::Signature;
use super::record::{Head, Input, ValueRef};
use super::search_keys::{self, AnyOf, KeyHasher};
use super::symbols::Symbols;
use super::traces::TraceRank;
use crate::model::{self, TraceId};

/// A search for traces. It finds a trace if one of its spans meets every condition.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The service; empty matches any, and then every span in the times and durations is checked.
    pub service: String,
    /// The operation; empty matches any.
    pub operation: String,
    /// Tags. Each must be among the span's tags, its process's tags or its logs' fields.
    pub tags: Vec<(String, String)>,
    /// The earliest start, inclusive, in microseconds since the Unix epoch.
    pub earliest: i64,
    /// The latest start, inclusive.
    pub latest: i64,
    /// The shortest duration, inclusive, in nanoseconds; it may be negative, as in Go.
    pub shortest: Option<i64>,
    /// The longest duration, inclusive, in nanoseconds.
    pub longest: Option<i64>,
    /// The maximum number of traces, newest first; `None` is no limit.
    pub limit: Option<usize>,
}

impl Search {
    /// All traces of a service.
    pub fn of(service: &str) -> Self {
        Search { service: service.to_owned(), latest: i64::MAX, ..Search::default() }
    }

    /// Whether a span that starts within these times, both inclusive, may match.
    pub(super) fn may_start(&self, (first, last): (u64, u64)) -> bool {
        i128::from(last) >= i128::from(self.earliest)
            && i128::from(first) <= i128::from(self.latest)
    }

    /// Whether a span with a duration within these bounds, in microseconds, may match.
    pub(super) fn may_last(&self, (shortest, longest): (u64, u64)) -> bool {
        self.shortest.is_none_or(|wanted| nanos(longest) >= wanted)
            && self.longest.is_none_or(|wanted| nanos(shortest) <= wanted)
    }

    /// Whether the span meets the conditions that do not concern its tags.
    pub(super) fn fits(&self, head: &Head<'_>) -> bool {
        self.may_start((head.start, head.start)) && self.may_last((head.duration, head.duration))
    }

    /// The keys that a page must have: one of each list.
    pub(super) fn wants(&self, hasher: &KeyHasher) -> Vec<AnyOf> {
        // All keys begin with a service.
        if self.service.is_empty() {
            return Vec::new();
        }
        let service = hasher.hash(self.service.as_bytes());
        let mut wants = vec![vec![search_keys::service(service)]];
        if !self.operation.is_empty() {
            let operation = hasher.hash(self.operation.as_bytes());
            wants.push(vec![search_keys::operation(service, operation)]);
        }
        wants.extend(self.tags.iter().map(|(key, value)| hasher.any_tag(service, key, value)));
        wants
    }

    /// The tags that are not among a process's.
    pub(super) fn tags_without(&self, process: Input<'_>, symbols: &Symbols) -> Vec<Wanted<'_>> {
        let wanted = self.tags.iter().map(|(key, value)| Wanted { key, value });
        wanted.filter(|tag| !tag.among(&mut { process }, symbols)).collect()
    }
}

fn nanos(micros: u64) -> i64 {
    let nanos = Duration::from_micros(micros).as_nanos();
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

/// A tag that a search wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'s> {
    key: &'s str,
    value: &'s str,
}

impl Wanted<'_> {
    /// Whether it is among a span's tags or its logs' fields.
    pub(super) fn in_span(&self, mut lists: Input<'_>, symbols: &Symbols) -> bool {
        if self.among(&mut lists, symbols) {
            return true;
        }
        (0..lists.varint()).any(|_| {
            lists.zigzag();
            self.among(&mut lists, symbols)
        })
    }

    /// Whether it is in a list of tags. Reads the whole list.
    fn among(&self, list: &mut Input<'_>, symbols: &Symbols) -> bool {
        let mut found = false;
        for _ in 0..list.varint() {
            let (key, value) = list.tag();
            found = found || key.is(self.key, symbols) && self.is_value(value, symbols);
        }
        found
    }

    fn is_value(&self, value: ValueRef<'_>, symbols: &Symbols) -> bool {
        let other = match value {
            ValueRef::String(text) => return text.is(self.value, symbols),
            ValueRef::Bool(value) => model::Value::Bool(value),
            ValueRef::Int64(value) => model::Value::Int64(value),
            ValueRef::Float64(value) => model::Value::Float64(value),
            ValueRef::Binary(bytes) => model::Value::Binary(bytes.into()),
        };
        other.matches(self.value)
    }
}

/// A search in progress. It goes from page to page in steps; between them the store is unlocked.
#[derive(Debug)]
pub(super) struct SearchCursor<'s> {
    pub(super) search: &'s Search,
    /// The pages that are left, by the latest start of their traces and their number: the newest is
    /// the next.
    pages: BinaryHeap<(u64, u64)>,
    /// The keys that a page must have: one of each list.
    pub(super) wants: Vec<AnyOf>,
    /// The signatures of these keys.
    signatures: Vec<Vec<Signature>>,
    /// The best traces so far.
    pub(super) found: BTreeMap<TraceRank, TraceId>,
    /// How many spans have been checked.
    pub(super) inspected: usize,
    /// The record of the span that is checked.
    pub(super) record: Vec<u8>,
}

impl<'s> SearchCursor<'s> {
    pub(super) fn new(search: &'s Search, pages: Vec<(u64, u64)>, wants: Vec<AnyOf>) -> Self {
        let signatures = wants
            .iter()
            .map(|any| any.iter().map(|key| Signature::of(&[*key])).collect())
            .collect();
        let (pages, found) = (pages.into(), BTreeMap::new());
        SearchCursor { search, pages, wants, signatures, found, inspected: 0, record: Vec::new() }
    }

    /// The next page, unless no remaining page can have a better trace.
    pub(super) fn next_page(&mut self) -> Option<u64> {
        let (newest, page) = self.pages.pop()?;
        self.wants_start(newest).then_some(page)
    }

    /// Whether a span with this signature may match.
    pub(super) fn may_match(&self, signature: Signature) -> bool {
        let has = |key: &Signature| signature.may_contain(*key);
        self.signatures.iter().rev().all(|any| any.iter().any(has))
    }

    /// Whether a trace with this start can be among the best.
    fn wants_start(&self, start: u64) -> bool {
        self.worst().is_none_or(|worst| start >= worst.start)
    }

    /// Whether a trace with this rank would be among the best.
    pub(super) fn wants(&self, place: TraceRank) -> bool {
        !self.found.contains_key(&place) && self.worst().is_none_or(|worst| place > worst)
    }

    /// The last of the best, once there are enough.
    fn worst(&self) -> Option<TraceRank> {
        let full = self.search.limit.is_some_and(|limit| self.found.len() >= limit);
        self.found.first_key_value().filter(|_| full).map(|(place, _)| *place)
    }

    pub(super) fn find(&mut self, place: TraceRank, id: TraceId) {
        self.found.insert(place, id);
        if self.search.limit.is_some_and(|limit| self.found.len() > limit) {
            self.found.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{KeyValue, Nanos, Process, Span, SpanId};
    use crate::store::{Limits, Store};

    const SPANS: u64 = 200_000;
    const PER_TRACE: u64 = 10;
    /// What a search may look at in vain: the spans of a page.
    const FEW: usize = 512;

    /// Span `number`: ten spans make a trace, and the traces take turns with the services.
    fn span(number: u64, services: u64) -> Span {
        let trace = number / PER_TRACE;
        let service = match trace {
            777 => "rare".to_owned(),
            _ => format!("service-{}", trace % services),
        };
        let process = Process { service: service.into(), tags: [host()].into() };
        Span {
            trace_id: TraceId { high: 0, low: trace + 1 },
            span_id: SpanId(number + 1),
            operation: format!("op-{}", number % 7).into(),
            references: Box::default(),
            flags: 1,
            start: 1_000_000 + number,
            duration: number % 1_000,
            nanos: Nanos::default(),
            tags: Box::new([
                KeyValue::text("http.url", format!("/items/{number}")),
                KeyValue::text("user", format!("user-{}", number % 1_000)),
                KeyValue { key: "number".into(), value: model::Value::Int64(number as i64) },
                KeyValue {
                    key: "even".into(),
                    value: model::Value::Bool(number.is_multiple_of(2)),
                },
                KeyValue {
                    key: "odd".into(),
                    value: model::Value::Bool(!number.is_multiple_of(2)),
                },
            ]),
            logs: Box::default(),
            process: Arc::new(process),
            warnings: Box::default(),
        }
    }

    fn host() -> KeyValue {
        KeyValue::text("host", "here")
    }

    fn filled(services: u64) -> Store {
        let store = Store::new(Limits { traces: 0, bytes: 1 << 30 });
        for first in (0..SPANS).step_by(1_000) {
            let spans: Vec<_> = (first..first + 1_000).map(|n| span(n, services)).collect();
            store.insert(&spans);
        }
        store
    }

    fn search(service: &str, tags: &[(&str, &str)]) -> Search {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Search {
            service: service.to_owned(),
            tags: tags.iter().map(owned).collect(),
            latest: i64::MAX,
            limit: Some(20),
            ..Search::default()
        }
    }

    /// The lower half of the ids that are found, in their order, and how many spans were looked
    /// at for that.
    fn run(store: &Store, search: &Search) -> (Vec<u64>, usize) {
        let mut cursor = store.inner.read().cursor(search);
        while !store.inner.read().advance(&mut cursor, 100) {}
        (cursor.found.values().rev().map(|id| id.low).collect(), cursor.inspected)
    }

    #[test]
    fn a_search_looks_at_few_spans_however_many_there_are() {
        let traces = SPANS / PER_TRACE;
        for services in [10, 1] {
            let store = filled(services);
            let (found, inspected) = run(&store, &search("service-0", &[]));
            assert_eq!(found[0], traces + 1 - services);
            assert_eq!(found.len(), 20);
            assert!(inspected < 60, "each of the newest matches at once: {inspected}");

            let (found, inspected) = run(&store, &search("rare", &[]));
            assert_eq!(found, [778]);
            assert!(inspected <= FEW, "a service of one trace: {inspected}");

            for tags in [&[("http.url", "/items/50003")][..], &[("number", "50003")]] {
                let (found, inspected) = run(&store, &search("service-0", tags));
                assert_eq!(found, [5_001], "{tags:?}");
                assert!(inspected <= 2 * FEW, "{tags:?}: {inspected}");
            }
            for tags in [
                &[("http.url", "nowhere")][..],
                &[("no such key", "/items/50003")],
                &[("host", "there")],
                &[("host", "here"), ("user", "nobody")],
                &[("user", "user-1"), ("http.url", "nowhere")],
            ] {
                let (found, inspected) = run(&store, &search("service-0", tags));
                assert!(found.is_empty(), "{tags:?}");
                assert!(inspected <= 2 * FEW, "{tags:?}: {inspected}");
            }
            let never = search("service-0", &[("even", "true"), ("odd", "true")]);
            assert!(run(&store, &never).0.is_empty(), "each page has both, no span");

            let (found, inspected) = run(&store, &search("nobody", &[]));
            assert_eq!((found.len(), inspected), (0, 0));

            let no_operation = Search { operation: "op-8".to_owned(), ..search("service-0", &[]) };
            let (found, inspected) = run(&store, &no_operation);
            assert!(found.is_empty() && inspected <= 2 * FEW, "{inspected}");
            let too_long = Search { shortest: Some(1_000_000), ..search("service-0", &[]) };
            assert_eq!(run(&store, &too_long), (Vec::new(), 0), "no span is that long");
            let too_late = Search { earliest: 1_000_000_000, ..search("service-0", &[]) };
            assert_eq!(run(&store, &too_late), (Vec::new(), 0), "no span is that late");
        }
    }

    #[test]
    fn what_pages_leave_out_is_nothing_that_matches() {
        let store = Store::new(Limits { traces: 0, bytes: 1 << 30 });
        // Late spans, several services in a trace, and times in no order.
        let number = |n: u64| n * 7_919 % 3_000;
        let spans: Vec<_> = (0..3_000).map(|n| span(number(n), 3)).collect();
        store.insert(&spans);
        for (key, value) in [("user", "user-13"), ("host", "here"), ("number", "1234")] {
            let tagged = Search { limit: None, ..search("service-1", &[(key, value)]) };
            let matches = |span: &&Span| {
                let tags = || span.tags.iter().chain(&span.process.tags);
                span.service() == "service-1"
                    && tags().any(|tag| *tag.key == *key && tag.value.matches(value))
            };
            let mut expected: Vec<_> =
                spans.iter().filter(matches).map(|span| span.trace_id.low).collect();
            expected.sort_unstable();
            expected.dedup();
            let (mut found, _) = run(&store, &tagged);
            found.sort_unstable();
            assert_eq!(found, expected, "{key}={value}");
        }
    }

    #[test]
    fn values_of_every_type_are_found_by_their_text() {
        let values = [
            ("true", model::Value::Bool(true)),
            ("-7", model::Value::Int64(-7)),
            ("0.5", model::Value::Float64(0.5)),
            ("+Inf", model::Value::Float64(f64::INFINITY)),
            ("NaN", model::Value::Float64(f64::NAN)),
            ("1e+21", model::Value::Float64(1e21)),
            ("00ff", model::Value::Binary([0, 255].into())),
            ("", model::Value::Binary(Box::default())),
            ("7", model::Value::String("7".into())),
            ("\u{fffd}", model::Value::String("\u{fffd}".into())),
        ];
        let store = Store::new(Limits { traces: 0, bytes: 1 << 20 });
        for (n, (_, value)) in values.iter().enumerate() {
            let tag = KeyValue { key: "value".into(), value: value.clone() };
            store.insert(&[Span { tags: [tag].into(), ..span(n as u64 * PER_TRACE, 1) }]);
        }
        for (n, (text, _)) in values.iter().enumerate() {
            let (found, _) = run(&store, &search("service-0", &[("value", text)]));
            assert_eq!(found, [n as u64 + 1], "{text}");
        }
    }
}
