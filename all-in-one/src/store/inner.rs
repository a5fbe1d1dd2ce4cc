//! The contents of the store, behind its lock.
//!
//! A span's record lies in its trace's chain of cells ([`cells`](super::cells)). What the span
//! shares with others is a number in the record ([`common`](super::common),
//! [`symbols`](super::symbols)). The page that was open when the span came indexes it for searches
//! ([`page`](super::page)).

use std::ops::Range;

use super::cells::{CELL, Cells, Position};
use super::common::{Common, HeldProcess, Operation};
use super::filter::Signature;
use super::limits::{Limits, Usage};
use super::page::{Page, Run};
use super::pages::Pages;
use super::reader::Reader;
use super::record::{Head, Input, Writer, varint};
use super::search::{Search, SearchCursor, Wanted};
use super::search_keys::KeyHasher;
use super::symbols::Symbols;
use super::traces::{Leaving, TRACE, TraceRank, Traces};
use crate::model::{Batch, Draft, Span, Text, TraceId};

#[derive(Debug)]
pub(super) struct Inner {
    limits: Limits,
    pub(super) hasher: KeyHasher,
    pub(super) cells: Cells,
    pub(super) symbols: Symbols,
    pub(super) common: Common,
    pub(super) traces: Traces,
    pub(super) pages: Pages,
    /// What evicted traces still hold.
    pub(super) leaving: Leaving,
    pub(super) usage: Usage,
    /// The latest start of an evicted span.
    pub(super) complete_since: u64,
    /// The record that is being written, its length, and the span's search keys.
    record: Vec<u8>,
    length: Vec<u8>,
    found_by: Vec<u64>,
    /// The search keys of the previous span in the same page: most are the same.
    found_before: Vec<u64>,
}

/// The position in a trace that is read in steps, with the spans that it had at the beginning.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    slot: u32,
    number: u64,
    at: Position,
    left: usize,
}

impl Reading {
    /// How many spans are still to be read.
    pub(crate) fn left(&self) -> usize {
        self.left
    }
}

impl Inner {
    pub(super) fn new(limits: Limits) -> Self {
        Inner {
            limits,
            hasher: KeyHasher::default(),
            cells: Cells::default(),
            symbols: Symbols::default(),
            common: Common::default(),
            traces: Traces::default(),
            pages: Pages::default(),
            leaving: Leaving::default(),
            usage: Usage::default(),
            complete_since: 0,
            record: Vec::new(),
            length: Vec::new(),
            found_by: Vec::new(),
            found_before: Vec::new(),
        }
    }

