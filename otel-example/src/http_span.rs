//! Instruments the HTTP client, as RequestsInstrumentor().instrument() does in Python: each request
//! becomes a span, with the attribute names that version 0.39b0 wrote.
//!
//! `reqwest_tracing::SpanBackendWithUrl` writes today's names (`http.request.method`, `url.full`)
//! and needs no code of yours. Use it, unless others still search for the old names.

use http::Extensions;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::TracerProvider;
use reqwest::{Request, Response};
use reqwest_middleware::Result;
use reqwest_tracing::ReqwestOtelSpanBackend;
use tracing::field::Empty;
use tracing::{Level, Span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::errors;

/// Turns the client's spans, which are spans of the crate `tracing`, into OpenTelemetry's. The
/// filter keeps out the spans of other crates.
pub(crate) fn instrument(provider: &TracerProvider) {
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("reqwest-tracing"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(module_path!(), Level::INFO));
    tracing_subscriber::registry().with(layer).init();
}

/// A span by the conventions of 2023.
pub(crate) struct HttpSpan;

impl ReqwestOtelSpanBackend for HttpSpan {
    fn on_request_start(request: &Request, _: &mut Extensions) -> Span {
        tracing::info_span!(
            "HTTP request",
            otel.name = format!("HTTP {}", request.method()),
            otel.kind = "client",
            http.method = %request.method(),
            http.url = %request.url(),
            http.status_code = Empty,
            otel.status_code = Empty,
            otel.status_message = Empty,
        )
    }

    fn on_request_end(span: &Span, outcome: &Result<Response>, _: &mut Extensions) {
        match outcome {
            Ok(response) => {
                let status = response.status();
                span.record("http.status_code", i64::from(status.as_u16()));
                if status.is_client_error() || status.is_server_error() {
                    span.record("otel.status_code", "ERROR");
                }
            }
            Err(error) => {
                let (kind, message) = (errors::kind(error), errors::message(error));
                tracing::error!(
                    parent: span,
                    exception.r#type = kind,
                    exception.message = message,
                    exception.stacktrace = errors::causes(error).join("\n"),
                    exception.escaped = "False",
                    "exception",
                );
                span.record("otel.status_code", "ERROR");
                span.record("otel.status_message", format!("{kind}: {message}"));
            }
        }
    }
}
