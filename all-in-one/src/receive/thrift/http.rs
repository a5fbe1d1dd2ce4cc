//! The collector's HTTP door, port 14268: one batch in binary Thrift per request.
//!
//! | request | answer |
//! |---|---|
//! | POST /api/traces | 202 without a body, or 400 with the reason |
//! | GET /api/sampling?service= | the sampling strategy of that service |
//! | GET /api/baggageRestrictions?service= | 500: Jaeger has none either |
//!
//! Source: <https://www.jaegertracing.io/docs/1.35/apis/#thrift-over-http-stable>

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::{Error, binary::Binary, jaeger, media_type};
use crate::config::Config;
use crate::error::BindError;
use crate::model::Batch;
use crate::port::Port;
use crate::receive::by_service::Origin;
use crate::receive::intake::Intake;
use crate::receive::strategy::{self, Form};
use crate::server::body::BodyError;
use crate::server::counters::{Counters, Reason};
use crate::server::door::{self, Opened};
use crate::server::http::{not_found, text};
use crate::server::threads::AT_ONCE;

/// How many spans of a large body are decoded before they are stored.
const SPANS_AT_ONCE: usize = 512;

/// The value of `internal.span.format` for spans from this door.
const FORMAT: &str = "jaeger";

/// Opens the door.
pub(crate) fn open(config: &Config, intake: &Intake) -> Result<Option<Opened>, BindError> {
    door::http(Port::Collector, config, &intake.context, |counters| {
        let collector = Collector::new(intake, counters);
        Router::new().fallback(handle).with_state(Arc::new(collector))
    })
}

struct Collector {
    intake: Intake,
    counters: Arc<Counters>,
}

async fn handle(
    State(collector): State<Arc<Collector>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let query = uri.query().unwrap_or("");
    match (uri.path(), method) {
        ("/api/traces", Method::POST) => collector.post(headers, body).await,
        ("/api/sampling", Method::GET) => {
            collector.intake.strategies.answer(query, Form::Collector)
        }
        ("/api/baggageRestrictions", Method::GET) => {
            strategy::baggage(query, "baggage restrictions not implemented")
        }
        ("/api/traces" | "/api/sampling" | "/api/baggageRestrictions", _) => {
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        }
        _ => not_found(),
    }
}

/// Decodes a body as a small one and as a large one, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz(intake: &Intake, body: &[u8]) {
    let collector = Collector::new(intake, &Arc::default());
    let in_parts = collector.store_in_parts(body, 2);
    // As a small one it may take too much memory.
    assert!(collector.decode(body).is_err() || in_parts.is_ok());
}

impl Collector {
    fn new(intake: &Intake, counters: &Arc<Counters>) -> Self {
        let (intake, counters) = (intake.clone(), Arc::clone(counters));
        Collector { intake, counters }
    }

    async fn post(self: Arc<Self>, headers: HeaderMap, body: Body) -> Response {
        let taken = self.clone().take(headers, body).await;
        let answer = match taken {
            Ok(()) => StatusCode::ACCEPTED.into_response(),
            Err(rejection) => {
                self.counters.refuse(rejection.reason, &rejection.text);
                text(rejection.status, rejection.text + "\n")
            }
        };
        self.counters.received();
        answer
    }

    async fn take(self: Arc<Self>, mut headers: HeaderMap, body: Body) -> Result<(), Rejection> {
        // Jaeger ignores Content-Encoding here, and reads the whole body before it checks its type.
        headers.remove(header::CONTENT_ENCODING);
        let collector = Arc::clone(&self);
        let kind = check_type(&headers);
        let work = move |body: Bytes| kind.and_then(|()| collector.decode(&body));
        match self.intake.context.bodies.work(&headers, body, work).await {
            Ok(taken) => taken,
            Err(unreadable) => Err(Rejection::unreadable(&unreadable)),
        }
    }

    fn decode(&self, body: &[u8]) -> Result<(), Rejection> {
        self.store(body).map_err(|error| Rejection::malformed(&error))
    }

    fn store(&self, body: &[u8]) -> Result<(), Error> {
        if body.len() <= AT_ONCE {
            let batch = jaeger::batch(&mut Binary::new(body), FORMAT)?;
            self.intake.take(&self.counters, Origin::Jaeger, batch);
            return Ok(());
        }
        self.store_in_parts(body, SPANS_AT_ONCE)
    }

    /// Decodes the body twice, so that nothing is stored of a body that turns out to be malformed.
    fn store_in_parts(&self, body: &[u8], most: usize) -> Result<(), Error> {
        let parts = |sender, take: &mut dyn FnMut(Batch<'_>)| {
            jaeger::parts(&mut Binary::new(body), FORMAT, most, sender, take)
        };
        let sender = parts(None, &mut |_| {})?;
        parts(Some(sender), &mut |batch| self.intake.take(&self.counters, Origin::Jaeger, batch))?;
        Ok(())
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let header = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let kind = media_type::parse(&String::from_utf8_lossy(header))
        .ok_or_else(|| Rejection::unsupported("Cannot parse Content-Type".to_owned()))?;
    match kind.as_str() {
        "application/x-thrift" | "application/vnd.apache.thrift.binary" => Ok(()),
        other => {
            let other = escape_html(other);
            Err(Rejection::unsupported(format!("Unsupported Content-Type: {other}")))
        }
    }
}

/// The answer repeats a part of the request: as HTML it must not run scripts.
fn escape_html(text: &str) -> String {
    // A content type cannot contain the other special characters.
    text.replace('&', "&amp;").replace('\'', "&#39;")
}

/// Why a request was refused, and the answer to it.
#[derive(Debug)]
struct Rejection {
    status: StatusCode,
    reason: Reason,
    text: String,
}

impl Rejection {
    fn malformed(error: &Error) -> Self {
        let text = format!("Unable to process request body: {error}");
        Rejection { status: StatusCode::BAD_REQUEST, reason: Reason::Malformed, text }
    }

    fn unsupported(text: String) -> Self {
        Rejection { status: StatusCode::BAD_REQUEST, reason: Reason::Unsupported, text }
    }

    fn unreadable(why: &BodyError) -> Self {
        let text = format!("Unable to process request body: {why}");
        Rejection { status: why.status(), reason: why.reason(), text }
    }
}
