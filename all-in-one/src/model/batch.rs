//! Spans on their way into the store. Their text is still in the bytes that were received.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use super::ids::{SpanId, TraceId};
use super::span::{Nanos, Reference, Span};
use super::value::{KeyValue, Value};

/// Text or bytes as received, perhaps not UTF-8.
pub(crate) type Bytes<'a> = Cow<'a, [u8]>;

/// The collector's name for a service without one.
const UNNAMED: &str = "empty-service-name";

/// How much memory of a batch is kept for the next one, in bytes: that of some hundred spans. Each
/// of the two receiving threads keeps this much.
const KEPT: usize = 256 << 10;

thread_local! {
    static SPARE: Cell<Batch<'static>> = Cell::default();
}

/// Spans that came together. Their parts are in lists that all of them share, so a span needs no
/// allocation of its own.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    pub(crate) spans: Vec<Draft<'a>>,
    pub(crate) processes: Vec<DraftProcess<'a>>,
    pub(crate) tags: Vec<Tag<'a>>,
    pub(crate) logs: Vec<DraftLog>,
    pub(crate) references: Vec<Reference>,
    pub(crate) warnings: Vec<Bytes<'a>>,
}

/// A range of one of the batch's lists.
pub(crate) type Part = Range<usize>;

/// A span; for its fields see [`Span`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft<'a> {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) operation: Bytes<'a>,
    pub(crate) references: Part,
    pub(crate) flags: u32,
    pub(crate) start: u64,
    pub(crate) duration: u64,
    pub(crate) nanos: Nanos,
    pub(crate) tags: Part,
    pub(crate) logs: Part,
    /// The index of its process in the batch.
    pub(crate) process: usize,
    pub(crate) warnings: Part,
}

/// A process; see [`super::Process`].
#[derive(Debug)]
pub(crate) struct DraftProcess<'a> {
    pub(crate) service: Bytes<'a>,
    pub(crate) tags: Part,
}

/// A log; see [`super::Log`].
#[derive(Clone, Debug)]
pub(crate) struct DraftLog {
    pub(crate) timestamp: u64,
    pub(crate) fields: Part,
}

/// A tag; see [`super::KeyValue`].
#[derive(Clone, Debug)]
pub(crate) struct Tag<'a> {
    pub(crate) key: Bytes<'a>,
    pub(crate) value: TagValue<'a>,
}

/// A tag's value; see [`Value`].
#[derive(Clone, Debug)]
pub(crate) enum TagValue<'a> {
    String(Bytes<'a>),
    Bool(bool),
    Int64(i64),
    Float64(f64),
    Binary(Bytes<'a>),
}

impl<'a> DraftProcess<'a> {
    pub(crate) fn new(service: Bytes<'a>, tags: Part) -> Self {
        let service = if service.is_empty() { UNNAMED.as_bytes().into() } else { service };
        DraftProcess { service, tags }
    }
}

impl<'a> Tag<'a> {
    /// A tag that holds text.
    pub(crate) fn text(key: &'static str, text: &'a str) -> Self {
        let value = TagValue::String(text.as_bytes().into());
        Tag { key: key.as_bytes().into(), value }
    }
}

impl<'a> From<&'a [u8]> for TagValue<'a> {
    fn from(text: &'a [u8]) -> Self {
        TagValue::String(Cow::Borrowed(text))
    }
}

impl From<bool> for TagValue<'_> {
    fn from(value: bool) -> Self {
        TagValue::Bool(value)
    }
}

impl From<i64> for TagValue<'_> {
    fn from(value: i64) -> Self {
        TagValue::Int64(value)
    }
}

impl From<f64> for TagValue<'_> {
    fn from(value: f64) -> Self {
        TagValue::Float64(value)
    }
}

impl<'a> Batch<'a> {
    /// An empty batch, in the memory of the last one that this thread recycled.
    pub(crate) fn recycled() -> Self {
        SPARE.take()
    }

