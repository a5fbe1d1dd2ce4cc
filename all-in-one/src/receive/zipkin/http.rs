//! Zipkin's collector on port 9411.
//!
//! | request | formats |
//! |---|---|
//! | POST /api/v2/spans | JSON, protobuf |
//! | POST /api/v1/spans | JSON, Thrift |
//!
//! Source: <https://zipkin.io/zipkin-api/>; statuses are those of Jaeger 1.35. A span that cannot be
//! read is refused alone; if none is left, the answer is 400.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use serde::de::IgnoredAny;

use super::json::{self, Version};
use super::{proto, translated};
use crate::config::Config;
use crate::error::BindError;
use crate::port::Port;
use crate::receive::by_service::Origin;
use crate::receive::faults::Faults;
use crate::receive::intake::Intake;
use crate::receive::thrift::{self, binary::Binary};
use crate::receive::zipkin_core::CoreSpan;
use crate::server::counters::{Counters, Reason};
use crate::server::door::{self, Opened};
use crate::server::http::{self, not_found, text};
use crate::server::threads::AT_ONCE;

/// How many spans of a large body are decoded before they are stored.
const SPANS_AT_ONCE: usize = 512;
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
        .route("/api/v2/spans", any(v2))
        .route("/api/v1/spans", any(v1))
        .fallback(|| async { not_found() })
        .with_state(collector)
}

async fn v2(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    collector.receive(Version::V2, request).await
}

async fn v1(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    collector.receive(Version::V1, request).await
}

/// A format of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json(Version),
    Proto,
    Thrift,
}

impl Format {
    /// The format that a header names, or the answer where it names another.
    fn of(headers: &HeaderMap, version: Version) -> Result<Option<Self>, &'static str> {
        match (http::media_type(headers).as_str(), version) {
            ("application/json", _) => Ok(Some(Format::Json(version))),
            ("application/x-protobuf", Version::V2) => Ok(Some(Format::Proto)),
            ("application/x-thrift", Version::V1) => Ok(Some(Format::Thrift)),
            // Some clients send none.
            ("", _) if !headers.contains_key(header::CONTENT_TYPE) => Ok(None),
            ("", _) => Err("Cannot parse Content-Type\n"),
            _ => Err("Unsupported Content-Type\n"),
        }
    }

    /// The format by the first byte of a body.
    fn by_content(body: &[u8], version: Version) -> Self {
        match (body.first(), version) {
            // A line feed may also stand before JSON.
            (Some(b'\n'), Version::V2) if serde_json::from_slice::<IgnoredAny>(body).is_err() => {
                Format::Proto
            }
            (Some(12), Version::V1) => Format::Thrift,
            _ => Format::Json(version),
        }
    }
}

/// Decodes and stores the requests of the door.
struct Collector {
    intake: Intake,
    counters: Arc<Counters>,
}

/// Decodes a body in JSON, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz_json(intake: &Intake, body: &[u8]) {
    fuzz(intake, body, &[Format::Json(Version::V1), Format::Json(Version::V2)]);
}

/// Decodes a body in Thrift, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz_thrift(intake: &Intake, body: &[u8]) {
    fuzz(intake, body, &[Format::Thrift]);
}

/// Decodes a body in protobuf, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz_proto(intake: &Intake, body: &[u8]) {
    fuzz(intake, body, &[Format::Proto]);
}

#[cfg(any(test, fuzzing))]
fn fuzz(intake: &Intake, body: &[u8], formats: &[Format]) {
    for format in formats.iter().copied() {
        let collector = Collector::new(intake, &Arc::default());
        let in_parts = collector.store(body, format, 2);
        // As a whole it may take too much memory.
        let whole = Collector::new(intake, &Arc::default()).store(body, format, usize::MAX);
        assert!(whole.is_err() || in_parts.is_ok(), "{format:?}");
    }
}

impl Collector {
    fn new(intake: &Intake, counters: &Arc<Counters>) -> Self {
        let (intake, counters) = (intake.clone(), Arc::clone(counters));
        Collector { intake, counters }
    }

    async fn receive(self: Arc<Self>, version: Version, request: Request) -> Response {
        let counters = Arc::clone(&self.counters);
        let response = self.take(version, request).await;
        counters.received();
        response
    }

    async fn take(self: Arc<Self>, version: Version, request: Request) -> Response {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            self.counters.refuse(Reason::Unsupported, "a request other than POST");
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        let format = match Format::of(&head.headers, version) {
            Ok(format) => format,
            Err(reason) => {
                self.counters.refuse(Reason::Unsupported, reason.trim_end());
                return text(StatusCode::BAD_REQUEST, reason);
            }
        };
        let collector = Arc::clone(&self);
        let work = move |body: Bytes| {
            let format = format.unwrap_or_else(|| Format::by_content(&body, version));
            let most = if body.len() <= AT_ONCE { usize::MAX } else { SPANS_AT_ONCE };
            collector.store(&body, format, most)
        };
        match self.intake.context.bodies.work(&head.headers, body, work).await {
            Ok(Ok(())) => StatusCode::ACCEPTED.into_response(),
            Ok(Err(reason)) => self.refuse(StatusCode::BAD_REQUEST, Reason::Malformed, &reason),
            Err(unreadable) => {
                self.refuse(unreadable.status(), unreadable.reason(), &unreadable.to_string())
            }
        }
    }

    /// Decodes and stores the spans of a body, about `most` at a time.
    ///
    /// # Errors
    /// Where the body is malformed, or all of its spans are refused; then nothing is stored.
    fn store(&self, body: &[u8], format: Format, most: usize) -> Result<(), String> {
        if most < usize::MAX && !matches!(format, Format::Json(_)) {
            // Decoded once before anything is stored: it may turn out to be malformed at its end.
            decode(body, format, most, &mut Faults::default(), &mut |_| {})?;
        }
        let (mut faults, mut stored) = (Faults::default(), 0);
        decode(body, format, most, &mut faults, &mut |spans| {
            stored += spans.len();
            self.intake.take(&self.counters, Origin::Zipkin, translated(spans));
        })?;
        match faults.first() {
            Some(why) if stored == 0 => Err(why.to_owned()),
            Some(why) => {
                self.counters.refuse_many(Reason::InvalidSpan, faults.spans, why);
                Ok(())
            }
            None => Ok(()),
        }
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

/// Decodes a body and passes its spans to `take`, about `most` at a time.
fn decode<'a>(
    body: &'a [u8],
    format: Format,
    most: usize,
    faults: &mut Faults,
    take: &mut dyn FnMut(Vec<CoreSpan<'a>>),
) -> Result<(), String> {
    match format {
        Format::Json(version) => json::decode(body, version, faults, take),
        Format::Proto => proto::decode(body, most, faults, take).map_err(|why| why.to_string()),
        Format::Thrift => {
            thrift::zipkin::spans(&mut Binary::new(body), most, take).map_err(|why| why.to_string())
        }
    }
}
