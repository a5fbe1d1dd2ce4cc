//! `/api/traces`, `/api/traces/{id}` and `/api/archive/{id}`.

use std::sync::Arc;

use axum::response::Response;

use super::answer::Problem;
use super::errors::Refusal;
use super::form::Form;
use super::go::parse_bool;
use super::params::Request;
use super::parts::Parts;
use super::{Api, TRACE_NOT_FOUND, json_response, style};
use crate::model::TraceId;

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
