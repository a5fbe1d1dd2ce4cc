//! What the exercises from 03 on no longer show: a provider that sends spans to Jaeger, and the layer
//! that makes spans of `tracing` into spans of OpenTelemetry. From 11 on also both ends of a traced
//! HTTP request.

use std::io;

use axum::Router;
use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::trace::{SpanKind, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::net::TcpListener;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

/// A provider for one service. It sends its spans in batches, as OTLP over HTTP, to where
/// `OTEL_EXPORTER_OTLP_ENDPOINT` says, or else to `http://localhost:4318`.
///
/// # Errors
/// If the variable does not contain a URL.
pub fn provider(service: &'static str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_http().build()?;
    let resource = Resource::builder().with_service_name(service).build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

/// Sends the spans of `tracing` to the provider, from the level INFO up.
///
/// # Errors
/// If the process already has a subscriber.
pub fn subscribe(provider: &SdkTracerProvider) -> Result<(), SetGlobalDefaultError> {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    let registry = tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO));
    tracing::subscriber::set_global_default(registry)
}

/// Serves on a port of this computer that the system chooses; returns the URL.
///
/// # Errors
/// If there is no free port.
pub async fn serve(app: Router) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}

/// Sends a request to a server from within a context, as in exercise 09: makes a client span below the context's
/// span, and lets the propagator write the headers.
///
/// # Errors
/// If no answer comes.
pub async fn post(
    parent: &Context,
    tracer: &SdkTracer,
    propagator: &(dyn TextMapPropagator + Sync),
    server: &str,
    path: &'static str,
) -> reqwest::Result<()> {
    let span = tracer
        .span_builder(format!("POST {path}"))
        .with_kind(SpanKind::Client)
        .start_with_context(tracer, parent);
    let context = parent.with_span(span);
    let mut headers = HeaderMap::new();
    propagator.inject_context(&context, &mut HeaderInjector(&mut headers));
    let response =
        reqwest::Client::new().post(format!("{server}{path}")).headers(headers).send().await?;
    let status = i64::from(response.status().as_u16());
    context.span().set_attribute(KeyValue::new("http.response.status_code", status));
    Ok(())
}

/// Begins to answer a request, as in exercise 10: lets the propagator read the headers, and makes a
/// server span in the caller's trace. The context that is returned contains the span.
#[must_use]
pub fn answer(
    tracer: &SdkTracer,
    propagator: &dyn TextMapPropagator,
    headers: &HeaderMap,
    path: &'static str,
) -> Context {
    let caller = propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers));
    let span = tracer
        .span_builder(format!("POST {path}"))
        .with_kind(SpanKind::Server)
        .start_with_context(tracer, &caller);
    caller.with_span(span)
}
