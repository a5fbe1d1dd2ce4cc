//! A span and what it consists of.

use std::sync::Arc;

use super::ids::{SpanId, TraceId};
use super::text::Text;
use super::value::{KeyValue, Value};

/// One unit of work, as a client reported it.
#[derive(Clone, Debug)]
pub struct Span {
    /// The trace that it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// What was done.
    pub operation: Text,
    /// Links to other spans, the parent among them.
    pub references: Box<[Reference]>,
    /// 1 sampled, 2 debug, 8 firehose.
    pub flags: u32,
    /// When it began, in microseconds since the Unix epoch.
    pub start: u64,
    /// How long it took, in microseconds.
    pub duration: u64,
    /// What both have beyond whole microseconds.
    pub nanos: Nanos,
    /// Its tags, in the order in which they were sent.
    pub tags: Box<[KeyValue]>,
    /// Its logs, in the order in which they were sent.
    pub logs: Box<[Log]>,
    /// Who did it; shared by the spans of a batch.
    pub process: Arc<Process>,
    /// What had to be changed when it was received.
    pub warnings: Box<[Text]>,
}

impl Span {
    /// The first tag with this key.
    pub fn tag(&self, key: &str) -> Option<&Value> {
        find(&self.tags, key)
    }

    /// The service that did it.
    pub fn service(&self) -> &str {
        &self.process.service
    }

    /// The tag `span.kind`: client, server, producer, consumer, or whatever was sent.
    pub fn kind(&self) -> Option<&Value> {
        self.tag("span.kind")
    }

    /// The parent in the same trace: the first reference that says child of.
    pub fn parent(&self) -> Option<SpanId> {
        self.references
            .iter()
            .find(|r| r.kind == RefKind::ChildOf && r.trace_id == self.trace_id)
            .map(|r| r.span_id)
            .filter(|id| id.0 != 0)
    }
}

/// Nanoseconds beyond whole microseconds, each below 1,000. Formats that count in nanoseconds
/// have them; nobody sees them, but the skew between two clocks is told to the nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nanos {
    /// Of the start.
    pub start: u16,
    /// Of the duration.
    pub duration: u16,
}

/// The program that reported spans.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// The service's name.
    pub service: Text,
    /// Host, address, client version and the like.
    pub tags: Box<[KeyValue]>,
}

impl Process {
    /// The first tag with this key.
    pub fn tag(&self, key: &str) -> Option<&Value> {
        find(&self.tags, key)
    }
}

/// Something that happened during a span.
#[derive(Clone, Debug)]
pub struct Log {
    /// When, in microseconds since the Unix epoch.
    pub timestamp: u64,
    /// What: by custom the field `event` names it.
    pub fields: Box<[KeyValue]>,
}

impl Log {
    /// The first field with this key.
    pub fn field(&self, key: &str) -> Option<&Value> {
        find(&self.fields, key)
    }
}

/// A link from one span to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What the link means.
    pub kind: RefKind,
    /// The other span's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
}

/// What a reference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    /// The other span waits for this one.
    ChildOf,
    /// The other span only caused this one.
    FollowsFrom,
    /// A number that Jaeger has no meaning for. It is shown as a child, but makes no parent.
    Other(i32),
}

impl RefKind {
    /// From the number that Jaeger's formats use.
    pub fn from_number(number: i32) -> Self {
        match number {
            0 => RefKind::ChildOf,
            1 => RefKind::FollowsFrom,
            other => RefKind::Other(other),
        }
    }
}

fn find<'a>(tags: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    tags.iter().find(|tag| &*tag.key == key).map(|tag| &tag.value)
}
