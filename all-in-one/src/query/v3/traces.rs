//! Traces as OTLP in JSON, written while they are read.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::super::adjust::{Version, View};
use super::super::api::Api;
use super::super::errors::ApiError;
use super::super::stream::AnswerWriter;
use super::super::trace::TraceWriter;
use super::none_found;
use super::sent::sent;
use crate::go_format::times::rfc3339;
use crate::model::{KeyValue, Process, RefKind, Reference, TraceId};
use crate::otlp_json::{
    AnyValue, Array, Attribute, Link, Resource, ResourceSpans, Scope, ScopeSpans, Sent, SpanJson,
    attribute, event, link,
};

/// The attribute of the warnings about a span.
const WARNINGS: &str = "@jaeger@warnings";
const LINK_REMOVED: &str = "Invalid span link removed";

/// Writes traces one after the other in one object.
pub(super) fn write(
    api: &Api,
    ids: &[TraceId],
    raw: bool,
    out: &mut AnswerWriter<'_>,
) -> Result<(), ApiError> {
    let mut before = r#"{"result":{"resourceSpans":["#;
    for id in ids {
        // A trace that was evicted since it was found is left out.
        let Some(mut trace) = TraceWriter::begin_as(api, *id, raw, Version::V3) else { continue };
        trace.each(|views| {
            for spans in resource_spans(views, raw) {
                out.write_all(before.as_bytes())?;
                before = ",";
                serde_json::to_writer(&mut *out, &spans)?;
            }
            Ok(true)
        })?;
    }
    if before != "," {
        return Err(none_found());
    }
    Ok(out.write_all(b"]}}")?)
}

/// The spans, where those that follow each other and share a resource or a scope are together.
pub(in crate::query) fn resource_spans(views: &[View], raw: bool) -> Vec<ResourceSpans<'_>> {
    let mut all: Vec<ResourceSpans<'_>> = Vec::new();
    let mut last: Option<(&Arc<Process>, Scope<'_>)> = None;
    for view in views {
        let sent = sent(&view.tags);
        let scope = sent.scope;
        let same_process = last.is_some_and(|(process, _)| is_same(process, &view.process));
        let same_scope = same_process && last.is_some_and(|(_, before)| before == scope);
        last = Some((&view.process, scope));
        if !same_process {
            let resource = Resource { attributes: resource(&view.process, raw) };
            all.push(ResourceSpans { resource, scope_spans: Vec::new() });
        }
        let Some(ResourceSpans { resource, scope_spans }) = all.last_mut() else { continue };
        let json = span_json(view, sent, raw, &mut resource.attributes);
        match scope_spans.last_mut() {
            Some(scope) if same_scope => scope.spans.push(json),
            _ => scope_spans.push(ScopeSpans { scope, spans: vec![json] }),
        }
    }
    all
}

fn is_same(one: &Arc<Process>, other: &Arc<Process>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

fn resource(process: &Process, raw: bool) -> Vec<Attribute<'_>> {
    let service = Attribute { key: "service.name", value: AnyValue::StringValue(&process.service) };
    let tags = process.tags.iter().filter(|tag| &*tag.key != "service.name").map(attribute);
    let mut attributes: Vec<_> = std::iter::once(service).chain(tags).collect();
    if !raw {
        attributes.sort_by_key(|attribute| attribute.key);
    }
    attributes
}

fn span_json<'a>(
    view: &'a View,
    sent: Sent<'a>,
    raw: bool,
    resource: &mut Vec<Attribute<'a>>,
) -> SpanJson<'a> {
    let mut warnings: Vec<_> =
        view.warnings.iter().map(|text| AnyValue::StringValue(text)).collect();
    let mut attributes: Vec<_> = sent.attributes.into_iter().map(attribute).collect();
    let mut events: Vec<_> = view.logs.iter().map(|log| event(log.nanos(), &log.fields)).collect();
    let mut links = links(view);
    if !raw {
        attributes.sort_by_key(|attribute| attribute.key);
        attributes.retain(|tag| !is_library(tag.key));
        move_to_resource(view, resource, &mut attributes, &mut warnings);
        events.sort_by_key(|event| event.name);
        let before = links.len();
        links.retain(|link| link.trace_id.is_some() && link.span_id.is_some());
        let removed = before - links.len();
        warnings.extend((0..removed).map(|_| AnyValue::StringValue(LINK_REMOVED)));
    }
    let (start, end) = (view.start_nanos(), view.end_nanos());
    if end <= start {
        warnings.insert(0, AnyValue::Made(no_duration(start, end)));
    }
    if !warnings.is_empty() {
        let value = AnyValue::ArrayValue(Array { values: warnings });
        attributes.push(Attribute { key: WARNINGS, value });
    }
    let parent = view.parent();
    SpanJson {
        trace_id: view.trace_id,
        span_id: view.span_id,
        trace_state: sent.trace_state,
        parent_span_id: (parent.0 != 0).then_some(parent),
        name: &view.operation,
        kind: sent.kind,
        start_time_unix_nano: start,
        end_time_unix_nano: end.max(start.saturating_add(1)),
        attributes,
        events,
        links,
        status: sent.status,
    }
}

