//! Finds the traces of a search. The store finds candidates by its index; here each is read until a
//! span meets all conditions, which are more than the index knows.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::params::{Query, base64};
use super::sent::sent;
use crate::go_format::numbers::json_float;
use crate::model::{KeyValue, Span, TraceId, Value};
use crate::otlp_json::KINDS;
use crate::store::{Search, Store};

/// By how much more candidates are asked for where the first ones were not enough.
const GROWTH: usize = 8;

/// The ids of the traces that have a span which meets every condition, the newest first.
pub(in crate::query) fn find(store: &Store, query: &Query) -> Vec<TraceId> {
    let mut known = HashMap::new();
    let mut search = search(query);
    loop {
        let limit = search.limit.unwrap_or(usize::MAX);
        let candidates = store.find_ids(&search);
        let mut is_meant = |id: &TraceId| {
            *known.entry(*id).or_insert_with(|| any(store, *id, |span| is_match(query, span)))
        };
        let found: Vec<_> =
            candidates.iter().copied().filter(&mut is_meant).take(query.depth).collect();
        if found.len() >= query.depth || candidates.len() < limit {
            return found;
        }
        search.limit = limit.checked_mul(GROWTH);
    }
}

/// Conditions that the store knows. They let every span through that is meant.
fn search(query: &Query) -> Search {
    let micros = |nanos: i128| i64::try_from(nanos.div_euclid(1_000)).unwrap_or(i64::MAX);
    Search {
        service: query.service.clone(),
        operation: if query.service.is_empty() { String::new() } else { query.operation.clone() },
        tags: query.attributes.iter().filter(|tag| is_indexed(tag)).cloned().collect(),
        earliest: micros(query.starts.0),
        latest: micros(query.starts.1),
        // A duration below a microsecond is 0 there.
        shortest: query.shortest.map(|nanos| nanos.saturating_sub(nanos.rem_euclid(1_000))),
        longest: query.longest,
        limit: Some(query.depth),
    }
}

/// Whether the store finds an attribute by the same text. Numbers and bytes have another one there.
fn is_indexed((key, value): &(String, String)) -> bool {
    let is_special = matches!(
        &**key,
        "error" | "span.status" | "span.kind" | "scope.name" | "scope.version" | "service.name"
    );
    let is_other_text = value.parse::<f64>().is_ok() || base64(value).is_some();
    !is_special && !key.starts_with("resource.") && !is_other_text
}

/// Whether a span of a trace is meant.
fn any(store: &Store, id: TraceId, is_meant: impl Fn(&Span) -> bool) -> bool {
    let Some(mut reading) = store.begin(id) else { return false };
    while let Some(spans) = store.read_on(&mut reading).filter(|spans| !spans.is_empty()) {
        if spans.iter().any(&is_meant) {
            return true;
        }
    }
    false
}

fn is_match(query: &Query, span: &Span) -> bool {
    let nanos = |micros: u64, more: u16| i128::from(micros) * 1_000 + i128::from(more);
    let start = nanos(span.start, span.nanos.start);
    let duration = nanos(span.duration, span.nanos.duration).max(1);
    let (earliest, latest) = query.starts;
    (query.service.is_empty() || *span.process.service == *query.service)
        && (query.operation.is_empty() || *span.operation == *query.operation)
        && (earliest..=latest).contains(&start)
        && query.shortest.is_none_or(|shortest| duration >= shortest.into())
        && query.longest.is_none_or(|longest| duration <= longest.into())
        && has_attributes(query, span)
}

