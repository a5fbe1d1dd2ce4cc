//! Writes a trace while it is read, some spans at a time: a long one would fill the memory many
//! times over.
//!
//! It is read once to find the changes that depend on other spans, once to write the spans, and up
//! to the last new process once more to write the processes. A short trace is read once.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::Arc;

use super::adjust::{self, Outlines, Plan, Version, View};

use super::answer::{MarkedEntries, ProcessJson, Tags, TraceJson};
use super::api::Api;
use super::distinct::Distinct;
use super::span_json::span_json;
use super::stream::AnswerWriter;
use crate::go_format::json::{self, Mark, Style};
use crate::model::{Process, Span, TraceId};
use crate::store::{Reading, Store};

/// The nesting depth of a span or a process in an answer.
const DEPTH: usize = 4;

/// How many processes of a trace are compared by content. Beyond that, each one counts as new.
const DISTINCT: usize = 10_000;

/// A trace, ready to be written.
pub(super) struct TraceWriter<'s> {
    id: TraceId,
    all: Steps<'s>,
    /// Its first spans, which have been read, and how to continue.
    first: Option<(Vec<Span>, Steps<'s>)>,
    /// The changes to its spans, unless it is shown as it was sent.
    plan: Option<Plan>,
    too_long: bool,
    version: Version,
}

impl<'s> TraceWriter<'s> {
    /// Begins to read a trace; `None` if it is not there, or not any more.
    pub(super) fn begin(api: &'s Api, id: TraceId, raw: bool) -> Option<Self> {
        TraceWriter::begin_as(api, id, raw, Version::V1)
    }

    /// The same for another API. `/api/v3` leaves exact duplicates out of an adjusted trace.
    pub(super) fn begin_as(api: &'s Api, id: TraceId, raw: bool, version: Version) -> Option<Self> {
        let reading = api.store.begin(id)?;
        let distinct = version == Version::V3 && !raw && reading.left() <= adjust::MOST;
        let distinct = distinct.then(Distinct::default);
        let all = Steps { store: &api.store, reading, distinct };
        let mut rest = all.clone();
        let first = rest.next().ok().filter(|spans| !spans.is_empty())?;
        let too_long = !raw && all.reading.left() > adjust::MOST;
        let plan = match raw {
            true => None,
            false if too_long => Some(Plan::default()),
            false => {
                let outlines = outlines(&first, rest.clone(), version).ok()?;
                Some(Plan::of(outlines, api.max_clock_skew))
            }
        };
        Some(TraceWriter { id, all, first: Some((first, rest)), plan, too_long, version })
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// If the trace is evicted meanwhile, or the client stops reading.
    pub(super) fn write(mut self, out: &mut AnswerWriter<'_>, style: Style) -> io::Result<()> {
        let warnings = self.too_long.then(|| [too_long()]);
        let (spans, processes) = ([Mark; 2], MarkedEntries);
        let json = TraceJson { trace_id: self.id, spans, processes, warnings };
        let [begin, between, middle, colon, comma, _, end] = json::around(&json, style, DEPTH - 2)?;
        let processes = self.write_spans(out, style, [&begin, &between])?;
        let mut before = &middle;
        self.each_process(processes, |name, process| {
            out.write_all(before)?;
            before = &comma;
            json::append(out, name, style, DEPTH)?;
            out.write_all(&colon)?;
            let json = ProcessJson { service: &process.service, tags: Tags(&process.tags) };
            Ok(json::append(out, &json, style, DEPTH)?)
        })?;
        out.write_all(&end)
    }

    /// Writes the spans: `before` precedes the first, `between` the others. Returns their
    /// processes.
    fn write_spans(
        &mut self,
        out: &mut AnswerWriter<'_>,
        style: Style,
        [mut before, between]: [&[u8]; 2],
    ) -> io::Result<Processes> {
        let is_short = self.first.as_ref().is_some_and(|(_, rest)| rest.reading.left() == 0);
        let mut processes = Processes { few: is_short.then(BTreeMap::new), ..Default::default() };
        // The last name: most spans of a trace share their process.
        let (mut named, mut name) = (0, String::new());
        self.each(|views| {
            for view in views {
                out.write_all(before)?;
                before = between;
                let (number, _) = processes.number(&view.process);
                if number != named {
                    (named, name) = (number, format!("p{number}"));
                }
                json::append(out, &span_json(view, &name), style, DEPTH)?;
            }
            processes.pointers.clear();
            Ok(true)
        })?;
        Ok(processes)
    }

    /// Visits the processes. Those of a long trace are read again.
    fn each_process(
        &mut self,
        mut all: Processes,
        mut visit: impl FnMut(&str, &Process) -> io::Result<()>,
    ) -> io::Result<()> {
        if let Some(few) = all.few.take() {
            return few.iter().try_for_each(|(name, process)| visit(name, process));
        }
        let mut visited = Processes::default();
        self.each(|views| {
            for view in views {
                let (number, is_new) = visited.number(&view.process);
                if is_new {
                    visit(&format!("p{number}"), &view.process)?;
                }
            }
            visited.pointers.clear();
            Ok(visited.count < all.count)
        })
    }

    /// Visits the spans as they are shown, some at a time, until `visit` returns false.
    pub(super) fn each(
        &mut self,
        mut visit: impl FnMut(&[View]) -> io::Result<bool>,
    ) -> io::Result<()> {
        let (mut next, mut steps) = match self.first.take() {
            Some(begun) => begun,
            None => {
                let mut steps = self.all.clone();
                (steps.next()?, steps)
            }
        };
        let mut number = 0;
        while !next.is_empty() {
            let mut views: Vec<_> = next.into_iter().map(View::new).collect();
            if let Some(plan) = &self.plan {
                adjust::adjust(&mut views, number, plan, self.version);
            }
            number += views.len();
            if !visit(&views)? {
                break;
            }
            next = steps.next()?;
        }
        Ok(())
    }
}

/// The warning of a trace with too many spans to adjust them together.
fn too_long() -> String {
    let most = adjust::MOST;
    format!("more than {most} spans: neither clock skew nor shared ids are adjusted")
}

/// Reads a trace, some spans at a time.
#[derive(Clone)]
struct Steps<'s> {
    store: &'s Store,
    reading: Reading,
    /// Leaves out exact duplicates.
    distinct: Option<Distinct>,
}