    /// Leaves its memory to the next batch, unless it is too much.
    pub(crate) fn recycle(self) {
        let spare = Batch {
            spans: emptied(self.spans),
            processes: emptied(self.processes),
            tags: emptied(self.tags),
            logs: emptied(self.logs),
            references: emptied(self.references),
            warnings: emptied(self.warnings),
        };
        let bytes = memory(&spare.spans)
            + memory(&spare.processes)
            + memory(&spare.tags)
            + memory(&spare.logs)
            + memory(&spare.references)
            + memory(&spare.warnings);
        if bytes <= KEPT {
            SPARE.set(spare);
        }
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Adds the tag in which Jaeger names the format that a span came in.
    pub(crate) fn format_tag(&mut self, format: &'static str) -> Part {
        let first = self.tags.len();
        push_tag(&mut self.tags, b"internal.span.format", format.as_bytes());
        first..first + 1
    }

    /// A batch of spans from a user of the library.
    pub(crate) fn of(spans: &'a [Span]) -> Self {
        let mut batch = Batch::default();
        for span in spans {
            batch.push(span);
        }
        batch
    }

    fn push(&mut self, span: &'a Span) {
        let tags = append(&mut self.tags, span.process.tags.iter().map(Tag::from));
        let service = Cow::Borrowed(span.process.service.as_bytes());
        self.processes.push(DraftProcess { service, tags });
        let first = self.logs.len();
        for log in &span.logs {
            let fields = append(&mut self.tags, log.fields.iter().map(Tag::from));
            self.logs.push(DraftLog { timestamp: log.timestamp, fields });
        }
        let draft = Draft {
            trace_id: span.trace_id,
            span_id: span.span_id,
            operation: Cow::Borrowed(span.operation.as_bytes()),
            references: append(&mut self.references, span.references.iter().copied()),
            flags: span.flags,
            start: span.start,
            duration: span.duration,
            nanos: span.nanos,
            tags: append(&mut self.tags, span.tags.iter().map(Tag::from)),
            logs: first..self.logs.len(),
            process: self.processes.len() - 1,
            warnings: append(
                &mut self.warnings,
                span.warnings.iter().map(|text| Cow::Borrowed(text.as_bytes())),
            ),
        };
        self.spans.push(draft);
    }
}

/// Reuses the memory of a list for items with another lifetime: the standard library collects in
/// place.
fn emptied<A, B>(mut list: Vec<A>) -> Vec<B> {
    list.clear();
    list.into_iter().map_while(|_| None).collect()
}

/// The bytes of a list, without what its items point to.
fn memory<T>(list: &Vec<T>) -> usize {
    list.capacity() * size_of::<T>()
}

/// Adds a tag to a list. It is a function for each type of value, so that the value comes in
/// registers: a `TagValue` that is made by the caller is copied through memory, which takes longer
/// than the call.
#[inline(never)]
pub(crate) fn push_tag<'a, V: Into<TagValue<'a>>>(
    tags: &mut Vec<Tag<'a>>,
    key: &'a [u8],
    value: V,
) {
    tags.push(Tag { key: Cow::Borrowed(key), value: value.into() });
}

/// Appends items to a list, and returns their range.
pub(crate) fn append<T>(list: &mut Vec<T>, items: impl IntoIterator<Item = T>) -> Part {
    let first = list.len();
    list.extend(items);
    first..list.len()
}

impl<'a> From<&'a KeyValue> for Tag<'a> {
    fn from(tag: &'a KeyValue) -> Self {
        let value = match &tag.value {
            Value::String(text) => TagValue::String(Cow::Borrowed(text.as_bytes())),
            Value::Bool(value) => TagValue::Bool(*value),
            Value::Int64(value) => TagValue::Int64(*value),
            Value::Float64(value) => TagValue::Float64(*value),
            Value::Binary(bytes) => TagValue::Binary(Cow::Borrowed(bytes)),
        };
        Tag { key: Cow::Borrowed(tag.key.as_bytes()), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_made_in_the_memory_of_the_last_one() {
        let mut batch = Batch::recycled();
        let first = batch.format_tag("proto");
        assert_eq!(first, 0..1);
        let memory = batch.tags.as_ptr() as usize;
        batch.recycle();
        let mut batch = Batch::recycled();
        assert!(batch.tags.is_empty());
        batch.format_tag("proto");
        assert_eq!(batch.tags.as_ptr() as usize, memory);
        batch.spans.reserve(KEPT / size_of::<Draft<'_>>() + 1);
        batch.recycle();
        assert_eq!(Batch::recycled().tags.capacity(), 0, "a lot of memory is not kept");
        let mut batch = Batch::default();
        batch.logs.reserve(KEPT / size_of::<DraftLog>() + 1);
        batch.recycle();
        assert_eq!(Batch::recycled().logs.capacity(), 0, "in whichever list it is");
    }
}
