//! Two traced services behind one another, for traces that cross processes: a program asks the
//! relay, and the relay asks httpbin, each in the headers that the test chooses.

use std::collections::HashMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use httpbin::{Format, Telemetry};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, global};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::{Jaeger, Program};

/// Both services, as long as this lives. One in a process: httpbin's tracing is the process's.
pub struct Fleet {
    relay: String,
    httpbin: String,
    relay_spans: SdkTracerProvider,
    httpbin_spans: Telemetry,
    _runtime: Runtime,
}

impl Fleet {
    /// Starts both. They report to this Jaeger; the relay calls on in these headers.
    ///
    /// # Errors
    ///
    /// When something does not start.
    pub fn start(jaeger: &Jaeger, relay_writes: &[Format]) -> Result<Self, Box<dyn Error>> {
        let runtime = Runtime::new()?;
        let endpoint = jaeger.otlp_url().to_owned();
        let settings = httpbin::Settings::from(|name| {
            (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| endpoint.clone().into())
        })?;
        let _entered = runtime.enter();
        let httpbin_spans = Telemetry::install(&settings)?;
        let httpbin = serve(&runtime, httpbin::app())? + "/get";

        let relay_spans = provider(&settings.otlp.endpoint)?;
        let relay = Relay {
            provider: relay_spans.clone(),
            writes: relay_writes.to_vec(),
            next: httpbin.clone(),
        };
        let app = Router::new().route("/get", get(relay_on)).with_state(Arc::new(relay));
        let relay = serve(&runtime, app)? + "/get";
        Ok(Self { relay, httpbin, relay_spans, httpbin_spans, _runtime: runtime })
    }

    /// The page of the relay, which asks for httpbin's.
    #[must_use]
    pub fn relay_url(&self) -> &str {
        &self.relay
    }

    /// The page of httpbin.
    #[must_use]
    pub fn httpbin_url(&self) -> &str {
        &self.httpbin
    }

    /// Runs a program that asks the relay, and follows the first trace that it names: its spans,
    /// each behind its parent, once there are so many of all three.
    ///
    /// # Errors
    ///
    /// When the program fails, or the spans do not arrive.
    pub fn follow(
        &self,
        jaeger: &Jaeger,
        program: Program,
        wanted: usize,
    ) -> Result<Vec<Span>, Box<dyn Error>> {
        let finished = program.env("HTTPBIN_URL", &self.relay).run()?;
        self.flush()?;
        match (finished.code, finished.trace_ids().first()) {
            (Some(0), Some(id)) => Ok(spans(&jaeger.trace(id, wanted)?)),
            _ => Err(format!("{finished:?}").into()),
        }
    }

    /// Sends the spans of both.
    ///
    /// # Errors
    ///
    /// When Jaeger does not take them.
    pub fn flush(&self) -> Result<(), Box<dyn Error>> {
        self.relay_spans.force_flush()?;
        Ok(self.httpbin_spans.flush()?)
    }
}

/// A service that continues the caller's trace and asks the next one, in the headers of its
/// generation.
struct Relay {
    provider: SdkTracerProvider,
    writes: Vec<Format>,
    next: String,
}

async fn relay_on(
    State(relay): State<Arc<Relay>>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let tracer = relay.provider.tracer("relay");
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers: HashMap<String, String> =
        headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    let server = tracer.span_builder("GET /get").with_kind(SpanKind::Server);
    let context = parent.with_span(server.start_with_context(&tracer, &parent));
    let client = tracer.span_builder("GET").with_kind(SpanKind::Client);
    let context = context.with_span(client.start_with_context(&tracer, &context));
    relay.ask(&context).await.map_err(|_| StatusCode::BAD_GATEWAY)
}

impl Relay {
    async fn ask(&self, context: &Context) -> reqwest::Result<String> {
        let mut headers = HashMap::new();
        httpbin::propagator(&self.writes).inject_context(context, &mut headers);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut request = client.get(&self.next);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await?.text().await
    }
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, Box<dyn Error>> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(httpbin::http_client()?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .build()?;
    let resource = Resource::builder_empty().with_service_name("relay").build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

/// Serves on a port that the system chooses, and returns the URL.
fn serve(runtime: &Runtime, app: Router) -> Result<String, Box<dyn Error>> {
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    runtime.spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://{address}"))
}

/// A span of a trace as the query API returns it: what tells where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The service that reported it.
    pub service: String,
    /// What was done.
    pub operation: String,
    /// Its id.
    pub id: String,
    /// The span that it refers to, empty where there is none.
    pub parent: String,
}

/// What a chain of spans is compared by.
#[must_use]
pub fn names(chain: &[Span]) -> Vec<(&str, &str)> {
    chain.iter().map(|span| (&*span.service, &*span.operation)).collect()
}

/// The spans of a trace, each behind its parent; where a parent is missing, none that follows from it.
#[must_use]
pub fn spans(trace: &Value) -> Vec<Span> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = trace["spans"].as_array().map_or(&[][..], Vec::as_slice).iter().map(|span| Span {
        service: text(&trace["processes"][text(&span["processID"])]["serviceName"]),
        operation: text(&span["operationName"]),
        id: text(&span["spanID"]),
        parent: text(&span["references"][0]["spanID"]),
    });
    let mut left: Vec<Span> = all.collect();
    let mut chain: Vec<Span> = Vec::new();
    while let Some(next) = left.iter().position(|span| {
        let parent = chain.last().map_or("", |last| last.id.as_str());
        span.parent == parent
    }) {
        chain.push(left.swap_remove(next));
    }
    chain
}