impl Steps<'_> {
    /// The next spans; none at the end.
    fn next(&mut self) -> io::Result<Vec<Span>> {
        let gone = || io::Error::other("the trace was evicted while it was read");
        while self.reading.left() > 0 {
            let mut spans = self.store.read_on(&mut self.reading).ok_or_else(gone)?;
            if let Some(distinct) = &mut self.distinct {
                spans.retain(|span| distinct.is_new(span));
            }
            if !spans.is_empty() {
                return Ok(spans);
            }
        }
        Ok(Vec::new())
    }
}

fn outlines(first: &[Span], mut rest: Steps<'_>, version: Version) -> io::Result<Outlines> {
    let mut outlines = Outlines::new(version);
    outlines.add(first);
    loop {
        let spans = rest.next()?;
        if spans.is_empty() {
            return Ok(outlines);
        }
        outlines.add(&spans);
    }
}

/// The processes of a trace, numbered in the order in which they first occur.
#[derive(Default)]
struct Processes {
    numbers: HashMap<u64, usize>,
    hashes: RandomState,
    count: usize,
    // Most spans share their process, which this finds without hashing it.
    pointers: HashMap<*const Process, usize, foldhash::fast::RandomState>,
    /// The processes of a short trace, by name.
    few: Option<BTreeMap<String, Arc<Process>>>,
}

