//! OTLP over HTTP: `POST /v1/traces` on port 4318, in protobuf or JSON. Other signals are received
//! and not kept.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>. Statuses are those of Jaeger 1.35.
//! An error is a `google.rpc.Status` in the encoding of the request.

use std::sync::Arc;

use super::answer::{ErrorAnswer, ExportAnswer};
use super::exporter::{Exporter, shortened};
use super::others::Signal;
use crate::config::Config;
use crate::error::BindError;
use crate::port::Port;
use crate::receive::intake::Intake;
use crate::server::body::BodyError;
use crate::server::counters::Reason;
use crate::server::door::{self, Opened};
use crate::server::http;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

const NO_POST: &str = "405 method not allowed, supported: [POST]";
const NO_KNOWN_TYPE: &str =
    "415 unsupported media type, supported: [application/json, application/x-protobuf]";
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
/// gRPC's codes for errors: <https://grpc.io/docs/guides/status-codes/>.
const UNKNOWN: u32 = 2;
const INVALID_ARGUMENT: u32 = 3;
const DEADLINE_EXCEEDED: u32 = 4;
const RESOURCE_EXHAUSTED: u32 = 8;
const UNIMPLEMENTED: u32 = 12;
const UNAVAILABLE: u32 = 14;
/// The seconds after which a client may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Opens the door.
pub(crate) fn open(config: &Config, intake: &Intake) -> Result<Option<Opened>, BindError> {
    door::http(Port::OtlpHttp, config, &intake.context, |counters| {
        router(Arc::new(Exporter::new(intake, counters)))
    })
}

fn router(exporter: Arc<Exporter>) -> Router {
    Router::new()
        .route("/v1/traces", any(receive))
        .route("/v1/logs", any(receive))
        .route("/v1/metrics", any(receive))
        .route("/v1development/profiles", any(receive))
        .fallback(|| async { http::not_found() })
        .with_state(exporter)
}

async fn receive(State(exporter): State<Arc<Exporter>>, request: Request) -> Response {
    let counters = Arc::clone(&exporter.counters);
    let response = exporter.take(request).await;
    counters.received();
    response
}

impl Exporter {
    async fn take(self: Arc<Self>, request: Request) -> Response {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            self.counters.refuse(Reason::Unsupported, NO_POST);
            return text(StatusCode::METHOD_NOT_ALLOWED, NO_POST);
        }
        let Some(encoding) = Encoding::of(&head.headers) else {
            self.counters.refuse(Reason::Unsupported, NO_KNOWN_TYPE);
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_KNOWN_TYPE);
        };
        if let Some(signal) = Signal::of_path(head.uri.path()) {
            return self.take_other(signal, encoding, head.headers, body).await;
        }
        let exporter = Arc::clone(&self);
        let work = move |body: Bytes| match encoding {
            Encoding::Protobuf => exporter.export(&body),
            Encoding::Json => exporter.export_json(body),
        };
        match self.intake.context.bodies.work(&head.headers, body, work).await {
            Ok(Ok(answer)) => encoding.answer(&answer),
            Ok(Err(reason)) => {
                let reason = shortened(reason);
                self.counters.refuse(Reason::Malformed, &reason);
                encoding.error(StatusCode::BAD_REQUEST, reason)
            }
            Err(unreadable) => self.unreadable(encoding, &unreadable),
        }
    }

    /// Receives another signal than traces.
    async fn take_other(
        self: Arc<Self>,
        signal: Signal,
        encoding: Encoding,
        headers: HeaderMap,
        body: Body,
    ) -> Response {
        let (exporter, names) = (Arc::clone(&self), headers.clone());
        let work = move |body: Bytes| exporter.other(signal, &names, &body);
        match self.intake.context.bodies.work(&headers, body, work).await {
            Ok(None) => encoding.answer(&ExportAnswer::default()),
            Ok(Some(why)) => encoding.error(StatusCode::NOT_FOUND, why.to_owned()),
            Err(unreadable) => self.unreadable(encoding, &unreadable),
        }
    }

    fn unreadable(&self, encoding: Encoding, unreadable: &BodyError) -> Response {
        let reason = shortened(unreadable.to_string());
        self.counters.refuse(unreadable.reason(), &reason);
        let mut response = encoding.error(unreadable.status(), reason);
        if *unreadable == BodyError::Busy {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

/// The encoding of a request and of its answer.
#[derive(Clone, Copy)]
enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Option<Self> {
        match http::media_type(headers).as_str() {
            PROTOBUF => Some(Encoding::Protobuf),
            JSON => Some(Encoding::Json),
            _ => None,
        }
    }

    fn answer(self, answer: &ExportAnswer) -> Response {
        self.respond(StatusCode::OK, || answer.protobuf(), || answer.json())
    }

    fn error(self, status: StatusCode, message: String) -> Response {
        let code = match status {
            StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => INVALID_ARGUMENT,
            StatusCode::NOT_FOUND => UNIMPLEMENTED,
            StatusCode::PAYLOAD_TOO_LARGE => RESOURCE_EXHAUSTED,
            StatusCode::REQUEST_TIMEOUT => DEADLINE_EXCEEDED,
            StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
            _ => UNKNOWN,
        };
        let error = ErrorAnswer { code, message };
        self.respond(status, || error.protobuf(), || error.json())
    }

    fn respond(
        self,
        status: StatusCode,
        protobuf: impl FnOnce() -> Vec<u8>,
        json: impl FnOnce() -> serde_json::Value,
    ) -> Response {
        let (kind, body) = match self {
            Encoding::Protobuf => (PROTOBUF, protobuf()),
            Encoding::Json => (JSON, json().to_string().into_bytes()),
        };
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
    }
}

/// Decodes a body in JSON, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz(intake: &Intake, body: &[u8]) {
    let exporter = Exporter::new(intake, &Arc::default());
    match exporter.export_json(body) {
        Ok(answer) => drop(Encoding::Json.answer(&answer)),
        Err(reason) => drop(Encoding::Json.error(StatusCode::BAD_REQUEST, shortened(reason))),
    }
}

/// Plain text, for requests that do not say which encoding they accept.
fn text(status: StatusCode, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, text).into_response()
}
