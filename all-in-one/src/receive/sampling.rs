//! How clients are to sample: what a collector answers, and the agent too.
//!
//! Every service is told the same: one trace of a thousand, Jaeger's default where no file of
//! strategies says otherwise.
//!
//! Source: sampling.thrift and sampling.proto in <https://github.com/jaegertracing/jaeger-idl>;
//! as JSON, as Jaeger 1.35 answers.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::server::form::Form;
use crate::server::http::text;

/// How likely a trace is sampled.
const PROBABILITY: f64 = 0.001;

/// The strategy for the service that the query names.
pub(crate) fn strategy(query: &str) -> Response {
    for_service(query, || strategy_of_type("\"PROBABILISTIC\""))
}

/// The same for clients of 2016, to whom the type is a number.
pub(crate) fn strategy_by_number(query: &str) -> Response {
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
    let error = || text(StatusCode::INTERNAL_SERVER_ERROR, format!("collector error: {why}\n"));
    for_service(query, error)
}

fn for_service(query: &str, answer: impl FnOnce() -> Response) -> Response {
    match Form::parse(query).all("service").count() {
        1 => answer(),
        _ => text(StatusCode::BAD_REQUEST, "'service' parameter must be provided once\n"),
    }
}

fn strategy_of_type(kind: &str) -> Response {
    let body = format!(
        r#"{{"strategyType":{kind},"probabilisticSampling":{{"samplingRate":{PROBABILITY}}}}}"#
    );
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
