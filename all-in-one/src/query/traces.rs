//! `/api/traces`, `/api/traces/{id}` and `/api/archive/{id}`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::response::Response;

use super::adjust::View;
use super::answer::{LogJson, Problem, ProcessJson, ReferenceJson, SpanJson, Tags, TraceJson};
use super::errors::Refusal;
use super::form::Form;
use super::go::parse_bool;
use super::params::Request;
use super::parts::Parts;
use super::{Api, TRACE_NOT_FOUND, json_response, style};
use crate::model::{Process, TraceId};

/// The traces that match, or those that are named.
pub(super) fn search(api: &Arc<Api>, form: &Form) -> Result<Response, Refusal> {
    match Request::parse(form)? {
        Request::Search(search) => respond(api, form, api.store.find_ids(&search), Vec::new()),
        Request::ByIds(ids) => {
            let (found, missing) = ids.into_iter().partition(|id| api.store.has(*id));
            respond(api, form, found, missing)
        }
    }
}

/// One trace.
pub(super) fn one(api: &Arc<Api>, id: &str, form: &Form) -> Result<Response, Refusal> {
    let id: TraceId = id.parse().map_err(Refusal::bad_request)?;
    if !api.store.has(id) {
        return Err(Refusal::trace_not_found());
    }
    respond(api, form, vec![id], Vec::new())
}

/// There is no archive, as in Jaeger unless one is configured.
pub(super) fn archive(id: &str) -> Result<Response, Refusal> {
    id.parse::<TraceId>().map_err(Refusal::bad_request)?;
    Err(Refusal::internal("archive span storage was not configured"))
}

fn respond(
    api: &Arc<Api>,
    form: &Form,
    found: Vec<TraceId>,
    missing: Vec<TraceId>,
) -> Result<Response, Refusal> {
    let raw = parse_bool(form.get("raw")).unwrap_or(false);
    let problem = |id| Problem { code: 0, msg: TRACE_NOT_FOUND.to_owned(), trace_id: Some(id) };
    let errors = missing.into_iter().map(problem).collect();
    let parts = Parts::new(api, found, errors, raw, style(form)).map_err(Refusal::internal)?;
    Ok(json_response(parts.into_body()?))
}

/// The views of a trace's spans as its JSON; nothing where there are none.
pub(super) fn to_json(views: &[View]) -> Option<TraceJson<'_>> {
    let mut processes = Processes::default();
    let spans = views.iter().map(|view| span_json(view, processes.id(&view.process))).collect();
    Some(TraceJson {
        trace_id: views.first()?.trace_id,
        spans,
        processes: processes.into_json(),
        warnings: None,
    })
}

fn span_json(view: &View, process_id: String) -> SpanJson<'_> {
    SpanJson {
        trace_id: view.trace_id,
        span_id: view.span_id,
        flags: view.flags,
        operation: &view.operation,
        references: view
            .references
            .iter()
            .map(|r| ReferenceJson { kind: r.kind, trace_id: r.trace_id, span_id: r.span_id })
            .collect(),
        start: view.start_micros(),
        duration: view.duration,
        tags: Tags(&view.tags),
        logs: view
            .logs
            .iter()
            .map(|log| LogJson { timestamp: log.micros(), fields: Tags(&log.fields) })
            .collect(),
        process_id,
        warnings: Some(&*view.warnings).filter(|warnings| !warnings.is_empty()),
    }
}

/// The processes of a trace, numbered p1, p2, … in the order of their first span.
#[derive(Default)]
struct Processes<'a> {
    numbers: HashMap<&'a Process, usize>,
    // Most spans share their process, which is then found without a look into it.
    known: HashMap<*const Process, usize>,
}

impl<'a> Processes<'a> {
    fn id(&mut self, process: &'a Arc<Process>) -> String {
        let number = *self.known.entry(Arc::as_ptr(process)).or_insert_with(|| {
            let next = self.numbers.len() + 1;
            *self.numbers.entry(process).or_insert(next)
        });
        format!("p{number}")
    }

    fn into_json(self) -> BTreeMap<String, ProcessJson<'a>> {
        let json = |process: &'a Process| ProcessJson {
            service: &process.service,
            tags: Tags(&process.tags),
        };
        let numbers = self.numbers.into_iter();
        numbers.map(|(process, number)| (format!("p{number}"), json(process))).collect()
    }
}
