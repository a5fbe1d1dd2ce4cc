//! A scan: reads the start of every span of some services, in steps, without decoding the rest.

use std::collections::HashMap;

use super::cells::Position;
use super::common::Operation;
use super::inner::{Inner, next_record};
use super::record::{Input, ValueRef};
use super::search_keys::{self, AnyOf};
use super::symbols::Symbols;

/// What a scan passes spans to.
pub(crate) trait ScanVisitor {
    /// The number under which spans of this operation are counted; `None` if they are not. Asked
    /// for once in each step.
    fn class(&mut self, service: &str, operation: &Operation) -> Option<usize>;

    /// A span of a class: its end and its duration in microseconds, and whether it failed.
    fn span(&mut self, class: usize, end: u64, duration: u64, failed: bool);
}

/// The spans that a scan visits.
#[derive(Debug)]
pub(crate) struct Scan {
    /// The services; none are all.
    pub(crate) services: Vec<String>,
    /// The earliest and the latest end of a span, in microseconds since the Unix epoch.
    pub(crate) ends: (u64, u64),
    /// Whether it is asked if a span failed, which needs its tags.
    pub(crate) with_failures: bool,
}

/// The position of a scan: the page, the run in it, and the position within the run with the number
/// of its spans that are left.
#[derive(Debug)]
pub(super) struct ScanCursor {
    page: u64,
    end: u64,
    run: usize,
    within: Option<(Position, u32)>,
}

impl Inner {
    /// Begins a scan of the spans that are there now.
    pub(super) fn scan_cursor(&self) -> ScanCursor {
        let (page, end) = self.pages.numbers();
        ScanCursor { page, end, run: 0, within: None }
    }

    /// Continues a scan for about `spans` spans and `bytes` bytes of records; returns whether it is
    /// done.
    pub(super) fn scan_on(
        &self,
        scan: &Scan,
        cursor: &mut ScanCursor,
        (mut spans, bytes): (usize, usize),
        visitor: &mut impl ScanVisitor,
    ) -> bool {
        let mut looked = Step { scan, inner: self, classes: HashMap::new(), bytes: 0 };
        let ids: Vec<Option<u32>> = scan.services.iter().map(|name| self.service(name)).collect();
        let keys: AnyOf = scan
            .services
            .iter()
            .map(|name| search_keys::service(self.hasher.hash(name.as_bytes())))
            .collect();
        while cursor.page < cursor.end {
            let first = self.pages.numbers().0;
            if cursor.page < first {
                *cursor = ScanCursor { page: first, run: 0, within: None, ..*cursor };
                continue;
            }
            let page = self.pages.get(cursor.page).filter(|page| {
                let has_any = || keys.iter().any(|key| page.filter.may_contain(*key));
                page.may_end(scan.ends) && (keys.is_empty() || has_any())
            });
            // A page that is passed over costs a little too.
            spans = spans.saturating_sub(8);
            while let Some(run) = page.and_then(|page| page.run(cursor.run)) {
                let is_meant = ids.is_empty() || ids.contains(&Some(run.service));
                let trace = self.traces.get(run.slot, run.number).filter(|_| is_meant);
                let (mut at, mut left) = cursor.within.take().unwrap_or((run.at, run.spans));
                while let Some(trace) = trace
                    && left > 0
                {
                    if spans == 0 || looked.bytes >= bytes {
                        cursor.within = Some((at, left));
                        return false;
                    }
                    at = looked.look_at(at, trace.base, visitor);
                    (left, spans) = (left - 1, spans - 1);
                }
                cursor.run += 1;
            }
            (cursor.page, cursor.run) = (cursor.page + 1, 0);
            if spans == 0 {
                return cursor.page >= cursor.end;
            }
        }
        true
    }

    fn service(&self, name: &str) -> Option<u32> {
        self.common.service(name, &self.cells, &self.hasher)
    }
}

/// One step of a scan. A number of an operation may mean another one in the next step.
struct Step<'s> {
    scan: &'s Scan,
    inner: &'s Inner,
    classes: HashMap<u32, Option<usize>>,
    bytes: usize,
}

impl Step<'_> {
    /// Visits the span at a position, of a trace with this base; returns the position of the next
    /// one.
    fn look_at(&mut self, at: Position, base: u64, visitor: &mut impl ScanVisitor) -> Position {
        let (inner, mut record) = (self.inner, Vec::new());
        let next = next_record(&inner.cells, at, &mut record);
        self.bytes += record.len();
        let head = Input(&record).head(base);
        let end = head.start.saturating_add(head.duration);
        let (earliest, latest) = self.scan.ends;
        if end < earliest || end > latest {
            return next;
        }
        let class = *self.classes.entry(head.operation).or_insert_with(|| {
            let service = inner.common.service_of(head.operation, &inner.cells);
            visitor.class(&service, &inner.common.operation(head.operation, &inner.cells))
        });
        if let Some(class) = class {
            let failed = self.scan.with_failures && has_failed(head.lists, &inner.symbols);
            visitor.span(class, end, head.duration, failed);
        }
        next
    }
}

/// Whether a span's tags say that it failed: `error` is true, or `otel.status_code` is `ERROR`.
fn has_failed(mut lists: Input<'_>, symbols: &Symbols) -> bool {
    (0..lists.varint()).any(|_| {
        let (key, value) = lists.tag();
        match value {
            ValueRef::Bool(true) => key.is("error", symbols),
            ValueRef::String(text) if text.is("true", symbols) => key.is("error", symbols),
            ValueRef::String(text) if text.is("ERROR", symbols) => {
                key.is("otel.status_code", symbols)
            }
            _ => false,
        }
    })
}
