//! Instruments the HTTP client, as RequestsInstrumentor().instrument() does in Python: every request
//! becomes a span, with the attributes that version 0.39b0 wrote, under the names of its day.
//!
//! reqwest-tracing's own `SpanBackendWithUrl` writes today's names (`http.request.method`,
//! `url.full`, …): take that one, unless other services still search for the old ones.

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

/// Turns the client's spans, which are those of the crate `tracing`, into OpenTelemetry's; only
/// these, since what other crates write there would become spans too.
pub(crate) fn instrument(provider: &TracerProvider) {
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("reqwest-tracing"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(module_path!(), Level::INFO));
    tracing_subscriber::registry().with(layer).init();
}

/// Spans by the conventions of 2023.
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
                tracing::error!(
                    parent: span,
                    exception.r#type = errors::kind(error),
                    exception.message = errors::message(error),
                    exception.stacktrace = errors::stack(error),
                    exception.escaped = "False",
                    "exception",
                );
                span.record("otel.status_code", "ERROR");
                span.record("otel.status_message", errors::description(error));
            }
        }
    }
}
