//! OTLP's spans to Jaeger's, with the tags and the order that Jaeger 1.35 gives them.
//!
//! Source: <https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/>, and what
//! Jaeger answers for the recorded requests.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use otlp::span::SpanKind;
use otlp::status::StatusCode;

use super::attribute;
use crate::model::{
    KeyValue, Log, Nanos, Process, RefKind, Reference, Span, SpanId, Text, TraceId, Value,
};
use crate::receive::intern::Interner;
use crate::receive::warnings::NEGATIVE_DURATION;

/// How Jaeger marks what came by OTLP.
const FORMAT: &str = "proto";
/// The service of spans that came without a resource.
const NO_RESOURCE: &str = "OTLPResourceNoServiceName";
const SERVICE_NAME: &str = "service.name";
/// The tags that a span may get beside its attributes.
const MORE_TAGS: usize = 8;

/// The spans of a request.
#[derive(Debug)]
pub(super) struct Translated {
    /// Those that can be kept, in the order sent.
    pub(super) spans: Vec<Span>,
    /// How many cannot: an id is zero or of the wrong length.
    pub(super) refused: u64,
}

/// Translates the spans of all resources.
pub(super) fn spans(traces: Vec<otlp::ResourceSpans>, interner: &mut Interner) -> Translated {
    let (mut spans, mut refused) = (Vec::new(), 0);
    for resource in traces {
        let process = process(resource.resource, interner);
        for scope in resource.scope_spans {
            let library = library(scope.scope, interner);
            for sent in scope.spans {
                match span(sent, &process, &library, interner) {
                    Some(span) => spans.push(span),
                    None => refused += 1,
                }
            }
        }
    }
    Translated { spans, refused }
}

fn process(resource: Option<Resource>, interner: &mut Interner) -> Arc<Process> {
    let attributes = resource.map(|resource| resource.attributes).unwrap_or_default();
    if attributes.is_empty() {
        let service = interner.text(NO_RESOURCE.as_bytes());
        return interner.process(service, Vec::new());
    }
    let (names, others): (Vec<_>, _) =
        attributes.into_iter().partition(|attribute| attribute.key == SERVICE_NAME);
    // A name that is no text counts as an empty one.
    let name = names.into_iter().next().and_then(|name| name.value?.value);
    let service = match name {
        Some(any_value::Value::StringValue(name)) => interner.text(name.as_bytes()),
        _ => interner.text(b""),
    };
    let tags = attribute::tags(others, 0, interner);
    interner.process(service, tags)
}

/// The tags that name the instrumentation: the first of each of its spans.
fn library(scope: Option<InstrumentationScope>, interner: &mut Interner) -> Vec<KeyValue> {
    let scope = scope.unwrap_or_default();
    let mut tags = Vec::new();
    push_text(&mut tags, "otel.library.name", &scope.name, interner);
    push_text(&mut tags, "otel.library.version", &scope.version, interner);
    tags
}

fn span(
    sent: otlp::Span,
    process: &Arc<Process>,
    library: &[KeyValue],
    interner: &mut Interner,
) -> Option<Span> {
    let trace_id = trace_id(&sent.trace_id)?;
    let span_id = span_id(&sent.span_id)?;
    let references = references(&sent, trace_id)?;
    let logs: Vec<_> = sent.events.into_iter().map(|event| log(event, interner)).collect();
    let duration = sent.end_time_unix_nano.checked_sub(sent.start_time_unix_nano);
    let warnings: Vec<Text> = match duration {
        Some(_) => Vec::new(),
        None => vec![interner.text(NEGATIVE_DURATION.as_bytes())],
    };

    let mut tags = attribute::tags(sent.attributes, MORE_TAGS, interner);
    tags.splice(0..0, library.iter().cloned());
    push_kind(&mut tags, sent.kind, interner);
    push_status(&mut tags, sent.status.unwrap_or_default(), interner);
    push_text(&mut tags, "w3c.tracestate", &sent.trace_state, interner);
    tags.push(interner.format_tag(FORMAT));

    interner.charge(
        references.len() * size_of::<Reference>()
            + tags.len() * size_of::<KeyValue>()
            + logs.len() * size_of::<Log>(),
    );
    Some(Span {
        trace_id,
        span_id,
        operation: interner.text(sent.name.as_bytes()),
        references: references.into(),
        flags: 0, // OTLP has them since 2023, Jaeger does not show them
        start: micros(sent.start_time_unix_nano),
        duration: micros(duration.unwrap_or(0)),
        nanos: Nanos {
            start: below_micro(sent.start_time_unix_nano),
            duration: below_micro(duration.unwrap_or(0)),
        },
        tags: tags.into(),
        logs: logs.into(),
        process: Arc::clone(process),
        warnings: warnings.into(),
    })
}

