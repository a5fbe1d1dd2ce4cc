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
                traces::write(api, &[id], raw, out)
            }
            Route::Traces => {
                let query = Query::parse(form)?;
                traces::write(api, &find::find(&api.store, &query), query.raw, out)
            }
            Route::Summaries => {
                summaries::write(api, &find::find(&api.store, &Query::parse(form)?), out)
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
    let names = api.store.services();
    let services = names.iter().map(|name| &**name).collect();
    Ok(serde_json::to_writer(out, &Services { services })?)
}

fn operations(api: &Api, form: &Form, out: &mut AnswerWriter<'_>) -> Result<(), ApiError> {
    #[derive(Serialize)]
    struct Operations<'a> {
        operations: Vec<OperationJson<'a>>,
    }
    let (_, kind) = params::first(form, &["spanKind", "span_kind"]);
    let found = api.store.operations(form.get("service"));
    // Jaeger looks for the stored kind, which is empty where it shows `internal`.
    let found = found.iter().filter(|operation| kind.is_empty() || *operation.kind == *kind);
    let shown = |kind| if str::is_empty(kind) { "internal" } else { kind };
    let json = found.map(|it| OperationJson { name: &it.name, kind: shown(&it.kind) });
    let answer = Operations { operations: json.collect() };
    Ok(serde_json::to_writer(out, &answer)?)
}
