//! Two traced services in a chain, for traces that cross processes: a program calls the relay, and
//! the relay calls httpbin, with the header formats that the test chooses.

use std::collections::HashMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use expect_trace::Trace;
use httpbin::{Format, Telemetry};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, global};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::{Jaeger, Program};

/// Both services; dropping it stops them. Only one per process, because httpbin's tracer provider
/// is global.
pub struct Fleet {
    relay: String,
    httpbin: String,
    relay_spans: SdkTracerProvider,
    httpbin_spans: Telemetry,
    _runtime: Runtime,
}

impl Fleet {
    /// Starts both. They send spans to this Jaeger; the relay writes headers in these formats.
    ///
    /// # Errors
    ///
    /// If a service does not start.
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
        let app = Router::new().route("/get", get(handle)).with_state(Arc::new(relay));
        let relay = serve(&runtime, app)? + "/get";
        Ok(Self { relay, httpbin, relay_spans, httpbin_spans, _runtime: runtime })
    }

    /// The relay's page, which requests httpbin's.
    #[must_use]
    pub fn relay_url(&self) -> &str {
        &self.relay
    }

    /// httpbin's page.
    #[must_use]
    pub fn httpbin_url(&self) -> &str {
        &self.httpbin
    }

    /// Runs a program that requests the relay's page. Waits until the first trace that it prints
    /// has `wanted` spans of all three, and returns it.
    ///
    /// # Errors
    ///
    /// If the program fails, or the spans do not arrive.
    pub fn follow(
        &self,
        jaeger: &Jaeger,
        program: Program,
        wanted: usize,
    ) -> Result<Trace, Box<dyn Error>> {
        let finished = program.env("HTTPBIN_URL", &self.relay).run()?;
        self.flush()?;
        match (finished.code, finished.trace_ids().first()) {
            (Some(0), Some(id)) => jaeger.read(id, wanted),
            _ => Err(format!("{finished:?}").into()),
        }
    }

    /// Sends the finished spans of both services.
    ///
    /// # Errors
    ///
    /// If they cannot be sent.
    pub fn flush(&self) -> Result<(), Box<dyn Error>> {
        self.relay_spans.force_flush()?;
        Ok(self.httpbin_spans.flush()?)
    }
}

/// A service that continues the caller's trace and calls the next service.
struct Relay {
    provider: SdkTracerProvider,
    writes: Vec<Format>,
    next: String,
}

async fn handle(State(relay): State<Arc<Relay>>, headers: HeaderMap) -> Result<String, StatusCode> {
    let tracer = relay.provider.tracer("relay");
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers: HashMap<String, String> =
        headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    let server = tracer.span_builder("GET /get").with_kind(SpanKind::Server);
    let context = parent.with_span(server.start_with_context(&tracer, &parent));
    let client = tracer.span_builder("GET").with_kind(SpanKind::Client);
    let context = context.with_span(client.start_with_context(&tracer, &context));
    relay.call_next(&context).await.map_err(|_| StatusCode::BAD_GATEWAY)
}

impl Relay {
    async fn call_next(&self, context: &Context) -> reqwest::Result<String> {
        let mut headers = HashMap::new();
        httpbin::propagator(&self.writes).inject_context(context, &mut headers);
        let client = reqwest::Client::builder().no_proxy();
        let client = client.tls_backend_preconfigured(httpbin::tls_config()).build()?;
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
