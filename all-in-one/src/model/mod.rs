//! Jaeger's own span: the one type that everything after a decoder speaks.
//!
//! Times are microseconds since the Unix epoch and durations microseconds, as in Jaeger's wire
//! formats. Text that repeats (operation names, tag keys, hosts) is shared, not copied.

mod batch;
mod ids;
mod span;
mod text;
mod trace;
mod value;

pub use batch::Batch;
pub(crate) use batch::{
    Bytes, Draft, DraftLog, DraftProcess, Part, Tag, TagValue, append, push_tag,
};
pub use ids::{InvalidId, SpanId, TraceId};
pub use span::{Log, Nanos, Process, RefKind, Reference, Span};
pub use text::Text;
pub use trace::Trace;
pub use value::{KeyValue, Value};
