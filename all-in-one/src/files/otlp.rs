//! Spans as OTLP in JSON.
//!
//! A span that came as OTLP is written as it came, except that lists and maps in attributes are
//! text by now. Others are written with all their tags as attributes; kind and status are written
//! too, for other readers.

use std::sync::Arc;

use serde::Serialize;

use super::extra::{EXTRA, Extra, SERVICE_NAME, is_parent};
use crate::model::{Process, Reference, Span, Value};
use crate::otlp_json::{
    AnyValue, Attribute, Resource, ResourceSpans, Scope, ScopeSpans, Sent, SpanJson, Status,
    attribute, event, kind, link, nanos, value,
};

/// An `ExportTraceServiceRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    resource_spans: Vec<ResourceSpans<'a>>,
}

/// The request that holds these spans, in their order.
pub(super) fn request(spans: &[Span]) -> Request<'_> {
    let mut resource_spans: Vec<ResourceSpans<'_>> = Vec::new();
    let mut last: Option<(&Arc<Process>, Scope<'_>)> = None;
    for span in spans {
        let (scope, json) = span_json(span);
        let same_process = last.is_some_and(|(process, _)| Arc::ptr_eq(process, &span.process));
        let same_scope = same_process && last.is_some_and(|(_, before)| before == scope);
        last = Some((&span.process, scope));
        if !same_process {
            let attributes = resource(&span.process);
            let resource = Resource { attributes };
            resource_spans.push(ResourceSpans { resource, scope_spans: Vec::new() });
        }
        let Some(ResourceSpans { scope_spans, .. }) = resource_spans.last_mut() else { continue };
        match scope_spans.last_mut() {
            Some(scope) if same_scope => scope.spans.push(json),
            _ => scope_spans.push(ScopeSpans { scope, spans: vec![json] }),
        }
    }
    Request { resource_spans }
}

fn resource(process: &Process) -> Vec<Attribute<'_>> {
    let service = AnyValue::StringValue(&process.service);
    let service = Attribute { key: "service.name", value: service };
    let tags = process.tags.iter().map(|tag| match &*tag.key {
        "service.name" => Attribute { key: SERVICE_NAME, value: value(&tag.value) },
        _ => attribute(tag),
    });
    std::iter::once(service).chain(tags).collect()
}

fn span_json(span: &Span) -> (Scope<'_>, SpanJson<'_>) {
    let extra = Extra::of(span);
    let sent = extra.is_none().then(|| Sent::of(&span.tags)).flatten();
    let sent = sent.filter(|sent| sent.attributes.iter().all(|tag| &*tag.key != EXTRA));
    let is_exact = sent.is_none();
    let sent = sent.unwrap_or_else(|| exact(span));
    let mut attributes: Vec<_> = sent.attributes.into_iter().map(attribute).collect();
    if is_exact {
        let extra = serde_json::to_string(&extra.unwrap_or_default()).unwrap_or_default();
        attributes.push(Attribute { key: EXTRA, value: AnyValue::Made(extra) });
    }
    let start = nanos(span.start, span.nanos.start);
    let end = start.saturating_add(nanos(span.duration, span.nanos.duration));
    let references = span.references.iter();
    let parent = references.clone().find(|reference| is_parent(reference, span));
    let is_link =
        |reference: &&Reference| !parent.is_some_and(|parent| std::ptr::eq(parent, *reference));
    let json = SpanJson {
        trace_id: span.trace_id,
        span_id: span.span_id,
        trace_state: sent.trace_state,
        parent_span_id: parent.map(|parent| parent.span_id),
        name: &span.operation,
        kind: sent.kind,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        events: span.logs.iter().map(|log| event(nanos(log.timestamp, 0), &log.fields)).collect(),
        links: references.filter(is_link).map(link).collect(),
        status: sent.status,
    };
    (sent.scope, json)
}

/// All tags as attributes.
fn exact(span: &Span) -> Sent<'_> {
    let error = span.tag("error");
    let is_error = matches!(error, Some(Value::Bool(true)))
        || error.and_then(Value::as_str).is_some_and(|text| text == "true");
    Sent {
        scope: Scope::default(),
        attributes: span.tags.iter().collect(),
        kind: span.tags.iter().map(kind).find(|kind| *kind > 0).unwrap_or_default(),
        status: Status { message: "", code: if is_error { 2 } else { 0 } },
        trace_state: "",
    }
}
