//! A span and its parts.

use std::sync::Arc;

use super::ids::{SpanId, TraceId};
use super::text::Text;
use super::value::{KeyValue, Value};

/// A unit of work, as a client reported it.
#[derive(Clone, Debug)]
pub struct Span {
    /// The trace that it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The name of its operation.
    pub operation: Text,
    /// References to other spans, including the parent.
    pub references: Box<[Reference]>,
    /// 1 sampled, 2 debug, 8 firehose.
    pub flags: u32,
    /// Its start, in microseconds since the Unix epoch.
    pub start: u64,
    /// Its duration, in microseconds.
    pub duration: u64,
    /// The nanoseconds of both beyond whole microseconds.
    pub nanos: Nanos,
    /// Its tags, in the order in which they were sent.
    pub tags: Box<[KeyValue]>,
    /// Its logs, in the order in which they were sent.
    pub logs: Box<[Log]>,
    /// The process that reported it; shared by the spans of a batch.
    pub process: Arc<Process>,
    /// Warnings about what was changed when it was received.
    pub warnings: Box<[Text]>,
}

impl Span {
    /// The first tag with this key.
    pub fn tag(&self, key: &str) -> Option<&Value> {
        find(&self.tags, key)
    }

    /// Its service.
    pub fn service(&self) -> &str {
        &self.process.service
    }

    /// The tag `span.kind`: client, server, producer, consumer, or something else that was sent.
    pub fn kind(&self) -> Option<&Value> {
        self.tag("span.kind")
    }

    /// The parent in the same trace: the first reference of the kind child-of.
    pub fn parent(&self) -> Option<SpanId> {
        self.references
            .iter()
            .find(|r| r.kind == RefKind::ChildOf && r.trace_id == self.trace_id)
            .map(|r| r.span_id)
            .filter(|id| id.0 != 0)
    }
}

/// Nanoseconds beyond whole microseconds, each below 1,000. Some formats have them. They are not
/// shown, but clock skew is computed with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nanos {
    /// Those of the start.
    pub start: u16,
    /// Those of the duration.
    pub duration: u16,
}

/// The program that reported spans.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// The service's name.
    pub service: Text,
    /// Host, address, client version and so on.
    pub tags: Box<[KeyValue]>,
}

impl Process {
    /// The first tag with this key.
    pub fn tag(&self, key: &str) -> Option<&Value> {
        find(&self.tags, key)
    }
}

/// An event during a span.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its time, in microseconds since the Unix epoch.
    pub timestamp: u64,
    /// Its fields; by convention `event` names it.
    pub fields: Box<[KeyValue]>,
}

impl Log {
    /// The first field with this key.
    pub fn field(&self, key: &str) -> Option<&Value> {
        find(&self.fields, key)
    }
}

/// A reference from one span to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The kind of reference.
    pub kind: RefKind,
    /// The other span's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
}

/// The kinds of reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    /// The other span waits for this one.
    ChildOf,
    /// The other span caused this one and does not wait for it.
    FollowsFrom,
    /// A number without a meaning in Jaeger. It is shown as child-of, but does not make a parent.
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
