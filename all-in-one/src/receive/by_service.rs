//! Counts of spans and traces by service, for `/metrics`.
//!
//! The names come from clients, so they are bounded as in Jaeger 1.35: after [`SERVICES`] names, the
//! next ones are counted as [`OTHERS`]. So are long names, and whatever would be more than [`SERIES`]
//! series.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::model::{Batch, Draft, RefKind, TagValue};
use crate::server::histogram::Histogram;

/// The label of the services that have no label of their own.
pub(crate) const OTHERS: &str = "other-services";
/// The number of names, as in Jaeger 1.35.
const SERVICES: usize = 4_000;
/// The number of counts that are not zero. Each is a line or two of the answer.
const SERIES: usize = 16_000;
/// The longest name, in bytes.
const LONGEST: usize = 128;

/// The sampler types that are told apart; the last one stands for all others.
pub(crate) const SAMPLERS: [&str; 5] =
    ["const", "lowerbound", "probabilistic", "ratelimiting", "unknown"];
const UNKNOWN: usize = SAMPLERS.len() - 1;
/// The flag "debug" of a span.
const DEBUG: u32 = 2;

/// How spans come to the collector of the real Jaeger: its agent forwards them over gRPC, and both
/// kinds of OTLP count as gRPC.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    Jaeger,
    Proto,
    Zipkin,
}

impl Origin {
    pub(crate) const ALL: [Origin; 3] = [Origin::Jaeger, Origin::Proto, Origin::Zipkin];

    /// Its labels `format` and `transport`.
    pub(crate) fn labels(self) -> (&'static str, &'static str) {
        match self {
            Origin::Jaeger => ("jaeger", "http"),
            Origin::Proto => ("proto", "grpc"),
            Origin::Zipkin => ("zipkin", "http"),
        }
    }
}

/// Spans, and traces by sampler type: a trace is counted by its root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) spans: u64,
    pub(crate) traces: [u64; SAMPLERS.len()],
}

impl Counts {
    fn cells(&mut self) -> impl Iterator<Item = &mut u64> {
        std::iter::once(&mut self.spans).chain(&mut self.traces)
    }

    fn of(mut self, add: impl Fn(&mut u64, u64), more: Counts) -> Self {
        let mut more = more;
        self.cells().zip(more.cells()).for_each(|(cell, more)| add(cell, *more));
        self
    }
}

/// The counts of a service, each without and with the flag "debug".
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    /// By [`Origin`].
    pub(crate) received: [[Counts; 2]; Origin::ALL.len()],
    pub(crate) dropped: [Counts; 2],
}

impl Row {
    /// What was received and not dropped.
    pub(crate) fn saved(&self, debug: bool) -> Counts {
        let debug = usize::from(debug);
        let received = self.received.iter().map(|counts| counts[debug]);
        let received = received.fold(Counts::default(), |sum, more| sum.of(|a, b| *a += b, more));
        received.of(|a, b| *a = a.saturating_sub(b), self.dropped[debug])
    }
}

/// The counts of all doors.
#[derive(Debug, Default)]
pub(crate) struct Received {
    table: Mutex<Table>,
    /// How long the store took for a span.
    pub(crate) saving: Histogram,
    last_batch: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    numbers: HashMap<Arc<str>, usize>,
    rows: Vec<(Arc<str>, Row)>,
    others: Row,
    series: usize,
}

impl Received {
    /// Counts a batch that was stored, except for the spans that were dropped.
    pub(crate) fn count(&self, origin: Origin, batch: &Batch<'_>, dropped: &[&Draft<'_>]) {
        self.last_batch.store(batch.len() as u64, Ordering::Relaxed);
        let mut rest = &batch.spans[..];
        while let Some(first) = rest.first() {
            let length = rest.iter().take_while(|span| span.process == first.process).count();
            let counts = counts(batch, &rest[..length]);
            self.add(batch, first, counts, |row| &mut row.received[origin as usize]);
            rest = &rest[length..];
        }
        for span in dropped {
            self.add(batch, span, counts(batch, [*span]), |row| &mut row.dropped);
        }
    }

    fn add(
        &self,
        batch: &Batch<'_>,
        span: &Draft<'_>,
        counts: [Counts; 2],
        part: impl Fn(&mut Row) -> &mut [Counts; 2],
    ) {
        let label = label(&batch.processes[span.process].service);
        self.table.lock().add(label.as_deref(), counts, part);
    }

    /// The services that have a label, sorted, and the others.
    pub(crate) fn rows(&self) -> (Vec<(Arc<str>, Row)>, Row) {
        let table = self.table.lock();
        let (mut rows, others) = (table.rows.clone(), table.others);
        drop(table);
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        (rows, others)
    }

    /// How many spans the last batch had.
    pub(crate) fn last_batch(&self) -> u64 {
        self.last_batch.load(Ordering::Relaxed)
    }
}

