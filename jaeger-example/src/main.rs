//! Tracing with the Jaeger client: the tutorial's first program.
//!
//! ```text
//! cargo run -p jaeger-example
//! ```
//!
//! The program works for a tenth of a second, requests a page from httpbin.org, and works for
//! another tenth. It leaves two traces of the service `jaeger-example` in Jaeger: `main_process`,
//! and `make_request` with the HTTP tags. Two, because the second span gets no parent; with
//! `--one-trace` it gets one. The last lines of the output say where the traces are.

mod errors;
mod reporter;
mod settings;
mod signals;
mod tls;

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use reqwest::{Client, Url};
use rustracing::sampler::AllSampler;
use rustracing::tag::{StdTag, Tag};
use rustracing_jaeger::{Span, Tracer};
use tokio::runtime::Runtime;
use tokio::time::sleep;

use reporter::Reporter;
use settings::{Agent, Settings};

/// reqwest has no time limit by default.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

fn main() -> io::Result<ExitCode> {
    let settings = Settings::read();
    let runtime = Runtime::new()?;

    let exit_code = runtime.block_on(async {
        let (reporter, tracer) = init_tracer("jaeger-example", &settings.agent);
        let exit_code = tokio::select! {
            () = main_process(&tracer, &settings) => ExitCode::SUCCESS,
            exit_code = signals::stop() => exit_code,
        };

        // The original sleeps for 2 s and hopes that its spans are out by then. This waits for them: the
        // reporter ends when it has sent the last span, and no more can come without a tracer.
        drop(tracer);
        drop(reporter);
        exit_code
    });

    runtime.shutdown_background(); // does not wait for a pending DNS lookup
    Ok(exit_code)
}

/// Makes a tracer that keeps every trace, and a reporter that sends its spans to the agent.
fn init_tracer(service_name: &str, agent: &Agent) -> (Reporter, Tracer) {
    let (tracer, finished_spans) = Tracer::new(AllSampler);
    let reporter = Reporter::start(service_name, agent, finished_spans);
    reporter::info("Using sampler ConstSampler(True)");
    reporter::info(&format!(
        "opentracing.tracer initialized to {tracer:?}[app_name={service_name}]"
    ));
    (reporter, tracer)
}

async fn main_process(tracer: &Tracer, settings: &Settings) {
    let mut span = tracer.span("main_process").start();
    span.set_tags(sampler_tags);
    span.log(|log| {
        log.std().event("Starting application");
    });

    // Simulate some work.
    sleep(Duration::from_millis(100)).await;

    // Make a request. It becomes part of this trace only if this span is passed as its parent.
    let parent = settings.one_trace.then_some(&span);
    match make_request(tracer, parent, &settings.url).await {
        Ok(result) => span.log(|log| {
            let beginning: String = result.chars().take(100).collect();
            log.std().event("Request successful");
            log.field(("value", beginning + "..."));
        }),
        Err(error) => {
            span.set_tag(StdTag::error);
            span.log(|log| {
                log.std().event("error");
                log.field(("error.object", errors::message(&error)));
            });
        }
    }

    // More work.
    sleep(Duration::from_millis(100)).await;
    span.log(|log| {
        log.std().event("Finished application");
    });
} // `span` is dropped: it ends, and goes to the reporter.

async fn make_request(
    tracer: &Tracer,
    parent: Option<&Span>,
    url: &Url,
) -> Result<String, reqwest::Error> {
    let mut span = match parent {
        Some(parent) => tracer.span("make_request").child_of(parent).start(),
        None => tracer.span("make_request").start(),
    };
    if parent.is_none() {
        span.set_tags(sampler_tags);
    }
    span.set_tag(|| Tag::new("span.kind", "client"));
    span.set_tag(|| StdTag::http_method("GET"));
    span.set_tag(|| StdTag::http_url(settings::without_credentials(url)));

    // A server that reads the header `uber-trace-id` can continue this trace.
    let mut headers = HashMap::new();
    if let Some(context) = span.context() {
        let _ = context.inject_to_text_map(&mut headers);
    }

    let request = async {
        let client = Client::builder().tls_backend_preconfigured(tls::config());
        let client = client.user_agent("jaeger-example").timeout(REQUEST_LIMIT).build()?;
        let mut request = client.get(url.clone());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await?;
        span.set_tag(|| StdTag::http_status_code(response.status().as_u16()));
        response.text().await
    };
    match request.await {
        Ok(text) => Ok(text),
        Err(error) => {
            span.set_tag(StdTag::error);
            span.log(|log| {
                log.std().event("error");
                log.field(("error.object", errors::message(&error)));
            });
            errors::log_leaving(&mut span, &error);
            Err(error)
        }
    }
}

/// jaeger-client tags a root span with the sampler that kept it; rustracing leaves that to you.
fn sampler_tags() -> [Tag; 2] {
    [Tag::new("sampler.type", "const"), Tag::new("sampler.param", true)]
}
