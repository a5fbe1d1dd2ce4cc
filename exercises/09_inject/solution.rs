// Solution: the request carries the context of the client span.

use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Router, routing};
use exercises::shop;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Writes the context of a span into headers, and reads it from headers.
    global::set_text_map_propagator(TraceContextPropagator::new());

    // Two services, as if in two processes: each has a provider of its own.
    let checkout = shop::provider("checkout")?;
    let inventory = shop::provider("inventory")?;
    let app = Router::new().route("/reserve", routing::post(answer));
    let url = shop::serve(app.with_state(inventory.tracer("shop"))).await?;

    reserve(&checkout.tracer("shop"), &format!("{url}/reserve")).await?;

    checkout.shutdown()?;
    inventory.shutdown()?;
    Ok(())
}

/// The checkout's side.
async fn reserve(tracer: &SdkTracer, url: &str) -> reqwest::Result<()> {
    let span = tracer.span_builder("POST /reserve").with_kind(SpanKind::Client).start(tracer);
    let context = Context::current_with_span(span);

    // `inject` would take `Context::current()`, and this span was never made current.
    let mut headers = HeaderMap::new();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeaderInjector(&mut headers));
    });
    let response = reqwest::Client::new().post(url).headers(headers).send().await?;

    let status = i64::from(response.status().as_u16());
    context.span().set_attribute(KeyValue::new("http.response.status_code", status));
    Ok(())
}

/// The inventory's side. It already continues the trace that the headers name.
async fn answer(State(tracer): State<SdkTracer>, headers: HeaderMap) -> &'static str {
    let caller = global::get_text_map_propagator(|propagator| {
        propagator.extract(&HeaderExtractor(&headers))
    });
    let _span = tracer
        .span_builder("POST /reserve")
        .with_kind(SpanKind::Server)
        .start_with_context(&tracer, &caller);
    tokio::time::sleep(Duration::from_millis(10)).await;
    "reserved"
}