impl Processes {
    /// The number of a process, and whether it is new.
    fn number(&mut self, process: &Arc<Process>) -> (usize, bool) {
        let pointer = Arc::as_ptr(process);
        if let Some(number) = self.pointers.get(&pointer) {
            return (*number, false);
        }
        let (hash, next) = (self.hashes.hash_one(process), self.count + 1);
        let number = match self.numbers.get(&hash) {
            Some(number) => *number,
            None => {
                if self.numbers.len() < DISTINCT {
                    self.numbers.insert(hash, next);
                }
                self.count = next;
                if let Some(few) = &mut self.few {
                    few.insert(format!("p{next}"), Arc::clone(process));
                }
                next
            }
        };
        self.pointers.insert(pointer, number);
        (number, number == next)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{KeyValue, Nanos, RefKind, Reference, SpanId};
    use crate::store::Limits;
    use crate::ui::WebPages;

    const ID: TraceId = TraceId { high: 1, low: 2 };

    fn api(limits: Limits) -> Arc<Api> {
        let hour = Duration::from_secs(3_600);
        Api::new(Arc::new(Store::new(limits)), WebPages::new(""), hour, String::new())
    }

    /// `spans` spans on three hosts whose clocks differ. From the thousandth on, every third span
    /// is the server end of a call whose client end came long before, with the same id.
    fn filled(spans: u64) -> Arc<Api> {
        let api = api(Limits { traces: 1, bytes: 1 << 30 });
        let spans: Vec<_> = (0..spans).map(span).collect();
        api.store.insert(&spans);
        api
    }

    fn span(number: u64) -> Span {
        let shared = number >= 1_000 && number.is_multiple_of(3);
        let id = if shared { number - 999 } else { number };
        let kind = if shared { "server" } else { "client" };
        let host = KeyValue::text("ip", format!("10.0.0.{}", number % 3));
        let process =
            Process { service: format!("service-{}", number % 3).into(), tags: [host].into() };
        let kind_of = |id| Reference { kind: RefKind::ChildOf, trace_id: ID, span_id: SpanId(id) };
        Span {
            trace_id: ID,
            span_id: SpanId(id + 1),
            operation: "buy".into(),
            references: Box::new([kind_of(id / 2)]),
            flags: 1,
            start: 1_000_000 + number % 7 * 1_000,
            duration: 100,
            nanos: Nanos::default(),
            tags: [KeyValue::text("span.kind", kind)].into(),
            logs: Box::default(),
            process: Arc::new(process),
            warnings: Box::default(),
        }
    }

    fn written(trace: TraceWriter<'_>, pretty: bool) -> io::Result<String> {
        let mut text = Vec::new();
        let mut parts = |part: Vec<u8>| {
            text.extend(part);
            Ok(())
        };
        let mut out = AnswerWriter::new(&mut parts);
        trace.write(&mut out, Style { pretty, for_javascript: false })?;
        let last = out.end();
        text.extend(last);
        Ok(String::from_utf8(text).expect("UTF-8"))
    }

    /// The same trace as if all of it had been read at once.
    fn short(mut trace: TraceWriter<'_>) -> TraceWriter<'_> {
        let (mut spans, mut rest) = trace.first.take().expect("the first spans");
        while rest.reading.left() > 0 {
            spans.extend(rest.next().expect("more spans"));
        }
        trace.first = Some((spans, rest));
        trace
    }

    #[test]
    fn a_long_trace_is_written_as_a_short_one_is() {
        let api = filled(2_000);
        for (raw, pretty) in [(false, false), (true, false), (false, true)] {
            let begin = || TraceWriter::begin(&api, ID, raw).expect("the trace");
            assert!(begin().first.is_some_and(|(first, _)| first.len() < 1_000));
            let text = written(begin(), pretty).expect("written");
            assert!(text == written(short(begin()), pretty).expect("written"), "{raw} {pretty}");
            let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(json["spans"].as_array().map(Vec::len), Some(2_000));
            assert_eq!(json["processes"].as_object().map(serde_json::Map::len), Some(3));
            let ids: std::collections::HashSet<_> = json["spans"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|s| s["spanID"].to_string())
                .collect();
            assert_eq!(ids.len(), if raw { 2_000 - 333 } else { 2_000 });
            assert_eq!(text.contains("timestamps were adjusted by"), !raw);
        }
    }

    #[test]
    fn a_trace_that_is_pushed_out_meanwhile_is_whole_or_an_error() {
        for (spans, is_whole) in [(100, true), (2_000, false)] {
            let api = filled(spans);
            let trace = TraceWriter::begin(&api, ID, false).expect("the trace");
            api.store.insert(&[Span { trace_id: TraceId { high: 0, low: 1 }, ..span(0) }]);
            assert!(!api.store.has(ID), "it was pushed out");
            assert_eq!(written(trace, false).is_ok(), is_whole, "{spans}");
            assert!(TraceWriter::begin(&api, ID, false).is_none());
        }
    }

    #[test]
    fn of_very_many_processes_each_has_its_own_number() {
        let api = api(Limits { traces: 1, bytes: 1 << 30 });
        let service = |n: u64| Process { service: format!("{n}").into(), tags: Box::default() };
        let spans: Vec<_> = (0..DISTINCT as u64 + 2_000)
            .map(|number| Span { process: Arc::new(service(number)), ..span(number) })
            .collect();
        api.store.insert(&spans);
        let trace = TraceWriter::begin(&api, ID, false).expect("the trace");
        let json: serde_json::Value =
            serde_json::from_str(&written(trace, false).expect("written")).expect("JSON");
        let all = json["spans"].as_array().expect("spans");
        assert_eq!(all.len(), spans.len());
        for (span, number) in all.iter().zip(0..) {
            let process = &json["processes"][span["processID"].as_str().expect("an id")];
            assert_eq!(process["serviceName"], format!("{number}"));
        }
    }
}
