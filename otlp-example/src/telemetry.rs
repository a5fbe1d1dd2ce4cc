//! What connects the program to the SDK: exporter, headers, log, and the end of it all.

use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{env, thread};

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{
    Protocol, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use reqwest::Url;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::settings::{Otlp, without_credentials};
use crate::{errors, tls};

/// How long the last spans may take to get out.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// Sends spans over OTLP, and remembers which trace got out: neither the batch processor nor its
/// shutdown says whether an export failed.
#[derive(Debug)]
pub(crate) struct Exporter {
    otlp: SpanExporter,
    sent_trace: Arc<OnceLock<TraceId>>,
}

impl Exporter {
    /// Builds the exporter. What is not set here, it reads from the environment itself.
    pub(crate) fn new(settings: &Otlp, guard: &Guard) -> Option<Self> {
        let otlp = match settings.is_grpc {
            true => SpanExporter::builder()
                .with_tonic()
                .with_endpoint(&settings.endpoint)
                .with_tls_config(ClientTlsConfig::new().with_enabled_roots()) // else it trusts no server
                .build(),
            false => SpanExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary) // else JSON, if any crate of the build asks for it
                .with_endpoint(&settings.endpoint)
                .with_http_client(Client::new(settings)?)
                .build(),
        };
        let otlp = otlp.inspect_err(|error| no_span_is_sent(error)).ok()?;
        Some(Self { otlp, sent_trace: Arc::clone(&guard.sent_trace) })
    }
}

impl opentelemetry_sdk::trace::SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let root = batch.iter().find(|span| span.parent_span_id == SpanId::INVALID);
        let trace_id = root.map(|root| root.span_context.trace_id());
        self.otlp.export(batch).await?;
        if let Some(trace_id) = trace_id {
            self.sent_trace.get_or_init(|| trace_id);
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(limit)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

/// An HTTP client that logs why an export failed: the SDK's own log says "network error" and no
/// more, whatever it was. (Over gRPC the SDK logs the cause.)
#[derive(Debug)]
struct Client {
    http: reqwest::blocking::Client,
    endpoint: String,
}

impl Client {
    /// Builds the client on a thread of its own: a blocking one cannot be built in a runtime.
    fn new(settings: &Otlp) -> Option<Self> {
        let timeout = settings.timeout;
        let builder = move || {
            let builder = reqwest::blocking::Client::builder().timeout(timeout);
            builder.tls_backend_preconfigured(tls::config()).build()
        };
        let http = thread::spawn(builder).join().ok()?;
        let http = http.inspect_err(|error| no_span_is_sent(error)).ok()?;
        let endpoint = without_credentials(&settings.endpoint.parse().ok()?);
        Some(Self { http, endpoint })
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.http.execute(request.try_into()?);
        match response.and_then(|response| response.error_for_status()) {
            Ok(response) => {
                Ok(Response::builder().status(response.status()).body(response.bytes()?)?)
            }
            Err(error) => {
                let cause = errors::message(&error.without_url());
                tracing::error!("cannot send spans to {}: {cause}", self.endpoint);
                Err(cause.into())
            }
        }
    }
}

fn no_span_is_sent(error: &dyn Error) {
    tracing::error!("no span is sent: {}", errors::message(error));
}

/// Shuts tracing down when it is dropped, in a panic too, and says which trace got out.
pub(crate) struct Guard {
    pub(crate) provider: Option<SdkTracerProvider>,
    page: &'static str,
    sent_trace: Arc<OnceLock<TraceId>>,
}

impl Guard {
    pub(crate) fn new(settings: &Otlp) -> Self {
        Self { provider: None, page: page(&settings.endpoint), sent_trace: Arc::default() }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let shutdown = self.provider.take().map(|it| it.shutdown_with_timeout(SHUTDOWN_LIMIT));
        if let Some(Err(error)) = shutdown {
            tracing::error!("spans are lost: {error}");
        }
        if let Some(trace_id) = self.sent_trace.get() {
            // Unlike println!, this does not panic when stdout is closed.
            let _ = writeln!(io::stdout(), "main_process: {}{trace_id}", self.page);
        }
    }
}

/// Where Jaeger shows a trace. That is known only for a local Jaeger on its usual ports.
fn page(endpoint: &str) -> &'static str {
    let url = Url::parse(endpoint).ok();
    let is_local = url.is_some_and(|url| {
        matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
            && matches!(url.port(), Some(4317 | 4318))
    });
    if is_local { "http://localhost:16686/trace/" } else { "trace " }
}