/// The parent, then the links; `None` where one of their ids has the wrong length.
fn references(sent: &otlp::Span, trace_id: TraceId) -> Option<Vec<Reference>> {
    let mut references = Vec::with_capacity(sent.links.len() + 1);
    let parent = SpanId(number(&sent.parent_span_id)?);
    if parent.0 != 0 {
        references.push(Reference { kind: RefKind::ChildOf, trace_id, span_id: parent });
    }
    for link in &sent.links {
        references.push(Reference {
            kind: RefKind::FollowsFrom,
            trace_id: pair(&link.trace_id)?,
            span_id: SpanId(number(&link.span_id)?),
        });
    }
    Some(references)
}

fn log(event: otlp::span::Event, interner: &mut Interner) -> Log {
    let named = event.attributes.iter().any(|attribute| attribute.key == "event");
    let mut fields = attribute::tags(event.attributes, 1, interner);
    if !named && !event.name.is_empty() {
        let key = interner.text(b"event");
        let name = interner.text(event.name.as_bytes());
        fields.insert(0, KeyValue::text(key, name));
    }
    interner.charge(fields.len() * size_of::<KeyValue>());
    Log { timestamp: micros(event.time_unix_nano), fields: fields.into() }
}

fn push_kind(tags: &mut Vec<KeyValue>, kind: i32, interner: &mut Interner) {
    let kind = match SpanKind::try_from(kind) {
        Ok(SpanKind::Internal) => "internal",
        Ok(SpanKind::Server) => "server",
        Ok(SpanKind::Client) => "client",
        Ok(SpanKind::Producer) => "producer",
        Ok(SpanKind::Consumer) => "consumer",
        Ok(SpanKind::Unspecified) | Err(_) => return,
    };
    push_text(tags, "span.kind", kind, interner);
}

fn push_status(tags: &mut Vec<KeyValue>, status: otlp::Status, interner: &mut Interner) {
    match StatusCode::try_from(status.code) {
        Ok(StatusCode::Error) => {
            push_text(tags, "otel.status_code", "ERROR", interner);
            tags.push(KeyValue { key: interner.text(b"error"), value: Value::Bool(true) });
        }
        Ok(StatusCode::Ok) => push_text(tags, "otel.status_code", "OK", interner),
        Ok(StatusCode::Unset) | Err(_) => {}
    }
    push_text(tags, "otel.status_description", &status.message, interner);
}

/// Adds a tag unless its text is empty.
fn push_text(tags: &mut Vec<KeyValue>, key: &str, text: &str, interner: &mut Interner) {
    if !text.is_empty() {
        let key = interner.text(key.as_bytes());
        tags.push(KeyValue::text(key, interner.text(text.as_bytes())));
    }
}

/// A trace's id that a span may have: of 16 bytes, not all zero.
fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    pair(bytes).filter(|id| !id.is_zero())
}

/// A span's own id: of 8 bytes, not all zero.
fn span_id(bytes: &[u8]) -> Option<SpanId> {
    number(bytes).map(SpanId).filter(|id| id.0 != 0)
}

/// 16 bytes, or none for zero.
fn pair(bytes: &[u8]) -> Option<TraceId> {
    match bytes.len() {
        0 => Some(TraceId::default()),
        16 => Some(TraceId { high: number(&bytes[..8])?, low: number(&bytes[8..])? }),
        _ => None,
    }
}

/// 8 bytes, or none for zero.
fn number(bytes: &[u8]) -> Option<u64> {
    match bytes.len() {
        0 => Some(0),
        8 => bytes.try_into().ok().map(u64::from_be_bytes),
        _ => None,
    }
}

/// What is left of nanoseconds beyond whole microseconds.
fn below_micro(nanos: u64) -> u16 {
    (nanos % 1_000) as u16
}

/// Nanoseconds as whole microseconds.
fn micros(nanos: u64) -> u64 {
    nanos / 1_000
}
