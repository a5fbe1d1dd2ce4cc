//! Sampling strategies, as the collector and the agent serve them.
//!
//! Every service gets the same one: one trace in a thousand is sampled. That is Jaeger's default
//! without a file of strategies.
//!
//! Source: sampling.thrift and sampling.proto in <https://github.com/jaegertracing/jaeger-idl>; the
//! JSON is that of Jaeger 1.35.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::server::form::Form;
use crate::server::http::text;

/// The probability that a trace is sampled.
const PROBABILITY: f64 = 0.001;

/// The strategy for the service in the query.
pub(crate) fn strategy(query: &str) -> Response {
    for_service(query, || strategy_of_type("\"PROBABILISTIC\""))
}

/// The same for clients of 2016, which read the type as a number.
pub(crate) fn strategy_by_number(query: &str) -> Response {
    for_service(query, || strategy_of_type("0"))
}

/// The strategy as a `SamplingStrategyResponse` of sampling.proto. The type is zero and so left
/// out; field 2 is a message with the probability in its field 1.
pub(crate) fn strategy_message() -> Bytes {
    let mut message = vec![2 << 3 | 2, 9, 1 << 3 | 1];
    message.extend(PROBABILITY.to_le_bytes());
    message.into()
}

/// Baggage restrictions: Jaeger has none and answers an error, with `why`.
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