/// The headers that carry a trace on, as `OTEL_PROPAGATORS` lists them, which the SDK does not read.
/// While a fleet moves away from the Jaeger clients, `tracecontext,jaeger` writes the headers of
/// both: each service reads those that it knows, and the trace stays one.
#[expect(deprecated, reason = "the header of the Jaeger clients is, and still needed for a while")]
pub(crate) fn propagator() -> TextMapCompositePropagator {
    let names = env::var("OTEL_PROPAGATORS").unwrap_or_default();
    let names = if names.trim().is_empty() { "tracecontext,baggage" } else { &names };
    let mut propagators: Vec<Box<dyn TextMapPropagator + Send + Sync>> = Vec::new();
    for name in names.split(',').map(str::trim) {
        match name {
            "tracecontext" => propagators.push(Box::new(TraceContextPropagator::new())),
            "baggage" => propagators.push(Box::new(BaggagePropagator::new())),
            "jaeger" => {
                propagators.push(Box::new(opentelemetry_jaeger_propagator::Propagator::new()))
            }
            "none" => (),
            _ => tracing::warn!("OTEL_PROPAGATORS: {name:?} is unknown and has no effect"),
        }
    }
    TextMapCompositePropagator::new(propagators)
}

/// Writes the program's log, and the warnings of the SDK, to stderr.
pub(crate) fn log<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let targets = Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), Level::INFO)
        .with_target("opentelemetry", Level::WARN); // opentelemetry_sdk and -otlp, too
    tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .without_time()
        .with_writer(io::stderr)
        .with_filter(targets)
}

/// Instruments the HTTP client: its spans, which are spans of the crate `tracing`, become
/// OpenTelemetry's. Without the filter the exporter's own HTTP/2 would make spans, too, and their
/// export the next ones.
pub(crate) fn instrument<S: Subscriber + for<'a> LookupSpan<'a>>(
    provider: &SdkTracerProvider,
) -> impl Layer<S> {
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("reqwest-tracing"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target("reqwest_tracing", Level::INFO))
}

#[cfg(test)]
mod tests {
    use opentelemetry::global;
    use opentelemetry::trace::Tracer;
    use testbed::{Jaeger, Program};

    use super::*;

    #[test]
    fn a_link_leads_to_a_local_jaeger_on_its_usual_ports() {
        for (endpoint, shown) in [
            ("http://localhost:4318/v1/traces", "http://localhost:16686/trace/"),
            ("http://[::1]:4317", "http://localhost:16686/trace/"),
            ("http://localhost:43180/v1/traces", "trace "),
            ("http://localhost:4318@192.0.2.1:4318/v1/traces", "trace "),
        ] {
            assert_eq!(page(endpoint), shown);
        }
    }

    const ENDPOINT: &str = "TEST_OTLP_ENDPOINT";

    /// The endpoint in the environment, if this process was started by one of the tests below: a
    /// provider and a subscriber are global, so each of those needs a process of its own.
    fn otlp() -> Option<Otlp> {
        let endpoint = env::var(ENDPOINT).ok()?;
        let is_grpc = !endpoint.ends_with("/v1/traces");
        Some(Otlp { endpoint, is_grpc, timeout: Duration::from_secs(10) })
    }

    #[test]
    fn panicking_work() {
        let Some(otlp) = otlp() else { return };
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let _guard = crate::init_tracer("panic", &otlp);
            let _span = global::tracer("test").start("root");
            panic!("the work went wrong");
        });
    }

    #[test]
    fn a_span_gets_out_when_the_work_panics() {
        let jaeger = Jaeger::start().unwrap();
        for (endpoint, spans) in [
            (format!("{}/v1/traces", jaeger.otlp_url()), 1),
            (jaeger.otlp_grpc_url().to_owned(), 2),
        ] {
            let work = Program::test("telemetry::tests::panicking_work").unwrap();
            let finished = work.env(ENDPOINT, &endpoint).run().unwrap();
            assert_eq!(finished.code, Some(101), "{finished:?}");
            jaeger.traces("panic", spans).unwrap();
        }
    }

    #[test]
    fn one_span_and_many_exports() {
        let Some(otlp) = otlp() else { return };
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let guard = crate::init_tracer("loop", &otlp);
            drop(global::tracer("test").start("the only one"));
            let provider = guard.provider.clone().unwrap();
            for _ in 0..100 {
                provider.force_flush().unwrap();
            }
            drop(guard);
            drop(global::tracer("test").start("too late"));
            assert!(provider.force_flush().is_err() && provider.shutdown().is_err());
        });
    }

    /// HTTP/2 makes a span of `tracing` for each frame. Taken, each batch would make the next one. And
    /// what comes after the shutdown does no harm.
    #[test]
    fn an_export_makes_no_span_of_its_own() {
        let jaeger = Jaeger::start().unwrap();
        let work = Program::test("telemetry::tests::one_span_and_many_exports").unwrap();
        let finished = work.env(ENDPOINT, jaeger.otlp_grpc_url()).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let traces = jaeger.traces("loop", 1).unwrap();
        assert_eq!(traces["data"].as_array().unwrap().len(), 1, "{traces:#}");
        assert_eq!(traces["data"][0]["spans"].as_array().unwrap().len(), 1, "{traces:#}");
    }
}
