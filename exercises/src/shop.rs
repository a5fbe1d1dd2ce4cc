//! What the exercises from 03 on no longer show: a provider that sends spans to Jaeger, and the layer
//! that makes spans of `tracing` into spans of OpenTelemetry.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
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
