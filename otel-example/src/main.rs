//! OpenTelemetry with the Jaeger exporter: the tutorial's second program.
//!
//! ```text
//! cargo run -p otel-example
//! ```
//!
//! The program does the same work as jaeger-example. It leaves one trace of three spans, of the
//! service `opentelemetry-example`, in Jaeger: `main_process` > `make_request` > `HTTP GET`. The
//! last span comes from the instrumented HTTP client; no line here makes it. The last line of the
//! output says where the trace is.

mod errors;
mod export;
mod http_span;
mod settings;
mod signals;
mod tls;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use opentelemetry::trace::{FutureExt, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::{Config, TracerProvider};
use reqwest::{Client, Url};
use reqwest_middleware::ClientBuilder;
use reqwest_tracing::TracingMiddleware;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use export::{Exporter, Guard};
use http_span::HttpSpan;
use settings::{Agent, Settings};

/// reqwest has no time limit by default.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

fn main() -> io::Result<ExitCode> {
    let settings = Settings::read();
    let runtime = Runtime::new()?;

    let exit_code = runtime.block_on(async {
        let guard = init_tracer("opentelemetry-example", &settings.agent);
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

/// Makes a provider of tracers, whose spans go to the agent in batches, and instruments the HTTP
/// client.
fn init_tracer(service_name: &'static str, agent: &Agent) -> Guard {
    let resource = Resource::new([KeyValue::new("service.name", service_name)]);
    let config = Config::default().with_resource(resource.clone());
    let mut guard = Guard::new(agent);
    let mut provider = TracerProvider::builder().with_config(config);
    if let Some(exporter) = Exporter::new(resource, &mut guard) {
        provider = provider.with_batch_exporter(exporter, Tokio);
    }
    let provider = provider.build();

    http_span::instrument(&provider);
    global::set_text_map_propagator(TraceContextPropagator::new());
    global::set_tracer_provider(provider);
    guard
}

async fn main_process(settings: &Settings) {
    let tracer = global::tracer("otel-example");
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
            span.set_status(Status::error(""));
        }
    }

    // More work.
    sleep(Duration::from_millis(100)).await;
    span.add_event("Finished application", vec![]);
} // `context` is dropped, and its span with it: the span ends, and goes to the batch processor.

async fn make_request(url: &Url) -> reqwest_middleware::Result<String> {
    let tracer = global::tracer("otel-example");
    let context = Context::current_with_span(tracer.start("make_request"));
    let span = context.span();
    span.set_attribute(KeyValue::new("http.method", "GET"));
    span.set_attribute(KeyValue::new("http.url", settings::without_credentials(url)));

    // The middleware makes the span `HTTP GET`. A server that reads the header `traceparent`,
    // which names that span, can continue this trace.
    let request = async {
        let client = Client::builder().tls_backend_preconfigured(tls::config());
        let client = client.user_agent("otel-example").timeout(REQUEST_LIMIT).build()?;
        let client = ClientBuilder::new(client).with(TracingMiddleware::<HttpSpan>::new()).build();
        let response = client.get(url.clone()).send().await?;
        let status_code = i64::from(response.status().as_u16());
        span.set_attribute(KeyValue::new("http.status_code", status_code));
        Ok(response.text().await?)
    };
    match request.with_context(context.clone()).await {
        Ok(text) => Ok(text),
        Err(error) => {
            errors::record_exception(&span, &error);
            span.set_status(Status::error(""));
            errors::record_leaving(&span, &error);
            Err(error)
        }
    }
}
