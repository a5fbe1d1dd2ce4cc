//! OpenTelemetry with the Jaeger exporter: the tutorial's second program.
//!
//! ```text
//! cargo run -p otel-example
//! ```
//!
//! The same work as in jaeger-example. It leaves one trace of three spans, of the service
//! `opentelemetry-example`: `main_process` > `make_request` > `HTTP GET`. The last one nobody
//! writes by hand: it comes from the instrumented HTTP client. The last line of the output is
//! the link to the trace.

mod agent;
mod errors;
mod exporter;
mod http_span;
mod link;
mod panics;
mod propagation;
mod settings;
mod signals;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use opentelemetry::trace::{FutureExt, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::{Config, TracerProvider};
use reqwest::Client;
use reqwest_middleware::ClientBuilder;
use reqwest_tracing::TracingMiddleware;
use tokio::time::sleep;

use agent::Agent;
use http_span::HttpSpan;
use link::Link;
use settings::Settings;

/// Python's `requests` waits for ever; so would reqwest.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

fn main() -> io::Result<ExitCode> {
    let settings = Settings::read();
    let agent = Agent::look_up(&settings.agent);
    let runtime = tokio::runtime::Runtime::new()?;

    let exit_code = runtime.block_on(async {
        let (provider, link) = init_tracer("opentelemetry-example", &settings, &agent);
        let exit_code = tokio::select! {
            exit_code = panics::caught(main_process(&settings)) => exit_code,
            exit_code = signals::stop() => exit_code,
        };

        // The original sleeps for 2 s and hopes. Here every span has ended by now, and when the
        // last handle of the provider goes, its batch processor sends what it still holds.
        global::shutdown_tracer_provider();
        drop(provider);
        if agent.listens() {
            link.print();
        }
        exit_code
    });

    runtime.shutdown_background(); // a name that is still being looked up must not keep us
    Ok(exit_code)
}

/// Makes the provider of tracers, whose spans go in batches to the agent, and instruments the
/// HTTP client.
fn init_tracer(
    service_name: &'static str,
    settings: &Settings,
    agent: &Agent,
) -> (TracerProvider, Link) {
    let resource = Resource::new([KeyValue::new("service.name", service_name)]);
    let link = Link::default();
    let mut provider = TracerProvider::builder()
        .with_config(Config::default().with_resource(resource.clone()))
        .with_span_processor(link.clone());
    if let Some(exporter) = agent.exporter(&resource, &link) {
        provider = provider.with_batch_exporter(exporter, Tokio);
    }
    let provider = provider.build();
    global::set_tracer_provider(provider.clone());

    http_span::instrument(&provider);
    global::set_text_map_propagator(propagation::propagator(&settings.propagators));

    (provider, link)
}

async fn main_process(settings: &Settings) {
    let tracer = global::tracer("otel-example");
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
            span.set_status(Status::error(""));
        }
    }

    // More work.
    sleep(Duration::from_millis(100)).await;
    span.add_event("Finished application", vec![]);
} // `context` goes out of scope, and its span with it: it ends here, and goes to the processor.

async fn make_request(url: &str) -> reqwest_middleware::Result<String> {
    let tracer = global::tracer("otel-example");
    let context = Context::current_with_span(tracer.start("make_request"));
    let span = context.span();
    span.set_attribute(KeyValue::new("http.method", "GET"));
    span.set_attribute(KeyValue::new("http.url", url.to_owned()));

    // The middleware makes the span `HTTP GET`. A server that reads the header `traceparent`,
    // which names that span, can continue this trace.
    let request = async {
        let client = Client::builder().user_agent("otel-example").timeout(REQUEST_LIMIT).build()?;
        let client = ClientBuilder::new(client).with(TracingMiddleware::<HttpSpan>::new()).build();
        let response = client.get(url).send().await?;
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
