//! `/api/traces`, `/api/traces/{id}` and `/api/archive/{id}`.

use std::io::Write;

use super::answer::{Answer, Problem};
use super::api::{Api, style};
use super::errors::ApiError;
use super::errors::TRACE_NOT_FOUND;
use super::params::Request;
use super::stream::AnswerWriter;
use super::trace::TraceWriter;
use crate::go_format::json::{self, Mark};
use crate::go_format::numbers::parse_bool;
use crate::model::TraceId;
use crate::server::form::Form;

/// The traces that match a search, or that the request names.
pub(super) fn search(api: &Api, form: &Form, out: &mut AnswerWriter<'_>) -> Result<(), ApiError> {
    let (found, missing) = match Request::parse(form)? {
        Request::Search(search) => (api.find(|store| store.find_ids(&search)), Vec::new()),
        Request::ByIds(ids) => ids.into_iter().partition(|id| api.has(*id)),
    };
    write(api, form, out, &found, missing, raw(form))
}

/// One trace.
pub(super) fn one(
    api: &Api,
    id: &str,
    form: &Form,
    out: &mut AnswerWriter<'_>,
) -> Result<(), ApiError> {
    let id: TraceId = id.parse().map_err(ApiError::bad_request)?;
    if !api.has(id) {
        return Err(ApiError::trace_not_found());
    }
    write(api, form, out, &[id], Vec::new(), raw(form))
}

/// There is no archive; Jaeger has none by default either.
pub(super) fn archive(id: &str) -> Result<(), ApiError> {
    id.parse::<TraceId>().map_err(ApiError::bad_request)?;
    Err(ApiError::internal("archive span storage was not configured"))
}

/// The answer to a request for these traces, as a whole.
pub(crate) fn json(api: &Api, ids: &[TraceId]) -> String {
    let mut parts = Vec::new();
    let mut keep = |part: Vec<u8>| {
        parts.extend(part);
        Ok(())
    };
    let mut out = AnswerWriter::new(&mut keep);
    let written = write(api, &Form::default(), &mut out, ids, Vec::new(), false);
    let last = out.end();
    parts.extend(last);
    // It is cut short if a trace was evicted meanwhile.
    written.map(|()| String::from_utf8_lossy(&parts).into_owned()).unwrap_or_default()
}

/// Whether the traces are asked for as they were sent.
fn raw(form: &Form) -> bool {
    parse_bool(form.get("raw")).unwrap_or(false)
}

/// Writes traces.
pub(super) fn write(
    api: &Api,
    form: &Form,
    out: &mut AnswerWriter<'_>,
    found: &[TraceId],
    missing: Vec<TraceId>,
    raw: bool,
) -> Result<(), ApiError> {
    let style = style(form);
    let problem = |id| Problem { code: 0, msg: TRACE_NOT_FOUND.to_owned(), trace_id: Some(id) };
    let errors = Some(missing.into_iter().map(problem).collect());
    let errors = errors.filter(|errors: &Vec<_>| !errors.is_empty());
    let answer = Answer { errors, ..Answer::of(vec![Mark; 2]) };
    let [begin, between, end] = json::around(&answer, style, 0)?;
    let mut begun = false;
    for id in found {
        // A trace that was evicted since it was found is left out.
        if let Some(trace) = TraceWriter::begin(api, *id, raw) {
            out.write_all(if begun { &between } else { &begin })?;
            begun = true;
            trace.write(out, style)?;
        }
    }
    if !begun {
        return Ok(json::append(out, &Answer { data: Some(Vec::new()), ..answer }, style, 0)?);
    }
    Ok(out.write_all(&end)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::model::{KeyValue, Nanos, Process, Span, SpanId};
    use crate::store::{Limits, Store};
    use crate::ui::WebPages;

    fn span(trace: u64) -> Span {
        Span {
            trace_id: TraceId { high: 0, low: trace },
            span_id: SpanId(trace),
            operation: "buy".into(),
            references: Box::default(),
            flags: 1,
            start: 1_000_000 + trace,
            duration: 100,
            nanos: Nanos::default(),
            tags: [KeyValue::text("user", "ada")].into(),
            logs: Box::default(),
            process: Arc::new(Process { service: "shop".into(), tags: Box::default() }),
            warnings: Box::default(),
        }
    }

    #[test]
    fn one_that_was_pushed_out_since_it_was_found_is_left_out() {
        let store = Arc::new(Store::new(Limits { traces: 0, bytes: 1 << 20 }));
        store.insert(&[span(1), span(2)]);
        let api = Api::new(store, WebPages::new(""), Duration::ZERO, String::new());
        let written = |ids: &[u64], query: &str| {
            let ids: Vec<_> = ids.iter().map(|low| TraceId { high: 0, low: *low }).collect();
            let mut none = |_| Ok(());
            let mut out = AnswerWriter::new(&mut none);
            write(&api, &Form::parse(query), &mut out, &ids, Vec::new(), false).expect("written");
            String::from_utf8(out.end()).expect("UTF-8")
        };
        for query in ["", "prettyPrint=true"] {
            assert_eq!(written(&[7, 1, 8, 2, 9], query), written(&[1, 2], query));
            assert_eq!(written(&[7, 8], query), written(&[], query));
        }
        let empty = r#"{"data":[],"total":0,"limit":0,"offset":0,"errors":null}"#;
        assert_eq!(written(&[], ""), empty);
    }
}