/// The warning of a span that does not end after its start: it is shown to take a nanosecond.
fn no_duration(start: u64, end: u64) -> String {
    let time = |nanos| rfc3339(UNIX_EPOCH + Duration::from_nanos(nanos));
    let text = |nanos| time(nanos).replace('T', " ").replace('Z', " +0000 UTC");
    let (end, adjusted) = (text(end), text(start.saturating_add(1)));
    format!(
        "Negative duration detected, sanitizing end timestamp. Original end timestamp: {end}, adjusted to: {adjusted}"
    )
}

/// The references that are not the parent. A zero id is an empty one.
fn links(view: &View) -> Vec<Link> {
    let is_parent = |reference: &&Reference| {
        reference.kind == RefKind::ChildOf && reference.trace_id == view.trace_id
    };
    let parent = view.references.iter().find(is_parent);
    let others = view.references.iter();
    let others = others.filter(|other| !parent.is_some_and(|parent| std::ptr::eq(parent, *other)));
    let of = |reference: &Reference| {
        let mut link = link(reference);
        if reference.trace_id.is_zero() {
            link.trace_id = None;
        }
        if reference.span_id.0 == 0 {
            link.span_id = None;
        }
        link
    };
    others.map(of).collect()
}

/// Whether an attribute describes the SDK, and so belongs to the resource.
fn is_library(key: &str) -> bool {
    key.starts_with("telemetry.sdk.") || key.starts_with("telemetry.distro.")
}

/// Moves a span's attributes that describe the SDK to its resource, unless that has other values.
fn move_to_resource<'a>(
    view: &'a View,
    resource: &mut Vec<Attribute<'a>>,
    attributes: &mut Vec<Attribute<'a>>,
    warnings: &mut Vec<AnyValue<'a>>,
) {
    let is_moved = |tag: &&KeyValue| is_library(&tag.key);
    for tag in view.tags.iter().filter(is_moved) {
        match view.process.tag(&tag.key) {
            Some(value) if *value == tag.value => {}
            Some(_) => {
                let why = format!(
                    "conflicting value between Span and Resource for attribute {}",
                    tag.key
                );
                warnings.push(AnyValue::Made(why));
                attributes.push(attribute(tag));
            }
            None if resource.iter().any(|known| known.key == &*tag.key) => {}
            None => resource.push(attribute(tag)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::summaries;
    use super::*;
    use crate::model::{Nanos, Span, SpanId};
    use crate::store::{Limits, Store};
    use crate::ui::WebPages;

    const ID: TraceId = TraceId { high: 0, low: 7 };

    fn span(number: u64) -> Span {
        Span {
            trace_id: ID,
            span_id: SpanId(number + 1),
            operation: "buy".into(),
            references: Box::default(),
            flags: 1,
            start: 1_000_000 + number,
            duration: 100,
            nanos: Nanos::default(),
            tags: Box::default(),
            logs: Box::default(),
            process: Arc::new(Process { service: "shop".into(), tags: Box::default() }),
            warnings: Box::default(),
        }
    }

    fn written(
        write: impl FnOnce(&mut AnswerWriter<'_>) -> Result<(), ApiError>,
    ) -> Result<serde_json::Value, ApiError> {
        let mut text = Vec::new();
        let mut parts = |part: Vec<u8>| {
            text.extend(part);
            Ok(())
        };
        let mut out = AnswerWriter::new(&mut parts);
        write(&mut out)?;
        let last = out.end();
        text.extend(last);
        Ok(serde_json::from_slice(&text).expect("JSON"))
    }

    #[test]
    fn a_long_trace_is_written_in_steps_and_each_span_once() {
        let store = Arc::new(Store::new(Limits { traces: 0, bytes: 64 << 20 }));
        // Each span comes twice, the second time long after the first.
        store.insert(&(0..4_000).map(|number| span(number % 2_000)).collect::<Vec<_>>());
        let api = Api::new(store, WebPages::new(""), Duration::ZERO, String::new());
        for (raw, count) in [(false, 2_000), (true, 4_000)] {
            let json = written(|out| write(&api, &[ID], raw, out)).expect("written");
            let resources = json["result"]["resourceSpans"].as_array().expect("a list");
            let ids: Vec<_> = resources
                .iter()
                .flat_map(|it| it["scopeSpans"][0]["spans"].as_array().expect("a list"))
                .map(|span| span["spanId"].to_string())
                .collect();
            assert_eq!(ids.len(), count);
            assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), 2_000);
        }
        let json = written(|out| summaries::write(&api, &[ID], out)).expect("written");
        assert_eq!(json["summaries"][0]["spanCount"], 2_000);
    }

    #[test]
    fn one_that_was_pushed_out_since_it_was_found_is_not_there() {
        let store = Arc::new(Store::new(Limits { traces: 0, bytes: 1 << 20 }));
        store.insert(&[span(1)]);
        let api = Api::new(store, WebPages::new(""), Duration::ZERO, String::new());
        let gone = TraceId { high: 0, low: 8 };
        assert_eq!(written(|out| write(&api, &[gone], false, out)), Err(none_found()));
        assert!(written(|out| write(&api, &[gone, ID, gone], false, out)).is_ok());
        let none = written(|out| summaries::write(&api, &[gone], out)).expect("written");
        assert_eq!(none, serde_json::json!({ "summaries": [] }));
    }
}
