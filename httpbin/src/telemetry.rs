//! The tracer provider and its exporter.

use std::io;
use std::thread;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_resource_detectors::{HostResourceDetector, OsResourceDetector};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::baggage::BaggageSpanProcessor;
use crate::propagation;
use crate::settings::{Otlp, Settings};
use crate::tls;

/// How long sending the last spans may take.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// Traces the requests of this process.
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Sets the global tracer provider and propagator. [`app`](crate::app) uses them, so call this
    /// first. Sending by gRPC needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// If the exporter cannot be built.
    pub fn install(settings: &Settings) -> Result<Self, String> {
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(settings))
            .with_span_processor(BaggageSpanProcessor)
            .with_batch_exporter(exporter(&settings.otlp)?)
            .build();
        if !settings.sdk_disabled {
            global::set_tracer_provider(provider.clone());
        }
        global::set_text_map_propagator(propagation::propagator(&settings.propagators));
        Ok(Self { provider })
    }

    /// Sends all finished spans without waiting for the next batch.
    ///
    /// # Errors
    ///
    /// If they cannot be sent.
    pub fn flush(&self) -> OTelSdkResult {
        self.provider.force_flush()
    }

    /// Sends the remaining spans and shuts the provider down.
    ///
    /// # Errors
    ///
    /// If they cannot be sent within three seconds.
    pub fn shutdown(self) -> OTelSdkResult {
        self.provider.shutdown_with_timeout(SHUTDOWN_LIMIT)
    }
}

fn resource(settings: &Settings) -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name("httpbin")
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(OsResourceDetector))
        .with_detector(Box::new(HostResourceDetector::default()))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match &settings.service_name {
        Some(name) => resource.with_service_name(name.clone()).build(),
        None => resource.build(),
    }
}

fn exporter(otlp: &Otlp) -> Result<SpanExporter, String> {
    let exporter = match otlp.protocol {
        Protocol::Grpc => {
            SpanExporter::builder().with_tonic().with_endpoint(&otlp.endpoint).build()
        }
        protocol => SpanExporter::builder()
            .with_http()
            .with_http_client(http_client().map_err(|error| error.to_string())?)
            .with_protocol(protocol)
            .with_endpoint(&otlp.endpoint)
            .build(),
    };
    exporter.map_err(|error| error.to_string())
}

/// The HTTP client of the exporter. It is a blocking client, because the batch processor exports
/// from its own thread without a runtime; a blocking client must also be built outside a runtime.
///
/// # Errors
///
/// If its threads cannot be started.
pub fn http_client() -> io::Result<reqwest::blocking::Client> {
    let client =
        || reqwest::blocking::Client::builder().tls_backend_preconfigured(tls::config()).build();
    let built = thread::Builder::new().spawn(client)?.join();
    built.map_err(|_| io::Error::other("its thread panicked"))?.map_err(io::Error::other)
}