fn has_attributes(query: &Query, span: &Span) -> bool {
    if query.attributes.is_empty() {
        return true;
    }
    let sent = sent(&span.tags);
    let status = sent.status.code;
    query.attributes.iter().all(|(key, value)| match &**key {
        "error" => match &**value {
            "true" => status == 2,
            "false" => status != 2,
            _ => false,
        },
        "span.status" => {
            let place = ["", "ok", "error"].iter().position(|it| it.eq_ignore_ascii_case(value));
            status == place.unwrap_or_default()
        }
        "span.kind" => {
            let place = KINDS.iter().position(|kind| kind.eq_ignore_ascii_case(value));
            sent.kind == place.map_or(0, |place| place + 1)
        }
        "scope.name" => sent.scope.name == value,
        "scope.version" => sent.scope.version == value,
        key => match key.strip_prefix("resource.") {
            Some(key) => in_resource(span, key, value),
            None => {
                sent.attributes.iter().any(|tag| is(tag, key, value))
                    || in_resource(span, key, value)
                    || span.logs.iter().any(|log| has(&log.fields, key, value))
            }
        },
    })
}

fn in_resource(span: &Span, key: &str, value: &str) -> bool {
    key == "service.name" && *span.process.service == *value || has(&span.process.tags, key, value)
}

fn has(tags: &[KeyValue], key: &str, value: &str) -> bool {
    tags.iter().any(|tag| is(tag, key, value))
}

/// Whether it is an attribute with this key, whose value has this text.
fn is(tag: &KeyValue, key: &str, text: &str) -> bool {
    *tag.key == *key
        && match &tag.value {
            Value::Float64(number) => json_float(*number) == text,
            Value::Binary(bytes) => BASE64.encode(bytes) == text,
            other => other.matches(text),
        }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Nanos, Process, SpanId};
    use crate::server::form::Form;
    use crate::store::Limits;

    /// A trace of one span that starts `number` microseconds after a second, and 500 ns.
    fn span(number: u64) -> Span {
        let size = Value::Float64(number as f64 / 7.0);
        let user = format!("user {}", number % 1_000);
        Span {
            trace_id: TraceId { high: 0, low: number + 1 },
            span_id: SpanId(1),
            operation: "buy".into(),
            references: Box::default(),
            flags: 1,
            start: 1_000_000 + number,
            duration: 100,
            nanos: Nanos { start: 500, duration: 7 },
            tags: [KeyValue::text("user", user), KeyValue { key: "size".into(), value: size }]
                .into(),
            logs: Box::default(),
            process: Arc::new(Process { service: "shop".into(), tags: Box::default() }),
            warnings: Box::default(),
        }
    }

    fn found(store: &Store, query: &str) -> Vec<u64> {
        let times =
            "query.startTimeMin=1970-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z";
        let text = if query.contains("startTime") { query } else { &format!("{times}&{query}") };
        let query = Query::parse(&Form::parse(text)).expect("a query");
        find(store, &query).into_iter().map(|id| id.low - 1).collect()
    }

    #[test]
    fn the_newest_are_found_however_many_others_come_first() {
        let store = Store::new(Limits { traces: 0, bytes: 64 << 20 });
        store.insert(&(0..3_000).map(span).collect::<Vec<_>>());
        let of = |tag: &str| format!("query.searchDepth=2&query.attributes={{{tag}}}");
        for (query, numbers) in [
            (of(r#""user":"user 5""#), &[2_005, 1_005][..]),
            (of(r#""size":"1""#), &[7]),
            (of(r#""size":"0.14285714285714285""#), &[1]),
            (of(r#""size":"0.1428571429""#), &[]),
            (of(r#""span.kind":"robot""#), &[2_999, 2_998]),
            (of(r#""error":"true""#), &[]),
            ("query.durationMin=100007ns&query.searchDepth=1".to_owned(), &[2_999]),
            ("query.durationMin=100008ns".to_owned(), &[]),
            ("query.durationMax=100006ns".to_owned(), &[]),
            ("query.serviceName=nobody".to_owned(), &[]),
            ("query.operationName=sell".to_owned(), &[]),
            (
                "query.startTimeMin=1970-01-01T00:00:01.0000015Z&query.startTimeMax=1970-01-01T00:00:01.000003499Z"
                    .to_owned(),
                &[2, 1],
            ),
        ] {
            assert_eq!(found(&store, &query), numbers, "{query}");
            let named = format!("{query}&query.service_name=shop");
            assert_eq!(found(&store, &named), numbers, "{named}");
        }
    }
}
