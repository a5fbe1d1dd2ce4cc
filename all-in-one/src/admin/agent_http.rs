//! The agent's HTTP port, 5778 in Jaeger: sampling strategies for clients.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::config::Config;
use crate::error::BindError;
use crate::port::Port;
use crate::receive::intake::Intake;
use crate::receive::strategy::{self, Form, Strategies};
use crate::server::counters::{Counters, Reason};
use crate::server::door::{self, Opened};
use crate::server::http::not_found;

/// Opens the agent's HTTP port.
pub(crate) fn open(config: &Config, intake: &Intake) -> Result<Option<Opened>, BindError> {
    door::http(Port::Sampling, config, &intake.context, |counters| {
        let state = (Arc::clone(&intake.strategies), Arc::clone(counters));
        Router::new().fallback(handle).with_state(state)
    })
}

async fn handle(
    State((strategies, counters)): State<(Arc<Strategies>, Arc<Counters>)>,
    method: Method,
    uri: Uri,
) -> Response {
    let answer = answer(&strategies, &method, uri.path(), uri.query().unwrap_or(""));
    if answer.status().is_client_error() {
        counters.refused(Reason::Malformed);
    }
    counters.received();
    answer
}

fn answer(strategies: &Strategies, method: &Method, path: &str, query: &str) -> Response {
    match (path, method) {
        ("/sampling", &Method::GET) => strategies.answer(query, Form::Agent),
        ("/", &Method::GET) => strategies.answer(query, Form::AgentByNumber),
        ("/baggageRestrictions", &Method::GET) => {
            strategy::baggage(query, "baggage not implemented")
        }
        ("/sampling" | "/" | "/baggageRestrictions", _) => {
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        }
        _ => not_found(),
    }
}
