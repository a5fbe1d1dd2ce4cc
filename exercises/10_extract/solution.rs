// Solution: the server reads the context from the headers, and its span gets it as parent.

use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Router, routing};
use exercises::shop;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let checkout = shop::provider("checkout")?;
    let inventory = shop::provider("inventory")?;
    let app = Router::new().route("/reserve", routing::post(reserve));
    let url = shop::serve(app.with_state(inventory.tracer("shop"))).await?;

    // The checkout's side: a client span, and its context in the headers, as in exercise 09.
    let propagator = TraceContextPropagator::new();
    let tracer = checkout.tracer("shop");
    shop::post(&Context::new(), &tracer, &propagator, &url, "/reserve").await?;

    checkout.shutdown()?;
    inventory.shutdown()?;
    Ok(())
}

/// The inventory's side.
async fn reserve(State(tracer): State<SdkTracer>, headers: HeaderMap) -> &'static str {
    println!("traceparent: {:?}", headers["traceparent"]);

    // A server has no current span when a request comes. The parent is in the headers.
    let caller = TraceContextPropagator::new().extract(&HeaderExtractor(&headers));
    let span = tracer
        .span_builder("POST /reserve")
        .with_kind(SpanKind::Server)
        .start_with_context(&tracer, &caller);
    let context = caller.with_span(span);
    select(&tracer).with_context(context).await;
    "reserved"
}

/// Asks the database. Its span is below the span of the request, because that one is current.
async fn select(tracer: &SdkTracer) {
    let _span = tracer
        .span_builder("SELECT items")
        .with_kind(SpanKind::Client)
        .with_attributes([KeyValue::new("db.system.name", "postgresql")])
        .start(tracer);
    tokio::time::sleep(Duration::from_millis(10)).await;
}
