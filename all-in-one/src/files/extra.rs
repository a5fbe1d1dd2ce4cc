//! What a span has in Jaeger and OTLP has no place for, as an attribute of the span.
//!
//! Where the attribute is present, the span's tags are exactly the attributes before it. The OTLP
//! decoder adds tags of its own, for the kind and the status: those follow it, and are left out.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::model::{
    Batch, Bytes, Draft, Nanos, RefKind, Reference, Span, SpanId, TagValue, TraceId, append,
};

/// The name of the attribute, written like Jaeger 2's `@jaeger@warnings`.
pub(super) const EXTRA: &str = "@jaeger@span";
/// The name under which a process's tag `service.name` is written: in OTLP that is the service.
pub(super) const SERVICE_NAME: &str = "@jaeger@service.name";

/// The attribute's value, in JSON.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Extra {
    flags: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// All references, if they are not a parent followed by links.
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<Vec<ReferenceJson>>,
    /// All times, if one does not fit into 64 bits of nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<Times>,
}

#[derive(Debug, Deserialize, Serialize)]
struct ReferenceJson {
    kind: i32,
    trace: String,
    span: String,
}

/// In microseconds; `nanos` are those of start and duration beyond.
#[derive(Debug, Deserialize, Serialize)]
struct Times {
    start: u64,
    duration: u64,
    nanos: [u16; 2],
    logs: Vec<u64>,
}

impl Extra {
    /// What OTLP has no place for. `None` if that is nothing.
    pub(super) fn of(span: &Span) -> Option<Self> {
        let extra = Extra {
            flags: span.flags,
            warnings: span.warnings.iter().map(|text| text.to_string()).collect(),
            references: (!are_parent_and_links(span)).then(|| references(span)),
            times: (!fit(span)).then(|| times(span)),
        };
        let nothing = extra.flags == 0
            && extra.warnings.is_empty()
            && extra.references.is_none()
            && extra.times.is_none();
        (!nothing).then_some(extra)
    }

    /// Changes a span back.
    fn apply<'a>(self, span: &mut Draft<'a>, batch: &mut Batch<'a>) {
        span.flags = self.flags;
        let warnings = self.warnings.into_iter().map(|text| Bytes::from(text.into_bytes()));
        span.warnings = append(&mut batch.warnings, warnings);
        if let Some(references) = self.references {
            let references = references.iter().filter_map(ReferenceJson::read);
            span.references = append(&mut batch.references, references);
        }
        if let Some(times) = self.times {
            let [start, duration] = times.nanos.map(|nanos| nanos.min(999));
            (span.start, span.duration) = (times.start, times.duration);
            span.nanos = Nanos { start, duration };
            for (log, time) in batch.logs[span.logs.clone()].iter_mut().zip(times.logs) {
                log.timestamp = time;
            }
        }
    }
}

/// Changes the spans back that were written with [`Extra`].
pub(super) fn restore(batch: &mut Batch<'_>) {
    let mut spans = std::mem::take(&mut batch.spans);
    for span in &mut spans {
        let tags = &batch.tags[span.tags.clone()];
        let Some(place) = tags.iter().rposition(|tag| *tag.key == *EXTRA.as_bytes()) else {
            continue;
        };
        let TagValue::String(json) = &tags[place].value else { continue };
        if let Ok(extra) = serde_json::from_slice::<Extra>(json) {
            span.tags.end = span.tags.start + place;
            extra.apply(span, batch);
        }
    }
    batch.spans = spans;
    for process in &batch.processes {
        for tag in &mut batch.tags[process.tags.clone()] {
            if *tag.key == *SERVICE_NAME.as_bytes() {
                tag.key = Cow::Borrowed(b"service.name");
            }
        }
    }
}

/// Whether the references are those that OTLP's parent and links become.
fn are_parent_and_links(span: &Span) -> bool {
    let links = match &*span.references {
        [first, links @ ..] if is_parent(first, span) => links,
        links => links,
    };
    links.iter().all(|link| link.kind == RefKind::FollowsFrom)
}

pub(super) fn is_parent(reference: &Reference, span: &Span) -> bool {
    reference.kind == RefKind::ChildOf
        && reference.trace_id == span.trace_id
        && reference.span_id.0 != 0
}

fn references(span: &Span) -> Vec<ReferenceJson> {
    let json = |reference: &Reference| ReferenceJson {
        kind: match reference.kind {
            RefKind::ChildOf => 0,
            RefKind::FollowsFrom => 1,
            RefKind::Other(number) => number,
        },
        trace: reference.trace_id.to_string(),
        span: reference.span_id.to_string(),
    };
    span.references.iter().map(json).collect()
}

impl ReferenceJson {
    fn read(&self) -> Option<Reference> {
        let span: TraceId = self.span.parse().ok()?;
        let (kind, span_id) = (RefKind::from_number(self.kind), SpanId(span.low));
        Some(Reference { kind, trace_id: self.trace.parse().ok()?, span_id })
    }
}

/// Whether all times fit into 64 bits of nanoseconds.
fn fit(span: &Span) -> bool {
    let nanos = |micros: u64, more: u16| micros.checked_mul(1_000)?.checked_add(more.into());
    let start = nanos(span.start, span.nanos.start);
    let duration = nanos(span.duration, span.nanos.duration);
    let end = start.zip(duration).and_then(|(start, duration)| start.checked_add(duration));
    end.is_some() && span.logs.iter().all(|log| nanos(log.timestamp, 0).is_some())
}

fn times(span: &Span) -> Times {
    Times {
        start: span.start,
        duration: span.duration,
        nanos: [span.nanos.start, span.nanos.duration],
        logs: span.logs.iter().map(|log| log.timestamp).collect(),
    }
}
