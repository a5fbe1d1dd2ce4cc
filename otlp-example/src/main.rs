//! OpenTelemetry over OTLP: what the tutorial would teach today, and what to copy into new code.
//!
//! ```text
//! cargo run -p otlp-example
//! ```
//!
//! The same work as in otel-example, and the same trace of three spans, of the service
//! `otlp-example`: `main_process` > `make_request` > `GET`. The spans go to Jaeger in the
//! protocol that all tracing systems take by now. The last line of the output is the link to
//! the trace.

mod errors;
mod exporter;
mod link;
mod panics;
mod propagation;
mod settings;
mod signals;
mod subscriber;
mod tls;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use opentelemetry::trace::{FutureExt, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::Client;
use reqwest_middleware::ClientBuilder;
use reqwest_tracing::{SpanBackendWithUrl, TracingMiddleware};
use tokio::time::sleep;

use link::Link;
use settings::Settings;

/// Python's `requests` waits for ever; so would reqwest.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// How long the last spans may take to get out.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

fn main() -> io::Result<ExitCode> {
    let settings = Settings::read();
    let runtime = tokio::runtime::Runtime::new()?;

    let exit_code = runtime.block_on(async {
        let (provider, link) = init_tracer("otlp-example", &settings);
        let exit_code = tokio::select! {
            exit_code = panics::caught(main_process(&settings)) => exit_code,
            exit_code = signals::stop() => exit_code,
        };

        // The original sleeps for 2 s and hopes. Here every span has ended by now, and the batch
        // processor sends what it still holds.
        if let Err(error) = provider.shutdown_with_timeout(SHUTDOWN_LIMIT) {
            link.failed(&error);
        }
        link.print(&settings.otlp);
        exit_code
    });

    runtime.shutdown_background(); // a name that is still being looked up must not keep us
    Ok(exit_code)
}

/// Makes the provider of tracers, whose spans go in batches over OTLP, and instruments the HTTP
/// client and the log.
fn init_tracer(service_name: &'static str, settings: &Settings) -> (SdkTracerProvider, Link) {
    let mut resource = Resource::builder_empty()
        .with_service_name(service_name)
        .with_detectors(&exporter::detectors())
        .with_detector(Box::new(EnvResourceDetector::new())); // OTEL_RESOURCE_ATTRIBUTES
    if let Some(name) = &settings.service_name {
        resource = resource.with_service_name(name.clone()); // OTEL_SERVICE_NAME
    }
    let link = Link::default();
    let mut provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_span_processor(link.clone());
    if let Some(exporter) = exporter::build(&settings.otlp, &link) {
        provider = provider.with_batch_exporter(exporter);
    }
    let provider = provider.build();
    if !settings.sdk_disabled {
        global::set_tracer_provider(provider.clone());
    }

    subscriber::install(&provider);
    global::set_text_map_propagator(propagation::propagator(&settings.propagators));

    (provider, link)
}

async fn main_process(settings: &Settings) {
    let tracer = global::tracer("otlp-example");
    let context = Context::current_with_span(tracer.start("main_process"));
    let span = context.span();
    span.add_event("Starting application", vec![]);

    // Simulate some work.
    sleep(Duration::from_millis(100)).await;

    // Make a request. Its span becomes a child of this one: this one is in the context.
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
} // `context` goes out of scope, and its span with it: it ends here, and goes to the processor.

async fn make_request(url: &str) -> reqwest_middleware::Result<String> {
    let tracer = global::tracer("otlp-example");
    let context = Context::current_with_span(tracer.start("make_request"));
    let span = context.span();
    span.set_attribute(KeyValue::new("http.request.method", "GET"));
    span.set_attribute(KeyValue::new("url.full", url.to_owned()));

    // The middleware makes the span `GET`. A server that reads the header `traceparent`, which
    // names that span, can continue this trace. A line of the log names the trace, too.
    let request = async {
        tracing::info!("asking for {url}");
        let client = Client::builder().tls_backend_preconfigured(tls::config());
        let client = client.user_agent("otlp-example").timeout(REQUEST_LIMIT).build()?;
        let middleware = TracingMiddleware::<SpanBackendWithUrl>::new();
        let client = ClientBuilder::new(client).with(middleware).build();
        let response = client.get(url).send().await?;
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
