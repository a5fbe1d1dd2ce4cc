//! The agent's HTTP port, 5778 in Jaeger: sampling strategies for clients.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::config::Config;
use crate::error::BindError;
use crate::port::Port;
use crate::receive::strategy;
use crate::server::context::Context;
use crate::server::counters::{Counters, Reason};
use crate::server::door::{self, Opened};
use crate::server::http::not_found;

/// Opens the agent's HTTP port.
pub(crate) fn open(config: &Config, context: &Context) -> Result<Option<Opened>, BindError> {
    door::http(Port::Sampling, config, context, |counters| {
        Router::new().fallback(handle).with_state(Arc::clone(counters))
    })
}

async fn handle(State(counters): State<Arc<Counters>>, method: Method, uri: Uri) -> Response {
    let answer = answer(&method, uri.path(), uri.query().unwrap_or(""));
    if answer.status().is_client_error() {
        counters.refused(Reason::Malformed);
    }
    counters.received();
    answer
}

fn answer(method: &Method, path: &str, query: &str) -> Response {
    let answer = match path {
        "/sampling" => strategy::strategy,
        "/" => strategy::strategy_by_number,
        "/baggageRestrictions" => |query: &str| strategy::baggage(query, "baggage not implemented"),
        _ => return not_found(),
    };
    match *method {
        Method::GET => answer(query),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}
