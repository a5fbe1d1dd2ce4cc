//! `/api/v3`: the API of Jaeger 2.x, which its newer web pages ask. Traces are OTLP in JSON.
//!
//! What the store does not keep of OTLP is not answered: lists and maps in attributes are text,
//! and attributes of scopes and links, dropped counts and flags are missing. The filter of later
//! versions, `query.filter`, is off, as it is there by default.

pub(super) mod find;
pub(super) mod params;
mod sent;
mod summaries;
pub(super) mod traces;

use axum::http::StatusCode;
use serde::Serialize;

use super::answer::OperationJson;
use super::api::Api;
use super::errors::ApiError;
use super::stream::AnswerWriter;
use crate::server::form::{Form, unescape};
use crate::store::Operation;
use params::{Query, SingleTrace};

/// What is served below `/api/v3`.
pub(super) enum Route {
    Services,
    Operations,
    Trace(String),
    Traces,
    Summaries,
}

impl Route {
    /// The route of a path below `/api/v3`.
    pub(super) fn find(segments: &[&str]) -> Option<Self> {
        Some(match segments {
            ["services"] => Route::Services,
            ["operations"] => Route::Operations,
            ["traces"] => Route::Traces,
            ["traces", id] if !id.is_empty() => Route::Trace(unescape(id, false)?),
            ["trace-summaries"] => Route::Summaries,
            _ => return None,
        })
    }

    pub(super) fn answer(
        &self,
        api: &Api,
        form: &Form,
        out: &mut AnswerWriter<'_>,
    ) -> Result<(), ApiError> {
        match self {
            Route::Services => services(api, out),
            Route::Operations => operations(api, form, out),
            Route::Trace(id) => {
                let SingleTrace { id, raw } = SingleTrace::parse(id, form)?;
                if !api.has(id) {
                    return Err(none_found());
                }
                traces::write(api, &[id], raw, out)
            }
            Route::Traces => {
                let query = Query::parse(form)?;
                traces::write(api, &api.find(|store| find::find(store, &query)), query.raw, out)
            }
            Route::Summaries => {
                let query = Query::parse(form)?;
                summaries::write(api, &api.find(|store| find::find(store, &query)), out)
            }
        }
    }
}

/// No trace is found.
fn none_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "No traces found")
}

fn services(api: &Api, out: &mut AnswerWriter<'_>) -> Result<(), ApiError> {
    #[derive(Serialize)]
    struct Services<'a> {
        services: Vec<&'a str>,
    }
    let names = api.services();
    let services = names.iter().map(|name| &**name).collect();
    Ok(serde_json::to_writer(out, &Services { services })?)
}

fn operations(api: &Api, form: &Form, out: &mut AnswerWriter<'_>) -> Result<(), ApiError> {
    #[derive(Serialize)]
    struct Operations<'a> {
        operations: Vec<OperationJson<'a>>,
    }
    let (_, kind) = params::first(form, &["spanKind", "span_kind"]);
    let found = operations_of(api, form.get("service"), kind);
    let json = found.iter().map(|it| OperationJson { name: &it.name, kind: shown_kind(it) });
    let answer = Operations { operations: json.collect() };
    Ok(serde_json::to_writer(out, &answer)?)
}

/// The operations of a service, of one kind unless that is empty.
pub(super) fn operations_of(api: &Api, service: &str, kind: &str) -> Vec<Operation> {
    let mut found = api.operations(service);
    // Jaeger looks for the stored kind, which is empty where it shows `internal`.
    found.retain(|operation| kind.is_empty() || *operation.kind == *kind);
    found
}

/// The kind that is shown.
pub(super) fn shown_kind(operation: &Operation) -> &str {
    if operation.kind.is_empty() { "internal" } else { &operation.kind }
}
