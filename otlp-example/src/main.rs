//! OpenTelemetry over OTLP: the third program, what the tutorial would teach today.
//!
//! ```text
//! cargo run -p otlp-example
//! ```
//!
//! The program does the same work as otel-example. It leaves the same trace of three spans, of the
//! service `otlp-example`, in Jaeger: `main_process` > `make_request` > `GET`. The spans travel in
//! OpenTelemetry's own protocol, which most tracing systems receive. The last line of the output says
//! where the trace is.

mod errors;
mod settings;
mod signals;
mod telemetry;
mod tls;

use std::process::ExitCode;
use std::time::Duration;
use std::{env, io};

use opentelemetry::trace::{FutureExt, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::{Client, Url};
use reqwest_middleware::ClientBuilder;
use reqwest_tracing::{SpanBackendWithUrl, TracingMiddleware};
use tokio::runtime::Runtime;
use tokio::time::sleep;
use tracing_subscriber::prelude::*;

use settings::{Otlp, Settings};
use telemetry::{Exporter, Guard};

/// reqwest has no time limit by default.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

fn main() -> io::Result<ExitCode> {
    let settings = Settings::read();
    let runtime = Runtime::new()?;

    let exit_code = runtime.block_on(async {
        let guard = init_tracer("otlp-example", &settings.otlp);
        let exit_code = tokio::select! {
            () = main_process(&settings) => ExitCode::SUCCESS,
            exit_code = signals::stop() => exit_code,
        };

        // The original sleeps for 2 s and hopes that its spans are out by then. This waits for them: the
        // guard shuts the provider down, and its batch processor sends what it still holds.
        drop(guard);
        exit_code
    });

    runtime.shutdown_background(); // does not wait for a pending DNS lookup
    Ok(exit_code)
}

/// Makes a provider of tracers, whose spans go over OTLP in batches, and instruments the HTTP client.
fn init_tracer(service_name: &'static str, otlp: &Otlp) -> Guard {
    // While the provider is built, the SDK warns of settings that it cannot use.
    let log_until_then = tracing_subscriber::registry().with(telemetry::log()).set_default();
    let mut resource = Resource::builder_empty()
        .with_service_name(service_name)
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new())); // OTEL_RESOURCE_ATTRIBUTES
    if let Some(name) = env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty()) {
        resource = resource.with_service_name(name);
    }
    let mut guard = Guard::new(otlp);
    let mut provider = SdkTracerProvider::builder().with_resource(resource.build());
    if let Some(exporter) = Exporter::new(otlp, &guard) {
        provider = provider.with_batch_exporter(exporter);
    }
    let provider = provider.build();

    drop(log_until_then);
    tracing_subscriber::registry()
        .with(telemetry::log())
        .with(telemetry::instrument(&provider))
        .init();
    global::set_text_map_propagator(telemetry::propagator());
    global::set_tracer_provider(provider.clone());
    guard.provider = Some(provider);
    guard
}

async fn main_process(settings: &Settings) {
    let tracer = global::tracer("otlp-example");
    let context = Context::current_with_span(tracer.start("main_process"));
    let span = context.span();
    span.add_event("Starting application", vec![]);

    // Simulate some work.
    sleep(Duration::from_millis(100)).await;

    // Make a request. Its span becomes a child of this one, which is in the context.
    match make_request(&settings.url).with_context(context.clone()).await {
        Ok(result) => {
            let beginning: String = result.chars().take(100).collect();
            let result = KeyValue::new("result", beginning + "...");
            span.add_event("Request successful", vec![result]);
        }
        Err(error) => {
            errors::record_exception(&span, &error);
            span.set_status(Status::error(errors::message(&error)));
        }
    }

    // More work.
    sleep(Duration::from_millis(100)).await;
    span.add_event("Finished application", vec![]);
} // `context` is dropped, and its span with it: the span ends, and goes to the batch processor.

async fn make_request(url: &Url) -> reqwest_middleware::Result<String> {
    let tracer = global::tracer("otlp-example");
    let context = Context::current_with_span(tracer.start("make_request"));
    let span = context.span();
    span.set_attribute(KeyValue::new("http.request.method", "GET"));
    span.set_attribute(KeyValue::new("url.full", settings::without_credentials(url)));

    // The id of the trace in the log leads from a line to its trace and back.
    let trace_id = span.span_context().trace_id();
    tracing::info!(%trace_id, "requesting {}", settings::without_credentials(url));

    // The middleware makes the span `GET`. A server that reads the header `traceparent`, which
    // names that span, can continue this trace.
    let request = async {
        let client = Client::builder().tls_backend_preconfigured(tls::config());
        let client = client.user_agent("otlp-example").timeout(REQUEST_LIMIT).build()?;
        let middleware = TracingMiddleware::<SpanBackendWithUrl>::new();
        let client = ClientBuilder::new(client).with(middleware).build();
        let response = client.get(url.clone()).send().await?;
        let status_code = i64::from(response.status().as_u16());
        span.set_attribute(KeyValue::new("http.response.status_code", status_code));
        Ok(response.text().await?)
    };
    match request.with_context(context.clone()).await {
        Ok(text) => Ok(text),
        Err(error) => {
            errors::record_exception(&span, &error);
            span.set_attribute(KeyValue::new("error.type", errors::kind(&error)));
            span.set_status(Status::error(errors::message(&error)));
            Err(error)
        }
    }
}