impl Table {
    fn add(
        &mut self,
        label: Option<&str>,
        counts: [Counts; 2],
        part: impl Fn(&mut Row) -> &mut [Counts; 2],
    ) {
        let number = label.and_then(|label| self.number(label));
        let mut row = number.map(|number| &mut self.rows[number].1);
        let others = part(&mut self.others);
        for (debug, mut more) in counts.into_iter().enumerate() {
            let mut own = row.as_mut().map(|row| &mut part(row)[debug]);
            let cells = others[debug].cells().zip(more.cells()).enumerate();
            for (place, (other, more)) in cells.filter(|(_, (_, more))| **more > 0) {
                let own = own.as_mut().and_then(|own| own.cells().nth(place));
                match own {
                    Some(own) if *own > 0 || self.series < SERIES => {
                        self.series += usize::from(*own == 0);
                        *own += *more;
                    }
                    _ => *other += *more,
                }
            }
        }
    }

    /// The row of a label, unless there are enough.
    fn number(&mut self, label: &str) -> Option<usize> {
        if let Some(number) = self.numbers.get(label) {
            return Some(*number);
        }
        // "other-services" is one of the names.
        if self.rows.len() + 1 >= SERVICES || label == OTHERS {
            return None;
        }
        let label: Arc<str> = label.into();
        self.numbers.insert(Arc::clone(&label), self.rows.len());
        self.rows.push((label, Row::default()));
        Some(self.rows.len() - 1)
    }
}

fn counts<'d, 'a: 'd>(
    batch: &Batch<'_>,
    spans: impl IntoIterator<Item = &'d Draft<'a>>,
) -> [Counts; 2] {
    let mut counts = [Counts::default(); 2];
    for span in spans {
        let counts = &mut counts[usize::from(span.flags & DEBUG != 0)];
        counts.spans += 1;
        let is_parent = |to: &crate::model::Reference| {
            to.kind == RefKind::ChildOf && to.trace_id == span.trace_id && to.span_id.0 != 0
        };
        if !batch.references[span.references.clone()].iter().any(is_parent) {
            counts.traces[sampler(batch, span)] += 1;
        }
    }
    counts
}

fn sampler(batch: &Batch<'_>, span: &Draft<'_>) -> usize {
    let tag = batch.tags[span.tags.clone()].iter().find(|tag| &*tag.key == b"sampler.type");
    let place = tag.and_then(|tag| match &tag.value {
        TagValue::String(text) => SAMPLERS.iter().position(|name| name.as_bytes() == &**text),
        _ => None,
    });
    place.unwrap_or(UNKNOWN)
}

/// The label of a service, as Jaeger writes it: lower case, and `_` for what is unsafe in a label of
/// other systems. That table ends at U+00FF. `None` if the name is too long or not text.
fn label(service: &[u8]) -> Option<Cow<'_, str>> {
    let name = std::str::from_utf8(service).ok().filter(|name| name.len() <= LONGEST)?;
    let is_safe = |c: char| matches!(c, '0'..='9' | 'a'..='z' | '-' | '.' | '_' | '\u{100}'..);
    if name.chars().all(is_safe) {
        return Some(name.into());
    }
    let safe = |c: char| Some(c.to_ascii_lowercase()).filter(|c| is_safe(*c)).unwrap_or('_');
    Some(name.chars().map(safe).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_as_jaeger_writes_it() {
        for (name, expected) in [
            ("Http Shop", "http_shop"),
            ("z\"\\svc\u{e9} \u{fc}n\u{ef}\n", "z__svc___n__"),
            ("a-b.c_9", "a-b.c_9"),
            ("\u{65e5}\u{672c}", "\u{65e5}\u{672c}"),
        ] {
            assert_eq!(label(name.as_bytes()).as_deref(), Some(expected));
        }
        assert_eq!(label(&[b'a'; LONGEST + 1]), None);
        assert_eq!(label(b"\xff"), None);
    }

    #[test]
    fn labels_are_bounded_in_number_and_in_series() {
        let mut table = Table::default();
        // Every name in every count: more series than there may be.
        let one = [Counts { spans: 1, traces: [1; SAMPLERS.len()] }; 2];
        for number in 0..2 * SERVICES {
            table.add(Some(&format!("s{number}")), one, |row| &mut row.dropped);
        }
        assert_eq!(table.rows.len(), SERVICES - 1);
        let mut rows: Vec<_> = table.rows.iter().map(|(_, row)| *row).collect();
        let is_set = |rows: &mut [Row]| {
            let counts = rows.iter_mut().flat_map(|row| &mut row.dropped);
            counts.flat_map(Counts::cells).filter(|cell| **cell > 0).count()
        };
        assert_eq!(is_set(&mut rows), SERIES);
        rows.push(table.others);
        let all: u64 = rows.iter_mut().flat_map(|row| &mut row.dropped).map(|it| it.spans).sum();
        assert_eq!(all, 4 * SERVICES as u64, "none is lost");
    }
}
