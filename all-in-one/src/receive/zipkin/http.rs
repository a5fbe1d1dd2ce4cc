//! Zipkin's collector: `POST /api/v2/spans` on port 9411, in JSON.
//!
//! Source: <https://zipkin.io/zipkin-api/zipkin2-api.yaml>; statuses are those of Jaeger 1.35. Only
//! version 2 in JSON is accepted; other formats of Zipkin's are refused with a hint.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::{json, translate};
use crate::config::Config;
use crate::error::BindError;
use crate::port::Port;
use crate::receive::intake::Intake;
use crate::server::counters::{Counters, Reason};
use crate::server::door::{self, Opened};
use crate::server::http::{not_found, text};

/// The hint for a client that sends another format.
const ONLY_V2: &str =
    "only Zipkin v2 JSON is accepted here: POST it to /api/v2/spans as application/json\n";
/// The longest reason in an answer, in characters.
const LONGEST_REASON: usize = 1_000;

/// Opens the door, if the settings give it an address.
pub(crate) fn open(config: &Config, intake: &Intake) -> Result<Option<Opened>, BindError> {
    door::http(Port::Zipkin, config, &intake.context, |counters| {
        router(Arc::new(Collector::new(intake, counters)))
    })
}

fn router(collector: Arc<Collector>) -> Router {
    Router::new()
        .route("/api/v2/spans", any(spans))
        .route("/api/v1/spans", any(old))
        .fallback(|| async { not_found() })
        .with_state(collector)
}

/// Decodes and stores the requests of the door.
struct Collector {
    intake: Intake,
    counters: Arc<Counters>,
}

async fn spans(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let counters = Arc::clone(&collector.counters);
    let response = collector.take(request).await;
    counters.received();
    response
}

async fn old(State(collector): State<Arc<Collector>>) -> Response {
    collector.counters.refuse(Reason::Unsupported, ONLY_V2.trim_end());
    collector.counters.received();
    text(StatusCode::UNSUPPORTED_MEDIA_TYPE, ONLY_V2)
}

/// Decodes a body, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz(intake: &Intake, body: &[u8]) {
    if let Ok(spans) = json::decode(body) {
        Collector::new(intake, &Arc::default()).store(&spans);
    }
}

impl Collector {
    fn new(intake: &Intake, counters: &Arc<Counters>) -> Self {
        let (intake, counters) = (intake.clone(), Arc::clone(counters));
        Collector { intake, counters }
    }

    async fn take(self: Arc<Self>, request: Request) -> Response {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            self.counters.refuse(Reason::Unsupported, "a request other than POST");
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        if let Some((status, reason)) = wrong_type(&head.headers) {
            self.counters.refuse(Reason::Unsupported, reason.trim_end());
            return text(status, reason);
        }
        let collector = Arc::clone(&self);
        let work = move |body: Bytes| json::decode(&body).map(|spans| collector.store(&spans));
        match self.intake.context.bodies.work(&head.headers, body, work).await {
            Ok(Ok(())) => StatusCode::ACCEPTED.into_response(),
            Ok(Err(reason)) => self.refuse(StatusCode::BAD_REQUEST, Reason::Malformed, &reason),
            Err(unreadable) => {
                self.refuse(unreadable.status(), unreadable.reason(), &unreadable.to_string())
            }
        }
    }

    fn store(&self, spans: &[json::ZipkinSpan]) {
        self.intake.take(&self.counters, translate::spans(spans));
    }

    fn refuse(&self, status: StatusCode, counted: Reason, reason: &str) -> Response {
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        self.counters.refuse(counted, &reason);
        let mut response = text(status, format!("Unable to process request body: {reason}\n"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The status and text for a content type that is not accepted.
fn wrong_type(headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => None,
        "" => Some((StatusCode::BAD_REQUEST, "Cannot parse Content-Type\n")),
        "application/x-thrift" | "application/x-protobuf" => {
            Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, ONLY_V2))
        }
        _ => Some((StatusCode::BAD_REQUEST, "Unsupported Content-Type\n")),
    }
}
