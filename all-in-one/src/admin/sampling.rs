//! How clients are to sample: the agent's HTTP port 5778, and the answers that the collector
//! gives too.
//!
//! Every service is told the same: one trace of a thousand, Jaeger's default where no file of
//! strategies says otherwise.
//!
//! Source: sampling.thrift and sampling.proto in <https://github.com/jaegertracing/jaeger-idl>;
//! as JSON, as Jaeger 1.35 answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::config::{self, Config};
use crate::error::Error;
use crate::query::{Form, plain};
use crate::receive::{Counters, Intake, Opened, Reason, TcpDoor};

/// How likely a trace is sampled.
const PROBABILITY: f64 = 0.001;

/// Opens the agent's HTTP port.
pub(crate) fn open(config: &Config, intake: &Intake) -> Result<Option<Opened>, Error> {
    let door = TcpDoor {
        name: "http-sampling",
        takes: "sampling strategies",
        setting: config::SAMPLING,
        address: &config.sampling,
    };
    door.http(config, intake, |counters| {
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
        "/sampling" => strategy,
        "/" => strategy_by_number,
        "/baggageRestrictions" => |query: &str| baggage(query, "baggage not implemented"),
        _ => return not_found(),
    };
    match *method {
        Method::GET => answer(query),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// The strategy for the service that the query names.
pub(crate) fn strategy(query: &str) -> Response {
    for_service(query, || strategy_of_type("\"PROBABILISTIC\""))
}

/// The same for clients of 2016, to whom the type is a number.
fn strategy_by_number(query: &str) -> Response {
    for_service(query, || strategy_of_type("0"))
}

/// The strategy as a `SamplingStrategyResponse` of sampling.proto: its type, which is zero, is
/// left out, and in field 2 stands a message with the probability in field 1.
pub(crate) fn strategy_message() -> Bytes {
    let mut message = vec![2 << 3 | 2, 9, 1 << 3 | 1];
    message.extend(PROBABILITY.to_le_bytes());
    message.into()
}

/// Which baggage a service may set: Jaeger does not know, and says so with `why`.
pub(crate) fn baggage(query: &str, why: &str) -> Response {
    let error = || plain(StatusCode::INTERNAL_SERVER_ERROR, format!("collector error: {why}\n"));
    for_service(query, error)
}

/// What Go's router answers to a path that it does not have.
pub(crate) fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn for_service(query: &str, answer: impl FnOnce() -> Response) -> Response {
    match Form::parse(query).all("service").count() {
        1 => answer(),
        _ => plain(StatusCode::BAD_REQUEST, "'service' parameter must be provided once\n"),
    }
}

fn strategy_of_type(kind: &str) -> Response {
    let body = format!(
        r#"{{"strategyType":{kind},"probabilisticSampling":{{"samplingRate":{PROBABILITY}}}}}"#
    );
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