    /// Adds some of a batch's spans; tells which were dropped because their trace is too large.
    pub(super) fn insert<'b, 'a>(
        &mut self,
        spans: &'b [Draft<'a>],
        batch: &Batch<'_>,
        dropped: &mut dyn FnMut(&'b Draft<'a>),
    ) {
        let mut rest = spans;
        while let Some(first) = rest.first() {
            let number = first.process;
            let same = rest.iter().take_while(|draft| draft.process == number).count();
            let process = self.common.hold_process(
                &batch.processes[number],
                batch,
                &mut self.cells,
                &self.hasher,
            );
            for draft in &rest[..same] {
                if !self.insert_one(draft, batch, &process) {
                    dropped(draft);
                }
            }
            self.common.release_process(&process, &mut self.cells);
            rest = &rest[same..];
        }
        self.release_some();
    }

    /// Adds a span; returns whether its trace has room for it.
    fn insert_one(&mut self, draft: &Draft<'_>, batch: &Batch<'_>, process: &HeldProcess) -> bool {
        let before = self.size();
        let slot = self.traces.find_next(draft.trace_id, &self.hasher);
        let trace = slot.map(|slot| self.traces.at(slot));
        let (base, held) = trace.map_or((draft.start, TRACE), |trace| (trace.base, trace.size()));
        self.write(draft, batch, process, base);
        let elsewhere = self.size() - before;
        let record = std::mem::take(&mut self.record);
        let has_room = self.has_room(draft.trace_id, held, record.len() + elsewhere);
        if has_room {
            self.add(draft, &record, elsewhere, process, base);
        } else {
            self.release(&record, draft.trace_id);
            self.usage.dropped_spans += 1;
        }
        self.record = record;
        has_room
    }

    /// Writes a span's record, which then refers to what it names.
    fn write(&mut self, draft: &Draft<'_>, batch: &Batch<'_>, process: &HeldProcess, base: u64) {
        self.record.clear();
        self.record.shrink_to(1 << 16);
        self.found_by.clear();
        self.found_by.shrink_to(1 << 13);
        let (cells, hasher) = (&mut self.cells, &self.hasher);
        let scratch = &mut self.record;
        let (operation, key) = self.common.hold_span(process, draft, batch, cells, hasher, scratch);
        self.record.clear();
        self.found_by.push(key);
        self.symbols.begin();
        let mut writer = Writer {
            out: &mut self.record,
            found_by: &mut self.found_by,
            hasher,
            symbols: Some(&mut self.symbols),
            service: process.service_hash,
        };
        writer.span(draft, batch, base, (process.id, operation));
    }

    /// Makes room for a span; returns whether its trace, which holds `held` bytes, may have that
    /// much.
    fn has_room(&mut self, id: TraceId, held: usize, bytes: usize) -> bool {
        if held + bytes > self.limits.bytes.saturating_sub(self.reserved()) / 2 {
            return false;
        }
        let more = bytes + 2 * CELL + TRACE + self.pages.growth();
        while self.size() + more > self.limits.bytes && self.make_room() {}
        let is_new = |inner: &Self| inner.traces.find(id, &inner.hasher).is_none();
        while self.limits.traces > 0
            && self.traces.len() >= self.limits.traces
            && is_new(self)
            && self.evict_oldest()
        {}
        true
    }

    /// Adds a span's record, whose start counts from `base`. Its trace may have been evicted since
    /// the record was written.
    fn add(
        &mut self,
        draft: &Draft<'_>,
        record: &[u8],
        elsewhere: usize,
        process: &HeldProcess,
        base: u64,
    ) {
        let (id, start) = (draft.trace_id, draft.start);
        let found = self.traces.find_next(id, &self.hasher);
        let slot = found.unwrap_or_else(|| self.traces.add(id, start, base, &self.hasher));
        let trace = self.traces.at_mut(slot);
        self.length.clear();
        varint(&mut self.length, record.len() as u64);
        let at = self.cells.append(&mut trace.chain, &self.length);
        self.cells.append(&mut trace.chain, record);
        trace.spans += 1;
        trace.elsewhere += elsewhere;
        trace.starts = (trace.starts.0.min(draft.start), trace.starts.1.max(draft.start));
        self.usage.spans += 1;
        let page = self.pages.open();
        if page.is_empty() {
            self.found_before.clear();
        }
        // The number of a service that is gone is given to another, so the name counts too.
        let keys_of = Some((process.hash, process.service_hash));
        if page.process != keys_of {
            page.process = keys_of;
            page.find_by(&process.found_by, &[]);
        }
        page.find_by(&self.found_by, &self.found_before);
        let signature = process.signature.with(Signature::of(&self.found_by));
        std::mem::swap(&mut self.found_by, &mut self.found_before);
        let TraceRank { start, number } = trace.place;
        let run = Run { slot, number, service: process.service, at, spans: 1 };
        page.add(run, signature, start, (draft.start, draft.duration));
    }

    /// Begins to read a trace.
    pub(super) fn begin(&self, id: TraceId) -> Option<Reading> {
        let slot = self.traces.find(id, &self.hasher)?;
        let trace = self.traces.at(slot);
        let (number, at, left) = (trace.place.number, trace.chain.start(), trace.spans);
        Some(Reading { slot, number, at, left })
    }

    /// Reads up to `spans` spans, and stops soon after `bytes` bytes. `None` if the trace was
    /// evicted.
    pub(super) fn read(
        &self,
        reading: &mut Reading,
        spans: usize,
        bytes: usize,
    ) -> Option<Vec<Span>> {
        let trace = self.traces.get(reading.slot, reading.number)?;
        let (mut reader, mut record) = (self.reader(), Vec::new());
        let (mut found, mut size) = (Vec::with_capacity(reading.left.min(spans)), 0);
        while reading.left > 0 && found.len() < spans && size < bytes {
            reading.at = next_record(&self.cells, reading.at, &mut record);
            reading.left -= 1;
            size += record.len();
            found.push(reader.span(trace.id, trace.base, Input(&record)));
        }
        Some(found)
    }

    fn reader(&self) -> Reader<'_> {
        Reader::new(&self.cells, &self.symbols, &self.common)
    }

    /// Begins a search.
    pub(super) fn cursor<'s>(&self, search: &'s Search) -> SearchCursor<'s> {
        SearchCursor::new(search, self.pages.that_may_match(search), search.wants(&self.hasher))
    }

    /// Continues a search for about `spans` more spans, and as many pages; returns whether it is
    /// done.
    pub(super) fn advance(&self, cursor: &mut SearchCursor<'_>, spans: usize) -> bool {
        let service = match &*cursor.search.service {
            "" => None,
            name => match self.common.service(name, &self.cells, &self.hasher) {
                Some(service) => Some(service),
                None => return true,
            },
        };
        let (enough, mut process) = (cursor.inspected + spans, None);
        for _ in 0..spans {
            let Some(page) = cursor.next_page() else {
                return true;
            };
            let page = self.pages.get(page).filter(|page| page.may_have(&cursor.wants));
            for (run, signatures) in page.into_iter().flat_map(Page::runs) {
                self.look_at(run, signatures, service, cursor, &mut process);
            }
            if cursor.inspected >= enough {
                break;
            }
        }
        false
    }

    fn look_at<'s>(
        &self,
        run: &Run,
        signatures: &[Signature],
        service: Option<u32>,
        cursor: &mut SearchCursor<'s>,
        process: &mut Option<CheckedProcess<'s>>,
    ) {
        if service.is_some_and(|service| run.service != service) {
            return;
        }
        // Before its trace: the signatures lie in order, traces anywhere.
        let Some(last) = signatures.iter().rposition(|it| cursor.may_match(*it)) else {
            return;
        };
        let trace = self.traces.get(run.slot, run.number);
        let Some(trace) = trace.filter(|trace| cursor.wants(trace.place)) else {
            return;
        };
        let (mut at, mut record) = (run.at, std::mem::take(&mut cursor.record));
        for signature in &signatures[..=last] {
            if !cursor.may_match(*signature) {
                at = after_record(&self.cells, at);
                continue;
            }
            at = next_record(&self.cells, at, &mut record);
            cursor.inspected += 1;
            if self.matches(cursor.search, Input(&record).head(trace.base), run.service, process) {
                cursor.find(trace.place, trace.id);
                break;
            }
        }
        cursor.record = record;
    }

    /// Whether a span of this service matches. `process` is that of the span before.
    fn matches<'s>(
        &self,
        search: &'s Search,
        head: Head<'_>,
        service: u32,
        process: &mut Option<CheckedProcess<'s>>,
    ) -> bool {
        let name = &search.operation;
        if !search.fits(&head)
            || !name.is_empty()
                && !self.common.is_operation(head.operation, service, name, &self.cells)
        {
            return false;
        }
        if search.tags.is_empty() {
            return true;
        }
        let same = process.take().filter(|process| process.id == head.process);
        let process = process.insert(same.unwrap_or_else(|| self.check(search, head.process)));
        process.left.iter().all(|tag| tag.in_span(head.lists, &self.symbols))
    }

    fn check<'s>(&self, search: &'s Search, id: u32) -> CheckedProcess<'s> {
        let left = self
            .common
            .process(id, &self.cells, |_, process| search.tags_without(process, &self.symbols));
        CheckedProcess { id, left }
    }

    /// Adds the traces among the next `most`, from number `from` on, that may have a span strictly
    /// between two times. Returns the number to continue from, unless there are no more.
    pub(super) fn between(
        &self,
        (after, before): (i128, i128),
        from: u64,
        found: &mut Vec<TraceId>,
        most: usize,
    ) -> Option<u64> {
        let mut traces = self.traces.since(from);
        for trace in traces.by_ref().take(most) {
            let (first, last) = trace.starts;
            if i128::from(last) > after && i128::from(first) < before {
                found.push(trace.id);
            }
        }
        traces.next().map(|trace| trace.place.number)
    }

    /// Adds the names of the services with these numbers; returns whether there are no more.
    pub(super) fn services(&self, numbers: Range<u32>, names: &mut Vec<Text>) -> bool {
        self.common.service_names(numbers, &self.cells, names)
    }

    /// Adds the operations of a service among those with these numbers; returns whether there are
    /// no more.
    pub(super) fn operations(
        &self,
        service: &str,
        numbers: Range<u32>,
        found: &mut Vec<Operation>,
    ) -> bool {
        let service = self.common.service(service, &self.cells, &self.hasher);
        service.is_none_or(|service| self.common.operations(service, numbers, &self.cells, found))
    }

    pub(super) fn span_count(&self, service: &str) -> usize {
        let service = self.common.service(service, &self.cells, &self.hasher);
        service.map_or(0, |service| self.common.span_count(service))
    }

    /// The bytes of tables that have shrunk: spans cannot use them.
    fn reserved(&self) -> usize {
        self.common.size() + self.traces.size() + self.pages.reserved()
    }

    /// The bytes of everything.
    fn size(&self) -> usize {
        self.cells.size() + self.common.size() + self.traces.size() + self.pages.size()
    }

    pub(super) fn complete_since(&self) -> u64 {
        self.complete_since
    }

    pub(super) fn usage(&self) -> Usage {
        Usage { traces: self.traces.len(), bytes: self.size(), ..self.usage }
    }
}

/// A process, and the tags that a search wants and the process lacks. Most spans have the same
/// process as the one before.
struct CheckedProcess<'s> {
    id: u32,
    left: Vec<Wanted<'s>>,
}

/// Reads the record at a position; returns the position of the next one.
pub(super) fn next_record(cells: &Cells, at: Position, record: &mut Vec<u8>) -> Position {
    record.clear();
    let (length, at) = cells.read_varint(at);
    cells.read(at, length as usize, record)
}

/// The position after the record at a position.
fn after_record(cells: &Cells, at: Position) -> Position {
    let (length, at) = cells.read_varint(at);
    cells.skip(at, length as usize)
}
